"""Every route demands something, and gets it: a walk over all of them, for each role and for forgers."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update
from starlette.routing import Mount, Route

from needlewise.console.roles import Role, grants
from needlewise.console.sessions import Stage
from needlewise.console.site import SECTIONS, Site, declared_of
from needlewise.console.visit import Declared, Door
from needlewise.conversations.state import State
from needlewise.db.audit import COMMAND_LINE, Entry
from needlewise.db.tables import conversations
from needlewise.errors import NeedlewiseError
from needlewise.wiring import Services
from tests.console.person import AddPerson, Browser, OpenBrowser, add_person
from tests.support.stored import rows

DECLARED = [one for section in SECTIONS for one in section.declared]
FOR_A_ROLE = [one for one in DECLARED if isinstance(one.needs, Role)]
BY = Entry(COMMAND_LINE, "staff/test")


def named(one: Declared) -> str:
    return f"{one.method} {one.path}"


def address(one: Declared) -> str:
    """The route's path with something in its gaps."""
    return re.sub(r"\{[^}]*\}", "0" * 32, one.path)


async def ask(browser: Browser, one: Declared) -> int:
    if one.method == "GET":
        return (await browser.get(address(one))).status_code
    return (await browser.post(address(one), {})).status_code


def test_every_route_of_the_console_is_declared(site: Site) -> None:
    routes = site.routes()
    declared = [one for route in routes if (one := declared_of(route)) is not None]
    assert [named(one) for one in declared[:-1]] == [named(one) for one in DECLARED]
    assert declared[-1].path == "/staff/{rest:path}"
    assert all(getattr(route, "path", "").startswith("/staff") for route in routes)


def test_every_route_under_staff_of_the_whole_service_is_one_of_them(site: Site) -> None:
    from needlewise import app

    source = re.findall(r"(Site\(services\)\.routes\(\)|\"/staff)", Path(app.__file__).read_text())
    assert source == ["Site(services).routes()"]


@pytest.mark.parametrize("route", [Route("/staff/x", lambda request: None), Mount("/staff/y", routes=[])])
def test_a_route_that_is_not_behind_the_guard_is_told_apart(route: object) -> None:
    with pytest.raises(NeedlewiseError, match="not behind the console's guard"):
        declared_of(route)  # type: ignore[arg-type]


def test_only_the_way_in_is_open_to_anyone() -> None:
    assert {named(one) for one in DECLARED if one.needs is Door.ANYONE} == {
        "GET /staff/sign-in",
        "POST /staff/sign-in",
        "GET /staff/set-up",
        "POST /staff/set-up",
    }


def test_every_route_that_shows_or_changes_something_is_named_for_the_audit_log() -> None:
    silent = {named(one) for one in DECLARED if not one.action}
    of_the_way_in = {
        named(one) for one in DECLARED if not isinstance(one.needs, Role) and one.needs is not Door.SIGNED_IN
    }
    # Signing out writes its own row; staying is nothing but being there.
    assert silent - of_the_way_in == {"POST /staff/sign-out", "POST /staff/stay"}


@pytest.mark.parametrize("one", [one for one in DECLARED if one.needs is not Door.ANYONE], ids=named)
async def test_a_stranger_is_led_to_the_sign_in_page(browser: OpenBrowser, one: Declared) -> None:
    stranger = browser()
    await stranger.get("/staff/sign-in")
    response = await stranger.client.request(
        one.method, address(one), data={"csrf": stranger.token} if one.method == "POST" else None
    )
    assert (response.status_code, response.headers["location"].split("?")[0]) == (303, "/staff/sign-in")


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_opens_its_own_routes_and_no_others(person: AddPerson, role: Role) -> None:
    somebody = await person("somebody", role)
    for one in FOR_A_ROLE:
        await somebody.browser.get("/staff")
        status = await ask(somebody.browser, one)
        assert (status == 403) == (one.needs not in grants(role)), f"{role}: {named(one)} gave {status}"
    for one in DECLARED:
        if one.needs is Door.SIGNED_IN and one.method == "GET":
            assert await ask(somebody.browser, one) == 200, named(one)


