"""Sign-off: who may sign, what a signature holds for, and what ends it."""

import re
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import msgspec
import pytest
from sqlalchemy import update

from needlewise.console.roles import Role
from needlewise.content.signatures import KINDS
from needlewise.content.signing import Paper, State, papers_of
from needlewise.db.tables import signatures
from needlewise.wiring import Services
from tests.console.conftest import Time
from tests.console.person import PASSWORD, AddPerson, Person
from tests.support.stored import rows

LICENCE = "Maria Lopez, PT, DPT"


def papers(services: Services, clinic: str = "demo") -> dict[str, Paper]:
    return {
        paper.key: paper for paper in papers_of(services.settings.content, services.library, clinic=clinic)
    }


async def state(services: Services, key: str, clinic: str = "demo") -> State:
    found = await services.signatures.standing(
        papers(services, clinic).values(), clinic, ZoneInfo("America/New_York")
    )
    return next(paper.state for paper in found if paper.key == key)


async def sign(
    person: Person, paper: Paper, *, clinic: str = "demo", digest: str = "", **other: str
) -> httpx.Response:
    await person.browser.get("/staff/signing")
    form = {
        "clinic": clinic,
        "kind": paper.kind,
        "paper": f"{paper.kind}/{paper.key}/{digest or paper.digest}",
        "signed_as": LICENCE,
        "password": PASSWORD,
        **other,
    }
    return await person.browser.post("/staff/signing", form)


def audited(services: Services) -> list[tuple[str, str, str]]:
    return [
        (row["action"], row["subject"], row["outcome"])
        for row in rows(services.settings, "audit")
        if row["action"] in ("signing/sign", "signing/withdraw")
    ]


def reword(services: Services, topic: str) -> None:
    """Have the answer say something else, as an edit in the console does."""
    answer = services.library.answers[topic]
    words = msgspec.structs.replace(answer.en, web=answer.en.web + " Ask us.")
    answers = {**services.library.answers, topic: msgspec.structs.replace(answer, en=words)}
    vars(services.library).update(answers=answers)


# -- who may ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.CLINICIAN])
async def test_only_clinicians_come_in(person: AddPerson, role: Role) -> None:
    one = await person("one", role)
    assert (await one.browser.get("/staff/signing")).status_code == 403
    assert (await one.browser.get("/staff/signing/sheet")).status_code == 403


async def test_nobody_signs_for_another_clinic(person: AddPerson, services: Services) -> None:
    maria = await person("maria", Role.CLINICIAN)
    other = next(clinic for clinic in services.library.clinics if clinic != "demo")
    response = await sign(maria, papers(services)["does_it_hurt"], clinic=other)
    assert response.status_code == 404
    assert rows(services.settings, "signatures") == []


# -- signing ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
async def test_a_text_of_each_kind_is_signed(person: AddPerson, services: Services, kind: str) -> None:
    maria = await person("maria", Role.CLINICIAN)
    paper = next(paper for paper in papers(services).values() if paper.kind == kind)
    assert (await sign(maria, paper)).status_code == 303
    assert await state(services, paper.key) is State.SIGNED
    (row,) = rows(services.settings, "signatures")
    assert (row["staff"], row["signed_as"], row["digest"]) == (maria.account.id, LICENCE, paper.digest)
    assert audited(services) == [("signing/sign", f"{kind}/{paper.key}", "success")]


async def test_several_are_signed_at_once(person: AddPerson, services: Services) -> None:
    maria = await person("maria", Role.CLINICIAN)
    found = papers(services)
    both = [found["does_it_hurt"], found["cost"]]
    await maria.browser.get("/staff/signing")
    form: dict[str, Any] = {
        "clinic": "demo",
        "paper": [f"{paper.kind}/{paper.key}/{paper.digest}" for paper in both],
        "signed_as": LICENCE,
        "password": PASSWORD,
    }
    await maria.browser.post("/staff/signing", form)
    assert {row["key"] for row in rows(services.settings, "signatures")} == {paper.key for paper in both}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"password": "not it at all"}, "That is not your password."),
        ({"signed_as": "x"}, "Write your name and licence"),
        ({"expires_on": "2020-01-01"}, "must lie ahead"),
        ({"expires_on": "soon"}, "Write the day as"),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_is_signed(
    person: AddPerson, services: Services, wrong: dict[str, str], words: str
) -> None:
    maria = await person("maria", Role.CLINICIAN)
    response = await sign(maria, papers(services)["does_it_hurt"], **wrong)
    assert response.status_code == 422
    assert words in maria.browser.page
    assert rows(services.settings, "signatures") == []
    assert [
        row["outcome"] for row in rows(services.settings, "audit") if row["action"] == "signing/sign"
    ] == ["failure"]


async def test_guessing_the_password_is_slowed_down(person: AddPerson, services: Services) -> None:
    maria = await person("maria", Role.CLINICIAN)
    paper = papers(services)["does_it_hurt"]
    tried = [(await sign(maria, paper, password="wrong")).status_code for _ in range(12)]
    assert 429 in tried
    assert rows(services.settings, "signatures") == []


async def test_a_text_that_changed_while_it_was_read_is_not_signed(
    person: AddPerson, services: Services
) -> None:
    maria = await person("maria", Role.CLINICIAN)
    read = papers(services)["does_it_hurt"]
    reword(services, "does_it_hurt")
    assert (await sign(maria, read)).status_code == 422
    assert "was changed while you read it" in maria.browser.page
    assert rows(services.settings, "signatures") == []


async def test_hostile_names_stay_words(person: AddPerson, services: Services) -> None:
    maria = await person("maria", Role.CLINICIAN)
    await sign(maria, papers(services)["does_it_hurt"], signed_as="<script>alert(1)</script>")
    response = await maria.browser.get("/staff/signing?show=signed")
    assert "<script>alert" not in response.text
    assert "&lt;script&gt;alert(1)" in response.text


