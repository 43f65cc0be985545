"""What the figures are, each with its definition, and how they are counted.

MEASURES says every figure once: what it is called, what it means, what is counted and out of what. Pages and files show them through
`readings`, so none stands anywhere without its definition. Everything is counted by the database in a few passes over the messages of the
days that are asked for; nothing here reads a patient's words.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import Text, and_, case, cast, func, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from needlewise import clock
from needlewise.conversations.state import PERSONAL_SLOTS
from needlewise.db.tables import (
    answers_shown,
    audit,
    conversation_topics,
    conversations,
    feedback,
    messages,
    requests,
)

DAYS = 28
MOST_DAYS = 366
FEW = 10
"""A share of fewer than these says little; whoever shows it says so."""
DAILY_UP_TO = 92
"""Days that are shown one by one; more are put together in weeks."""
GRAVE = ("emergency", "crisis", "violence", "poison", "urgent")
"""Levels of triage with which a patient is told to get help now."""
OUTCOMES = ("BOOK", "TELL", "CALL", "NOW")

Kind = Literal["count", "share", "time"]


@dataclass(frozen=True)
class Measure:
    """A figure and what it means."""

    id: str
    title: str
    definition: str
    counts: tuple[str, ...]
    """What is added up (keys of Tally.counts)."""
    of: tuple[str, ...] = ()
    """For a share: out of what."""
    of_words: str = ""
    """The same, as a page says it after the number."""
    kind: Kind = "count"


MEASURES: tuple[Measure, ...] = (
    Measure(
        "conversations",
        "Conversations",
        "Conversations in which a patient wrote at least once in these days. A conversation by text may go on for weeks: it counts once, and in "
        "the chart by day once on each day.",
        ("conversations",),
    ),
    Measure(
        "messages",
        "Messages of patients",
        "Everything that patients sent in these days, taps on a button and answers in a form among it.",
        ("messages",),
    ),
    Measure(
        "questions",
        "Questions",
        "Messages in which a patient asked something: those that were answered, met with a choice of topics, or declined. Taps, answers in a "
        "form, greetings and urgent signs are none. A message that asks two things is one.",
        ("answered", "unsure", "declined"),
    ),
    Measure(
        "answered",
        "Answered",
        "Questions to which at least one answer of the clinic's was shown.",
        ("answered",),
        ("answered", "unsure", "declined"),
        "questions",
        "share",
    ),
    Measure(
        "unsure",
        "Not sure",
        "Questions to which the patient was offered a choice of topics, because the assistant was not sure, and nothing was answered.",
        ("unsure",),
        ("answered", "unsure", "declined"),
        "questions",
        "share",
    ),
    Measure(
        "declined",
        "Declined",
        "Questions that the assistant did not answer because they are not about what it knows. It says so and names the clinic's phone.",
        ("declined",),
        ("answered", "unsure", "declined"),
        "questions",
        "share",
    ),
    Measure(
        "contained",
        "Contained",
        "Conversations that needed nobody of the staff in these days: the patient did not ask for a person, asked for no call back, and no member of staff "
        "wrote in it. A request for a visit counts as contained. It does not say that the patient was helped: see declined, not sure and thumbs.",
        ("contained",),
        ("conversations",),
        "conversations",
        "share",
    ),
    Measure(
        "asked_person",
        "Asked for a person",
        "Conversations in which the patient asked to speak with a person in these days.",
        ("asked_person",),
        ("conversations",),
        "conversations",
        "share",
    ),
    Measure(
        "thumbs",
        "Thumbs up",
        "Thumbs up out of all thumbs that patients gave in these days. Most give none, and who is annoyed gives one sooner.",
        ("thumbs_up",),
        ("thumbs_up", "thumbs_down"),
        "thumbs",
        "share",
    ),
    Measure(
        "urgent",
        "Urgent signs",
        "Conversations with a message in these days in which safety saw an emergency, a crisis, violence, poison or another urgent sign. What "
        "turned out to be harmless is among them: when in doubt, safety speaks.",
        ("urgent",),
        ("conversations",),
        "conversations",
        "share",
    ),
    Measure(
        "urgent_reviewed",
        "Urgent and reviewed",
        "Conversations with an urgent sign that somebody of the staff has marked as reviewed, and in which the patient has not written since.",
        ("urgent_reviewed",),
        ("urgent",),
        "conversations with an urgent sign",
        "share",
    ),
    Measure(
        "screened",
        "Screening begun",
        "Conversations in which the patient answered at least one question of the screening in these days.",
        ("screened",),
        ("conversations",),
        "conversations",
        "share",
    ),
    Measure(
        "outcome",
        "Screening came to an outcome",
        "Of those, conversations that have an outcome. The newest one counts.",
        ("outcome_BOOK", "outcome_TELL", "outcome_CALL", "outcome_NOW"),
        ("screened",),
        "screenings begun",
        "share",
    ),
    Measure(
        "outcome_BOOK",
        "Outcome: may book",
        "Screenings whose newest outcome is BOOK: nothing stands against a visit.",
        ("outcome_BOOK",),
        ("outcome_BOOK", "outcome_TELL", "outcome_CALL", "outcome_NOW"),
        "outcomes",
        "share",
    ),
    Measure(
        "outcome_TELL",
        "Outcome: may book, with something to tell",
        "Screenings whose newest outcome is TELL: a visit is possible, and the therapist must be told something first.",
        ("outcome_TELL",),
        ("outcome_BOOK", "outcome_TELL", "outcome_CALL", "outcome_NOW"),
        "outcomes",
        "share",
    ),
    Measure(
        "outcome_CALL",
        "Outcome: clinic calls first",
        "Screenings whose newest outcome is CALL: somebody of the clinic speaks with the patient before any visit.",
        ("outcome_CALL",),
        ("outcome_BOOK", "outcome_TELL", "outcome_CALL", "outcome_NOW"),
        "outcomes",
        "share",
    ),
    Measure(
        "outcome_NOW",
        "Outcome: needs care soon",
        "Screenings whose newest outcome is NOW: the patient was told to get care soon, and not to wait for a visit.",
        ("outcome_NOW",),
        ("outcome_BOOK", "outcome_TELL", "outcome_CALL", "outcome_NOW"),
        "outcomes",
        "share",
    ),
    Measure(
        "requested",
        "Request sent",
        "Conversations from which the patient sent a request for a visit or an exam in these days. Call backs are not among them.",
        ("requested",),
        ("conversations",),
        "conversations",
        "share",
    ),
    Measure(
        "booked",
        "Booked by staff",
        "Of those, conversations with a request that stands at “booked” today. One that was closed afterwards does not count any more.",
        ("booked",),
        ("requested",),
        "conversations with a request",
        "share",
    ),
    Measure(
        "requests",
        "Requests",
        "Requests for a visit, an exam or a call back that patients sent in these days.",
        ("requests",),
    ),
    Measure(
        "in_time",
        "Answered in time",
        "Requests of these days that somebody of the staff moved on for the first time (called, no answer, booked or closed) before the moment that the "
        "patient was promised, out of those that were moved on or whose moment has passed.",
        ("in_time",),
        ("due",),
        "requests that were due",
        "share",
    ),
    Measure(
        "opted_out",
        "Opted out",
        "Conversations of these days in which the patient wants no more messages, as of today.",
        ("opted_out",),
        ("conversations",),
        "conversations",
        "share",
    ),
    Measure(
        "median",
        "Response time, median",
        "Half of the messages were answered within this time, from taking the message to having its reply. The way to the phone or the browser "
        "is not in it, and neither is what needs no thought, such as a texted STOP.",
        (),
        of_words="messages",
        kind="time",
    ),
    Measure(
        "p95",
        "Response time, 95 in 100",
        "95 of 100 messages were answered within this time; otherwise as the median.",
        (),
        of_words="messages",
        kind="time",
    ),
)
"""Every figure, in the order in which they are shown."""

BY_ID: Mapping[str, Measure] = MappingProxyType({one.id: one for one in MEASURES})
MAIN = ("conversations", "questions", "answered", "contained", "urgent", "requests", "thumbs", "median")
"""Those that a page puts first."""
RATES = ("answered", "unsure", "declined", "contained", "asked_person", "thumbs")
FUNNEL = ("conversations", "screened", "outcome", "requested", "booked")

OTHER_DEFINITIONS: Mapping[str, str] = MappingProxyType(
    {
        "days": "Conversations, questions, questions that were declined or met with a choice, and conversations with an urgent sign, on each day in "
        "the clinic's own time zone.",
        "topics": "How often an answer was shown in these days, with the thumbs that were given to it in these days. An answer that is shown twice in one "
        "conversation counts twice.",
        "levels": "Conversations in which safety saw a sign of this level in these days. One with two levels counts with both.",
    }
)
"""What the tables say that hold no measure of their own."""


@dataclass(frozen=True)
class Range:
    """Days, both among them, in the clinic's own zone."""

    since: date
    until: date

    @property
    def days(self) -> int:
        return (self.until - self.since).days + 1

    @property
    def before(self) -> "Range":
        """As many days right before."""
        return Range(self.since - timedelta(days=self.days), self.since - timedelta(days=1))

    @property
    def steps(self) -> Sequence["Range"]:
        """Its days one by one, or in sevens where there are more than DAILY_UP_TO."""
        width = 1 if self.days <= DAILY_UP_TO else 7
        begins = [self.since + timedelta(days=at) for at in range(0, self.days, width)]
        return [Range(one, min(one + timedelta(days=width - 1), self.until)) for one in begins]

    def bounds(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """The first moment, and the first one after it, in UTC."""
        after = self.until + timedelta(days=1)
        begins, ends = (datetime.combine(day, time.min, zone) for day in (self.since, after))
        return begins.astimezone(UTC), ends.astimezone(UTC)


def last_days(today: date, days: int = DAYS) -> Range:
    """So many whole days up to today."""
    return Range(today - timedelta(days=days - 1), today)


@dataclass(frozen=True)
class Scope:
    """Whose conversations are counted."""

    clinics: Collection[str]
    channel: str = ""
    topic: str = ""
    """Only conversations in which this topic was answered, ever."""


@dataclass(frozen=True)
class Tally:
    """What was counted; two of them can be added."""

    counts: Counter[str] = field(default_factory=Counter)
    times: Counter[int] = field(default_factory=Counter)
    """Messages by the whole milliseconds that their replies took."""

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.counts + other.counts, self.times + other.times)


