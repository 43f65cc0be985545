"""The queue of requests in the console: what each role sees and does, what is noted of it, and who is told when two are at it."""

import csv
import io
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from needlewise.booking.requests import Details, Kept, Request
from needlewise.console.pages.bookings import ago
from needlewise.console.roles import Role
from needlewise.db.tables import outbox, requests
from needlewise.wiring import Services
from tests.console.conftest import Time
from tests.console.person import AddPerson, Person
from tests.support.stored import rows

SECRETS = ("Jenny", "Jenny Park", "0142", "550142", "mornings")


async def sent(services: Services, draft: str = "1", *, clinic: str = "demo", **more: Any) -> Kept:
    details = Details("Jenny Park", "+12025550142", "mornings", ("screening.tell.diabetes",))
    location = "oak-park" if clinic == "demo" else None
    request = Request(clinic, draft, "c" * 32, "visit", details, "TELL", location)
    return await services.requests.submit(replace(request, **more), services.library.clinic(clinic))


def seen(kept: Kept, **more: str) -> dict[str, str]:
    return {"seen": kept.state, "seen_at": kept.state_at.isoformat() if kept.state_at else "", **more}


def audited(services: Services, action: str) -> list[dict[str, Any]]:
    return [row for row in rows(services.settings, "audit") if row["action"] == action]


async def stored(services: Services, kept: Kept) -> Kept:
    return await services.requests.show(kept.reference)


async def post(person: Person, kept: Kept, verb: str, data: dict[str, str], **headers: str) -> Any:
    await person.browser.get("/staff/bookings")
    return await person.browser.post(f"/staff/bookings/{kept.reference}/{verb}", data, **headers)


# -- what is shown -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.READER, Role.REVIEWER, Role.CLINICIAN])
async def test_the_queue_and_a_request_are_masked(person: AddPerson, services: Services, role: Role) -> None:
    kept = await sent(services)
    maria = await person("maria", role)
    for path in ("/staff/bookings", f"/staff/bookings/{kept.reference}"):
        await maria.browser.get(path)
        assert kept.reference in maria.browser.page
        assert "(•••) •••-••42" in maria.browser.page
        assert "tell the therapist" in maria.browser.page
        for secret in (*SECRETS, "diabetes"):
            assert secret not in maria.browser.page


async def test_a_request_leads_to_its_conversation(person: AddPerson, services: Services) -> None:
    kept = await sent(services)
    maria = await person()
    await maria.browser.get(f"/staff/bookings/{kept.reference}")
    assert f'href="/staff/conversation/{"c" * 32}"' in maria.browser.page


async def test_overdue_ones_come_first_and_say_so(person: AddPerson, services: Services, time: Time) -> None:
    first = await sent(services, "1")
    time.pass_(days=4)
    second = await sent(services, "2")
    maria = await person()
    await maria.browser.get("/staff/bookings")
    assert re.findall(r'id="r-(\w+)"', maria.browser.page) == [first.reference, second.reference]
    assert "overdue 2 days" in maria.browser.page
    assert re.search(r"Overdue <b>1</b>", maria.browser.page)


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", {"new", "called"}),
        ("state=booked", {"booked"}),
        ("state=all", {"new", "called", "booked"}),
        ("state=called", {"called"}),
        ("owner=nobody", {"new"}),
        ("owner=me&state=all", {"called", "booked"}),
        ("kind=callback", set()),
        ("from=2026-11-23&to=2026-11-23", {"new", "called"}),
        ("from=2026-11-24", set()),
        ("to=2026-11-22", set()),
        ("from=nonsense&page=-1", {"new", "called"}),
        ("overdue=1", set()),
        ("state='; DROP TABLE requests;--", set()),
    ],
)
async def test_filters_stand_in_the_address(
    person: AddPerson, services: Services, query: str, shown: set[str]
) -> None:
    maria = await person("maria", Role.REVIEWER)
    by_name = {name: await sent(services, name) for name in ("new", "called", "booked")}
    for name in ("called", "booked"):
        await post(maria, by_name[name], "state", seen(by_name[name], to=name))
    await maria.browser.get(f"/staff/bookings?{query}")
    found = set(re.findall(r'id="r-(\w+)"', maria.browser.page))
    assert found == {by_name[name].reference for name in shown}


