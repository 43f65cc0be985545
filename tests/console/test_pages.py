"""What the pages say and do, and that nobody's words become more than words."""

import re

import pytest

from needlewise.console.roles import Role
from needlewise.console.site import Site
from needlewise.console.visit import Section, Visit
from needlewise.db.audit import COMMAND_LINE, Entry
from needlewise.wiring import Services
from tests.console.conftest import Time
from tests.console.person import PASSWORD, AddPerson, OpenBrowser, set_up
from tests.support.stored import rows

BY = Entry(COMMAND_LINE, "staff/test")
MARK = "<script>alert(1)</script>'\""


def actions(services: Services) -> list[tuple[str, str]]:
    return [(row["action"], row["outcome"]) for row in rows(services.settings, "audit")]


async def test_the_menu_shows_what_ones_roles_open(person: AddPerson) -> None:
    maria, adam = await person("maria", Role.READER), await person("adam", Role.ADMIN)
    menus = []
    for one in (maria, adam):
        await one.browser.get("/staff")
        nav = one.browser.page.partition("<nav")[2].partition("</nav>")[0]
        menus.append(re.findall(r">([A-Z][a-z ]+)</a>", nav))
    reader, admin = menus
    assert [reader[0], reader[1], reader[-1]] == ["Home", "Inbox", "Your account"]
    assert not {"Staff", "Audit log"} & set(reader)
    assert {"Staff", "Audit log"} < set(admin)
    assert not {"Inbox", "Bookings"} & set(admin)


async def test_an_admin_adds_somebody_who_then_sets_up_and_signs_in(
    person: AddPerson, browser: OpenBrowser, site: Site
) -> None:
    adam = await person("adam", Role.ADMIN)
    data = {"name": "Noor", "clinic": "demo", "role": ["reader", "reviewer"]}
    await adam.browser.form("/staff/people", data)
    code = re.search(r"<code>([A-Z0-9-]{19})</code>", adam.browser.page)
    assert code is not None
    account = await site.accounts.named("noor")
    assert account.roles == {"demo": {Role.READER, Role.REVIEWER}}
    noor, _ = await set_up(browser(), account, code[1])
    assert (await noor.browser.get("/staff")).status_code == 200


@pytest.mark.parametrize("name", ["adam", "ADAM", "", "a", "no spaces", MARK, "x" * 81])
async def test_a_name_that_is_taken_or_none_is_refused_and_said(
    person: AddPerson, services: Services, name: str
) -> None:
    adam = await person("adam", Role.ADMIN)
    data = {"name": name, "clinic": "demo", "role": "reader"}
    response = await adam.browser.form("/staff/people", data)
    assert response.status_code == 422
    assert MARK not in response.text
    assert len(rows(services.settings, "staff")) == 1
    assert actions(services)[-1] == ("staff/add", "failure")


async def test_a_role_that_does_not_exist_is_refused(person: AddPerson, services: Services) -> None:
    adam = await person("adam", Role.ADMIN)
    data = {"name": "noor", "clinic": "demo", "role": "owner"}
    assert (await adam.browser.form("/staff/people", data)).status_code == 400
    assert len(rows(services.settings, "staff")) == 1


async def test_the_last_admin_of_a_clinic_stays_one(person: AddPerson, site: Site) -> None:
    adam = await person("adam", Role.ADMIN)
    path = f"/staff/people/{adam.account.id}"
    for verb, data in (("roles", {"clinic": "demo", "role": "reader"}), ("disable", {})):
        response = await adam.browser.form(path, data, to=f"{path}/{verb}")
        assert response.status_code == 422
        assert "would be left without an admin" in adam.browser.page
    assert (await site.accounts.named("adam")).may(Role.ADMIN) == {"demo"}


