"""Teaching: what staff corrected, the examples made of it, and what patients asked in vain.

Whoever reads conversations sees corrections and unanswered questions; an editor decides about examples, at the clinics they edit.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from starlette.responses import Response

from needlewise.console.roles import Role
from needlewise.console.sheets import csv_lines
from needlewise.console.visit import Refused, Section, Visit
from needlewise.console.words import masked
from needlewise.errors import NeedlewiseError
from needlewise.teaching import examples
from needlewise.teaching.clusters import DAYS, Cluster
from needlewise.teaching.copies import Known, known
from needlewise.teaching.corrections import LONGEST_COMMENT, MOST_TOPICS, Correction, Said, Verdict
from needlewise.teaching.examples import ACCEPTED, PROPOSED, PUBLISHED, REJECTED, Fault, Kept
from needlewise.teaching.naming import intent_named, names
from needlewise.teaching.training_file import as_yaml
from needlewise.wiring import Services

section = Section()

PERIODS = (7, DAYS, 90)
_SHOWN = 10
_ALONE = 50
_DECIDED = 100


# -- corrections -------------------------------------------------------------------------------------------------------


@section.get("/teach", needs=Role.READER, action="teach/corrections", menu="Teach")
async def corrections(visit: Visit) -> Response:
    return await _corrections(visit)


async def _corrections(visit: Visit, *, fault: str = "") -> Response:
    waiting = await visit.services.corrections.waiting(visit.clinics)
    return visit.show(
        "teach.html",
        status=422 if fault else 200,
        fault=fault,
        urgent=[one for one in waiting if one.verdict is Verdict.URGENT],
        others=[one for one in waiting if one.verdict is not Verdict.URGENT],
        reviews=_at(visit, Role.REVIEWER),
        people={one.id: one.name for one in await visit.site.accounts.all()},
        **_around(visit),
    )


@section.post("/teach/corrections/{id}/done", needs=Role.REVIEWER, action="correction/done")
async def finish(visit: Visit) -> Response:
    correction = await _correction(visit)
    await visit.services.corrections.finish(correction, by=visit.account.id, entry=visit.entry())
    return visit.back("/teach", done="correction-done")


@section.post("/teach/corrections/{id}/undo", needs=Role.REVIEWER, action="correction/undo")
async def undo(visit: Visit) -> Response:
    """From the list, or from the form beside a message (`from=message`)."""
    correction = await _correction(visit)
    fault = ""
    try:
        await visit.services.corrections.undo(correction, visit.entry())
    except NeedlewiseError as error:
        visit.is_recorded = False
        fault = str(error)
    if visit.form.get("from") == "message":
        return await _form(visit, await _said(visit, correction.message), fault=fault)
    return await _corrections(visit, fault=fault) if fault else visit.back("/teach", done="correction-undone")


async def _correction(visit: Visit) -> Correction:
    found = await visit.services.corrections.find(visit.request.path_params["id"])
    if found is None:
        raise Refused(404, "no such correction")
    visit.at(found.clinic, found.id)
    return found


# -- correcting one message ----------------------------------------------------------------------------------------------


@section.get("/teach/message/{id}", needs=Role.REVIEWER, action="message/correct-form")
async def form(visit: Visit) -> Response:
    """The form, as a page, or as a part of the transcript (templates/correct.html)."""
    return await _form(visit, await _said(visit, visit.request.path_params["id"]))


@section.post("/teach/message/{id}", needs=Role.REVIEWER, action="message/correct")
async def correct(visit: Visit) -> Response:
    """`quick` is an intent, or a verdict, chosen by one press; else the form has a verdict, topics with their words, and a comment."""
    said = await _said(visit, visit.request.path_params["id"])
    try:
        verdict, asked = _meant(visit)
        comment = visit.form.get("comment", "").strip()[:LONGEST_COMMENT]
        recorded = await visit.services.corrections.record(
            said, verdict, asked, comment=comment, by=visit.account.id, entry=visit.entry()
        )
    except NeedlewiseError as fault:
        visit.is_recorded = False
        return await _form(visit, said, fault=str(fault))
    return await _form(
        visit, await _said(visit, said.id), proposed=recorded.proposed, faults=recorded.faults, is_kept=True
    )


def _meant(visit: Visit) -> tuple[Verdict, list[tuple[str, str]]]:
    library, given = visit.services.library, visit.form
    quick = given.get("quick", "")
    try:
        verdict = Verdict(quick or given.get("verdict", ""))
    except ValueError:
        verdict = Verdict.TOPICS
    if quick:
        return verdict, [] if quick == verdict else [(_named(quick, visit), "")]
    if verdict is not Verdict.TOPICS:
        return verdict, []
    typed = zip(given.getlist("topic"), given.getlist("words"), strict=False)
    asked = [(topic, words) for topic, words in typed if topic.strip()]
    if len(asked) > MOST_TOPICS:
        raise Refused(400, "too many topics")
    unknown = [topic for topic, _ in asked if intent_named(topic, library) is None]
    if unknown:
        raise NeedlewiseError("Choose from the list: there is no such topic.")
    return verdict, [(_named(topic, visit), words) for topic, words in asked]


def _named(typed: str, visit: Visit) -> str:
    intent = intent_named(typed, visit.services.library)
    if intent is None:
        raise Refused(400, "no such topic")
    return intent


async def _said(visit: Visit, message: str) -> Said:
    said = await visit.services.corrections.message(message)
    if said is None:
        raise Refused(404, "no such message")
    visit.at(said.clinic, said.id)
    return said


async def _form(
    visit: Visit,
    said: Said,
    *,
    fault: str = "",
    proposed: int = 0,
    faults: Sequence[Fault] = (),
    is_kept: bool = False,
) -> Response:
    if fault and visit.is_partial:
        # htmx puts no failure into the page; the log is told what it was.
        await visit.record(outcome="failure")
    return visit.show(
        "correct.html" if visit.is_partial else "correct_page.html",
        status=422 if fault and not visit.is_partial else 200,
        message=said,
        correcting=said,
        corrected={said.id: said.corrections},
        words=masked(said.redacted or ""),
        fault=fault,
        is_kept=is_kept,
        proposed=proposed,
        faults=faults,
        rows=range(MOST_TOPICS),
        form={name: visit.form.getlist(name) if fault else [] for name in ("topic", "words", "comment")},
        **_around(visit),
    )


# -- examples ------------------------------------------------------------------------------------------------------------


@section.get("/teach/examples", needs=Role.EDITOR, action="teach/examples", menu="Teach")
async def proposed(visit: Visit) -> Response:
    return await _examples(visit)


@section.post("/teach/examples", needs=Role.EDITOR, action="example/decide")
async def decide(visit: Visit) -> Response:
    """`accept` or `reject` is one example's id; `all` is accept or reject, for those that are ticked (`pick`)."""
    ids, verb = _decision(visit)
    is_bulk = "all" in visit.form
    engine = visit.services.engine
    clinics = {id: await examples.clinic_of(visit.services.reading, id) for id in ids}
    for clinic in clinics.values():
        # All of them first: nothing is decided when one is not theirs.
        visit.at(clinic or "")
    faults: dict[str, str] = {}
    for id, clinic in clinics.items():
        try:
            if verb == "accept":
                await _accept(visit, id, clinic or "", is_bulk=is_bulk)
            else:
                entry = visit.entry("example/reject", clinic=clinic, subject=id)
                await examples.decide(
                    engine, visit.services.audit, id, state=REJECTED, by=visit.account.id, entry=entry
                )
        except NeedlewiseError as fault:
            faults[id] = str(fault)
    if faults or not ids:
        # What was decided has its rows; the rest is one failure.
        visit.is_recorded = False
        return await _examples(visit, faults=faults, fault="" if ids else "Tick at least one example.")
    return visit.back("/teach/examples", done=f"example-{verb}")