@dataclass(frozen=True)
class Reading:
    """One figure as it stands, beside what it was before. A `value` is a count, a share from 0 to 1, or milliseconds."""

    measure: Measure
    value: float | None
    """None where there is nothing to count out of."""
    number: int
    """What was counted; for a time, how many messages."""
    of: int | None
    """For a share: out of how many."""
    before: float | None = None
    before_of: int | None = None

    @property
    def is_few(self) -> bool:
        """Whether it is a share, or a time, of so few that it says little."""
        base = self.of if self.measure.kind == "share" else self.number
        return self.measure.kind != "count" and 0 < (base or 0) < FEW


@dataclass(frozen=True)
class Day:
    """One day, or seven where there are many."""

    range: Range
    channels: Mapping[str, Counter[str]]

    def of(self, channel: str, name: str) -> int:
        """One count of one channel."""
        return self.channels[channel][name] if channel in self.channels else 0

    def sum(self, *names: str) -> int:
        """These counts, of every channel."""
        return sum(counts[name] for counts in self.channels.values() for name in names)


@dataclass(frozen=True)
class TopicFigures:
    topic: str
    shown: int
    before: int
    up: int
    down: int


@dataclass(frozen=True)
class Insights:
    """Everything that a page of figures shows."""

    range: Range
    scope: Scope
    now: Tally
    before: Tally
    channels: Mapping[str, tuple[Tally, Tally]]
    """By channel: these days, and those before."""
    clinics: Mapping[str, tuple[Tally, Tally]]
    days: Sequence[Day]
    topics: Sequence[TopicFigures]
    """The most shown first."""
    levels: Mapping[str, int]

    def reading(self, id: str) -> Reading:
        """One figure of all that was counted."""
        return reading(BY_ID[id], self.now, self.before)


