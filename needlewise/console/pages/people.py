"""The staff of the clinics whose admin one is.

An admin gives and takes roles at their own clinics. What concerns the whole account (a reset, disabling it) they may do only for people who
work at no other clinic: a reset gives whoever holds its code everything that the account may do.
"""

from starlette.responses import Response

from needlewise.console.accounts import SETUP_HOURS, Account
from needlewise.console.roles import MEANINGS, Role
from needlewise.console.visit import Refused, Section, Visit
from needlewise.errors import NeedlewiseError

section = Section()


@section.get("/people", needs=Role.ADMIN, action="staff/list", menu="Staff")
async def people(visit: Visit) -> Response:
    return await _list(visit)


@section.post("/people", needs=Role.ADMIN, action="staff/add")
async def add(visit: Visit) -> Response:
    clinic = visit.at(visit.form.get("clinic", ""))
    try:
        roles = _roles(visit)
        if not roles:
            raise NeedlewiseError("Choose at least one role.")
        account, code = await visit.site.accounts.add(
            visit.form.get("name", ""), {clinic: roles}, visit.entry()
        )
    except NeedlewiseError as fault:
        visit.is_recorded = False
        return await _list(visit, fault=str(fault))
    return _code(visit, account, code)


@section.get("/people/{id}", needs=Role.ADMIN, action="staff/view")
async def person(visit: Visit) -> Response:
    account = await _person(visit)
    visit.about(subject=account.id)
    return _show(visit, account)


@section.post("/people/{id}/roles", needs=Role.ADMIN, action="staff/roles")
async def set_roles(visit: Visit) -> Response:
    account = await _person(visit)
    clinic = visit.at(visit.form.get("clinic", ""), account.id)
    try:
        await visit.site.accounts.set_roles(account, clinic, _roles(visit), visit.entry())
    except NeedlewiseError as fault:
        return _failed(visit, account, fault)
    left = await visit.site.accounts.get(account.id)
    still_ours = left is not None and left.roles.keys() & visit.clinics
    return visit.back(f"/people/{account.id}" if still_ours else "/people", done="roles")


@section.post("/people/{id}/disable", needs=Role.ADMIN, action="staff/disable")
async def disable(visit: Visit) -> Response:
    account = await _whole(visit)
    try:
        await visit.site.accounts.disable(account, visit.entry(clinic=_clinic(account)))
    except NeedlewiseError as fault:
        return _failed(visit, account, fault)
    return visit.back(f"/people/{account.id}", done="disabled")


@section.post("/people/{id}/enable", needs=Role.ADMIN, action="staff/enable")
async def enable(visit: Visit) -> Response:
    account = await _whole(visit)
    await visit.site.accounts.enable(account, visit.entry(clinic=_clinic(account)))
    return visit.back(f"/people/{account.id}", done="enabled")


@section.post("/people/{id}/reset", needs=Role.ADMIN, action="staff/reset")
async def reset(visit: Visit) -> Response:
    account = await _whole(visit)
    code = await visit.site.accounts.reset(
        account,
        visit.entry(clinic=_clinic(account), reason=visit.form.get("reason", "")),
        second_factor=visit.form.get("second_factor") == "yes",
    )
    return _code(visit, account, code)


async def _person(visit: Visit) -> Account:
    """The person of the address, if they work at a clinic of this admin."""
    account = await visit.site.accounts.get(visit.request.path_params["id"])
    if account is None or not account.roles.keys() & visit.clinics:
        raise Refused(404, "other clinic")
    return account


async def _whole(visit: Visit) -> Account:
    """The same, if they work nowhere else."""
    account = await _person(visit)
    if not _is_whole(visit, account):
        raise Refused(403, "works at other clinics too")
    return account


def _is_whole(visit: Visit, account: Account) -> bool:
    return account.roles.keys() <= visit.clinics


def _roles(visit: Visit) -> frozenset[Role]:
    try:
        return frozenset(Role(value) for value in visit.form.getlist("role"))
    except ValueError:
        raise Refused(400, "no such role") from None


def _clinic(account: Account) -> str:
    return next(iter(account.roles)) if len(account.roles) == 1 else ""


async def _list(visit: Visit, *, fault: str = "") -> Response:
    everybody = [one for one in await visit.site.accounts.all() if one.roles.keys() & visit.clinics]
    values = {"people": everybody, "fault": fault, "meanings": MEANINGS}
    name = visit.form.get("name", "") if fault else ""
    return visit.show("people.html", status=422 if fault else 200, name=name, **values)


def _show(visit: Visit, account: Account, *, fault: str = "") -> Response:
    return visit.show(
        "person.html",
        status=422 if fault else 200,
        person=account,
        fault=fault,
        meanings=MEANINGS,
        is_whole=_is_whole(visit, account),
    )


def _failed(visit: Visit, account: Account, fault: NeedlewiseError) -> Response:
    visit.is_recorded = False
    return _show(visit, account, fault=str(fault))


def _code(visit: Visit, account: Account, code: str) -> Response:
    return visit.show("setup_code.html", person=account, code=code, hours=SETUP_HOURS)