async def test_htmx_gets_the_rows_alone(person: AddPerson, services: Services) -> None:
    await sent(services)
    maria = await person()
    await maria.browser.get("/staff/bookings", **{"HX-Request": "true"})
    assert maria.browser.page.lstrip().startswith("<table")


async def test_nothing_open_says_so(person: AddPerson) -> None:
    maria = await person()
    await maria.browser.get("/staff/bookings")
    assert "Nothing waits." in maria.browser.page


async def test_the_first_page_counts_what_is_open(person: AddPerson, services: Services) -> None:
    maria = await person("maria", Role.REVIEWER)
    for name in ("1", "2", "3"):
        kept = await sent(services, name)
    await post(maria, kept, "state", seen(kept, to="booked"))
    await maria.browser.get("/staff")
    assert re.search(r'href="/staff/bookings"><b>2</b> requests to answer', maria.browser.page)


async def test_a_patients_words_are_words(person: AddPerson, services: Services) -> None:
    words = "<script>alert(1)</script>"
    kept = await sent(services, details=Details(f"<b>{words}", "a@example.com", words))
    maria = await person("maria", Role.REVIEWER)
    response = await post(maria, kept, "reveal", {"reason": "calling them back"})
    assert "<script>alert" not in response.text
    assert "&lt;script&gt;alert(1)" in response.text


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=-5), "0 min"),
        (timedelta(minutes=59), "59 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=47, minutes=59), "47 h"),
        (timedelta(days=2), "2 days"),
    ],
)
def test_ages_in_words(length: timedelta, words: str) -> None:
    assert ago(length) == words


# -- finding by number ---------------------------------------------------------------------------------------------------------


async def test_a_number_leads_to_its_request(person: AddPerson, services: Services) -> None:
    kept = await sent(services)
    maria = await person()
    typed = f"%20{kept.reference[:3].lower()}-{kept.reference[3:]}"
    response = await maria.browser.get(f"/staff/bookings?find={typed}")
    assert (response.status_code, response.headers["location"]) == (303, f"/staff/bookings/{kept.reference}")
    assert [row["subject"] for row in audited(services, "request/find")] == [kept.reference]


@pytest.mark.parametrize("typed", ["ZZZZZZ", "%3Cscript%3E", "", "Jenny%20Park"])
async def test_a_number_that_is_none_says_so_and_is_not_noted(
    person: AddPerson, services: Services, typed: str
) -> None:
    maria = await person()
    await maria.browser.get(f"/staff/bookings?find={typed}")
    assert "There is no request with this number" in maria.browser.page
    assert "Jenny" not in str(rows(services.settings, "audit"))


# -- what is done --------------------------------------------------------------------------------------------------------------


async def test_one_press_moves_a_request_and_says_so_in_the_list_it_was_in(
    person: AddPerson, services: Services
) -> None:
    kept = await sent(services)
    maria = await person("maria", Role.REVIEWER)
    response = await post(maria, kept, "state", seen(kept, to="no_answer", back="kind=visit&evil=1"))
    assert response.headers["location"] == "/staff/bookings?kind=visit&done=booking-no-answer"
    now = await stored(services, kept)
    assert (now.state, now.owner) == ("no_answer", maria.account.id)
    (row,) = audited(services, "request/state")
    assert (row["subject"], row["clinic"], row["details"]) == (
        kept.reference,
        "demo",
        '{"from": "new", "to": "no_answer"}',
    )


async def test_htmx_gets_the_moved_row_and_what_to_say(person: AddPerson, services: Services) -> None:
    kept = await sent(services)
    maria = await person("maria", Role.REVIEWER)
    response = await post(maria, kept, "state", seen(kept, to="called"), **{"HX-Request": "true"})
    assert response.text.count("<tr") == 1
    assert f"{kept.reference}: called, you have it" in response.text