@dataclass(frozen=True)
class UrgentEvent:
    """A conversation in which safety saw an urgent sign."""

    conversation: str
    clinic: str
    channel: str
    at: datetime
    level: str
    """The first sign's, within the days that were asked for."""
    reviewed_at: datetime | None


def reading(measure: Measure, now: Tally, before: Tally | None = None) -> Reading:
    """A figure out of what was counted."""
    value, number, of = _valued(measure, now)
    if before is None:
        return Reading(measure, value, number, of)
    earlier, _, earlier_of = _valued(measure, before)
    return Reading(measure, value, number, of, earlier, earlier_of)


def readings(now: Tally, before: Tally | None = None) -> Sequence[Reading]:
    """Every figure, in the order of MEASURES."""
    return [reading(one, now, before) for one in MEASURES]


def _valued(measure: Measure, tally: Tally) -> tuple[float | None, int, int | None]:
    if measure.kind == "time":
        value = percentile(tally.times, 0.5 if measure.id == "median" else 0.95)
        return value, sum(tally.times.values()), None
    number = sum(tally.counts[name] for name in measure.counts)
    if measure.kind == "count":
        return number, number, None
    of = sum(tally.counts[name] for name in measure.of)
    return (number / of if of else None), number, of


def percentile(times: Mapping[int, int], share: float) -> float | None:
    """The smallest time within which at least this share lies; None of nothing."""
    wanted, seen = share * sum(times.values()), 0
    for value in sorted(times):
        seen += times[value]
        if seen >= wanted:
            return float(value)
    return None