async def test_no_role_opens_no_route(site: Site, browser: OpenBrowser) -> None:
    nobody = await add_person(site, browser(), "nobody", {})
    for one in FOR_A_ROLE:
        await nobody.browser.get("/staff")
        assert await ask(nobody.browser, one) == 403, named(one)
    assert (
        "You have none yet" in nobody.browser.page or (await nobody.browser.get("/staff")).status_code == 200
    )


async def test_a_role_at_a_clinic_that_is_not_served_opens_nothing(site: Site, browser: OpenBrowser) -> None:
    somebody = await add_person(site, browser(), "somebody", {"closed_last_year": [Role.ADMIN]})
    assert (await somebody.browser.get("/staff/audit")).status_code == 403


async def test_the_pages_of_the_way_in_open_at_their_own_step_only(person: AddPerson) -> None:
    maria = await person("maria", *Role)
    for one in DECLARED:
        if isinstance(one.needs, Stage):
            await maria.browser.get("/staff")
            response = await maria.browser.client.request(
                one.method, one.path, data={"csrf": maria.browser.token} if one.method == "POST" else None
            )
            assert (response.status_code, response.headers["location"]) == (303, "/staff"), named(one)


POSTS = [one for one in DECLARED if one.method == "POST"]


@pytest.mark.parametrize("forged", ["", "0" * 64, "of another session", "é"])
@pytest.mark.parametrize("one", [one for one in POSTS if not isinstance(one.needs, Stage)], ids=named)
async def test_a_form_without_this_sessions_token_does_nothing(
    person: AddPerson, services: Services, one: Declared, forged: str
) -> None:
    maria = await person("maria", *Role)
    if forged == "of another session":
        forged = (await person("eve")).browser.token
    before = {name: rows(services.settings, name) for name in ("staff", "staff_roles", "staff_sessions")}
    path = address(one).replace("0" * 32, maria.account.id)
    data = {"name": "new", "clinic": "demo", "role": "admin", "reason": "x", "csrf": forged}
    assert (await maria.browser.post(path, data)).status_code == 403
    assert {name: rows(services.settings, name) for name in before} == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://staff.test.evil.example"},
        {"Origin": "http://[::1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_form_from_another_site_does_nothing_even_with_the_token(
    person: AddPerson, headers: dict[str, str]
) -> None:
    maria = await person()
    assert (await maria.browser.post("/staff/sign-out", **headers)).status_code == 403
    assert (await maria.browser.get("/staff")).status_code == 200


async def test_htmx_sends_the_token_in_a_header(person: AddPerson) -> None:
    maria = await person()
    token = maria.browser.token
    wrong = await maria.browser.post("/staff/stay", {"csrf": ""}, **{"X-CSRF-Token": "0" * 64})
    right = await maria.browser.post("/staff/stay", {"csrf": ""}, **{"X-CSRF-Token": token})
    assert (wrong.status_code, right.status_code) == (403, 204)


async def test_signing_in_is_not_forged_either(person: AddPerson, browser: OpenBrowser) -> None:
    eve = await person("eve")
    victim = browser()
    response = await victim.client.post("/staff/sign-in", data={"name": "eve", "password": eve.password})
    assert (response.status_code, victim.session) == (403, None)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "application/json", 400),
        (b"a=%ff&csrf=x", "application/x-www-form-urlencoded", 403),
        (b"\xff\xfe=1", "application/x-www-form-urlencoded", 400),
        (b"a=1&" * 1001, "application/x-www-form-urlencoded", 400),
        (b"a" * (256 * 1024 + 1), "application/x-www-form-urlencoded", 413),
    ],
)
async def test_what_is_no_form_is_refused(person: AddPerson, body: bytes, kind: str, status: int) -> None:
    maria = await person()
    response = await maria.browser.client.post("/staff/stay", content=body, headers={"Content-Type": kind})
    assert response.status_code == status


@pytest.mark.parametrize("one", [one for one in DECLARED if one.method == "GET"], ids=named)
async def test_no_page_changes_anything(person: AddPerson, services: Services, one: Declared) -> None:
    maria = await person("maria", *Role)
    before = dump(services)
    await maria.browser.get(address(one).replace("0" * 32, maria.account.id))
    assert dump(services) == before


