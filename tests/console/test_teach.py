"""Correcting messages, deciding about examples, and reading what was asked in vain: who may, and what becomes of hostile words."""

import csv
import io
import re

import pytest
import yaml

from needlewise.console.roles import Role
from needlewise.console.site import Site
from needlewise.wiring import Services
from tests.console.person import AddPerson, OpenBrowser, Person, add_person
from tests.support.stored import rows
from tests.teaching.messages import reply_to, wrote

ASKS = "so do i hand you cash at the desk or swipe"
OTHER = "which bus goes past your door on sundays now"
MARK = "<script>alert(1)</script>'\""
FORMULA = "=cmd|' /C calc'!A0 or whatever"
NEAREST = {"parts": [{"topic": "insurance", "best": [["insurance", 0.5], ["cost", 0.4], ["greet", 0.1]]}]}


def elsewhere(services: Services) -> str:
    return sorted(set(services.library.clinics) - {"demo"})[0]


def kept(services: Services) -> list[tuple[str, str, str]]:
    return [(row["intent"], row["text"], row["state"]) for row in rows(services.settings, "examples")]


def actions(services: Services) -> list[tuple[str, str, str]]:
    return [(row["action"], row["clinic"], row["outcome"]) for row in rows(services.settings, "audit")]


async def correct(person: Person, message: str, data: dict[str, object], **headers: str) -> int:
    await person.browser.get("/staff")
    return (await person.browser.post(f"/staff/teach/message/{message}", data, **headers)).status_code


async def proposed(
    services: Services, person: Person, text: str, intent: str = "cost", clinic: str = "demo"
) -> str:
    """An example that waits for an editor; its id."""
    message = await wrote(services, text, clinic=clinic)
    assert await correct(person, message, {"quick": intent}) == 200
    (row,) = [row for row in rows(services.settings, "examples") if row["text"] == text]
    return str(row["id"])


async def decide(person: Person, data: dict[str, object]) -> int:
    await person.browser.get("/staff/teach/examples")
    return (await person.browser.post("/staff/teach/examples", data)).status_code


# -- correcting ------------------------------------------------------------------------------------------------------


async def test_one_press_corrects_a_message_and_proposes_an_example(
    person: AddPerson, services: Services
) -> None:
    rita = await person("rita", Role.REVIEWER)
    message = await wrote(services, ASKS, answers=["insurance"], understood=NEAREST)
    await rita.browser.get(f"/staff/teach/message/{message}")
    assert re.findall(r'name="quick" value="(\w+)"', rita.browser.page) == [
        "cost", "greet", "out_of_scope", "urgent", "wrong_answer", "unclear_answer",
    ]  # fmt: skip
    assert await correct(rita, message, {"quick": "cost"}) == 200
    assert "An example is proposed" in rita.browser.page
    assert kept(services) == [("cost", ASKS, "proposed")]
    assert ("message/correct", "demo", "success") in actions(services)


async def test_several_topics_are_chosen_by_their_titles_with_their_words(
    person: AddPerson, services: Services
) -> None:
    rita = await person("rita", Role.REVIEWER)
    message = await wrote(services, f"{ASKS}, and {OTHER}")
    data = {
        "verdict": "topics", "topic": ["what does it COST?", "Where are you?", ""], "words": [ASKS, OTHER, ""],
        "comment": "two at once",
    }  # fmt: skip
    assert await correct(rita, message, data) == 200
    assert [one[:2] for one in kept(services)] == [("cost", ASKS), ("locations", OTHER)]
    assert "two at once" in rita.browser.page


async def test_in_a_transcript_the_form_takes_the_place_of_its_link(
    person: AddPerson, services: Services
) -> None:
    rita = await person("rita", Role.REVIEWER)
    message = await wrote(services, ASKS)
    response = await rita.browser.get(f"/staff/teach/message/{message}", **{"HX-Request": "true"})
    assert response.text.strip().startswith(f'<details class="correct" id="correct-{message}" open>')
    assert "<html" not in response.text


@pytest.mark.parametrize(
    "data",
    [
        {"verdict": "topics"},
        {"verdict": "topics", "topic": ["no such thing"], "words": [""]},
        {"verdict": "topics", "topic": ["cost", "cost"], "words": ["a", "b"]},
    ],
)
async def test_what_makes_no_sense_is_said_and_stands_there_again(
    person: AddPerson, services: Services, data: dict[str, object]
) -> None:
    rita = await person("rita", Role.REVIEWER)
    message = await wrote(services, ASKS)
    assert await correct(rita, message, {**data, "comment": "kept words"}) == 422
    assert 'role="alert"' in rita.browser.page
    assert "kept words" in rita.browser.page
    assert rows(services.settings, "corrections") == []
    assert actions(services)[-1] == ("message/correct", "demo", "failure")


