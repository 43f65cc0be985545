"""The page Privacy: an admin purges, holds, exports and erases, at their own clinics, with a reason, and no number is left lying about."""

import json
import re
from typing import Any

import pytest

from needlewise.console.roles import Role
from needlewise.privacy.locked import unlock
from needlewise.wiring import Services
from tests.console.conftest import Time
from tests.console.person import AddPerson, Person
from tests.privacy.kept import NUMBER, Patient, everything
from tests.support.stored import raw, rows

PASSPHRASE = "heron lamp quiet river"
MARK = "<script>alert(1)</script>"


def audited(services: Services, action: str) -> list[dict[str, Any]]:
    return [row for row in rows(services.settings, "audit", "seq") if row["action"] == action]


async def finds(admin: Person, by: str, value: str, clinic: str = "demo") -> int:
    found = await admin.browser.form(
        "/staff/privacy", {"clinic": clinic, "by": by, "value": value}, to="/staff/privacy/find"
    )
    return found.status_code


def ticked(page: str) -> dict[str, list[str]]:
    """What the page's form would send of what was found, everything ticked."""
    fields = re.findall(r'name="((?:shown-)?(?:conversation|request|thread))" value="([^"]+)"', page)
    names = {name for name, _ in fields}
    return {name: [value for field, value in fields if field == name] for name in names}


async def test_the_page_says_how_long_what_is_due_and_what_went(
    person: AddPerson, services: Services, time: Time
) -> None:
    adam = await person("adam", Role.ADMIN)
    await everything(services, "brontosaurus")
    time.pass_(days=91)
    await adam.sign_in()
    await adam.browser.get("/staff/privacy")
    assert "Text 90 days, requests 730 days. Due now: 1 conversation." in adam.browser.page
    await adam.browser.post("/staff/privacy/purge", {"clinic": "demo"})
    assert "Taken away: 1 conversation, 4 messages" in adam.browser.page
    await adam.browser.get("/staff/privacy")
    assert re.search(r"<td>purge</td>\s*<td>done</td>", adam.browser.page) is not None
    assert b"brontosaur" not in raw(services.settings)
    assert [row["actor"] for row in audited(services, "privacy/purge")] == [adam.account.id]


async def test_a_purge_with_nothing_due_is_audited_too(person: AddPerson, services: Services) -> None:
    adam = await person("adam", Role.ADMIN)
    await adam.browser.form("/staff/privacy", {"clinic": "demo"}, to="/staff/privacy/purge")
    assert "Nothing is due." in adam.browser.page
    assert [row["outcome"] for row in audited(services, "privacy/purge")] == ["success"]


async def test_a_hold_is_set_and_lifted_with_a_reason(person: AddPerson, services: Services) -> None:
    adam = await person("adam", Role.ADMIN)
    patient = await everything(services, "brontosaurus")
    address = f"https://staff.test/staff/conversation/{patient.conversation}"
    for data in ({"conversation": address, "reason": ""}, {"conversation": "0" * 32, "reason": "a letter"}):
        response = await adam.browser.form("/staff/privacy", data, to="/staff/privacy/hold")
        assert response.status_code == 422
    await adam.browser.form(
        "/staff/privacy", {"conversation": address, "reason": MARK}, to="/staff/privacy/hold"
    )
    response = await adam.browser.get("/staff/privacy?done=held")
    assert (MARK in adam.browser.page, "<script>alert" in response.text) == (True, False)
    assert rows(services.settings, "conversations")[0]["held_at"] is not None
    data = {"conversation": patient.conversation, "reason": "the case is closed"}
    assert (await adam.browser.post("/staff/privacy/release", data)).status_code == 303
    assert rows(services.settings, "conversations")[0]["held_at"] is None
    assert [row["outcome"] for row in audited(services, "conversation/hold")] == [
        "failure",
        "failure",
        "success",
    ]
    assert [row["reason"] for row in audited(services, "conversation/release")] == ["the case is closed"]


async def test_a_number_is_found_and_stands_in_no_page_row_or_address(
    person: AddPerson, services: Services
) -> None:
    adam = await person("adam", Role.ADMIN)
    patient = await everything(services, "brontosaurus")
    await Patient(services, "triceratops").texts()
    assert await finds(adam, "number", "410-555-0123") == 200
    page = adam.browser.page
    assert (patient.conversation in page, patient.references[0] in page) == (True, True)
    assert not any(word in page for word in ("0123", "brontosaurus", NUMBER))
    (row,) = audited(services, "privacy/find")
    assert json.loads(row["details"]) == {"by": "number", "conversations": 2, "requests": 1}
    assert row["clinic"] == "demo"


@pytest.mark.parametrize(
    ("by", "value", "says"),
    [
        ("number", "heel", "no phone number"),
        ("number", "", "Type what to look for"),
        ("spell", "x", "Choose by what to look"),
        ("token", MARK, "nothing of this patient"),
    ],
)
async def test_what_finds_nobody_is_said_and_not_repeated(
    person: AddPerson, by: str, value: str, says: str
) -> None:
    adam = await person("adam", Role.ADMIN)
    assert await finds(adam, by, value) == 422
    assert (says in adam.browser.page, MARK in adam.browser.page) == (True, False)


