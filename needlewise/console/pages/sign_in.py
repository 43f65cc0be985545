"""The way in and out: password, second factor, and the setting up of both."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from needlewise.console import second_factor
from needlewise.console.sessions import Session, Stage
from needlewise.console.signing_in import Came, NotIn
from needlewise.console.visit import PREFIX, Door, Section, Visit
from needlewise.db.audit import Entry

section = Section()

_OURS = re.compile(rf"{PREFIX}(?!/(?:sign-in|sign-out|set-up|stay)\b)(?:/[A-Za-z0-9_-]+)+")


@section.get("/sign-in", needs=Door.ANYONE)
async def sign_in(visit: Visit) -> Response:
    """Name and password; somebody who is in already goes on."""
    if visit.session is not None and visit.session.stage is Stage.FULL:
        return visit.back("")
    has_accounts = await visit.site.accounts.any()
    return visit.show("sign_in.html", fault="", name="", next=_next(visit), has_accounts=has_accounts)


@section.post("/sign-in", needs=Door.ANYONE)
async def give_password(visit: Visit) -> Response:
    name = visit.form.get("name", "")
    try:
        came = await visit.site.signing_in.with_password(
            name,
            visit.form.get("password", ""),
            visit.site.origin(visit),
            instead_of=visit.session.id if visit.session else None,
        )
    except NotIn as refusal:
        return _again(visit, "sign_in.html", refusal, name=name, next=_next(visit), has_accounts=True)
    return _on(visit, came)


@section.get("/sign-in/code", needs=Stage.CODE)
async def code(visit: Visit) -> Response:
    return visit.show("code.html", fault="", next=_next(visit))


@section.post("/sign-in/code", needs=Stage.CODE)
async def give_code(visit: Visit) -> Response:
    try:
        came = await visit.site.signing_in.with_code(
            _session(visit), visit.form.get("code", ""), visit.site.origin(visit)
        )
    except NotIn as refusal:
        return _again(visit, "code.html", refusal, next=_next(visit))
    return _on(visit, came)


@section.get("/set-up", needs=Door.ANYONE)
async def set_up(visit: Visit) -> Response:
    """For a new account, and after a reset: the name and the one-time code. Codes are typed in and never part of an address."""
    return visit.show("set_up.html", fault="", name="")


@section.post("/set-up", needs=Door.ANYONE)
async def give_setup_code(visit: Visit) -> Response:
    name = visit.form.get("name", "")
    try:
        came = await visit.site.signing_in.with_setup_code(
            name,
            visit.form.get("code", ""),
            visit.site.origin(visit),
            instead_of=visit.session.id if visit.session else None,
        )
    except NotIn as refusal:
        return _again(visit, "set_up.html", refusal, name=name)
    return _on(visit, came)


@section.get("/set-up/password", needs=Stage.PASSWORD)
async def new_password(visit: Visit) -> Response:
    return visit.show("new_password.html", fault="", name=visit.account.name)


@section.post("/set-up/password", needs=Stage.PASSWORD)
async def choose_password(visit: Visit) -> Response:
    password = visit.form.get("password", "")
    try:
        if password != visit.form.get("again", ""):
            raise NotIn("The two passwords are not the same.")
        came = await visit.site.signing_in.choose_password(_session(visit), password)
    except NotIn as refusal:
        return _again(visit, "new_password.html", refusal, name=visit.account.name)
    return _on(visit, came)


@section.get("/set-up/second-factor", needs=Stage.ENROL)
async def new_second_factor(visit: Visit) -> Response:
    return visit.show("second_factor.html", fault="", **_offer(visit))


@section.post("/set-up/second-factor", needs=Stage.ENROL)
async def enrol(visit: Visit) -> Response:
    try:
        came, codes = await visit.site.signing_in.enrol(
            _session(visit), visit.form.get("code", ""), visit.site.origin(visit)
        )
    except NotIn as refusal:
        return _again(visit, "second_factor.html", refusal, **_offer(visit))
    visit.site.came(visit, came.token, came.device)
    return show_codes(visit, codes)


@section.post("/sign-out", needs=Door.SIGNED_IN)
async def sign_out(visit: Visit) -> Response:
    session = _session(visit)
    async with visit.services.engine.begin() as connection:
        await visit.site.sessions.end(connection, session.id)
        entry = Entry(session.staff, "account/sign-out", subject=session.staff)
        await visit.services.audit.record(entry, connection)
    visit.site.gone(visit)
    return visit.back("/sign-in", done="signed-out")


@section.post("/stay", needs=Door.SIGNED_IN)
async def stay(visit: Visit) -> Response:
    """Somebody is still there: the guard has noted it."""
    return Response(status_code=204)


def show_codes(visit: Visit, codes: Sequence[str]) -> Response:
    """New recovery codes, this once."""
    return visit.show("recovery_codes.html", codes=codes)


def _session(visit: Visit) -> Session:
    assert visit.session is not None
    return visit.session


def _offer(visit: Visit) -> dict[str, Any]:
    secret = visit.site.signing_in.pending(_session(visit)) or ""
    picture = second_factor.picture(secret, name=visit.account.name)
    return {"picture": picture, "secret": second_factor.spaced(secret)}


def _again(visit: Visit, template: str, refusal: NotIn, **values: object) -> Response:
    """The same form with what was wrong; the beginning, when it is over."""
    if refusal.is_over:
        visit.site.gone(visit)
        return visit.back("/sign-in", done="begin-again")
    response = visit.show(template, status=429 if refusal.wait else 422, **{**values, "fault": refusal.words})
    if refusal.wait:
        response.headers["Retry-After"] = str(refusal.wait)
    return response


def _on(visit: Visit, came: Came) -> Response:
    visit.site.came(visit, came.token, came.device)
    goal = _next(visit)
    if came.stage is Stage.FULL:
        return RedirectResponse(goal or PREFIX, status_code=303)
    path = visit.site.way(came.stage)
    return RedirectResponse(f"{path}?next={quote(goal)}" if goal else path, status_code=303)


def _next(visit: Visit) -> str:
    """Where somebody wanted to go: a page of ours, and nothing else that a link may say."""
    goal = visit.form.get("next", "") or visit.query.get("next", "")
    return goal if _OURS.fullmatch(goal) else ""