async def test_htmx_is_shown_the_fault_in_its_place(person: AddPerson, services: Services) -> None:
    rita = await person("rita", Role.REVIEWER)
    message = await wrote(services, ASKS)
    assert await correct(rita, message, {"verdict": "topics"}, **{"HX-Request": "true"}) == 200
    assert "Say what it should have been." in rita.browser.page
    assert actions(services)[-1] == ("message/correct", "demo", "failure")


async def test_a_correction_is_taken_back_beside_its_message(person: AddPerson, services: Services) -> None:
    rita = await person("rita", Role.REVIEWER)
    message = await wrote(services, ASKS)
    await correct(rita, message, {"quick": "cost"})
    (row,) = rows(services.settings, "corrections")
    response = await rita.browser.post(f"/staff/teach/corrections/{row['id']}/undo", {"from": "message"})
    assert (response.status_code, kept(services)) == (200, [])


async def test_urgent_ones_are_listed_for_the_safety_rules_and_seen_to(
    person: AddPerson, services: Services
) -> None:
    rita = await person("rita", Role.REVIEWER)
    await correct(rita, await wrote(services, ASKS), {"quick": "urgent"})
    await correct(rita, await wrote(services, OTHER, answers=["cost"]), {"quick": "wrong_answer"})
    await rita.browser.get("/staff/teach")
    page = rita.browser.page
    assert page.index("Should have been urgent") < page.index(ASKS) < page.index("Corrections that wait")
    assert page.index("Corrections that wait") < page.index(OTHER)
    urgent = next(row for row in rows(services.settings, "corrections") if row["verdict"] == "urgent")
    await rita.browser.post(f"/staff/teach/corrections/{urgent['id']}/done")
    await rita.browser.get("/staff/teach")
    assert ASKS not in rita.browser.page
    assert kept(services) == []


# -- deciding --------------------------------------------------------------------------------------------------------


async def test_an_editor_accepts_what_they_edited(person: AddPerson, services: Services) -> None:
    maria = await person("maria", Role.REVIEWER, Role.EDITOR)
    id = await proposed(services, maria, f"hello im [name]. {ASKS}")
    await maria.browser.get("/staff/teach/examples")
    assert f">hello im Sam. {ASKS}</textarea>" in maria.browser.page
    data = {"accept": id, f"text-{id}": f"  {ASKS}\n", f"intent-{id}": "Will insurance pay?"}
    assert await decide(maria, data) == 303
    assert kept(services) == [("insurance", ASKS, "accepted")]
    assert ("example/accept", "demo", "success") in actions(services)


@pytest.mark.parametrize(
    ("text", "intent", "why"),
    [
        ("hello im [name], cash or swipe", "cost", "mask"),
        ("call me at 410-555-0123 about the cash", "cost", "phone number"),
        ("cash or [swipe](cost) at the desk", "cost", "Square brackets"),
        (ASKS, "no such title", "Choose what it asks"),
        ("  ", "cost", "no words"),
        ("are your therapists certified", "who_performs_it", "taught this already"),
    ],
)
async def test_what_cannot_be_an_example_is_not_accepted(
    person: AddPerson, services: Services, text: str, intent: str, why: str
) -> None:
    maria = await person("maria", Role.REVIEWER, Role.EDITOR)
    id = await proposed(services, maria, ASKS)
    assert await decide(maria, {"accept": id, f"text-{id}": text, f"intent-{id}": intent}) == 422
    assert why in maria.browser.page
    assert kept(services) == [("cost", ASKS, "proposed")]
    assert actions(services)[-1][::2] == ("example/decide", "failure")


async def test_a_test_sentence_is_not_accepted(person: AddPerson, services: Services) -> None:
    from needlewise.teaching.copies import known

    tests = known(services.settings.root).tests
    assert tests is not None
    sentence = next(text for text in tests.texts if len(text) > 60 and text.isascii())
    maria = await person("maria", Role.REVIEWER, Role.EDITOR)
    id = await proposed(services, maria, ASKS)
    assert await decide(maria, {"accept": id, f"text-{id}": sentence, f"intent-{id}": "cost"}) == 422
    assert "the assistant is tested with" in maria.browser.page
    assert kept(services) == [("cost", ASKS, "proposed")]


