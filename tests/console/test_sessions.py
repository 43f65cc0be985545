"""A session is a random token that only this browser has, for a time."""

import hashlib

import pytest
from starlette.applications import Starlette
from starlette.responses import Response

from needlewise.console.roles import Role
from needlewise.console.site import Site
from needlewise.console.visit import Section, Visit
from needlewise.db.audit import COMMAND_LINE, Entry
from needlewise.wiring import Services
from tests.console.conftest import Time
from tests.console.person import PASSWORD, AddPerson, OpenBrowser
from tests.support.stored import rows

BY = Entry(COMMAND_LINE, "staff/test")


def set_cookies(response: object) -> dict[str, str]:
    lines = response.headers.get_list("set-cookie")  # type: ignore[attr-defined]
    return {line.partition("=")[0]: line for line in lines}


async def test_cookies_are_for_this_host_by_https_and_no_script(
    person: AddPerson, browser: OpenBrowser, time: Time
) -> None:
    maria = await person()
    time.pass_(minutes=1)
    cookies = set_cookies(await maria.sign_in(browser()))
    assert set(cookies) == {
        "__Host-needlewise-session",
        "__Host-needlewise-visitor",
        "__Host-needlewise-device",
    }
    for line in cookies.values():
        parts = {part.strip().lower() for part in line.split(";")[1:]}
        assert {"httponly", "secure", "samesite=lax", "path=/"} <= parts, line
        assert not any(part.startswith("domain") for part in parts)


@pytest.mark.parametrize(
    ("base", "name"),
    [
        ("http://localhost:8000", "needlewise-visitor"),
        ("http://127.0.0.1:8000", "needlewise-visitor"),
        ("https://localhost", "__Host-needlewise-visitor"),
        ("http://192.0.2.7", "__Host-needlewise-visitor"),
        ("http://localhost.evil.example", "__Host-needlewise-visitor"),
    ],
)
async def test_only_plain_http_to_this_machine_gets_cookies_that_travel_so(
    browser: OpenBrowser, base: str, name: str
) -> None:
    cookies = set_cookies(await browser(base=base).get("/staff/sign-in"))
    assert list(cookies) == [name]
    assert ("secure" in cookies[name].lower()) == name.startswith("__Host-")


async def test_every_step_of_signing_in_gives_a_new_token(
    person: AddPerson, browser: OpenBrowser, time: Time
) -> None:
    maria = await person()
    time.pass_(minutes=1)
    elsewhere = browser()
    await elsewhere.form("/staff/sign-in", {"name": "maria", "password": PASSWORD})
    halfway = elsewhere.session
    await elsewhere.form("/staff/sign-in/code", {"code": maria.code()})
    assert halfway is not None
    assert elsewhere.session not in (None, halfway)
    late = browser()
    late.client.cookies.set("__Host-needlewise-session", halfway, domain="staff.test")
    assert (await late.get("/staff")).headers["location"].startswith("/staff/sign-in")


async def test_a_token_planted_before_signing_in_is_not_adopted(
    person: AddPerson, browser: OpenBrowser, time: Time
) -> None:
    maria = await person()
    time.pass_(minutes=1)
    victim, thief = browser(), browser()
    for one in (victim, thief):
        one.client.cookies.set("__Host-needlewise-session", "planted", domain="staff.test", path="/")
    await maria.sign_in(victim)
    assert (await victim.get("/staff")).status_code == 200
    assert (await thief.get("/staff")).status_code == 303


async def test_the_thiefs_own_session_does_not_become_the_victims(
    person: AddPerson, browser: OpenBrowser, time: Time
) -> None:
    eve, maria = await person("eve"), await person("maria")
    time.pass_(minutes=1)
    victim, planted = browser(), eve.browser.session
    victim.client.cookies.set("__Host-needlewise-session", planted or "", domain="staff.test", path="/")
    await victim.post("/staff/sign-out")
    await victim.get("/staff/account")
    await victim.post("/staff/sign-out")
    await maria.sign_in(victim)
    await eve.browser.get("/staff/account")
    assert "maria" not in eve.browser.page


async def test_a_session_stolen_before_signing_out_opens_nothing_after(
    person: AddPerson, browser: OpenBrowser
) -> None:
    maria = await person()
    thief = browser()
    thief.client.cookies.set("__Host-needlewise-session", maria.browser.session or "", domain="staff.test")
    assert (await thief.get("/staff")).status_code == 200
    await maria.browser.get("/staff")
    await maria.browser.post("/staff/sign-out")
    assert (await thief.get("/staff")).status_code == 303


