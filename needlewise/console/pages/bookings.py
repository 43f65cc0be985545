"""Requests for a visit or a call back: the queue, one request, and what is done with it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from urllib.parse import parse_qsl, urlencode

from starlette.responses import RedirectResponse, Response

from needlewise import clock
from needlewise.booking.export import table, tells
from needlewise.booking.masks import masked_contact, masked_name
from needlewise.booking.queue import (
    MOVES,
    OPEN,
    PAGE,
    Change,
    Changed,
    Listed,
    State,
    Wanted,
    require_reason,
)
from needlewise.booking.requests import Details, Kept
from needlewise.console.accounts import Account
from needlewise.console.roles import Role
from needlewise.console.visit import PREFIX, Refused, Section, Visit
from needlewise.content.render import labelled, shown_phone
from needlewise.errors import NeedlewiseError
from needlewise.wiring import Services

section = Section()

MOST_EXPORTED = 10_000

_FILTERS = ("state", "clinic", "kind", "owner", "overdue", "stuck", "from", "to")
_STATES: Mapping[str, str] = {
    State.NEW: "new",
    State.CALLED: "called",
    State.NO_ANSWER: "no answer",
    State.BOOKED: "booked",
    State.CLOSED: "closed",
}
_BUTTONS: Mapping[str, str] = {
    State.CALLED: "Called",
    State.NO_ANSWER: "No answer",
    State.BOOKED: "Booked",
    State.CLOSED: "Close",
    State.NEW: "Open again",
}
_KINDS: Mapping[str, str] = {"visit": "visit", "exam": "exam, no needles", "callback": "call back"}
_SCREENED: Mapping[str | None, str] = {
    None: "not asked",
    "BOOK": "answered, nothing to tell",
    "TELL": "answered, something to tell the therapist before any needles",
    "CALL": "answered, the clinic should talk with them first",
    "NOW": "answered, needs care soon",
}
_MISSING = "There is no request with this number at your clinics."


@dataclass(frozen=True)
class Line:
    """A request, ready to be read: nothing in it reaches a patient."""

    reference: str
    clinic: str
    conversation: str
    kind: str
    who: str
    contact: str
    place: str
    visit_kind: str
    screened: str
    tells: bool
    asked: datetime
    age: str
    due: str
    standing: str
    """overdue, due (today), or nothing."""
    state: str
    state_words: str
    state_at: str
    """As it stands, for the form: whoever was slower is told."""
    since: datetime | None
    owner: str
    owner_name: str
    is_mine: bool
    moves: Sequence[tuple[str, str]]
    is_stuck: bool
    trouble: str
    is_erased: bool


@dataclass(frozen=True)
class Step:
    """One line of a request's history."""

    at: datetime
    who: str
    words: str


@section.get("/bookings", needs=Role.READER, action="request/list", menu="Bookings")
async def queue(visit: Visit) -> Response:
    if "find" in visit.query:
        return await _find(visit, visit.query["find"])
    return await _queue(visit)


@section.waits("requests to answer", needs=Role.READER, path="/bookings")
async def open_requests(services: Services, clinics: frozenset[str]) -> int:
    return (await services.bookings.figures(clinics)).open