class Figures:
    """Counts on demand. `zones` gives a clinic's time zone, in which its days begin and end."""

    def __init__(self, engine: AsyncEngine, zones: Mapping[str, ZoneInfo]) -> None:
        self._engine = engine
        self._zones = zones

    async def of(self, scope: Scope, days: Range) -> Insights:
        """Everything about these days, of the clinics in the scope and no others."""
        by_clinic: dict[str, tuple[Tally, Tally]] = {}
        by_channel: dict[str, tuple[Tally, Tally]] = {}
        found: list[list[tuple[int, str, Counter[str]]]] = []
        topics: dict[str, list[int]] = {}
        levels: Counter[str] = Counter()
        async with self._engine.connect() as connection:
            for clinic in sorted(scope.clinics):
                here, zone = replace(scope, clinics=(clinic,)), self._zones[clinic]
                now = await _tallies(connection, _Window(here, clinic, *days.bounds(zone)))
                before = await _tallies(connection, _Window(here, clinic, *days.before.bounds(zone)))
                for channel in now.keys() | before.keys():
                    pair = (now.get(channel, Tally()), before.get(channel, Tally()))
                    by_channel[channel] = _added(by_channel.get(channel), pair)
                    by_clinic[clinic] = _added(by_clinic.get(clinic), pair)
                window = _Window(here, clinic, *days.bounds(zone))
                found.append(await _by_day(connection, window, [one.bounds(zone) for one in days.steps]))
                earlier = _Window(here, clinic, *days.before.bounds(zone))
                await _count_topics(connection, window, earlier, topics)
                levels.update(await _levels(connection, window))
        total = _added(None, (Tally(), Tally()))
        for pair in by_channel.values():
            total = _added(total, pair)
        ordered = sorted(topics.items(), key=lambda item: (-item[1][0], item[0]))
        return Insights(
            days,
            scope,
            *total,
            channels=dict(sorted(by_channel.items(), reverse=True)),
            clinics=by_clinic,
            days=_days(days, found),
            topics=[TopicFigures(topic, *numbers) for topic, numbers in ordered],
            levels=levels,
        )

    async def urgent(self, clinics: Collection[str], days: Range) -> Sequence[UrgentEvent]:
        """Conversations with an urgent sign in these days, the newest first."""
        its, said = conversations.c, messages.c
        found: list[UrgentEvent] = []
        async with self._engine.connect() as connection:
            for clinic in sorted(clinics):
                begins, ends = days.bounds(self._zones[clinic])
                query = (
                    select(said.conversation, said.channel, said.at, said.safety_level, its.reviewed_at)
                    .select_from(messages.join(conversations, its.id == said.conversation))
                    .where(
                        said.clinic == clinic,
                        said.at >= begins,
                        said.at < ends,
                        said.safety_level.in_(GRAVE),
                    )
                    .order_by(said.at)
                )
                seen: dict[str, UrgentEvent] = {}
                for row in await connection.execute(query):
                    event = UrgentEvent(
                        row.conversation, clinic, row.channel, row.at, row.safety_level, row.reviewed_at
                    )
                    seen.setdefault(row.conversation, event)
                found += seen.values()
        return sorted(found, key=lambda event: event.at, reverse=True)


