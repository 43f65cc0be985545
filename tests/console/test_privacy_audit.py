"""Nothing is seen, searched, changed, revealed or taken out of the console without a row; and the log itself can be taken out safely."""

import csv
import io
import json

import pytest

from needlewise.console.roles import Role
from needlewise.console.site import Site
from needlewise.console.visit import Declared
from needlewise.db.audit import Entry
from needlewise.wiring import Services
from tests.console.conftest import Time
from tests.console.person import AddPerson
from tests.console.test_routes import FOR_A_ROLE, address, named
from tests.support.stored import rows


@pytest.mark.parametrize("one", [one for one in FOR_A_ROLE if not one.is_background], ids=named)
async def test_every_route_leaves_a_row_of_its_own_whoever_comes(
    person: AddPerson, services: Services, one: Declared
) -> None:
    everybody = await person("everybody", *Role)
    before = len(rows(services.settings, "audit"))
    if one.method == "GET":
        await everybody.browser.get(address(one))
    else:
        await everybody.browser.post(address(one), {})
    new = rows(services.settings, "audit", "seq")[before:]
    assert {row["actor"] for row in new} == {everybody.account.id}
    assert one.action.split("/")[0] in {row["action"].split("/")[0] for row in new}


@pytest.mark.parametrize("one", [one for one in FOR_A_ROLE if one.is_background], ids=named)
async def test_what_a_page_asks_for_by_itself_leaves_a_row_when_it_is_refused(
    person: AddPerson, services: Services, one: Declared
) -> None:
    stranger = await person(
        "stranger", Role.READER, clinic=sorted(set(services.library.clinics) - {"demo"})[0]
    )
    before = len(rows(services.settings, "audit"))
    if one.method == "GET":
        response = await stranger.browser.get(address(one))
    else:
        response = await stranger.browser.post(address(one), {})
    new = rows(services.settings, "audit", "seq")[before:]
    assert (response.status_code < 400) or len(new) == 1


async def _rows_to_take_out(services: Services, actor: str) -> None:
    for reason in ("=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\tx", 'two\n"lines"', "plain"):
        await services.audit.record(
            Entry(actor, "conversation/reveal", clinic="demo", subject="c1", reason=reason)
        )


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
async def test_the_log_is_taken_out_as_it_is_filtered_and_a_row_says_so(
    person: AddPerson, services: Services, kind: str
) -> None:
    adam = await person("adam", Role.ADMIN)
    await _rows_to_take_out(services, adam.account.id)
    response = await adam.browser.form(
        "/staff/audit", {"format": kind, "action": "conversation/"}, to="/staff/audit/export"
    )
    assert response.headers["content-disposition"] == f'attachment; filename="audit-2026-11-23.{kind}"'
    if kind == "csv":
        found = list(csv.DictReader(io.StringIO(response.text)))
    else:
        found = [json.loads(line) for line in response.text.splitlines()]
    assert {(row["actor"], row["action"]) for row in found} == {("adam", "conversation/reveal")}
    assert [str(row["seq"]) for row in found] == sorted((str(row["seq"]) for row in found), key=int)
    last = rows(services.settings, "audit", "seq")[-1]
    assert (last["action"], json.loads(last["details"])) == (
        "audit/export",
        {"filters": ["action"], "format": kind},
    )


async def test_no_cell_of_the_log_is_a_formula(person: AddPerson, services: Services) -> None:
    adam = await person("adam", Role.ADMIN)
    await _rows_to_take_out(services, adam.account.id)
    response = await adam.browser.form("/staff/audit", {"format": "csv"}, to="/staff/audit/export")
    cells = [cell for row in csv.reader(io.StringIO(response.text)) for cell in row]
    assert [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r")] == []
    assert "'=cmd|' /C calc'!A0" in cells


async def test_all_of_a_long_log_is_taken_out(person: AddPerson, services: Services) -> None:
    adam = await person("adam", Role.ADMIN)
    async with services.engine.begin() as connection:
        for n in range(1200):
            entry = Entry(adam.account.id, "conversation/view", clinic="demo", subject=f"c{n}")
            await services.audit.record(entry, connection)
    response = await adam.browser.form(
        "/staff/audit", {"format": "jsonl", "action": "conversation/"}, to="/staff/audit/export"
    )
    assert [json.loads(line)["subject"] for line in response.text.splitlines()] == [
        f"c{n}" for n in range(1200)
    ]


async def test_rows_of_another_clinic_are_not_taken_out(
    person: AddPerson, services: Services, site: Site, time: Time
) -> None:
    other = sorted(set(services.library.clinics) - {"demo"})[0]
    theirs = await person("theirs", Role.READER, clinic=other)
    await services.audit.record(Entry(theirs.account.id, "conversation/view", clinic=other, subject="secret"))
    adam = await person("adam", Role.ADMIN)
    for data in ({}, {"clinic": other}, {"who": theirs.account.id}):
        response = await adam.browser.form(
            "/staff/audit", {"format": "csv", **data}, to="/staff/audit/export"
        )
        assert "secret" not in response.text
        assert "theirs" not in response.text


@pytest.mark.parametrize("kind", ["", "xlsx", "../csv"])
async def test_another_format_is_refused(person: AddPerson, kind: str) -> None:
    adam = await person("adam", Role.ADMIN)
    response = await adam.browser.form("/staff/audit", {"format": kind}, to="/staff/audit/export")
    assert response.status_code == 400