async def test_a_reset_shows_the_code_once_and_its_reason_is_in_the_log(
    person: AddPerson, services: Services
) -> None:
    adam, maria = await person("adam", Role.ADMIN), await person("maria")
    path = f"/staff/people/{maria.account.id}"
    await adam.browser.form(path, {"reason": "lost the phone", "second_factor": "yes"}, to=f"{path}/reset")
    assert re.search(r"<code>[A-Z0-9-]{19}</code>", adam.browser.page)
    row = next(row for row in rows(services.settings, "audit") if row["action"] == "staff/reset")
    assert (row["actor"], row["subject"], row["reason"], row["clinic"], row["details"]) == (
        adam.account.id, maria.account.id, "lost the phone", "demo", '{"second_factor": true}',
    )  # fmt: skip
    assert (await maria.browser.get("/staff")).status_code == 303


async def test_every_visit_of_a_known_person_leaves_a_row(person: AddPerson, services: Services) -> None:
    adam = await person("adam", Role.ADMIN)
    before = len(rows(services.settings, "audit"))
    for path in ("/staff", "/staff/account", "/staff/people", "/staff/audit", "/staff/people/unknown"):
        await adam.browser.get(path)
    assert actions(services)[before:] == [
        ("home/view", "success"),
        ("account/view", "success"),
        ("staff/list", "success"),
        ("audit/view", "success"),
        ("staff/view", "failure"),
    ]


async def test_signing_in_leaves_rows_success_and_failure(
    person: AddPerson, services: Services, browser: OpenBrowser, time: Time
) -> None:
    maria = await person()
    time.pass_(minutes=1)
    before = len(rows(services.settings, "audit"))
    elsewhere = browser()
    await maria.sign_in(elsewhere, password="wrong wrong wrong")
    await maria.sign_in(elsewhere, code="000000")
    await elsewhere.post("/staff/sign-in/code", {"code": maria.code()})
    await elsewhere.get("/staff/sign-in")
    stranger = browser("203.0.113.5")
    await stranger.form("/staff/sign-in", {"name": PASSWORD, "password": "maria"})
    new = rows(services.settings, "audit")[before:]
    assert [(row["actor"], row["action"], row["outcome"]) for row in new] == [
        ("nobody", "sign-in/password", "failure"),
        (maria.account.id, "sign-in/password", "success"),
        (maria.account.id, "sign-in/code", "failure"),
        (maria.account.id, "sign-in/code", "success"),
        ("nobody", "sign-in/password", "failure"),
    ]
    assert PASSWORD not in str(new)


async def test_a_handler_that_fails_says_sorry_and_its_row_says_failure(
    person: AddPerson, site: Site, services: Services
) -> None:
    maria = await person()
    section = Section()

    @section.get("/broken", needs=Role.READER, action="broken/view")
    async def broken(visit: Visit) -> None:  # type: ignore[return]
        raise ValueError(MARK)

    site.declared.extend(section.declared)
    app = maria.browser.client._transport.app  # type: ignore[attr-defined]
    app.router.routes[:] = site.routes()
    response = await maria.browser.get("/staff/broken")
    assert (response.status_code, "alert(1)" in response.text) == (500, False)
    assert actions(services)[-1] == ("broken/view", "failure")


async def test_what_people_wrote_stays_text(person: AddPerson, services: Services) -> None:
    adam = await person("adam", Role.ADMIN)
    await services.audit.record(
        Entry(
            adam.account.id,
            "conversation/reveal",
            clinic="demo",
            subject=MARK,
            reason=MARK,
            details={MARK: MARK},
        )
    )
    response = await adam.browser.get(f"/staff/audit?who={MARK}&action={MARK}&from={MARK}")
    assert "<script>alert" not in response.text
    response = await adam.browser.get("/staff/audit")
    assert "<script>alert" not in response.text
    assert MARK in adam.browser.page


async def test_no_page_has_script_or_style_in_its_text(person: AddPerson, browser: OpenBrowser) -> None:
    adam = await person("adam", *Role)
    stranger = browser()
    mine = ("", "/inbox", "/account", "/people", f"/people/{adam.account.id}", "/audit", "/x")
    seen = [(await adam.browser.get(f"/staff{path}")).text for path in mine]
    seen += [(await stranger.get(f"/staff{path}")).text for path in ("/sign-in", "/set-up")]
    for page in seen:
        assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>|<style|\sstyle=|\son[a-z]+=|javascript:", page) == []


