"""Privacy, for admins: what is kept how long, the purge, legal holds, and one patient's export and erasure.

Phone numbers and tokens are typed into forms, and stand in no address and no log; from the list that a search gives, only ids go on.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

from starlette.responses import Response

from needlewise import clock
from needlewise.console.roles import Role
from needlewise.console.visit import Section, Visit
from needlewise.conversations.forgetting import Removed
from needlewise.errors import NeedlewiseError
from needlewise.privacy.locked import lock
from needlewise.privacy.patient import By, Erased, Found
from needlewise.privacy.retention import REPORT_DAYS, Run, Terms

section = Section()

PURGE_SECONDS = 10
"""How long a purge from the page may take; what is left goes with the next one, within the hour."""

CLASSES: Mapping[str, tuple[str, str]] = {
    "conversations": ("conversation", "conversations"),
    "ongoing": ("conversation that goes on, its oldest part", "conversations that go on, their oldest part"),
    "messages": ("message", "messages"),
    "notes": ("note", "notes"),
    "tags": ("tag", "tags"),
    "reasons": ("reason of a rating", "reasons of ratings"),
    "comments": ("comment on a correction", "comments on corrections"),
    "examples": ("example nobody accepted", "examples nobody accepted"),
    "requests": ("request", "requests"),
    "outgoing": ("sent mail or text", "sent mails and texts"),
    "incoming": ("text that was never answered", "texts that were never answered"),
    "numbers": ("phone number", "phone numbers"),
    "reports": ("report of a candidate", "reports of candidates"),
    "rows": ("row of the audit log", "rows of the audit log"),
}
"""What is counted, as one and as several."""

_WHAT = {"retention": "purge", "erasure": "erasure", "audit": "audit log"}


@dataclass(frozen=True)
class Kept:
    """How a clinic stands."""

    clinic: str
    terms: Terms
    due: str


@dataclass(frozen=True)
class Done:
    """A line of what was taken away."""

    run: Run
    at: Any
    """Its beginning in the clinic's own time."""
    what: str
    removed: str


@section.get("/privacy", needs=Role.ADMIN, action="privacy/view", menu="Privacy")
async def privacy(visit: Visit) -> Response:
    return await _page(visit)


@section.post("/privacy/purge", needs=Role.ADMIN, action="privacy/purge")
async def purge(visit: Visit) -> Response:
    clinic = visit.at(visit.form.get("clinic", ""))
    over = asyncio.Event()
    timer = asyncio.get_running_loop().call_later(PURGE_SECONDS, over.set)
    try:
        removed = await visit.services.retention.purge(clinic, visit.entry(), over)
    except NeedlewiseError as fault:
        visit.is_recorded = False
        return await _page(visit, fault=str(fault))
    finally:
        timer.cancel()
    if not removed:
        # Each batch has written a row; without one, this is the only sign that somebody asked.
        visit.is_recorded = False
    told = f"Taken away: {in_words(removed)}." if removed else "Nothing is due."
    more = " The rest follows within the hour." if over.is_set() else ""
    return await _page(visit, told=told + more)


@section.post("/privacy/hold", needs=Role.ADMIN, action="conversation/hold")
async def hold(visit: Visit) -> Response:
    return await _held(visit, release=False)


@section.post("/privacy/release", needs=Role.ADMIN, action="conversation/release")
async def release(visit: Visit) -> Response:
    return await _held(visit, release=True)


@section.post("/privacy/find", needs=Role.ADMIN, action="privacy/find")
async def find(visit: Visit) -> Response:
    form = visit.form
    clinic = visit.at(form.get("clinic", ""))
    by = form.get("by", "")
    try:
        found = await _find(visit, clinic, by, form.get("value", ""))
    except NeedlewiseError as fault:
        return await _page(visit, find_fault=str(fault), by=by)
    counts = {"conversations": len(found.talks), "requests": len(found.requests)}
    await visit.record(details={"by": by, **counts})
    if found.is_empty:
        return await _page(visit, find_fault="There is nothing of this patient at this clinic.", by=by)
    return _patient(visit, found)


@section.post("/privacy/export", needs=Role.ADMIN, action="privacy/export")
async def export(visit: Visit) -> Response:
    found = await _chosen(visit)
    passphrase = visit.form.get("passphrase", "")
    try:
        if not passphrase and visit.form.get("open") != "yes":
            raise NeedlewiseError("Choose a passphrase, or say that the file is to be readable by anybody.")
        if passphrase != visit.form.get("again", ""):
            raise NeedlewiseError("The two passphrases are not the same.")
        _demand_some(found)
        # Locked with nothing in it first: a passphrase that is too short is told of before anything is opened.
        if passphrase:
            await asyncio.to_thread(lock, b"", passphrase)
        content = await visit.services.patients.export(found, _entry(visit))
    except NeedlewiseError as fault:
        visit.is_recorded = False
        return _patient(visit, await _again(visit, found), export_fault=str(fault), chosen=found)
    name = f"patient-{clock.now():%Y-%m-%d}.json"
    kind = "application/json"
    if passphrase:
        content = await asyncio.to_thread(lock, content, passphrase)
        name, kind = f"{name}.locked", "application/octet-stream"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=kind, headers=headers)