async def test_of_two_who_take_it_the_second_is_told_who_has_it(
    person: AddPerson, services: Services
) -> None:
    kept = await sent(services)
    maria, omar = await person("maria", Role.REVIEWER), await person("omar", Role.REVIEWER)
    await post(maria, kept, "owner", {"seen": "", "owner": maria.account.id})
    response = await post(omar, kept, "owner", {"seen": "", "owner": omar.account.id})
    assert response.status_code == 409
    assert "Somebody was faster: it is “new” now, and maria has it." in omar.browser.page
    partial = await post(
        omar, kept, "owner", {"seen": "", "owner": omar.account.id}, **{"HX-Request": "true"}
    )
    assert "maria has it" in partial.text
    assert (await stored(services, kept)).owner == maria.account.id
    assert [row["outcome"] for row in audited(services, "request/owner")] == ["success", "failure", "failure"]


async def test_it_is_handed_over_only_to_who_may_work_it(person: AddPerson, services: Services) -> None:
    kept = await sent(services)
    maria, omar = await person("maria", Role.REVIEWER), await person("omar", Role.REVIEWER)
    reader = await person("rita", Role.READER)
    assert (await post(maria, kept, "owner", {"seen": "", "owner": reader.account.id})).status_code == 400
    assert (await post(maria, kept, "owner", {"seen": "", "owner": "nobody"})).status_code == 400
    assert (await post(maria, kept, "owner", {"seen": "", "owner": omar.account.id})).status_code == 303
    assert (await stored(services, kept)).owner == omar.account.id
    await maria.browser.get(f"/staff/bookings/{kept.reference}")
    assert "maria handed it over to omar" in maria.browser.page


@pytest.mark.parametrize(
    "data", [{"to": "eaten"}, {"to": "called", "seen": "x"}, {"to": "called", "seen_at": "x"}]
)
async def test_a_state_that_does_not_exist_is_refused(
    person: AddPerson, services: Services, data: dict[str, str]
) -> None:
    kept = await sent(services)
    maria = await person("maria", Role.REVIEWER)
    assert (await post(maria, kept, "state", {**seen(kept), **data})).status_code == 400


async def test_a_move_that_is_not_allowed_says_so(person: AddPerson, services: Services) -> None:
    kept = await sent(services)
    maria = await person("maria", Role.REVIEWER)
    response = await post(maria, kept, "state", seen(kept, to="new"))
    assert (response.status_code, (await stored(services, kept)).state) == (409, "new")


async def test_what_did_not_reach_the_clinic_is_shown_and_sent_again(
    person: AddPerson, services: Services
) -> None:
    kept = await sent(services)
    async with services.engine.begin() as connection:
        from needlewise.db.outbox import enqueue

        await enqueue(
            connection,
            services.seal,
            clinic="demo",
            kind="webhook",
            once=f"request/{kept.reference}",
            payload={},
        )
        await connection.execute(update(outbox).values(next_try_at=None, last_error="HTTP 500"))
    maria = await person("maria", Role.REVIEWER)
    await maria.browser.get("/staff/bookings")
    assert "1 open request did not reach the clinic’s own system" in maria.browser.page
    await maria.browser.get(f"/staff/bookings/{kept.reference}")
    assert "HTTP 500" in maria.browser.page
    assert (await post(maria, kept, "send-again", {})).status_code == 303
    assert (await post(maria, kept, "send-again", {})).status_code == 409
    assert len(await services.outbox.due("webhook")) == 1


async def test_an_erased_request_shows_nothing_and_can_be_closed(
    person: AddPerson, services: Services
) -> None:
    kept = await sent(services)
    async with services.engine.begin() as connection:
        await connection.execute(update(requests).values(erased_at=kept.created_at, details_sealed=b""))
    maria = await person("maria", Role.REVIEWER)
    await maria.browser.get(f"/staff/bookings/{kept.reference}")
    assert "Name and contact are erased." in maria.browser.page
    assert (await post(maria, kept, "state", seen(kept, to="closed"))).status_code == 303