@section.post("/bookings/export", needs=Role.REVIEWER, action="request/export")
async def export(visit: Visit) -> Response:
    filters = _filters(visit.form)
    is_personal, reason = visit.form.get("personal") == "yes", visit.form.get("reason", "")
    if is_personal:
        try:
            require_reason(reason)
        except NeedlewiseError as fault:
            return await _queue(visit, filters=filters, fault=str(fault), status=422)
    services = visit.services
    wanted = _wanted(visit, filters)
    listed, _ = await services.bookings.listed(visit.clinics, wanted, limit=MOST_EXPORTED)
    people = await _people(visit)
    content = table(
        listed,
        clinic=services.library.clinic,
        name=lambda id: _name(people, id),
        local=lambda clinic, at: at.astimezone(services.zone(clinic)),
        personal=is_personal,
    )
    clinics = {one.kept.request.clinic for one in listed}
    details = {
        "rows": len(listed),
        "personal": is_personal,
        **{name: value for name, value in filters.items() if value},
    }
    await visit.record(clinic=clinics.pop() if len(clinics) == 1 else "", reason=reason, details=details)
    name = f"bookings-{clock.now():%Y-%m-%d}.csv"
    # Excel takes a file without a byte order mark for one of its old code pages.
    return Response(
        content.encode("utf-8-sig"),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@section.get("/bookings/{reference}", needs=Role.READER, action="request/view")
async def one(visit: Visit) -> Response:
    return await _show(visit, await _found(visit))


@section.post("/bookings/{reference}/state", needs=Role.REVIEWER, action="request/state")
async def move(visit: Visit) -> Response:
    found = await _found(visit)
    try:
        to = State(visit.form.get("to", ""))
        seen = replace(found.kept, state=State(visit.form.get("seen", "")), state_at=_seen_at(visit))
    except ValueError:
        raise Refused(400, "no such state") from None
    try:
        await visit.services.bookings.move(seen, to, visit.entry())
    except NeedlewiseError as fault:
        return await _not_done(visit, found, fault)
    return await _done(visit, found, "booking-" + to.value.replace("_", "-"))


@section.post("/bookings/{reference}/owner", needs=Role.REVIEWER, action="request/owner")
async def give(visit: Visit) -> Response:
    found = await _found(visit)
    owner = visit.form.get("owner", "") or None
    if owner is not None:
        account = (await _people(visit)).get(owner)
        if account is None or not _works_there(account, found.kept.request.clinic):
            raise Refused(400, "cannot have it")
    seen = replace(found.kept, owner=visit.form.get("seen", "") or None)
    try:
        await visit.services.bookings.give(seen, owner, visit.entry())
    except NeedlewiseError as fault:
        return await _not_done(visit, found, fault)
    done = "booking-given-back" if owner is None else "booking-taken"
    return await _done(visit, found, done if owner in (None, visit.account.id) else "booking-handed-over")


@section.post("/bookings/{reference}/reveal", needs=Role.READER, action="request/reveal")
async def reveal(visit: Visit) -> Response:
    found = await _found(visit)
    if not _may_reveal(visit, found.kept.request.clinic):
        raise Refused(403, "only reviewers and clinicians")
    entry = visit.entry(reason=visit.form.get("reason", ""))
    try:
        details = await visit.services.bookings.reveal(found.kept, entry)
    except NeedlewiseError as fault:
        visit.is_recorded = False
        return await _show(visit, found, reason_fault=str(fault), status=422)
    return await _show(visit, found, details=details)


@section.post("/bookings/{reference}/send-again", needs=Role.REVIEWER, action="request/send-again")
async def send_again(visit: Visit) -> Response:
    found = await _found(visit)
    try:
        await visit.services.bookings.send_again(found.kept, visit.entry())
    except NeedlewiseError as fault:
        return await _not_done(visit, found, fault)
    return visit.back(f"/bookings/{found.kept.reference}", done="booking-sent-again")


# -- pages ----------------------------------------------------------------------------------------------------------------


async def _queue(
    visit: Visit,
    *,
    filters: Mapping[str, str] | None = None,
    fault: str = "",
    find: str = "",
    status: int = 200,
) -> Response:
    filters = _filters(visit.query) if filters is None else filters
    page = visit.query.get("page", "")
    first = (int(page) - 1) * PAGE if page.isascii() and page.isdigit() and 0 < int(page) < 10_000 else 0
    bookings = visit.services.bookings
    listed, count = await bookings.listed(visit.clinics, _wanted(visit, filters), first=first)
    people = await _people(visit)
    if visit.request.method == "GET":
        details = {name: value for name, value in filters.items() if value}
        await visit.record(details={"rows": len(listed), **details})
    given = {name: value for name, value in filters.items() if value}
    return visit.show(
        "bookings_rows.html" if visit.is_partial else "bookings.html",
        status=status,
        lines=[_line(visit, one, people) for one in listed],
        figures=await bookings.figures(visit.clinics),
        count=count,
        first=first,
        newer=urlencode({**given, "page": str(first // PAGE)}) if first else "",
        older=urlencode({**given, "page": str(first // PAGE + 2)}) if first + PAGE < count else "",
        filters=filters,
        query=urlencode(given),
        tabs=_tabs(given),
        states=[("", "open"), *_STATES.items(), ("all", "any")],
        kinds=_KINDS,
        people=[(one.id, one.name) for one in people.values() if _is_ours(visit, one)],
        clinics=sorted(visit.clinics),
        may_work=_may_work(visit),
        fault=fault,
        find=find,
    )


async def _find(visit: Visit, text: str) -> Response:
    found = await visit.services.bookings.find(visit.clinics, text[:40])
    if len(found) == 1:
        # What was typed is not noted: it may be anything.
        await visit.record("request/find", subject=found[0])
        return RedirectResponse(f"{PREFIX}/bookings/{found[0]}", status_code=303)
    fault = f"It may be one of these: {', '.join(found)}." if found else _MISSING
    return await _queue(visit, fault=fault, find=text[:40])


async def _show(
    visit: Visit,
    found: Listed,
    *,
    details: Details | None = None,
    fault: str = "",
    reason_fault: str = "",
    status: int = 200,
) -> Response:
    clinic = found.kept.request.clinic
    people = await _people(visit)
    steps = [
        _step(visit, change, clinic, people)
        for change in await visit.services.bookings.history(found.kept.reference)
    ]
    return visit.show(
        "booking.html",
        status=status,
        line=_line(visit, found, people),
        details=details,
        phone=_phone(details),
        steps=steps,
        may_work=_may_work(visit),
        may_reveal=_may_reveal(visit, clinic),
        heirs=[(one.id, one.name) for one in people.values() if _works_there(one, clinic)],
        query="",
        fault=fault,
        reason_fault=reason_fault,
    )


async def _done(visit: Visit, found: Listed, done: str) -> Response:
    """The changed row, the list it was in, or its own page."""
    reference = found.kept.reference
    if visit.is_partial:
        return await _row(visit, reference)
    if "back" in visit.form:
        query = urlencode({name: value for name, value in _filters(_pairs(visit)).items() if value})
        return visit.back("/bookings" + (f"?{query}" if query else ""), done=done)
    return visit.back(f"/bookings/{reference}", done=done)


async def _not_done(visit: Visit, found: Listed, fault: NeedlewiseError) -> Response:
    visit.is_recorded = False
    now = await visit.services.bookings.show(found.kept.reference) or found
    words = str(fault)
    if isinstance(fault, Changed):
        people = await _people(visit)
        owner = _name(people, now.kept.owner) if now.kept.owner else "nobody"
        words = f"Somebody was faster: it is “{_STATES[now.kept.state]}” now, and {owner} has it."
    if visit.is_partial:
        await visit.record(outcome="failure", details={"why": "changed meanwhile"})
        return await _row(visit, found.kept.reference, fault=words)
    return await _show(visit, now, fault=words, status=409)


async def _row(visit: Visit, reference: str, *, fault: str = "") -> Response:
    now = await visit.services.bookings.show(reference)
    assert now is not None
    return visit.show(
        "bookings_row.html",
        line=_line(visit, now, await _people(visit)),
        fault=fault,
        is_moved=True,
        query=urlencode({name: value for name, value in _filters(_pairs(visit)).items() if value}),
        clinics=sorted(visit.clinics),
        may_work=_may_work(visit),
    )


async def _found(visit: Visit) -> Listed:
    found = await visit.services.bookings.show(visit.request.path_params["reference"])
    if found is None:
        raise Refused(404, "no such request")
    visit.at(found.kept.request.clinic, found.kept.reference)
    return found


# -- what may be done ------------------------------------------------------------------------------------------------------


def _may_work(visit: Visit) -> frozenset[str]:
    return visit.site.at(visit.account, Role.REVIEWER)


def _may_reveal(visit: Visit, clinic: str) -> bool:
    return clinic in visit.account.may(Role.REVIEWER) | visit.account.may(Role.CLINICIAN)


def _works_there(account: Account, clinic: str) -> bool:
    return not account.is_disabled and clinic in account.may(Role.REVIEWER)


def _is_ours(visit: Visit, account: Account) -> bool:
    return bool(account.may(Role.REVIEWER) & visit.clinics)


async def _people(visit: Visit) -> dict[str, Account]:
    return {one.id: one for one in await visit.site.accounts.all()}


def _name(people: Mapping[str, Account], id: str) -> str:
    return people[id].name if id in people else "the command line" if id == "command-line" else "somebody"


# -- filters -----------------------------------------------------------------------------------------------------------------


def _filters(given: Mapping[str, str]) -> dict[str, str]:
    return {name: given.get(name, "").strip()[:64] for name in _FILTERS}


def _pairs(visit: Visit) -> Mapping[str, str]:
    """The filters of the list that a form was sent from: it carries them in one field."""
    return dict(parse_qsl(visit.form.get("back", "")[:1000]))


def _wanted(visit: Visit, filters: Mapping[str, str]) -> Wanted:
    state, owner, clinic = filters["state"], filters["owner"], filters["clinic"]
    states: tuple[str, ...] = OPEN if not state else () if state == "all" else (state,)
    zones = [
        visit.services.zone(one) for one in ([clinic] if clinic in visit.clinics else sorted(visit.clinics))
    ]
    first, last = _day(filters["from"]), _day(filters["to"])
    return Wanted(
        states=states,
        clinic=clinic or None,
        kind=filters["kind"] or None,
        owner={"": None, "nobody": "", "me": visit.account.id}.get(owner, owner),
        overdue=bool(filters["overdue"]),
        stuck=bool(filters["stuck"]),
        since=datetime.combine(first, time(), zones[0]) if first else None,
        until=datetime.combine(last + timedelta(days=1), time(), zones[0]) if last else None,
    )


def _tabs(given: Mapping[str, str]) -> list[tuple[str, str, str, bool]]:
    """Name, query, figure to show, and whether one is there."""
    tabs: list[tuple[str, dict[str, str], str]] = [
        ("Open", {}, "open"),
        ("Overdue", {"overdue": "1"}, "overdue"),
        ("Mine", {"owner": "me"}, ""),
        ("Nobody’s", {"owner": "nobody"}, ""),
        ("Booked", {"state": "booked"}, ""),
        ("Closed", {"state": "closed"}, ""),
        ("All", {"state": "all"}, ""),
    ]
    return [(words, urlencode(query), figure, query == dict(given)) for words, query, figure in tabs]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _seen_at(visit: Visit) -> datetime | None:
    text = visit.form.get("seen_at", "")
    return datetime.fromisoformat(text) if text else None


# -- words -------------------------------------------------------------------------------------------------------------------


def _line(visit: Visit, one: Listed, people: Mapping[str, Account]) -> Line:
    kept, request = one.kept, one.kept.request
    clinic = visit.services.library.clinic(request.clinic)
    zone = visit.services.zone(request.clinic)
    kinds = {kind.id: labelled(kind.label, "en") for kind in clinic.booking.visit_kinds}
    places = {place.id: place.name for place in clinic.locations}
    due, standing = _due(one, lambda at: at.astimezone(zone))
    return Line(
        reference=kept.reference,
        clinic=request.clinic,
        conversation=request.conversation,
        kind=_KINDS.get(request.kind, request.kind),
        who=masked_name(request.details.first_name),
        contact=masked_contact(request.details.contact) if not kept.is_erased else "erased",
        place=places.get(request.location or "", "any office" if request.kind != "callback" else ""),
        visit_kind=kinds.get(request.visit_kind or "", ""),
        screened=_SCREENED.get(request.outcome, ""),
        tells=tells(one),
        asked=kept.created_at.astimezone(zone),
        age=ago(clock.now() - kept.created_at),
        due=due,
        standing=standing,
        state=kept.state,
        state_words=_STATES[kept.state],
        state_at=kept.state_at.isoformat() if kept.state_at else "",
        since=kept.state_at.astimezone(zone) if kept.state_at else None,
        owner=kept.owner or "",
        owner_name=_name(people, kept.owner) if kept.owner else "",
        is_mine=kept.owner == visit.account.id,
        moves=[(to.value, _move_words(kept, to)) for to in MOVES[State(kept.state)]],
        is_stuck=one.is_stuck,
        trouble=one.trouble or "",
        is_erased=kept.is_erased,
    )


def _move_words(kept: Kept, to: State) -> str:
    return "No answer again" if kept.state == to == State.NO_ANSWER else _BUTTONS[to]


def _due(one: Listed, local: Callable[[datetime], datetime]) -> tuple[str, str]:
    """By when the patient was told to expect an answer, in words, and how that stands."""
    by = one.kept.expected_by
    if by is None or one.kept.state not in OPEN:
        return "", ""
    at, now = local(by), local(clock.now())
    if one.is_overdue:
        return f"overdue {ago(now - at)}", "overdue"
    if one.kept.state == State.CALLED:
        return "", ""
    if at.date() == now.date():
        return f"today by {at:%H:%M}", "due"
    if at.date() == now.date() + timedelta(days=1):
        return f"tomorrow by {at:%H:%M}", ""
    return f"{at:%a} {at.day} {at:%b}", ""


def ago(length: timedelta) -> str:
    """A length of time in its largest unit: "5 min", "3 h", "2 days"."""
    minutes = int(length.total_seconds() // 60)
    if minutes < 60:
        return f"{max(minutes, 0)} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h"
    return f"{minutes // (24 * 60)} days"


def _step(visit: Visit, change: Change, clinic: str, people: Mapping[str, Account]) -> Step:
    details = change.details
    before, after = str(details.get("from", "")), str(details.get("to", ""))
    if change.action == "request/state":
        words = f"moved it from {_STATES.get(before, before)} to {_STATES.get(after, after)}"
    elif change.action == "request/reveal":
        words = "looked at name and contact"
    elif change.action == "request/send-again":
        words = "sent it to the clinic again"
    elif not after:
        words = "gave it back"
    elif after == change.actor:
        words = "took it" if not before else f"took it over from {_name(people, before)}"
    else:
        words = f"handed it over to {_name(people, after)}"
    return Step(change.at.astimezone(visit.services.zone(clinic)), _name(people, change.actor), words)


def _phone(details: Details | None) -> str:
    """A phone number as people write it; empty for an e-mail address."""
    return shown_phone(details.contact, "sms") if details and details.contact.startswith("+") else ""