# -- counting --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Window:
    """The messages that are counted: of one clinic, between two moments."""

    scope: Scope
    clinic: str
    begins: datetime
    ends: datetime

    def within(self, clinic: Any, at: Any, *, channel: Any = None, conversation: Any = None) -> list[Any]:
        """The conditions on these columns. A column that is not given is not asked about."""
        where = [clinic == self.clinic, at >= self.begins, at < self.ends]
        if self.scope.channel and channel is not None:
            where.append(channel == self.scope.channel)
        if self.scope.topic and conversation is not None:
            with_topic = select(conversation_topics.c.conversation).where(
                conversation_topics.c.clinic == self.clinic, conversation_topics.c.topic == self.scope.topic
            )
            where.append(conversation.in_(with_topic))
        return where


def _added(one: tuple[Tally, Tally] | None, other: tuple[Tally, Tally]) -> tuple[Tally, Tally]:
    return other if one is None else (one[0] + other[0], one[1] + other[1])


def _number(condition: Any) -> Any:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


_SAID = messages.c
_INBOUND = _SAID.direction == "in"
_ANSWERED = and_(_INBOUND, cast(_SAID.topics, Text).not_in(("[]", "null")))
_OFFERED = and_(_INBOUND, _SAID.understood["offered"].as_string().not_in(("[]", "null")))
# A name or a number for the request form is about nothing that the model knows, and is no question.
_OF_ONESELF = func.coalesce(_SAID.understood["asked"].as_string(), "").in_(tuple(PERSONAL_SLOTS))
_DECLINED = and_(_INBOUND, _SAID.act == "out_of_scope", not_(_OF_ONESELF))
# One of them at most, in this order.
_READ_AS = case((_ANSWERED, "answered"), (_OFFERED, "unsure"), (_DECLINED, "declined"))


def _talks(window: _Window, *extra: Any) -> Any:
    """A row for each conversation in which something was said, with what was said in it."""
    return (
        select(
            _SAID.conversation,
            _SAID.channel,
            *extra,
            _number(_INBOUND).label("heard"),
            *(_number(name == _READ_AS).label(name) for name in ("answered", "unsure", "declined")),
            _number(and_(_INBOUND, _SAID.safety_level.in_(GRAVE))).label("grave"),
            _number(and_(_INBOUND, _SAID.act == "talk_to_human")).label("person"),
            _number(_SAID.author.is_not(None)).label("staff"),
            _number(and_(_INBOUND, _SAID.understood["form"].as_string() == "screening_form")).label("form"),
        )
        .where(*window.within(_SAID.clinic, _SAID.at, channel=_SAID.channel, conversation=_SAID.conversation))
        .group_by(_SAID.conversation, _SAID.channel)
    )