async def test_the_table_opens_nothing(person: AddPerson, services: Services) -> None:
    maria = await person()
    token = maria.browser.session or ""
    (row,) = rows(services.settings, "staff_sessions")
    assert row["token_hash"] == hashlib.sha256(token.encode()).hexdigest()
    stored = str(
        [
            rows(services.settings, name)
            for name in ("staff", "staff_sessions", "staff_devices", "staff_recovery", "audit")
        ]
    )
    device = next(value for name, value in maria.browser.client.cookies.items() if name.endswith("-device"))
    for secret in (token, device, maria.secret, PASSWORD, *maria.recovery_codes):
        assert secret not in stored
    assert (await maria.browser.get("/staff")).status_code == 200


async def test_without_use_one_is_signed_out(person: AddPerson, time: Time) -> None:
    maria = await person()
    time.pass_(minutes=29)
    assert (await maria.browser.get("/staff/account")).status_code == 200
    time.pass_(minutes=29)
    assert (await maria.browser.get("/staff/account")).status_code == 200
    time.pass_(minutes=30)
    response = await maria.browser.get("/staff/account")
    assert response.headers["location"] == "/staff/sign-in?done=idle&next=/staff/account"


async def test_after_twelve_hours_one_signs_in_again_whatever_one_does(person: AddPerson, time: Time) -> None:
    maria = await person()
    for _ in range(12 * 3 - 1):
        time.pass_(minutes=20)
        assert (await maria.browser.get("/staff")).status_code == 200
    time.pass_(minutes=20)
    assert (await maria.browser.get("/staff")).status_code == 303


async def test_halfway_in_one_has_a_quarter_of_an_hour(
    person: AddPerson, browser: OpenBrowser, time: Time
) -> None:
    maria = await person()
    elsewhere = browser()
    await elsewhere.form("/staff/sign-in", {"name": "maria", "password": PASSWORD})
    await elsewhere.get("/staff/sign-in/code")
    time.pass_(minutes=15)
    response = await elsewhere.post("/staff/sign-in/code", {"code": maria.code()})
    assert response.headers["location"].startswith("/staff/sign-in?")


async def test_what_a_page_asks_by_itself_keeps_nobody_signed_in(
    services: Services, person: AddPerson, time: Time, site: Site, console: Starlette
) -> None:
    section = Section()

    @section.get("/ticker", needs=Role.READER, action="ticker/view", is_background=True)
    async def ticker(visit: Visit) -> Response:
        return Response("1")

    maria = await person()
    (route,) = [route for route in _with(site, section) if getattr(route, "path", "") == "/staff/ticker"]
    console.router.routes.insert(0, route)
    before = len(rows(services.settings, "audit"))
    for _ in range(3):
        time.pass_(minutes=9)
        assert (await maria.browser.get("/staff/ticker")).status_code == 200
    time.pass_(minutes=9)
    assert (await maria.browser.get("/staff/ticker")).status_code == 303
    assert len(rows(services.settings, "audit")) == before


def _with(site: Site, section: Section) -> list[object]:
    site.declared.extend(section.declared)
    return list(site.routes())


async def test_htmx_is_led_to_the_sign_in_page_as_a_whole(browser: OpenBrowser) -> None:
    response = await browser().get("/staff/audit", **{"HX-Request": "true"})
    assert (response.status_code, response.headers["HX-Redirect"]) == (401, "/staff/sign-in")


async def test_roles_and_accounts_are_looked_at_with_every_request(site: Site, person: AddPerson) -> None:
    maria, noor = await person("maria", Role.ADMIN), await person("noor", Role.ADMIN)
    assert (await noor.browser.get("/staff/audit")).status_code == 200
    await site.accounts.set_roles(noor.account, "demo", {Role.READER}, BY)
    assert (await noor.browser.get("/staff/audit")).status_code == 403
    account = await site.accounts.get(noor.account.id)
    assert account is not None
    await site.accounts.disable(account, BY)
    assert (await noor.browser.get("/staff")).status_code == 303
    assert (await maria.browser.get("/staff")).status_code == 200


async def test_one_ends_the_session_of_a_browser_of_ones_own_only(
    person: AddPerson, browser: OpenBrowser, time: Time
) -> None:
    eve, maria = await person("eve"), await person("maria")
    time.pass_(minutes=1)
    other = browser()
    await maria.sign_in(other)
    hers = hashlib.sha256((other.session or "").encode()).hexdigest()
    refused = await eve.browser.form("/staff/account", {"id": hers}, to="/staff/account/browsers/end")
    assert refused.status_code == 404
    await maria.browser.form("/staff/account", {"id": hers}, to="/staff/account/browsers/end")
    assert (await other.get("/staff")).status_code == 303
    assert (await maria.browser.get("/staff")).status_code == 200


async def test_pages_are_not_kept_by_browsers_and_run_no_foreign_script(person: AddPerson) -> None:
    maria = await person()
    response = await maria.browser.get("/staff/account")
    assert response.headers["cache-control"] == "no-store"
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