def _decision(visit: Visit) -> tuple[list[str], str]:
    given = visit.form
    for verb in ("accept", "reject"):
        if verb in given:
            return [given[verb]], verb
    verb = given.get("all", "")
    if verb not in ("accept", "reject"):
        raise Refused(400, "no decision")
    return list(dict.fromkeys(given.getlist("pick"))), verb


async def _accept(visit: Visit, id: str, clinic: str, *, is_bulk: bool) -> None:
    """Raises NeedlewiseError where the text, as it was edited, cannot be an example."""
    services = visit.services
    text = examples.cleaned(visit.form.get(f"text-{id}", ""))
    intent = intent_named(visit.form.get(f"intent-{id}", ""), services.library) or ""
    standing = await examples.standing(services.engine)
    proposal = next((one for one in standing if one.id == id), None)
    if proposal is None:
        raise examples.Gone("Somebody has decided about this example meanwhile.")
    if is_bulk and examples.is_masked(proposal.text):
        raise NeedlewiseError("Something in it was masked. Read it, and accept it by itself.")
    beside = [one for one in standing if one.id != id]
    fault = examples.fault_of(text, intent, await _known(services), beside)
    if fault is not None:
        raise examples.Unfit(fault)
    entry = visit.entry("example/accept", clinic=clinic, subject=id, details={"intent": intent})
    await examples.decide(
        services.engine, services.audit, id, state=ACCEPTED, by=visit.account.id, entry=entry, intent=intent, text=text
    )  # fmt: skip