# -- name and contact ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.CLINICIAN])
async def test_name_and_contact_are_shown_for_a_reason_which_is_noted(
    person: AddPerson, services: Services, role: Role
) -> None:
    kept = await sent(services)
    maria = await person("maria", role)
    response = await post(maria, kept, "reveal", {"reason": "calling them back"})
    assert response.status_code == 200
    for shown in ("Jenny Park", 'href="tel:+12025550142"', "(202) 555-0142", "mornings"):
        assert shown in maria.browser.page
    (row,) = audited(services, "request/reveal")
    assert (row["subject"], row["reason"], row["outcome"]) == (kept.reference, "calling them back", "success")
    await maria.browser.get(f"/staff/bookings/{kept.reference}")
    assert "maria looked at name and contact" in maria.browser.page
    assert "Jenny" not in maria.browser.page


@pytest.mark.parametrize("reason", ["", " ", "x"])
async def test_without_a_reason_they_stay_masked(person: AddPerson, services: Services, reason: str) -> None:
    kept = await sent(services)
    maria = await person("maria", Role.REVIEWER)
    response = await post(maria, kept, "reveal", {"reason": reason})
    assert response.status_code == 422
    assert "Jenny" not in response.text
    assert [row["outcome"] for row in audited(services, "request/reveal")] == ["failure"]


async def test_a_reader_is_shown_nobody(person: AddPerson, services: Services) -> None:
    kept = await sent(services)
    rita = await person("rita", Role.READER)
    response = await post(rita, kept, "reveal", {"reason": "I am curious"})
    assert (response.status_code, "Jenny" in response.text) == (403, False)
    await rita.browser.get(f"/staff/bookings/{kept.reference}")
    assert "Show name and contact" not in rita.browser.page


# -- another clinic ------------------------------------------------------------------------------------------------------------


async def test_nothing_of_another_clinic_is_seen_or_changed(person: AddPerson, services: Services) -> None:
    theirs = await sent(services, clinic="forever-fit")
    maria = await person("maria", Role.REVIEWER, Role.CLINICIAN)
    assert (await maria.browser.get(f"/staff/bookings/{theirs.reference}")).status_code == 404
    for verb, data in (
        ("state", seen(theirs, to="closed")),
        ("owner", {"seen": "", "owner": maria.account.id}),
        ("reveal", {"reason": "calling them back"}),
        ("send-again", {}),
    ):
        assert (await post(maria, theirs, verb, data)).status_code == 404, verb
    for query in ("", "?state=all", "?clinic=forever-fit", f"?find={theirs.reference}"):
        await maria.browser.get(f"/staff/bookings{query}")
        assert f"r-{theirs.reference}" not in maria.browser.page
    now = await stored(services, theirs)
    assert (now.state, now.owner) == ("new", None)


# -- export --------------------------------------------------------------------------------------------------------------------


async def exported(person: Person, **data: str) -> Any:
    await person.browser.get("/staff/bookings")
    return await person.browser.post("/staff/bookings/export", data)


def table(response: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))


async def test_an_export_names_nobody_and_is_noted(person: AddPerson, services: Services) -> None:
    kept = await sent(services)
    await sent(services, "2", clinic="forever-fit")
    maria = await person("maria", Role.REVIEWER)
    response = await exported(maria)
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in response.headers["content-disposition"]
    assert [row["reference"] for row in table(response)] == [kept.reference]
    for secret in SECRETS:
        assert secret not in response.text
    (row,) = audited(services, "request/export")
    assert (row["clinic"], row["details"]) == ("demo", '{"personal": false, "rows": 1}')


async def test_names_are_exported_for_a_reason_only(person: AddPerson, services: Services) -> None:
    await sent(services)
    maria = await person("maria", Role.REVIEWER)
    refused = await exported(maria, personal="yes", reason=" ")
    assert (refused.status_code, "Jenny" in refused.text) == (422, False)
    response = await exported(maria, personal="yes", reason="moving to another system")
    assert table(response)[0]["name"] == "Jenny Park"
    assert audited(services, "request/export")[-1]["reason"] == "moving to another system"


async def test_an_export_holds_what_the_filters_show(person: AddPerson, services: Services) -> None:
    await sent(services, "1")
    callback = await sent(services, "2", kind="callback", location=None)
    maria = await person("maria", Role.REVIEWER)
    assert [row["reference"] for row in table(await exported(maria, kind="callback"))] == [callback.reference]


async def test_a_reader_exports_nothing(person: AddPerson) -> None:
    rita = await person("rita", Role.READER)
    assert (await exported(rita)).status_code == 403