@section.post("/privacy/erase", needs=Role.ADMIN, action="privacy/erase")
async def erase(visit: Visit) -> Response:
    found = await _chosen(visit)
    try:
        _demand_some(found)
        if visit.form.get("sure") != "yes":
            raise NeedlewiseError("Tick the box: an erasure cannot be undone.")
        erased = await visit.services.patients.erase(
            found, _entry(visit), with_requests=visit.form.get("requests") == "yes"
        )
    except NeedlewiseError as fault:
        visit.is_recorded = False
        return _patient(visit, await _again(visit, found), erase_fault=str(fault), chosen=found)
    return await _page(visit, told=_told(erased))


# -- what they share -------------------------------------------------------------------------------------------------------


def in_words(removed: Removed) -> str:
    """Counts by class as a sentence's part: "1 conversation, 12 messages"."""
    counts = ((removed[name], *words) for name, words in CLASSES.items() if removed[name])
    return ", ".join(f"{count:,} {one if count == 1 else many}" for count, one, many in counts)


def _told(erased: Erased) -> str:
    done = f"Erased: {in_words(erased.removed)}." if erased.removed else "Nothing was left to erase."
    if erased.held:
        done += f" A legal hold keeps {in_words(Removed(conversations=len(erased.held)))}."
    return done


def _entry(visit: Visit) -> Any:
    return visit.entry(reason=visit.form.get("reason", ""))


def _demand_some(found: Found) -> None:
    if found.is_empty:
        raise NeedlewiseError("Choose what of it: nothing is ticked.")


async def _held(visit: Visit, *, release: bool) -> Response:
    conversation = visit.form.get("conversation", "").strip().rpartition("/")[2]
    holds = visit.services.holds
    clinic = await holds.clinic_of(conversation)
    if clinic not in visit.clinics:
        # As for one that does not exist: that it does is none of their business.
        return await _page(visit, hold_fault="There is no such conversation at your clinic.")
    visit.at(clinic, conversation)
    try:
        change = holds.release if release else holds.hold
        await change(conversation, _entry(visit))
    except NeedlewiseError as fault:
        visit.is_recorded = False
        return await _page(visit, hold_fault=str(fault))
    return visit.back("/privacy", done="released" if release else "held")


async def _find(visit: Visit, clinic: str, by: str, value: str) -> Found:
    if by not in get_args(By):
        raise NeedlewiseError("Choose by what to look.")
    if not value.strip():
        raise NeedlewiseError("Type what to look for.")
    ours = visit.services.library.clinic(clinic).texting.numbers
    if by == "conversation":
        value = value.strip().rpartition("/")[2]
    return await visit.services.patients.find(clinic, by, value, clinic_numbers=ours)  # type: ignore[arg-type]


async def _chosen(visit: Visit) -> Found:
    form = visit.form
    clinic = visit.at(form.get("clinic", ""))
    return await visit.services.patients.chosen(
        clinic,
        talks=form.getlist("conversation"),
        asked=form.getlist("request"),
        pairs=form.getlist("thread"),
    )


async def _again(visit: Visit, found: Found) -> Found:
    """What the list showed before: the form carries it along."""
    form = visit.form
    return await visit.services.patients.chosen(
        found.clinic,
        talks=form.getlist("shown-conversation"),
        asked=form.getlist("shown-request"),
        pairs=form.getlist("shown-thread"),
    )


def _patient(
    visit: Visit, found: Found, *, export_fault: str = "", erase_fault: str = "", chosen: Found | None = None
) -> Response:
    chosen = chosen or found
    return visit.show(
        "patient.html",
        status=422 if export_fault or erase_fault else 200,
        found=found,
        zone=visit.services.zone(found.clinic),
        chosen={
            *(one.id for one in chosen.talks),
            *(one.reference for one in chosen.requests),
            *chosen.threads,
        },
        reason=visit.form.get("reason", ""),
        export_fault=export_fault,
        erase_fault=erase_fault,
    )


async def _page(
    visit: Visit,
    *,
    told: str = "",
    fault: str = "",
    hold_fault: str = "",
    find_fault: str = "",
    by: str = "number",
) -> Response:
    services = visit.services
    retention = services.retention
    clinics = sorted(visit.clinics)
    kept = [
        Kept(clinic, retention.terms(clinic), in_words(await retention.due(clinic))) for clinic in clinics
    ]
    zone = services.zone(clinics[0]) if len(clinics) == 1 else ZoneInfo("UTC")
    runs = [
        Done(run, run.begun_at.astimezone(zone), _WHAT.get(run.what, run.what), in_words(run.removed))
        for run in await retention.last(clinics)
    ]
    return visit.show(
        "privacy.html",
        status=422 if fault or hold_fault or find_fault else 200,
        kept=kept,
        clinics=clinics,
        runs=runs,
        zone=zone,
        stale=clock.now() - timedelta(hours=2),
        audit_years=services.settings.audit_years,
        report_days=REPORT_DAYS,
        holds=await services.holds.of(clinics),
        told=told,
        fault=fault,
        hold_fault=hold_fault,
        find_fault=find_fault,
        by=by,
    )
