"""Trying what was taught: train a candidate, look at what it would change, put it live, go back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import Response

from needlewise.console.roles import Role
from needlewise.console.visit import Refused, Section, Visit
from needlewise.errors import NeedlewiseError
from needlewise.teaching.candidates import Candidate
from needlewise.teaching.naming import names
from needlewise.teaching.replay import (
    BETTER,
    CHANGED,
    CORRECTED,
    MESSAGES,
    NOTHING,
    SAME,
    WORSE,
    Decision,
    Line,
    Report,
    counts,
)

section = Section()

PATH = "/teach/candidates"
PAGE = 100

ALL = "all"
_VERDICTS = (BETTER, WORSE, CHANGED, SAME)
_SHOWN = {
    "changes": frozenset({BETTER, WORSE, CHANGED}),
    **{one: frozenset({one}) for one in _VERDICTS},
    ALL: frozenset(_VERDICTS),
}
"""What `?show=` picks; the first is shown unasked."""
_SOURCES = {MESSAGES: "a patient's message", CORRECTED: "a message that staff corrected"}


@dataclass(frozen=True)
class Shown:
    """A line of the replay, ready to be read."""

    words: str
    source: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    verdict: str
    right: tuple[str, ...]
    conversation: str
    """Empty where this person may not open it."""


@section.get(PATH, needs=Role.EDITOR, action="candidate/list")
async def listed(visit: Visit) -> Response:
    return await _list(visit)


@section.get(f"{PATH}/progress", needs=Role.EDITOR, action="candidate/list", is_background=True)
async def progress(visit: Visit) -> Response:
    return await _list(visit)


@section.post(PATH, needs=Role.EDITOR, action="candidate/try")
async def begin(visit: Visit) -> Response:
    try:
        candidate = await visit.services.candidates.begin(visit.entry())
    except NeedlewiseError as fault:
        visit.is_recorded = False
        return await _list(visit, fault=str(fault))
    await visit.services.trier.start(candidate)
    return visit.back(PATH)


@section.post(f"{PATH}/back", needs=Role.EDITOR, action="candidate/back")
async def go_back(visit: Visit) -> Response:
    try:
        await visit.services.candidates.go_back(visit.entry())
    except NeedlewiseError as fault:
        visit.is_recorded = False
        return await _list(visit, fault=str(fault))
    return visit.back(PATH, done="went-back")


@section.get(f"{PATH}/{{id}}", needs=Role.EDITOR, action="candidate/view")
async def one(visit: Visit) -> Response:
    return await _report(visit, await _candidate(visit))


@section.post(f"{PATH}/{{id}}/cancel", needs=Role.EDITOR, action="candidate/cancel")
async def cancel(visit: Visit) -> Response:
    candidate = await _candidate(visit)
    try:
        await visit.services.candidates.cancel(candidate.id, visit.entry())
    except NeedlewiseError as fault:
        visit.is_recorded = False
        return await _list(visit, fault=str(fault))
    return visit.back(PATH, done="candidate-cancelled")


@section.post(f"{PATH}/{{id}}/publish", needs=Role.EDITOR, action="candidate/publish")
async def publish(visit: Visit) -> Response:
    candidate = await _candidate(visit)
    try:
        await visit.services.candidates.publish(candidate.id, visit.entry())
    except NeedlewiseError as fault:
        visit.is_recorded = False
        return await _report(visit, candidate, fault=str(fault))
    return visit.back(PATH, done="published")


async def _candidate(visit: Visit) -> Candidate:
    candidate = await visit.services.candidates.get(visit.request.path_params["id"])
    if candidate is None:
        raise Refused(404, "no such candidate")
    visit.about(subject=candidate.id)
    return candidate


async def _list(visit: Visit, *, fault: str = "") -> Response:
    candidates, model = visit.services.candidates, visit.services.live_model
    everything = await candidates.all()
    live = await candidates.live()
    in_use = next((one for one in everything if one.id == live.candidate), None)
    return visit.show(
        "candidates_body.html" if visit.is_partial else "candidates.html",
        status=422 if fault else 200,
        fault=fault,
        candidates=everything,
        live=live,
        in_use=in_use,
        previous=next((one for one in everything if one.id == live.previous), None),
        is_elsewhere=model.is_loaded and model.running != live.candidate,
        untaught=await candidates.untaught(),
        working=next((one for one in everything if one.is_working), None),
        who=await _who(visit),
        when=lambda moment: _when(visit, moment),
        may_read=bool(visit.site.at(visit.account, Role.READER)),
        may_edit=True,
    )


async def _report(visit: Visit, candidate: Candidate, *, fault: str = "") -> Response:
    report = await visit.services.candidates.report(candidate.id)
    return visit.show(
        "candidate.html",
        status=422 if fault else 200,
        fault=fault,
        candidate=candidate,
        report=report,
        when=lambda moment: _when(visit, moment),
        **(await _replay(visit, candidate, report) if report else {}),
    )


async def _replay(visit: Visit, candidate: Candidate, report: Report) -> dict[str, Any]:
    candidates = visit.services.candidates
    mine = report.seen_from(visit.clinics)
    show = visit.query.get("show", "")
    show = show if show in _SHOWN else next(iter(_SHOWN))
    lines = [line for line in mine.lines if line.verdict in _SHOWN[show]]
    begins = _number(visit.query.get("from", ""))
    page = lines[begins : begins + PAGE]
    words = await candidates.words(page)
    live = await candidates.live()
    return {
        "against": await candidates.get(report.against) if report.against else None,
        "is_overtaken": report.against != live.candidate and candidate.id != live.candidate,
        "elsewhere": _changed_elsewhere(report, mine),
        "counts": counts(line for line in mine.lines if line.clinic),
        "filters": [
            (name, sum(line.verdict in some for line in mine.lines)) for name, some in _SHOWN.items()
        ],
        "show": show,
        "shown": [_shown(visit, line, words.get(line.message, line.words)) for line in page],
        "more": begins + PAGE if len(lines) > begins + PAGE else None,
    }


def _shown(visit: Visit, line: Line, words: str) -> Shown:
    known = names(visit.services.library)
    may_read = visit.site.at(visit.account, Role.READER)
    return Shown(
        words or "[erased]",
        _SOURCES.get(line.source, f"test: {line.source}"),
        _decision(line.old, known),
        _decision(line.new, known),
        line.verdict,
        tuple(known.get(one, one) for one in line.right.ids) if line.right else (),
        line.conversation if line.clinic in may_read else "",
    )


def _decision(decision: Decision, known: dict[str, str]) -> tuple[str, ...]:
    """What the patient gets, a line each."""
    said = [known.get(topic, topic) for topic in decision.topics]
    if decision.offered:
        said.append("Offers: " + " · ".join(known.get(topic, topic) for topic in decision.offered))
    elif decision.act and not decision.safety:
        said.append(known.get(decision.act, decision.act.replace("_", " ")))
    if decision.safety:
        said.append(f"Safety: {decision.safety} ({decision.rule})")
    return tuple(said) or (NOTHING,)


def _changed_elsewhere(report: Report, mine: Report) -> tuple[int, int]:
    """Messages of clinics that are not this person's: how many were played, and for how many something changes."""
    seen = {line.clinic for line in mine.lines}
    other = [line for line in report.lines if line.clinic not in seen]
    return len(other), sum(line.verdict != SAME for line in other)


async def _who(visit: Visit) -> dict[str, str]:
    """The names of people at this person's clinics, by id."""
    return {one.id: one.name for one in await visit.site.accounts.all() if one.roles.keys() & visit.clinics}


def _when(visit: Visit, moment: datetime) -> str:
    zone = visit.services.zone(next(iter(visit.clinics))) if len(visit.clinics) == 1 else ZoneInfo("UTC")
    local = moment.astimezone(zone)
    return f"{local:%-d %b %Y, %H:%M}" + (" UTC" if zone.key == "UTC" else "")


def _number(text: str) -> int:
    return int(text[:6]) if text.isascii() and text.isdigit() else 0