async def _examples(visit: Visit, *, faults: Mapping[str, str] | None = None, fault: str = "") -> Response:
    engine, clinics = visit.services.reading, visit.clinics
    here = await _known(visit.services)
    standing = await examples.standing(engine)
    found = await examples.kept(engine, clinics, (PROPOSED,), limit=examples.PAGE)
    rows = []
    for one in found:
        # What was typed stands there again when it was not taken.
        text = visit.form.get(f"text-{one.id}", one.stand_in)
        intent = visit.form.get(f"intent-{one.id}", names(visit.services.library).get(one.intent, one.intent))
        beside = [other for other in standing if other.id != one.id]
        hint = examples.fault_of(examples.cleaned(one.stand_in), one.intent, here, beside)
        rows.append((one, text, intent, (faults or {}).get(one.id, ""), hint.value if hint else ""))
    decided: list[Kept] = await examples.kept(engine, clinics, (ACCEPTED, PUBLISHED), limit=_DECIDED)
    return visit.show(
        "teach_examples.html",
        status=422 if faults or fault else 200,
        rows=rows,
        fault=fault or next((words for id, words in (faults or {}).items() if id not in {one.id for one in found}), ""),
        waiting=await examples.count(engine, clinics, PROPOSED),
        decided=decided,
        is_tested=here.tests is not None,
        **_around(visit),
    )  # fmt: skip


@section.get("/teach/examples.yml", needs=Role.EDITOR, action="export/examples")
async def download(visit: Visit) -> Response:
    """What was accepted at the clinics of this editor, as a file for data/nlu."""
    engine = visit.services.reading
    theirs = await examples.kept(engine, visit.clinics, (ACCEPTED, PUBLISHED), limit=100_000)
    new = [examples.Example(one.id, one.intent, one.text) for one in reversed(theirs)]
    written = as_yaml(new, await _known(visit.services))
    visit.about(clinic=_one(visit))
    await visit.record(details={"examples": len(written.added)})
    return _file(written.text, "text/yaml", "console.yml")


async def _known(services: Services) -> Known:
    return await asyncio.to_thread(known, services.settings.root)


# -- unanswered questions --------------------------------------------------------------------------------------------------


@section.get("/teach/questions", needs=Role.READER, action="teach/questions")
async def questions(visit: Visit) -> Response:
    found = await visit.services.unanswered.of(visit.clinics, days=_days(visit))
    return visit.show(
        "teach_questions.html",
        found=found,
        shown=_SHOWN,
        alone=found.alone[:_ALONE],
        periods=PERIODS,
        reasons=_reasons,
        **_around(visit),
    )


@section.get("/teach/questions.csv", needs=Role.READER, action="export/questions")
async def questions_sheet(visit: Visit) -> Response:
    found = await visit.services.unanswered.of(visit.clinics, days=_days(visit))
    head = ("conversations", "messages", "in the middle", "telling words", "newest")
    rows = [
        (one.conversations, len(one.asked), one.label, " ".join(one.words), _day(visit, one.newest).isoformat())
        for one in found.clusters
    ]  # fmt: skip
    visit.about(clinic=_one(visit))
    await visit.record(details={"groups": len(rows), "days": found.days})
    return _file(csv_lines([head, *rows]), "text/csv", "questions.csv")


def _days(visit: Visit) -> int:
    given = visit.query.get("days", "")
    return int(given) if given in map(str, PERIODS) else DAYS


def _reasons(cluster: Cluster) -> str:
    words = {"declined": "declined", "unsure": "met with a choice", "disliked": "thumbs down"}
    counts = {why: sum(one.why == why for one in cluster.asked) for why in words}
    return ", ".join(f"{count} {words[why]}" for why, count in counts.items() if count)


# -- what they share -------------------------------------------------------------------------------------------------------


@section.waits("examples to accept", needs=Role.EDITOR, path="/teach/examples")
async def examples_to_accept(services: Services, clinics: frozenset[str]) -> int:
    return await examples.count(services.reading, clinics, PROPOSED)


@section.waits("corrections to see to", needs=Role.REVIEWER, path="/teach")
async def corrections_to_see_to(services: Services, clinics: frozenset[str]) -> int:
    return await services.corrections.count_waiting(clinics)


def _around(visit: Visit) -> dict[str, Any]:
    """What every page of this section knows."""

    def when(clinic: str, at: datetime) -> datetime:
        return at.astimezone(visit.services.zone(clinic))

    return {
        "intents": names(visit.services.library),
        "when": when,
        "masked": masked,
        "Verdict": Verdict,
        "may_read": bool(_at(visit, Role.READER)),
        "may_edit": bool(_at(visit, Role.EDITOR)),
    }


def _at(visit: Visit, role: Role) -> frozenset[str]:
    return visit.site.at(visit.account, role)


def _one(visit: Visit) -> str:
    return next(iter(visit.clinics)) if len(visit.clinics) == 1 else ""


def _day(visit: Visit, at: datetime) -> date:
    return at.astimezone(visit.services.zone(sorted(visit.clinics)[0])).date()


def _file(text: str, kind: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type=kind, headers=headers)
