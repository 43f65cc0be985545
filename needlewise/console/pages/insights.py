"""Insights: what happened, in figures that say what they mean, and the week's report.

Everything is counted anew when somebody looks (conversations.figures). The days, channel, clinic and topic stand in the URL.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from needlewise import clock
from needlewise.console.charts import Chart, bars, columns
from needlewise.console.lists import CHANNELS, GRAVE, OUTCOMES, SAFETY
from needlewise.console.roles import Role
from needlewise.console.sheets import csv_lines
from needlewise.console.visit import Section, Visit
from needlewise.console.words import masked
from needlewise.conversations.figures import (
    BY_ID,
    DAYS,
    FEW,
    FUNNEL,
    MAIN,
    MOST_DAYS,
    OTHER_DEFINITIONS,
    Figures,
    Insights,
    Range,
    Reading,
    Scope,
    Tally,
    last_days,
    reading,
    readings,
)
from needlewise.teaching.clusters import unanswered

section = Section()

_PERIODS = (7, DAYS, 90)
_TOPICS_SHOWN = 12
_WEEK_TOPICS = 6
_WEEK_QUESTIONS = 6
_WEEK_EVENTS = 8
_WEEK_MAIN = (
    "conversations",
    "questions",
    "answered",
    "declined",
    "unsure",
    "contained",
    "requests",
    "in_time",
)
_PARTED = (
    "conversations", "questions", "answered", "declined", "unsure", "contained", "urgent", "opted_out", "median", "p95",
)  # fmt: skip
_DAILY = ("conversations", "questions", "not answered", "urgent")


@dataclass(frozen=True)
class _Chosen:
    """What the URL, or a form, asks for."""

    days: Range
    channel: str = ""
    clinic: str = ""
    topic: str = ""
    fault: str = ""

    @property
    def query(self) -> Mapping[str, str]:
        given = {
            "from": self.days.since.isoformat(),
            "to": self.days.until.isoformat(),
            "channel": self.channel,
            "clinic": self.clinic,
            "topic": self.topic,
        }
        return {name: value for name, value in given.items() if value}


@section.get("/insights", needs=Role.READER, action="insights/view", menu="Insights")
async def insights(visit: Visit) -> Response:
    chosen = _chosen(visit, visit.query)
    found = await _figures(visit, chosen)
    await visit.record(details=dict(chosen.query))
    topics = visit.services.library.answers
    return visit.show(
        "insights.html",
        chosen=chosen,
        found=found,
        main=[_shown(found.reading(id)) for id in MAIN],
        charts=[*_charts(visit, found), *([] if chosen.channel else _by_channel(found))],
        table=[_shown(one) for one in readings(found.now, found.before)],
        parts=_parts(visit, found),
        clinics=sorted(visit.clinics),
        topics=sorted(topics, key=lambda topic: _title(visit, topic).casefold()),
        titles={topic: _title(visit, topic) for topic in topics},
        channels=CHANNELS,
        periods=_periods(visit, chosen),
        few=FEW,
        day=_day,
    )


@section.post("/insights/export", needs=Role.READER, action="export/insights")
async def sheet(visit: Visit) -> Response:
    """The same figures as a file, each row with its definition."""
    chosen = _chosen(visit, visit.form)
    found = await _figures(visit, chosen)
    lines = [_HEAD, *_rows(visit, found)]
    await visit.record(details={"rows": len(lines) - 1, **chosen.query})
    name = f"insights-{chosen.days.since}-{chosen.days.until}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(csv_lines(lines), media_type="text/csv", headers=headers)


@section.get("/insights/week", needs=Role.READER, action="insights/week")
async def week(visit: Visit) -> Response:
    """One week, Monday to Sunday: the last whole one unless `from` names a day of another. It prints on two pages."""
    clinics = frozenset({_clinic(visit, visit.query)} - {""}) or visit.clinics
    today = _today(visit, clinics)
    day = _read_day(visit.query.get("from", "")) or today - timedelta(days=7)
    monday = min(day, today) - timedelta(days=min(day, today).weekday())
    days = Range(monday, monday + timedelta(days=6))
    chosen = _Chosen(days, clinic=_clinic(visit, visit.query))
    figures = _counter(visit, clinics)
    found = await figures.of(Scope(clinics), days)
    events = await figures.urgent(clinics, days)
    asked = await _unanswered(visit, clinics, days)
    await visit.record(details=dict(chosen.query))
    charts = {one.id: one for one in _charts(visit, found, topics=_WEEK_TOPICS)}
    return visit.show(
        "insights_week.html",
        chosen=chosen,
        found=found,
        sentences=_sentences(found),
        table=[_shown(found.reading(id)) for id in _WEEK_MAIN],
        charts=[charts[id] for id in ("days", "topics")],
        asked=asked[:_WEEK_QUESTIONS],
        more_asked=max(0, len(asked) - _WEEK_QUESTIONS),
        ago=_ago(today, days),
        events=events[:_WEEK_EVENTS],
        more_events=max(0, len(events) - _WEEK_EVENTS),
        in_time=_shown(found.reading("in_time")),
        requests=found.reading("requests").number,
        week=days.since.isocalendar().week,
        earlier=urlencode({**chosen.query, "from": days.before.since.isoformat(), "to": ""}),
        later=urlencode({**chosen.query, "from": (days.until + timedelta(days=1)).isoformat(), "to": ""})
        if days.until < today
        else "",
        is_over=days.until < today,
        clinics=sorted(visit.clinics),
        masked=masked,
        levels=SAFETY,
        grave=GRAVE,
        channels=CHANNELS,
        few=FEW,
        when=lambda clinic, at: at.astimezone(visit.services.zone(clinic)),
        day=_day,
    )


# -- what is asked for ------------------------------------------------------------------------------------------------------


def _counter(visit: Visit, clinics: frozenset[str]) -> Figures:
    return Figures(visit.services.reading, {clinic: visit.services.zone(clinic) for clinic in clinics})


async def _figures(visit: Visit, chosen: _Chosen) -> Insights:
    clinics = frozenset({chosen.clinic}) if chosen.clinic else visit.clinics
    return await _counter(visit, clinics).of(Scope(clinics, chosen.channel, chosen.topic), chosen.days)


def _chosen(visit: Visit, given: Mapping[str, str]) -> _Chosen:
    """What is asked for, with a word about what cannot be meant; that is left out."""
    today = _today(visit, visit.clinics)
    usual = last_days(today)
    since, until = _read_day(given.get("from", "")), _read_day(given.get("to", ""))
    typed = any(given.get(name) for name in ("from", "to"))
    until = until or (today if since is None else min(today, since + timedelta(days=DAYS - 1)))
    days = Range(since or until - timedelta(days=DAYS - 1), until)
    fault = ""
    if typed and (days.days < 1 or days.since.year < 2000 or days.until.year > 2200):
        fault = "The first day is after the last day, or a day cannot be meant. These are the last 28 days."
        days = usual
    elif days.days > MOST_DAYS:
        fault = f"At most {MOST_DAYS} days are counted at once. These are the last of them."
        days = Range(days.until - timedelta(days=MOST_DAYS - 1), days.until)
    channel, topic = given.get("channel", ""), given.get("topic", "")
    return _Chosen(
        days,
        channel if channel in CHANNELS else "",
        _clinic(visit, given),
        topic if topic in visit.services.library.answers else "",
        fault,
    )


def _clinic(visit: Visit, given: Mapping[str, str]) -> str:
    clinic = given.get("clinic", "")
    return visit.at(clinic) if clinic else ""


def _read_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _today(visit: Visit, clinics: frozenset[str]) -> date:
    return clock.now().astimezone(visit.services.zone(sorted(clinics)[0])).date()


def _periods(visit: Visit, chosen: _Chosen) -> Sequence[tuple[str, str, bool]]:
    """Links to usual lengths, with what else is chosen: words, query, and whether it is this one."""
    today = _today(visit, visit.clinics)
    found = []
    for length in _PERIODS:
        days = last_days(today, length)
        found.append((f"{length} days", urlencode(replace(chosen, days=days).query), days == chosen.days))
    return found


def _ago(today: date, days: Range) -> int:
    """The smallest period of /teach/questions that reaches back to these days."""
    wanted = (today - days.since).days
    return next((one for one in (7, 30, 90) if one >= wanted), 90)


async def _unanswered(visit: Visit, clinics: frozenset[str], days: Range) -> Sequence[Any]:
    zone = visit.services.zone(sorted(clinics)[0])
    begins, ends = days.bounds(zone)
    found, _ = await unanswered(visit.services.reading, clinics, since=begins)
    return [one for one in found if one.at < ends]


# -- how it is said -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Figure:
    """A reading in words."""

    id: str
    title: str
    value: str
    base: str
    """The numbers behind a share."""
    before: str
    change: str
    few: str
    """What must be said when it rests on few."""
    only: str
    """The same where the numbers behind it are not shown."""
    definition: str


def _shown(one: Reading) -> _Figure:
    measure, base = one.measure, ""
    if measure.kind == "share":
        base = f"{one.number:,} of {one.of:,} {measure.of_words}"
    elif measure.kind == "time":
        base = f"{one.number:,} {measure.of_words}"
    few = "too few to say much" if one.is_few else ""
    only = f"of only {one.of if measure.kind == 'share' else one.number}" if one.is_few else ""
    before = _value(measure.kind, one.before)
    if measure.kind == "share" and one.before_of is not None and 0 < one.before_of < FEW:
        before += f" of only {one.before_of}"
    value, change = _value(measure.kind, one.value), _change(one)
    return _Figure(measure.id, measure.title, value, base, before, change, few, only, measure.definition)


def _value(kind: str, value: float | None) -> str:
    if value is None:
        return "–"
    if kind == "share":
        return f"{round(100 * value)} %"
    if kind == "time":
        return f"{value / 1000:.1f} s" if value >= 1000 else f"{value:.0f} ms"
    return f"{value:,.0f}"


def _change(one: Reading) -> str:
    """How it differs from the days before, in words; nothing where one of the two rests on few."""
    if one.value is None or one.before is None or one.is_few:
        return ""
    if one.measure.kind == "share":
        if (one.before_of or 0) < FEW:
            return ""
        points = round(100 * one.value) - round(100 * one.before)
        return f"{_many(abs(points), 'point')} {'more' if points > 0 else 'less'}" if points else "the same"
    if one.measure.kind == "time":
        return ""
    more = round(one.value - one.before)
    return f"{abs(more):,} {'more' if more > 0 else 'fewer'}" if more else "the same"


def _sentences(found: Insights) -> Sequence[str]:
    """The week in three sentences, made of the figures below them and of nothing else."""
    talks, questions, answered = (found.reading(id) for id in ("conversations", "questions", "answered"))
    if not talks.number:
        return ("No patient wrote in this week, so there is nothing to report.",)
    change = _change(talks)
    than = f", {change} than" if change not in ("", "the same") else ", as many as"
    texts = found.channels.get("sms", (Tally(), Tally()))[0].counts["conversations"]
    first = f"Patients held {_many(talks.number, 'conversation')}{than} in the week before; {texts:,} of them by text."
    declined, unsure = found.reading("declined").number, found.reading("unsure").number
    second = (
        f"Of {_many(questions.number, 'question')} the assistant answered {answered.number:,}; {declined:,} it declined, and for {unsure:,} "
        "it offered a choice because it was not sure."
        if questions.number
        else "Nobody asked a question."
    )
    urgent, reviewed = found.reading("urgent"), found.reading("urgent_reviewed")
    open_ = urgent.number - reviewed.number
    signs = (
        "No urgent sign was seen"
        if not urgent.number
        else f"Urgent signs were seen in {_many(urgent.number, 'conversation')}, "
        + ("all reviewed" if not open_ else f"{open_:,} not reviewed yet")
    )
    came, in_time = found.reading("requests"), found.reading("in_time")
    answers = (
        f"{_many(came.number, 'request')} came in, and {in_time.number:,} of the {in_time.of:,} due were answered in time"
        if in_time.of
        else f"{_many(came.number, 'request')} came in, none of them due yet"
        if came.number
        else "no request came in"
    )
    return first, second, f"{signs}; {answers}."


def _many(number: int, thing: str) -> str:
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def _day(day: date, *, year: bool = True) -> str:
    return f"{day:%b} {day.day}" + (f", {day.year}" if year else "")


def _title(visit: Visit, topic: str) -> str:
    answer = visit.services.library.answers.get(topic)
    return answer.en.title if answer else topic.replace("_", " ")


# -- charts and tables ---------------------------------------------------------------------------------------------------------


def _charts(visit: Visit, found: Insights, *, topics: int = _TOPICS_SHOWN) -> Sequence[Chart]:
    names = [_day(day.range.since, year=False) for day in found.days]
    weekly = found.days[0].range.days > 1
    each = "Week from" if weekly else "Day"
    channels = [channel for channel in CHANNELS if channel in found.channels] or ["web"]
    talks = [[day.of(one, "conversations") for one in channels] for day in found.days]
    missed = [[day.sum("declined"), day.sum("unsure")] for day in found.days]
    shown = found.topics[:topics]
    levels = [(name, found.levels.get(level, 0)) for level, name in SAFETY.items() if level in GRAVE]
    others = [(name, found.levels.get(level, 0)) for level, name in SAFETY.items() if level not in GRAVE]
    outcomes = [found.reading(f"outcome_{one}") for one in OUTCOMES]
    counts = {id: found.reading(id).number for id in FUNNEL}
    return [
        columns(
            "days",
            "Conversations",
            summary=_highest(names, [sum(values) for values in talks], "conversations"),
            definition=BY_ID["conversations"].definition,
            first=each,
            series=[CHANNELS[one] for one in channels],
            rows=list(zip(names, talks, strict=True)),
        ),
        columns(
            "missed",
            "Questions without an answer",
            summary=_highest(names, [sum(values) for values in missed], "questions without an answer"),
            definition=f"{BY_ID['declined'].definition} {BY_ID['unsure'].definition}",
            first=each,
            series=["declined", "not sure"],
            rows=list(zip(names, missed, strict=True)),
        ),
        bars(
            "topics",
            "What patients asked about",
            summary=f"Most shown: {_title(visit, shown[0].topic)}, {shown[0].shown:,} times." if shown else "Nothing was shown.",
            definition=OTHER_DEFINITIONS["topics"],
            head=("Answer", "shown", "before", "thumbs up", "thumbs down"),
            rows=[(_title(visit, one.topic), (one.shown, one.before, one.up, one.down)) for one in shown],
        ),
        bars(
            "funnel",
            "From a conversation to a visit",
            summary=f"{counts['conversations']:,} conversations, {counts['requested']:,} with a request, {counts['booked']:,} booked.",
            definition=" ".join(f"{BY_ID[id].title}: {BY_ID[id].definition}" for id in FUNNEL),
            head=("Step", "conversations", "share of all"),
            rows=[(BY_ID[id].title, (number, _share(number, counts["conversations"]))) for id, number in counts.items()],
        ),
        bars(
            "outcomes",
            "What screening came to",
            summary=f"{sum(one.number for one in outcomes):,} screenings came to an outcome.",
            definition=" ".join(one.measure.definition for one in outcomes),
            head=("Outcome", "conversations", "share"),
            rows=[
                (f"{code}: {OUTCOMES[code]}", (one.number, _share(one.number, one.of or 0)))
                for code, one in zip(OUTCOMES, outcomes, strict=True)
            ],
        ),
        bars(
            "levels",
            "Signs that safety saw",
            summary=f"{found.reading('urgent').number:,} conversations with an urgent sign.",
            definition=OTHER_DEFINITIONS["levels"],
            head=("Sign", "conversations"),
            rows=[(name, (number,)) for name, number in (*levels, *others)],
            bad=True,
        ),
    ]  # fmt: skip


def _by_channel(found: Insights) -> Sequence[Chart]:
    """How fast the answers are, where that differs by channel: a page shows it last."""
    rows = []
    for channel, (now, _) in found.channels.items():
        median, p95 = reading(BY_ID["median"], now), reading(BY_ID["p95"], now)
        if median.value is not None and p95.value is not None:
            rows.append(
                (CHANNELS.get(channel, channel), (round(p95.value), round(median.value), median.number))
            )
    if not rows:
        return []
    return [
        bars(
            "times",
            "Response time in milliseconds, 95 in 100",
            summary="; ".join(f"{name}: {cells[0]:,} ms" for name, cells in rows),
            definition=f"{BY_ID['p95'].definition} Median: {BY_ID['median'].definition}",
            head=("Channel", "95 in 100 (ms)", "median (ms)", "messages"),
            rows=rows,
        )
    ]


def _highest(names: Sequence[str], values: Sequence[int], things: str) -> str:
    if not any(values):
        return f"No {things}."
    at = max(range(len(values)), key=values.__getitem__)
    return f"{sum(values):,} {things}; most, {values[at]:,}, on {names[at]}."


def _share(number: int, of: int) -> str:
    if not of:
        return "–"
    return f"{round(100 * number / of)} %" + (f" of only {of}" if of < FEW else "")


def _parts(
    visit: Visit, found: Insights
) -> Sequence[tuple[str, Sequence[str], Sequence[tuple[str, Sequence[_Figure]]]]]:
    """The figures beside each other: by channel, and by clinic where there are several."""
    tables = []
    for title, parts in (
        ("By channel", {CHANNELS.get(one, one): pair for one, pair in found.channels.items()}),
        ("By clinic", {_clinic_name(visit, one): pair for one, pair in found.clinics.items()}),
    ):
        if len(parts) > 1:
            rows = [
                (name, [_shown(reading(BY_ID[id], *pair)) for id in _PARTED]) for name, pair in parts.items()
            ]
            tables.append((title, [BY_ID[id].title for id in _PARTED], rows))
    return tables


def _clinic_name(visit: Visit, clinic: str) -> str:
    return visit.services.library.clinic(clinic).name


# -- the file --------------------------------------------------------------------------------------------------------------------

_HEAD = (
    "by", "which", "figure", "value", "unit", "counted", "out of", "before", "before out of", "note", "definition",
)  # fmt: skip
_UNITS = {"count": "", "share": "%", "time": "ms"}


def _rows(visit: Visit, found: Insights) -> Iterator[Sequence[object]]:
    parts: list[tuple[str, str, tuple[Tally, Tally]]] = [("all", "", (found.now, found.before))]
    parts += [("channel", CHANNELS.get(one, one), pair) for one, pair in found.channels.items()]
    parts += [("clinic", _clinic_name(visit, one), pair) for one, pair in found.clinics.items()]
    for by, which, pair in parts:
        for one in readings(*pair):
            measure = one.measure
            note = f"fewer than {FEW}" if one.is_few else ""
            yield (
                by, which, measure.title, _number(measure.kind, one.value), _UNITS[measure.kind], one.number, one.of,
                _number(measure.kind, one.before), one.before_of, note, measure.definition,
            )  # fmt: skip
    for day in found.days:
        figures = (
            day.sum("conversations"),
            day.sum("answered", "unsure", "declined"),
            day.sum("unsure", "declined"),
            day.sum("urgent"),
        )
        by = "day" if day.range.days == 1 else "week from"
        for name, number in zip(_DAILY, figures, strict=True):
            yield _counted(by, day.range.since.isoformat(), name, number, "days")
    for topic in found.topics:
        name = _title(visit, topic.topic)
        for what, number, before in (
            ("times shown", topic.shown, topic.before),
            ("thumbs up", topic.up, None),
            ("thumbs down", topic.down, None),
        ):
            yield _counted("topic", name, what, number, "topics", before=before)
    for level, words in SAFETY.items():
        number = found.levels.get(level, 0)
        yield _counted("sign", words, "conversations", number, "levels")


def _counted(
    by: str, which: str, figure: str, number: int, definition: str, *, before: int | None = None
) -> Sequence[object]:
    """A row of a plain number, which is out of nothing."""
    return (
        by, which, figure, number, "", number, None, before, None, "", OTHER_DEFINITIONS[definition],
    )  # fmt: skip


def _number(kind: str, value: float | None) -> float | None:
    if value is None:
        return None
    return round(100 * value, 1) if kind == "share" else round(value)
