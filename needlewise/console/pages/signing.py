"""Sign-off: what waits for a clinician, its full text, signing it with one's password, and the sheet to read it on paper."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from needlewise import clock
from needlewise.console.roles import Role
from needlewise.console.signing_in import NotIn
from needlewise.console.visit import Refused, Section, Visit
from needlewise.content.signatures import KINDS
from needlewise.content.signing import Paper, State, papers_of
from needlewise.errors import NeedlewiseError
from needlewise.wiring import Services

section = Section()

SHOWS: Mapping[str, str] = {"waiting": "to be signed", "signed": "signed", "all": "all"}
NAMES: Mapping[str, str] = {"answer": "Answers", "red_flag": "Red-flag rules", "screening": "Screening"}
HISTORY = 100


@dataclass(frozen=True)
class Wanted:
    """Which papers the address asks for."""

    clinic: str
    kind: str
    show: str

    def query(self, **other: str) -> str:
        """The query of the same list, with something else in it."""
        return urlencode({"clinic": self.clinic, "kind": self.kind, "show": self.show, **other})

    def has(self, paper: Paper) -> bool:
        return paper.kind == self.kind and self.show in ("all", "signed" if paper.state.holds else "waiting")


@section.get("/signing", needs=Role.CLINICIAN, action="signing/list", menu="Sign-off")
async def signing(visit: Visit) -> Response:
    return await _page(visit, _wanted(visit, visit.query))


@section.post("/signing", needs=Role.CLINICIAN, action="signing/sign")
async def sign(visit: Visit) -> Response:
    """Sign what was ticked, with the password typed again: nobody signs at a desk that somebody else has left."""
    wanted = _wanted(visit, visit.form)
    visit.about(clinic=wanted.clinic)
    read = _read(visit)
    found = await _papers(visit.services, wanted.clinic)
    papers: dict[tuple[str, str], Paper] = {(paper.kind, paper.key): paper for paper in found}
    if read.keys() - papers.keys():
        raise Refused(409, "gone")
    assert visit.session is not None
    try:
        await visit.site.signing_in.confirm(
            visit.session, visit.form.get("password", ""), visit.site.origin(visit), action="signing/sign"
        )
        await visit.services.signatures.sign(
            [papers[which] for which in read],
            wanted.clinic,
            read=read,
            signed_as=visit.form.get("signed_as", ""),
            expires_on=_day(visit.form.get("expires_on", "")),
            today=_today(visit, wanted.clinic),
            entry=visit.entry(),
        )
    except (NotIn, NeedlewiseError) as fault:
        visit.is_recorded = isinstance(fault, NotIn)
        return await _page(visit, wanted, fault=fault, ticked=frozenset(read))
    return visit.back(f"/signing?{wanted.query()}", done="signed")


@section.post("/signing/{id}/withdraw", needs=Role.CLINICIAN, action="signing/withdraw")
async def withdraw(visit: Visit) -> Response:
    try:
        clinic = await visit.services.signatures.withdraw(
            visit.request.path_params["id"], visit.clinics, visit.entry()
        )
    except NeedlewiseError:
        visit.is_recorded = False
        raise Refused(404, "no such signature") from None
    return visit.back(f"/signing?{urlencode({'clinic': clinic})}", done="signature-withdrawn")


@section.get("/signing/sheet", needs=Role.CLINICIAN, action="signing/sheet")
async def sheet(visit: Visit) -> Response:
    """Everything on paper, with room for a tick, a remark and a name."""
    wanted = _wanted(visit, visit.query)
    papers = await _standing(visit, wanted.clinic)
    shown = [paper for paper in papers if wanted.show == "all" or not paper.state.holds]
    return visit.show(
        "signing_sheet.html",
        wanted=wanted,
        kinds=[(NAMES[kind], [paper for paper in shown if paper.kind == kind]) for kind in KINDS],
        sources=visit.services.library.sources,
        today=_today(visit, wanted.clinic),
    )


@section.waits("texts to sign", needs=Role.CLINICIAN, path="/signing")
async def to_sign(services: Services, clinics: frozenset[str]) -> int:
    found = 0
    for clinic in clinics:
        papers = await _papers(services, clinic)
        standing = await services.signatures.standing(papers, clinic, services.zone(clinic))
        found += sum(not paper.state.holds for paper in standing)
    return found


async def _page(
    visit: Visit,
    wanted: Wanted,
    *,
    fault: Exception | None = None,
    ticked: frozenset[tuple[str, str]] = frozenset(),
) -> Response:
    papers = await _standing(visit, wanted.clinic)
    titles = {(paper.kind, paper.key): paper.title for paper in papers}
    names = {account.id: account.name for account in await visit.site.accounts.all()}
    given = await visit.services.signatures.given(wanted.clinic)
    wait = fault.wait if isinstance(fault, NotIn) else 0
    response = visit.show(
        "signing.html",
        status=200 if fault is None else 429 if wait else 422,
        wanted=wanted,
        clinics=sorted(visit.clinics),
        names=NAMES,
        shows=SHOWS,
        papers=[paper for paper in papers if wanted.has(paper)],
        waiting={kind: sum(p.kind == kind and not p.state.holds for p in papers) for kind in KINDS},
        history=[
            (one, titles.get((one.kind, one.key), one.key), names.get(one.staff, "an account that is gone"))
            for one in given[:HISTORY]
        ],
        sources=visit.services.library.sources,
        zone=visit.services.zone(wanted.clinic),
        fault=_words(fault),
        ticked=ticked,
        given={name: visit.form.get(name, "") for name in ("signed_as", "expires_on")},
        demands=visit.services.settings.demand_signatures,
        State=State,
    )
    if wait:
        response.headers["Retry-After"] = str(wait)
    return response


def _words(fault: Exception | None) -> str:
    if fault is None:
        return ""
    return fault.words if isinstance(fault, NotIn) else str(fault)


async def _papers(services: Services, clinic: str) -> list[Paper]:
    # Reading the rules' file takes most of a second: in a thread, so that no patient waits.
    return await asyncio.to_thread(papers_of, services.settings.content, services.library, clinic=clinic)


async def _standing(visit: Visit, clinic: str) -> list[Paper]:
    services = visit.services
    papers = await _papers(services, clinic)
    return await services.signatures.standing(papers, clinic, services.zone(clinic))


def _wanted(visit: Visit, given: Mapping[str, Any]) -> Wanted:
    """Raises Refused for a clinic that is not theirs."""
    clinic = str(given.get("clinic", "")) or sorted(visit.clinics)[0]
    if clinic not in visit.clinics:
        raise Refused(404, "other clinic")
    kind, show = str(given.get("kind", "")), str(given.get("show", ""))
    return Wanted(clinic, kind if kind in KINDS else KINDS[0], show if show in SHOWS else "waiting")


def _read(visit: Visit) -> dict[tuple[str, str], str]:
    """What was ticked: kind, key and the digest of the text that stood beside the tick."""
    found = {}
    for value in visit.form.getlist("paper"):
        kind, _, rest = value.partition("/")
        key, _, digest = rest.rpartition("/")
        found[kind, key] = digest
    return found


def _today(visit: Visit, clinic: str) -> date:
    return clock.now().astimezone(visit.services.zone(clinic)).date()


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise NeedlewiseError("Write the day as 2027-03-31, or leave it empty.") from None