async def _tallies(connection: AsyncConnection, window: _Window) -> dict[str, Tally]:
    """By channel."""
    counts: dict[str, Counter[str]] = {}
    times: dict[str, Counter[int]] = {}
    for row in await connection.execute(_of_conversations(window)):
        numbers = {name: int(number) for name, number in row._mapping.items() if name != "channel"}
        counts.setdefault(row.channel, Counter()).update(numbers)
    thumbs = (
        select(_SAID.channel, feedback.c.verdict, func.count().label("number"))
        .select_from(feedback.join(messages, _SAID.id == feedback.c.message))
        .where(
            *window.within(
                feedback.c.clinic, feedback.c.at, channel=_SAID.channel, conversation=_SAID.conversation
            )
        )
        .group_by(_SAID.channel, feedback.c.verdict)
    )
    for row in await connection.execute(thumbs):
        counts.setdefault(row.channel, Counter())[f"thumbs_{row.verdict}"] += row.number
    for row in await connection.execute(_of_requests(window)):
        numbers = {name: int(number) for name, number in row._mapping.items() if name != "channel"}
        counts.setdefault(row.channel, Counter()).update(numbers)
    whole = func.round(_SAID.latency_ms)
    took = (
        select(_SAID.channel, whole.label("ms"), func.count().label("number"))
        .where(
            *window.within(_SAID.clinic, _SAID.at, channel=_SAID.channel, conversation=_SAID.conversation),
            _INBOUND,
            _SAID.latency_ms > 0,
        )
        .group_by(_SAID.channel, whole)
    )
    for row in await connection.execute(took):
        times.setdefault(row.channel, Counter())[int(row.ms)] += row.number
    return {
        channel: Tally(counts.get(channel, Counter()), times.get(channel, Counter()))
        for channel in counts.keys() | times.keys()
    }


def _of_conversations(window: _Window) -> Any:
    talk, its = _talks(window).subquery(), conversations.c

    def sent(*conditions: Any) -> Any:
        """Conversations from which such a request came within the window."""
        created = window.within(requests.c.clinic, requests.c.created_at)
        return select(requests.c.conversation).where(*created, *conditions)

    called = sent(requests.c.kind == "callback")
    visits = requests.c.kind.in_(("visit", "exam"))
    alone = and_(talk.c.person == 0, talk.c.staff == 0, talk.c.conversation.not_in(called))
    wanted = {
        "contained": alone,
        "asked_person": talk.c.person > 0,
        "urgent": talk.c.grave > 0,
        "urgent_reviewed": and_(talk.c.grave > 0, its.reviewed_at.is_not(None)),
        "screened": talk.c.form > 0,
        **{f"outcome_{one}": and_(talk.c.form > 0, its.outcome == one) for one in OUTCOMES},
        "requested": talk.c.conversation.in_(sent(visits)),
        "booked": talk.c.conversation.in_(sent(visits, requests.c.state == "booked")),
        "opted_out": its.opted_out.is_(True),
    }
    sums = {"messages": "heard", "answered": "answered", "unsure": "unsure", "declined": "declined"}
    return (
        select(
            talk.c.channel,
            func.count().label("conversations"),
            *(func.sum(talk.c[column]).label(name) for name, column in sums.items()),
            *(_number(condition).label(name) for name, condition in wanted.items()),
        )
        .select_from(talk.join(conversations, its.id == talk.c.conversation))
        .where(talk.c.heard > 0)
        .group_by(talk.c.channel)
    )


def _of_requests(window: _Window) -> Any:
    """How many were sent, were due, and were first moved on in time: the audit log knows when."""
    its, talk = requests.c, conversations.c
    within = window.within(its.clinic, its.created_at, channel=talk.channel, conversation=talk.id)
    mine = select(its.reference).where(*window.within(its.clinic, its.created_at))
    first = (
        select(audit.c.subject, func.min(audit.c.at).label("at"))
        .where(audit.c.action == "request/state", audit.c.outcome == "success", audit.c.subject.in_(mine))
        .group_by(audit.c.subject)
        .subquery()
    )
    promised = its.expected_by.is_not(None)
    return (
        select(
            talk.channel,
            func.count().label("requests"),
            _number(and_(promised, or_(first.c.at.is_not(None), its.expected_by <= clock.now()))).label(
                "due"
            ),
            _number(and_(promised, first.c.at <= its.expected_by)).label("in_time"),
        )
        .select_from(
            requests.join(conversations, talk.id == its.conversation).outerjoin(
                first, first.c.subject == its.reference
            )
        )
        .where(*within)
        .group_by(talk.channel)
    )


