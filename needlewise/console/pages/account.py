"""One's own account: password, browsers, recovery codes."""

from starlette.responses import Response

from needlewise.console.pages.sign_in import show_codes
from needlewise.console.signing_in import NotIn
from needlewise.console.visit import Door, Refused, Section, Visit

section = Section()


@section.get("/account", needs=Door.SIGNED_IN, action="account/view", menu="Your account")
async def account(visit: Visit) -> Response:
    return await _page(visit)


@section.post("/account/password", needs=Door.SIGNED_IN, action="account/password")
async def change_password(visit: Visit) -> Response:
    form = visit.form
    try:
        if form.get("new", "") != form.get("again", ""):
            raise NotIn("The two new passwords are not the same.")
        assert visit.session is not None
        await visit.site.signing_in.change_password(
            visit.session, form.get("old", ""), form.get("new", ""), visit.site.origin(visit)
        )
    except NotIn as fault:
        return await _page(visit, password_fault=fault)
    visit.is_recorded = True
    return visit.back("/account", done="password")


@section.post("/account/recovery-codes", needs=Door.SIGNED_IN, action="account/recovery-codes")
async def new_recovery_codes(visit: Visit) -> Response:
    assert visit.session is not None
    try:
        codes = await visit.site.signing_in.new_recovery_codes(
            visit.session, visit.form.get("password", ""), visit.site.origin(visit)
        )
    except NotIn as fault:
        return await _page(visit, codes_fault=fault)
    visit.is_recorded = True
    return show_codes(visit, codes)


@section.post("/account/browsers/end", needs=Door.SIGNED_IN, action="account/end-browser")
async def end_browser(visit: Visit) -> Response:
    """Sign another browser of one's own out."""
    mine = await visit.site.sessions.of(visit.account.id)
    wanted = next((one for one in mine if one.id == visit.form.get("id")), None)
    if wanted is None:
        raise Refused(404, "not theirs")
    async with visit.services.engine.begin() as connection:
        await visit.site.sessions.end(connection, wanted.id)
        await visit.record(connection=connection, subject=visit.account.id)
    return visit.back("/account", done="ended")


async def _page(
    visit: Visit, *, password_fault: NotIn | None = None, codes_fault: NotIn | None = None
) -> Response:
    fault = password_fault or codes_fault
    response = visit.show(
        "account.html",
        status=200 if fault is None else 429 if fault.wait else 422,
        sessions=await visit.site.sessions.of(visit.account.id),
        codes_left=await visit.site.signing_in.recovery_codes_left(visit.account.id),
        password_fault=password_fault.words if password_fault else "",
        codes_fault=codes_fault.words if codes_fault else "",
    )
    if fault is not None and fault.wait:
        response.headers["Retry-After"] = str(fault.wait)
    return response