async def test_the_log_is_filtered_by_who_what_outcome_and_day(
    person: AddPerson, services: Services, time: Time
) -> None:
    adam = await person("adam", Role.ADMIN)
    maria = await person("maria")
    time.pass_(days=2)
    await services.audit.record(Entry(maria.account.id, "conversation/view", clinic="demo", subject="c1"))
    await services.audit.record(
        Entry(maria.account.id, "conversation/search", clinic="demo", outcome="failure")
    )
    await adam.sign_in()

    async def found(query: str) -> list[str]:
        await adam.browser.get(f"/staff/audit?{query}")
        return re.findall(r"<td>((?:conversation|staff|sign-in|account)/[a-z-]+)", adam.browser.page)

    assert await found(f"who={maria.account.id}&from=2026-11-25") == [
        "conversation/search",
        "conversation/view",
    ]
    assert await found("action=conversation/") == ["conversation/search", "conversation/view"]
    assert await found("action=conversation/&outcome=failure") == ["conversation/search"]
    assert await found("action=conversation/&to=2026-11-24") == []
    assert await found("action=%25") == []
    assert await found("before=1") == []
    assert await found("action=staff/add&clinic=' OR 1=1 --") == []


async def test_the_log_is_read_a_hundred_rows_at_a_time(person: AddPerson, services: Services) -> None:
    adam = await person("adam", Role.ADMIN)
    for n in range(150):
        await services.audit.record(
            Entry(adam.account.id, "conversation/view", clinic="demo", subject=f"c{n}")
        )
    await adam.browser.get("/staff/audit?action=conversation/")
    shown = re.findall(r">(c\d+)</td>", adam.browser.page)
    older = re.search(r'name="before" value="(\d+)"', adam.browser.page)
    assert older is not None
    await adam.browser.get(f"/staff/audit?action=conversation/&before={older[1]}")
    shown += re.findall(r">(c\d+)</td>", adam.browser.page)
    assert shown == [f"c{n}" for n in reversed(range(150))]


async def test_htmx_gets_the_rows_alone(person: AddPerson) -> None:
    adam = await person("adam", Role.ADMIN)
    response = await adam.browser.get("/staff/audit", **{"HX-Request": "true"})
    assert "<html" not in response.text
    assert "<table" in response.text
    restored = await adam.browser.get(
        "/staff/audit", **{"HX-Request": "true", "HX-History-Restore-Request": "true"}
    )
    assert "<html" in restored.text


async def test_an_admin_has_the_log_checked(person: AddPerson) -> None:
    adam = await person("adam", Role.ADMIN)
    await adam.browser.form("/staff/audit", {}, to="/staff/audit/verify")
    assert "The log is whole" in adam.browser.page


@pytest.mark.parametrize("name", ["console.css", "console.js", "inbox.js", "htmx-2.0.11.min.js", "icon.svg"])
async def test_files_are_served_by_us(browser: OpenBrowser, name: str) -> None:
    response = await browser().get(f"/staff/files/{name}")
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-cache")


async def test_htmx_is_the_file_that_was_published() -> None:
    import hashlib
    from pathlib import Path

    from needlewise.console import site

    content = (Path(site.__file__).parent / "files" / "htmx-2.0.11.min.js").read_bytes()
    assert (
        hashlib.sha256(content).hexdigest()
        == "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"
    )


@pytest.mark.parametrize("done", ["password", MARK, "no-such", ""])
async def test_a_link_puts_no_words_into_a_page(person: AddPerson, done: str) -> None:
    maria = await person()
    await maria.browser.get(f"/staff/account?done={done}")
    assert ('class="notice"' in maria.browser.page) == (done == "password")
    assert MARK not in maria.browser.page