async def _by_day(
    connection: AsyncConnection, window: _Window, bounds: Sequence[tuple[datetime, datetime]]
) -> list[tuple[int, str, Counter[str]]]:
    """For each day that has something, by its number: the channel and what was counted."""
    # No function for days and zones is the same in both databases; the ends of the days, in order, are.
    day = case(*((_SAID.at < ends, number) for number, (_, ends) in enumerate(bounds)))
    said = (
        select(
            _SAID.conversation, _SAID.channel, day.label("day"), _READ_AS.label("read_as"),
            case((_SAID.safety_level.in_(GRAVE), 1), else_=0).label("grave"),
        )
        .where(
            *window.within(_SAID.clinic, _SAID.at, channel=_SAID.channel, conversation=_SAID.conversation),
            _INBOUND,
        )
        .subquery()
    )  # fmt: skip
    names = ("answered", "unsure", "declined")
    talk = (
        select(
            said.c.day, said.c.channel, said.c.conversation,
            *(_number(said.c.read_as == name).label(name) for name in names),
            func.max(said.c.grave).label("urgent"),
        )
        .group_by(said.c.day, said.c.channel, said.c.conversation)
        .subquery()
    )  # fmt: skip
    query = select(
        talk.c.day,
        talk.c.channel,
        func.count().label("conversations"),
        *(func.sum(talk.c[name]).label(name) for name in (*names, "urgent")),
    ).group_by(talk.c.day, talk.c.channel)
    found = (await connection.execute(query)).mappings()
    counted = ("conversations", *names, "urgent")
    return [
        (int(row["day"]), str(row["channel"]), Counter({name: int(row[name]) for name in counted}))
        for row in found
    ]


def _days(days: Range, found: Iterable[Sequence[tuple[int, str, Counter[str]]]]) -> Sequence[Day]:
    by_day: list[dict[str, Counter[str]]] = [{} for _ in days.steps]
    for of_clinic in found:
        for number, channel, counts in of_clinic:
            by_day[number].setdefault(channel, Counter()).update(counts)
    return [Day(step, channels) for step, channels in zip(days.steps, by_day, strict=True)]


async def _count_topics(
    connection: AsyncConnection, window: _Window, before: _Window, into: dict[str, list[int]]
) -> None:
    """Add to `into`, by topic: shown, shown before, thumbs up, thumbs down."""
    shown = answers_shown.c
    of_topic = [shown.topic == window.scope.topic] if window.scope.topic else []
    for at, one in enumerate((window, before)):
        query = (
            select(shown.topic, func.count().label("number"))
            .where(*one.within(shown.clinic, shown.at, channel=shown.channel), *of_topic)
            .group_by(shown.topic)
        )
        for row in await connection.execute(query):
            into.setdefault(row.topic, [0, 0, 0, 0])[at] += row.number
    thumbs = (
        select(shown.topic, feedback.c.verdict, func.count().label("number"))
        .select_from(feedback.join(answers_shown, shown.message == feedback.c.message))
        .where(*window.within(feedback.c.clinic, feedback.c.at, channel=shown.channel), *of_topic)
        .group_by(shown.topic, feedback.c.verdict)
    )
    for row in await connection.execute(thumbs):
        into.setdefault(row.topic, [0, 0, 0, 0])[2 if row.verdict == "up" else 3] += row.number


async def _levels(connection: AsyncConnection, window: _Window) -> dict[str, int]:
    """Conversations by the level of the signs in them."""
    query = (
        select(_SAID.safety_level, func.count(_SAID.conversation.distinct()).label("number"))
        .where(
            *window.within(_SAID.clinic, _SAID.at, channel=_SAID.channel, conversation=_SAID.conversation),
            _SAID.safety_level.is_not(None),
        )
        .group_by(_SAID.safety_level)
    )
    return {row.safety_level: row.number for row in await connection.execute(query)}