def dump(services: Services) -> list[str]:
    """Everything that is stored, but the audit log."""
    connection = sqlite3.connect(services.settings.database_url.removeprefix("sqlite:///"))
    lines = [line for line in connection.iterdump() if not re.match(r'INSERT INTO "audit(_head)?"', line)]
    connection.close()
    return lines


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST"])
async def test_a_method_that_a_route_has_not_is_a_page_that_is_not_there(
    person: AddPerson, method: str
) -> None:
    maria = await person()
    response = await maria.browser.client.request(
        method, "/staff/account", data={"csrf": maria.browser.token}
    )
    assert response.status_code == 404


async def test_an_unknown_page_says_so_in_words(person: AddPerson, browser: OpenBrowser) -> None:
    maria = await person()
    for one in (maria.browser, browser()):
        assert (await one.get("/staff/no/such")).status_code == 404
        assert "There is no such page" in one.page


def other_clinics_routes(account: str) -> Iterator[tuple[str, str, dict[str, object]]]:
    yield "GET", f"/staff/people/{account}", {}
    for verb in ("roles", "disable", "enable", "reset"):
        yield "POST", f"/staff/people/{account}/{verb}", {"clinic": "demo", "role": "admin", "reason": "x"}
    yield "POST", "/staff/people", {"clinic": "", "name": "mole", "role": "reader"}


async def test_an_admin_sees_and_changes_nothing_of_another_clinic(
    site: Site, person: AddPerson, browser: OpenBrowser, services: Services
) -> None:
    other = sorted(set(services.library.clinics) - {"demo"})[0]
    theirs = await person("theirs", Role.ADMIN, clinic=other)
    await theirs.browser.get("/staff/people")
    maria = await person("maria", Role.ADMIN)
    before = rows(services.settings, "staff_roles")
    for method, path, data in other_clinics_routes(theirs.account.id):
        await maria.browser.get("/staff")
        if "clinic" in data and path == "/staff/people":
            data["clinic"] = other
        response = await (maria.browser.get(path) if method == "GET" else maria.browser.post(path, data))
        assert response.status_code == 404, path
    for path in ("/staff/people", "/staff/audit"):
        await maria.browser.get(path)
        assert "theirs" not in maria.browser.page, path
        assert theirs.account.id not in maria.browser.page, path
    await maria.browser.get(f"/staff/audit?clinic={other}")
    assert "staff/list" not in maria.browser.page
    assert rows(services.settings, "staff_roles") == before


async def test_who_works_at_two_clinics_is_reset_by_the_admin_of_neither(
    site: Site, person: AddPerson, browser: OpenBrowser, services: Services
) -> None:
    other = sorted(set(services.library.clinics) - {"demo"})[0]
    both = await add_person(site, browser(), "both", {"demo": [Role.READER], other: [Role.ADMIN]})
    maria = await person("maria", Role.ADMIN)
    for verb in ("reset", "disable", "enable"):
        await maria.browser.get(f"/staff/people/{both.account.id}")
        response = await maria.browser.post(f"/staff/people/{both.account.id}/{verb}", {"reason": "x"})
        assert response.status_code == 403, verb
    assert (await both.browser.get("/staff/people")).status_code == 200


async def test_the_figures_on_the_first_page_are_of_ones_own_clinics(
    person: AddPerson, services: Services
) -> None:
    other = sorted(set(services.library.clinics) - {"demo"})[0]
    for clinic, how_many in (("demo", 2), (other, 3)):
        for _ in range(how_many):
            await _asks_for_a_person(services, clinic)
    maria = await person("maria", Role.READER)
    await maria.browser.get("/staff")
    figures = {
        what: number for number, what in re.findall(r"<b>(\d+)</b> ([a-z ]+[a-z])", maria.browser.page)
    }
    assert figures["conversations not reviewed"] == figures["asking for a person now"] == "2"
    editor = await person("edith", Role.EDITOR)
    await editor.browser.get("/staff")
    assert "conversations not reviewed" not in editor.browser.page


async def _asks_for_a_person(services: Services, clinic: str) -> None:
    conversation, _ = await services.log.open(clinic, "web", "en", state=State())
    async with services.engine.begin() as connection:
        await connection.execute(
            update(conversations)
            .where(conversations.c.id == conversation.id)
            .values(heard=1, asked_person=True)
        )