# -- what ends it ---------------------------------------------------------------------------------------------------------


async def test_a_changed_text_is_unsigned_by_itself(person: AddPerson, services: Services) -> None:
    maria = await person("maria", Role.CLINICIAN)
    await sign(maria, papers(services)["does_it_hurt"])
    reword(services, "does_it_hurt")
    assert await state(services, "does_it_hurt") is State.CHANGED


async def test_a_signature_holds_for_one_clinic(person: AddPerson, services: Services) -> None:
    maria = await person("maria", Role.CLINICIAN)
    await sign(maria, papers(services)["does_it_hurt"])
    other = next(clinic for clinic in services.library.clinics if clinic != "demo")
    assert await state(services, "does_it_hurt", other) is State.UNSIGNED


@pytest.mark.parametrize(
    ("days", "expected"),
    [(0, State.SIGNED), (9, State.SIGNED), (10, State.EXPIRING), (40, State.EXPIRING), (41, State.EXPIRED)],
)
async def test_a_signature_ends_on_its_day(
    person: AddPerson, services: Services, time: Time, days: int, expected: State
) -> None:
    maria = await person("maria", Role.CLINICIAN)
    ends = (time.at + timedelta(days=40)).date()
    await sign(maria, papers(services)["does_it_hurt"], expires_on=ends.isoformat())
    time.pass_(days=days)
    assert await state(services, "does_it_hurt") is expected


async def test_withdrawing_ends_it(person: AddPerson, services: Services) -> None:
    maria = await person("maria", Role.CLINICIAN)
    await sign(maria, papers(services)["does_it_hurt"])
    (row,) = rows(services.settings, "signatures")
    await maria.browser.get("/staff/signing")
    await maria.browser.post(f"/staff/signing/{row['id']}/withdraw")
    assert await state(services, "does_it_hurt") is State.UNSIGNED
    assert audited(services)[-1] == ("signing/withdraw", "answer/does_it_hurt", "success")


async def test_nobody_withdraws_at_another_clinic(person: AddPerson, services: Services) -> None:
    maria = await person("maria", Role.CLINICIAN)
    await sign(maria, papers(services)["does_it_hurt"])
    (row,) = rows(services.settings, "signatures")
    other = next(clinic for clinic in services.library.clinics if clinic != "demo")
    async with services.engine.begin() as connection:
        await connection.execute(update(signatures).values(clinic=other))
    await maria.browser.get("/staff/signing")
    assert (await maria.browser.post(f"/staff/signing/{row['id']}/withdraw")).status_code == 404


# -- what is shown ----------------------------------------------------------------------------------------------------------


async def test_what_rests_on_our_own_decision_comes_first(person: AddPerson, services: Services) -> None:
    maria = await person("maria", Role.CLINICIAN)
    await maria.browser.get("/staff/signing?kind=red_flag")
    marks = re.findall(r"our own decision|</details>", maria.browser.page)
    first_plain = marks.index("</details>", marks.index("our own decision") + 1)
    decisions = sum(paper.is_decision for paper in papers(services).values() if paper.kind == "red_flag")
    assert marks.count("our own decision") == decisions
    assert marks[: 2 * decisions] == ["our own decision", "</details>"] * decisions
    assert first_plain < len(marks)


async def test_the_sheet_holds_every_text_and_claims_no_review(person: AddPerson, services: Services) -> None:
    maria = await person("maria", Role.CLINICIAN)
    await maria.browser.get("/staff/signing/sheet?show=all")
    missing = [paper.key for paper in papers(services).values() if paper.title not in maria.browser.page]
    assert missing == []
    answers = [paper for paper in papers(services).values() if paper.kind == "answer"]
    unread = [
        paper.key
        for paper in answers
        for words in paper.text["texts"].values()
        for line in words.split("\n")
        if line.strip() and line.strip() not in maria.browser.page
    ]
    assert unread == []
    assert "Nothing on it was" in maria.browser.page


async def test_the_first_page_counts_what_waits(person: AddPerson, services: Services) -> None:
    maria = await person("maria", Role.CLINICIAN)
    await maria.browser.get("/staff")
    assert f"<b>{len(papers(services))}</b> texts to sign" in maria.browser.page


# -- where signatures are demanded ------------------------------------------------------------------------------------------


async def test_an_answer_is_told_from_the_moment_it_is_signed_until_it_is_withdrawn(
    person: AddPerson, services: Services
) -> None:
    vars(services.library).update(signed={})
    place = services.place("demo", "web", "en")
    maria = await person("maria", Role.CLINICIAN)
    before = services.renderer.answer("does_it_hurt", place)
    await sign(maria, papers(services)["does_it_hurt"])
    during = services.renderer.answer("does_it_hurt", place)
    (row,) = rows(services.settings, "signatures")
    await maria.browser.get("/staff/signing")
    await maria.browser.post(f"/staff/signing/{row['id']}/withdraw")
    after = services.renderer.answer("does_it_hurt", place)
    assert [bool(said.answers) for said in (before, during, after)] == [False, True, False]


@pytest.mark.parametrize(("show", "is_listed"), [("unsigned", False), ("", True)])
async def test_the_list_of_answers_has_a_list_of_those_that_nobody_signed(
    person: AddPerson, services: Services, show: str, is_listed: bool
) -> None:
    maria = await person("maria", Role.CLINICIAN, Role.EDITOR)
    await sign(maria, papers(services)["does_it_hurt"])
    await maria.browser.get(f"/staff/content?show={show}")
    assert ('href="/staff/content/does_it_hurt"' in maria.browser.page) is is_listed
    assert 'href="/staff/content/cost"' in maria.browser.page