@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
async def test_an_export_is_a_file_locked_or_not(
    person: AddPerson, services: Services, passphrase: str
) -> None:
    adam = await person("adam", Role.ADMIN)
    patient = await everything(services, "brontosaurus")
    await finds(adam, "conversation", patient.conversation)
    data = {
        **ticked(adam.browser.page),
        "clinic": "demo",
        "reason": "she asked",
        "passphrase": passphrase,
        "again": passphrase,
        "open": "" if passphrase else "yes",
    }
    response = await adam.browser.post("/staff/privacy/export", data)
    content = unlock(response.content, passphrase) if passphrase else response.content
    assert (passphrase == "") == (b"brontosaurus" in response.content)
    assert json.loads(content)["conversations"][0]["id"] == patient.conversation
    assert (response.headers["cache-control"], response.headers["content-disposition"]) == (
        "no-store",
        f'attachment; filename="patient-2026-11-23.json{".locked" if passphrase else ""}"',
    )
    (row,) = audited(services, "privacy/export")
    assert (row["reason"], row["outcome"], row["subject"]) == ("she asked", "success", patient.conversation)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"reason": ""}, "Say why"),
        ({"passphrase": "", "again": ""}, "Choose a passphrase"),
        ({"again": "another"}, "not the same"),
        ({"passphrase": "short", "again": "short"}, "at least 12"),
        ({"conversation": [], "request": []}, "nothing is ticked"),
    ],
)
async def test_an_export_that_is_not_as_it_should_be_is_refused_and_what_was_found_stays_in_view(
    person: AddPerson, services: Services, change: dict[str, Any], says: str
) -> None:
    adam = await person("adam", Role.ADMIN)
    patient = await everything(services, "brontosaurus")
    await finds(adam, "conversation", patient.conversation)
    good = {"clinic": "demo", "reason": "she asked", "passphrase": PASSPHRASE, "again": PASSPHRASE}
    response = await adam.browser.post(
        "/staff/privacy/export", {**ticked(adam.browser.page), **good, **change}
    )
    assert (response.status_code, says in adam.browser.page) == (422, True)
    assert (patient.references[0] in adam.browser.page, PASSPHRASE in adam.browser.page) == (True, False)
    assert [row["outcome"] for row in audited(services, "privacy/export")] == ["failure"]


async def test_an_erasure_wants_to_be_sure_and_a_reason(person: AddPerson, services: Services) -> None:
    adam = await person("adam", Role.ADMIN)
    patient = await everything(services, "brontosaurus")
    await finds(adam, "conversation", patient.conversation)
    data = {**ticked(adam.browser.page), "clinic": "demo"}
    for more in ({"reason": "she asked"}, {"sure": "yes"}):
        assert (await adam.browser.post("/staff/privacy/erase", {**data, **more})).status_code == 422
    assert b"brontosaur" in raw(services.settings)
    more = {"reason": "she asked", "sure": "yes", "requests": "yes"}
    await adam.browser.post("/staff/privacy/erase", {**data, **more})
    assert re.search(r"Erased: 1 conversation, 4 messages.*1 request", adam.browser.page) is not None
    assert b"brontosaur" not in raw(services.settings)
    assert [row["outcome"] for row in audited(services, "privacy/erase")] == ["failure", "failure", "success"]


async def test_an_admin_touches_nothing_of_another_clinic(person: AddPerson, services: Services) -> None:
    other = sorted(set(services.library.clinics) - {"demo"})[0]
    patient = await everything(services, "brontosaurus", clinic=other)
    adam = await person("adam", Role.ADMIN)
    before = {table: rows(services.settings, table) for table in ("conversations", "messages", "requests")}
    theirs = {"conversation": [patient.conversation], "request": patient.references}
    sure = {"reason": "a reason", "sure": "yes", "requests": "yes", "open": "yes"}
    for path in ("find", "export", "erase", "purge"):
        await adam.browser.get("/staff/privacy")
        data = {"clinic": other, "by": "conversation", "value": patient.conversation, **theirs, **sure}
        assert (await adam.browser.post(f"/staff/privacy/{path}", data)).status_code == 404, path
    for path in ("export", "erase"):
        await adam.browser.get("/staff/privacy")
        response = await adam.browser.post(f"/staff/privacy/{path}", {"clinic": "demo", **theirs, **sure})
        assert (response.status_code, patient.references[0] in response.text) == (422, False), path
    assert await finds(adam, "conversation", patient.conversation) == 422
    for verb in ("hold", "release"):
        data = {"conversation": patient.conversation, "reason": "a reason"}
        assert (await adam.browser.post(f"/staff/privacy/{verb}", data)).status_code == 422
    await adam.browser.get("/staff/privacy")
    assert patient.conversation not in adam.browser.page
    assert {table: rows(services.settings, table) for table in before} == before