async def test_several_are_accepted_at_once_but_none_in_which_something_was_masked(
    person: AddPerson, services: Services
) -> None:
    maria = await person("maria", Role.REVIEWER, Role.EDITOR)
    plain, named = [await proposed(services, maria, text) for text in (ASKS, f"im [name], {OTHER}")]
    await maria.browser.get("/staff/teach/examples")
    assert re.findall(r'name="pick" value="(\w+)"', maria.browser.page) == [plain]
    data: dict[str, object] = {"all": "accept", "pick": [plain, named]}
    for id, text in ((plain, ASKS), (named, f"im Sam, {OTHER}")):
        data |= {f"text-{id}": text, f"intent-{id}": "cost"}
    assert await decide(maria, data) == 422
    assert "Something in it was masked" in maria.browser.page
    assert [one[2] for one in kept(services)] == ["accepted", "proposed"]


async def test_a_message_with_two_questions_is_not_taught_whole_as_both(
    person: AddPerson, services: Services
) -> None:
    maria = await person("maria", Role.REVIEWER, Role.EDITOR)
    message = await wrote(services, ASKS)
    await correct(maria, message, {"verdict": "topics", "topic": ["cost", "locations"], "words": ["", ""]})
    ids = [row["id"] for row in rows(services.settings, "examples")]
    await maria.browser.get("/staff/teach/examples")
    assert "Leave in each line only its own words" in maria.browser.page
    for id in ids:
        assert await decide(maria, {"accept": id, f"text-{id}": ASKS, f"intent-{id}": "cost"}) == 422


async def test_what_was_accepted_can_be_taken_back(person: AddPerson, services: Services) -> None:
    maria = await person("maria", Role.REVIEWER, Role.EDITOR)
    id = await proposed(services, maria, ASKS)
    await decide(maria, {"accept": id, f"text-{id}": ASKS, f"intent-{id}": "cost"})
    assert await decide(maria, {"reject": id}) == 303
    assert kept(services) == [("cost", ASKS, "rejected")]
    assert await decide(maria, {"accept": id, f"text-{id}": ASKS, f"intent-{id}": "cost"}) == 422
    assert kept(services) == [("cost", ASKS, "rejected")]


async def test_nothing_ticked_decides_nothing(person: AddPerson, services: Services) -> None:
    maria = await person("maria", Role.REVIEWER, Role.EDITOR)
    await proposed(services, maria, ASKS)
    assert await decide(maria, {"all": "accept"}) == 422
    assert kept(services) == [("cost", ASKS, "proposed")]


# -- whose it is -----------------------------------------------------------------------------------------------------


async def test_an_editor_who_reads_no_conversation_finds_the_examples_under_teach(
    person: AddPerson, services: Services
) -> None:
    edith = await person("edith", Role.EDITOR)
    await edith.browser.get("/staff")
    assert re.findall(r'href="(/staff/teach[^"]*)"', edith.browser.page.partition("</nav>")[0]) == [
        "/staff/teach/examples"
    ]
    await edith.browser.get("/staff/teach/examples")
    assert "/staff/teach/questions" not in edith.browser.page


async def test_nothing_of_another_clinic_is_seen_or_decided(
    person: AddPerson, site: Site, browser: OpenBrowser, services: Services
) -> None:
    other = elsewhere(services)
    theirs = await person("theirs", *Role, clinic=other)
    id = await proposed(services, theirs, ASKS, clinic=other)
    message = await wrote(services, OTHER, clinic=other, act="out_of_scope")
    await correct(theirs, message, {"quick": "urgent"})
    correction = rows(services.settings, "corrections")[-1]["id"]
    maria = await person("maria", *Role)
    for path in (
        "/staff/teach",
        "/staff/teach/examples",
        "/staff/teach/questions",
        "/staff/teach/examples.yml",
    ):
        await maria.browser.get(path)
        assert ASKS not in maria.browser.page, path
        assert OTHER not in maria.browser.page, path
    assert (await maria.browser.get(f"/staff/teach/message/{message}")).status_code == 404
    assert await correct(maria, message, {"quick": "cost"}) == 404
    for verb in ("undo", "done"):
        assert (await maria.browser.post(f"/staff/teach/corrections/{correction}/{verb}")).status_code == 404
    mine = await proposed(services, maria, OTHER.upper())
    both = {"all": "reject", "pick": [mine, id]}
    assert await decide(maria, both) == 404
    assert await decide(maria, {"accept": id, f"text-{id}": ASKS, f"intent-{id}": "cost"}) == 404
    assert [one[2] for one in kept(services)] == ["proposed", "proposed"]


async def test_an_editor_decides_only_where_they_edit(
    site: Site, browser: OpenBrowser, services: Services
) -> None:
    other = elsewhere(services)
    both = await add_person(
        site, browser(), "both", {"demo": [Role.EDITOR, Role.REVIEWER], other: [Role.REVIEWER]}
    )
    id = await proposed(services, both, ASKS, clinic=other)
    assert await decide(both, {"accept": id, f"text-{id}": ASKS, f"intent-{id}": "cost"}) == 404
    assert kept(services) == [("cost", ASKS, "proposed")]


# -- hostile words ---------------------------------------------------------------------------------------------------


async def test_whatever_was_written_stays_words_on_every_page(person: AddPerson, services: Services) -> None:
    maria = await person("maria", *Role)
    text = f"{MARK} do i hand you cash now"
    for verdict in ("cost", "urgent"):
        message = await wrote(services, text, act="out_of_scope")
        await correct(maria, message, {"quick": verdict, "comment": MARK})
    await correct(maria, message, {"verdict": "wrong_answer", "comment": MARK})
    await correct(maria, message, {"verdict": "topics", "topic": [MARK], "words": [MARK], "comment": MARK})
    pages = (
        "/staff/teach",
        "/staff/teach/examples",
        "/staff/teach/questions",
        f"/staff/teach/message/{message}",
    )
    for path in pages:
        response = await maria.browser.get(path)
        assert "alert(1)" in response.text, path
        assert MARK not in response.text, path


async def test_the_files_hold_formulas_as_text(person: AddPerson, services: Services) -> None:
    maria = await person("maria", *Role)
    id = await proposed(services, maria, FORMULA)
    await decide(maria, {"accept": id, f"text-{id}": FORMULA, f"intent-{id}": "cost"})
    response = await maria.browser.get("/staff/teach/examples.yml")
    assert yaml.safe_load(response.text)["nlu"] == [{"intent": "cost", "examples": f"- {FORMULA}\n"}]
    assert response.headers["content-disposition"] == 'attachment; filename="console.yml"'
    for _ in range(2):
        await wrote(services, FORMULA, act="out_of_scope")
    response = await maria.browser.get("/staff/teach/questions.csv")
    lines = list(csv.reader(io.StringIO(response.text)))
    assert [line[2] for line in lines[1:]] == [f"'{FORMULA}"]


async def test_masks_never_reach_the_file(person: AddPerson, services: Services) -> None:
    maria = await person("maria", *Role)
    id = await proposed(services, maria, f"im [name], {ASKS}")
    await decide(maria, {"accept": id, f"text-{id}": f"im [NAME], {ASKS}", f"intent-{id}": "cost"})
    response = await maria.browser.get("/staff/teach/examples.yml")
    assert "ame]" not in response.text


async def test_no_word_of_a_patient_gets_into_the_audit_log_or_an_address(
    person: AddPerson, services: Services
) -> None:
    maria = await person("maria", *Role)
    message = await wrote(services, ASKS)
    await correct(maria, message, {"verdict": "topics", "topic": ["cost"], "words": [ASKS], "comment": ASKS})
    (row,) = rows(services.settings, "examples")
    id = row["id"]
    await decide(maria, {"accept": id, f"text-{id}": ASKS, f"intent-{id}": "cost"})
    await maria.browser.get("/staff/teach/examples")
    assert not any("swipe" in str(row) for row in rows(services.settings, "audit"))
    assert not any("swipe" in link for link in re.findall(r'(?:href|action)="([^"]*)"', maria.browser.page))


async def test_the_reply_itself_can_be_called_wrong(person: AddPerson, services: Services) -> None:
    rita = await person("rita", Role.REVIEWER)
    reply = await reply_to(services, await wrote(services, ASKS, answers=["cost"]))
    await rita.browser.get(f"/staff/teach/message/{reply}")
    assert re.findall(r'name="quick" value="(\w+)"', rita.browser.page) == ["wrong_answer", "unclear_answer"]
    assert await correct(rita, reply, {"quick": "unclear_answer"}) == 200
    assert await correct(rita, reply, {"quick": "cost"}) == 422
