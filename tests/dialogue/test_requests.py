"""Asking for a visit, an exam or a call back: from the first question to a reference number, and what is kept of it."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import msgspec
import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from needlewise import clock, wiring
from needlewise.booking.requests import Kept
from needlewise.content.model import Clinic
from needlewise.content.render import labelled
from needlewise.db.tables import requests
from tests.support.patient import Patient
from tests.support.talk import Talk, words

NONE = "None of these"
SEND = "Yes, send it"
REFERENCE = re.compile(r"\*\*([A-Z0-9]{6})\*\*")


@pytest.fixture
async def patient(client: httpx.AsyncClient) -> Patient:
    return await Patient.arrives(client)


async def screened(patient: Patient) -> Patient:
    await patient.says("i would like to book a visit")
    for _ in range(3):
        await patient.taps(NONE)
    return patient


async def at_summary(patient: Patient) -> Patient:
    await screened(patient)
    await patient.taps("Oak Park")
    await patient.taps("First visit with an exam")
    for answer in ("Jenny", "202-555-0143", "mornings"):
        await patient.says(answer)
    await patient.taps("Yes")
    return patient


async def called_back(patient: Patient) -> Patient:
    await patient.says("can i talk to a person")
    await patient.taps(words("booking.call_me"))
    return patient


async def kept() -> list[Kept]:
    return list(await wiring.services().requests.list())


def reference(patient: Patient) -> str:
    found = REFERENCE.search(patient.text)
    assert found is not None, patient.text
    return found[1]


def summary(**lines: str) -> str:
    written = [f"- {words(f'booking.line_{slot}', value=value)}" for slot, value in lines.items()]
    return words("booking.summary", lines="\n".join(written))


def change_clinic(change: Callable[[Clinic], Clinic]) -> None:
    """Change the demo clinic's profile for this test."""
    services = wiring.services()
    profiles = {**services.library.clinics, "demo": change(services.library.clinic("demo"))}
    services.library = type(services.library)(
        services.library.answers, services.library.phrases, profiles, services.library.sources
    )


# -- the whole way -------------------------------------------------------------------------------------------------


async def test_a_visit_from_the_wish_to_the_reference_number(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    thursday = datetime(2026, 6, 18, 19, 30, tzinfo=ZoneInfo("America/New_York"))
    monkeypatch.setattr(clock, "now", lambda: thursday)
    await screened(patient)
    assert patient.last[-1]["text"] == words("booking.ask_location")
    assert patient.labels == ["Mill Street", "Oak Park"]
    await patient.taps("Oak Park")
    assert patient.text == words("booking.ask_visit_kind")
    await patient.taps("First visit with an exam")
    assert patient.text == words("booking.ask_first_name")
    assert patient.last[0]["input"]["fields"][0]["autocomplete"] == "given-name"
    await patient.says("my name is Jenny")
    assert patient.text == words("booking.ask_contact")
    await patient.says("(202) 555-0143")
    assert patient.text == words("booking.ask_times")
    await patient.says("mornings, any day but Friday")
    assert patient.text == words("booking.ask_consent", reach="(202) 555-0143")
    await patient.says("yes")
    assert patient.text == summary(
        location="Oak Park",
        visit_kind="First visit with an exam",
        first_name="Jenny",
        contact="(202) 555-0143",
        times="mornings, any day but Friday",
    )
    await patient.taps(SEND)
    # Thursday evening: the aim counts from Friday, and Saturday is an open day.
    expect = f"{words('booking.expect_day', day='Saturday')} {words('booking.expect_contact')}"
    assert patient.text == words("booking.received", reference=reference(patient), expect=expect)
    assert patient.last[0]["kind"] == "outcome"


async def test_a_call_back(patient: Patient) -> None:
    await called_back(patient)
    assert patient.last[0]["text"] == words("booking.intro_callback")
    for answer in ("Sam", "sam@example.com", "after 5"):
        await patient.says(answer)
    await patient.says("yes")
    assert patient.text == summary(first_name="Sam", contact="sam@example.com", times="after 5")
    await patient.says("yes")
    assert patient.text.startswith(
        words("booking.received_callback", reference=reference(patient), expect="").strip()
    )
    assert (await kept())[0].request.kind == "callback"


async def test_an_exam_after_a_call_first_outcome(patient: Patient) -> None:
    await patient.says("i take warfarin")
    await patient.taps(NONE)
    await patient.taps(words("booking.exam_only"))
    await patient.taps("Harbor")
    for answer in ("Sam", "sam@example.com", "after 5", "yes", "yes"):
        await patient.says(answer)
    assert len(reference(patient)) == 6
    (stored,) = await kept()
    assert (stored.request.kind, stored.request.outcome) == ("exam", "CALL")
    assert (stored.request.location, stored.request.visit_kind) == ("harbor", "exam_only")
    assert stored.request.details.tell == ()


async def test_a_clinic_without_hours_promises_no_day(client: httpx.AsyncClient) -> None:
    patient = await called_back(await Patient.arrives(client, clinic="forever-fit"))
    for answer in ("Sam", "sam@example.com", "after 5", "yes", "yes"):
        await patient.says(answer)
    assert words("booking.expect_unknown", clinic="forever-fit") in patient.text
    assert "aim to contact you" not in patient.text


async def test_what_is_to_be_told_is_said_again_at_the_end(patient: Patient) -> None:
    await patient.says("i would like to book a visit")
    await patient.taps(NONE)
    await patient.taps(NONE)
    await patient.taps("Diabetes")
    await patient.taps("Oak Park")
    await patient.taps("Later visit")
    for answer in ("Jenny", "202-555-0143", "mornings", "yes", "yes"):
        await patient.says(answer)
    assert patient.last[1]["text"] == words("booking.tell_reminder", what=words("screening.tell.diabetes"))
    (stored,) = await kept()
    assert (stored.request.outcome, stored.request.details.tell) == ("TELL", ("screening.tell.diabetes",))


async def test_another_request_can_follow(patient: Patient) -> None:
    await at_summary(patient)
    await patient.taps(SEND)
    first = reference(patient)
    await patient.says("i would like to book another visit")
    assert patient.last[-1]["text"] == words("booking.ask_location")
    await patient.taps("Mill Street")
    await patient.taps("Later visit")
    for answer in ("Tom", "202-555-0199", "evenings", "yes", "yes"):
        await patient.says(answer)
    assert reference(patient) != first
    assert len(await kept()) == 2


# -- corrections -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "slot", "question", "answer", "shown"),
    [
        ("The office", "location", "booking.ask_location", "Mill Street", "Office: Mill Street"),
        ("The kind of visit", "visit_kind", "booking.ask_visit_kind", "Later visit", "Visit: Later visit"),
        ("The name", "first_name", "booking.ask_first_name", "Jane", "Name: Jane"),
        (
            "The times",
            "times",
            "booking.ask_times",
            "a different day, Friday",
            "Times: a different day, Friday",
        ),
    ],
)
async def test_a_line_of_the_summary_is_corrected_by_button(
    patient: Patient, label: str, slot: str, question: str, answer: str, shown: str
) -> None:
    await at_summary(patient)
    await patient.taps("Change something")
    assert patient.text == words("booking.ask_change")
    await patient.taps(label)
    assert patient.text == words(question)
    await patient.says(answer)
    assert f"- {shown}" in patient.text
    assert patient.labels == [SEND, "Change something", "No, do not send it"]


async def test_another_contact_needs_another_consent(patient: Patient) -> None:
    await at_summary(patient)
    await patient.taps("Change something")
    await patient.taps("The phone or email")
    await patient.says("jenny@example.com")
    assert patient.text == words("booking.ask_consent", reach="jenny@example.com")
    await patient.says("yes")
    assert "- Reach you at: jenny@example.com" in patient.text


@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("change the name", "booking.ask_first_name"),
        ("wrong number", "booking.ask_contact"),
        ("the email is wrong", "booking.ask_contact"),
        ("can i change the times", "booking.ask_times"),
        ("yes but change the name", "booking.ask_first_name"),
        ("no, my name is spelled wrong", "booking.ask_first_name"),
        ("different office please", "booking.ask_location"),
        ("that's the wrong day", "booking.ask_times"),
        ("the wrong visit", "booking.ask_visit_kind"),
        ("change something", "booking.ask_change"),
        ("that is not right", "booking.ask_change"),
        ("theres a mistake", "booking.ask_change"),
    ],
)
async def test_a_correction_in_words(patient: Patient, said: str, question: str) -> None:
    await at_summary(patient)
    await patient.says(said)
    assert patient.text == words(question)
    assert await kept() == []


async def test_a_correction_where_consent_is_asked(patient: Patient) -> None:
    await screened(patient)
    for answer in ("Oak Park", "Later visit", "Jenny", "202-555-0143", "mornings", "wrong number"):
        await patient.says(answer)
    assert patient.text == words("booking.ask_contact")
    await patient.says("202-555-0199")
    assert patient.text == words("booking.ask_consent", reach="(202) 555-0199")


async def test_back_is_the_question_before(patient: Patient) -> None:
    await screened(patient)
    for answer in ("Oak Park", "Later visit", "Jenny", "202-555-0143"):
        await patient.says(answer)
    for question in ("ask_contact", "ask_first_name", "ask_visit_kind", "ask_location", "ask_location"):
        await patient.says("back")
        assert patient.text == words(f"booking.{question}")


async def test_an_older_send_button_does_not_send_what_was_changed_since(patient: Patient) -> None:
    await at_summary(patient)
    old = {choice["label"]: choice["id"] for message in patient.last for choice in message["choices"]}
    await patient.says("wrong number")
    response = await patient.sends(choices=[old[SEND]])
    assert words("booking.ask_contact") in [message["text"] for message in response.json()["messages"]]
    await patient.says("202-555-0199")
    await patient.says("yes")
    assert "- Reach you at: (202) 555-0199" in patient.text
    assert await kept() == []


# -- several fields at once --------------------------------------------------------------------------------------------


async def test_several_fields_at_once(patient: Patient) -> None:
    await screened(patient)
    await patient.fills(
        location="Oak Park",
        visit_kind="Later visit",
        first_name="Jenny",
        contact="202-555-0143",
        times="mornings",
    )
    assert patient.text == words("booking.ask_consent", reach="(202) 555-0143")


async def test_what_is_wrong_among_several_fields_is_asked_again_with_a_hint(patient: Patient) -> None:
    await screened(patient)
    await patient.fills(
        location="Oak Park", visit_kind="Later visit", first_name="Jenny", contact="12345", times="mornings"
    )
    assert [message["text"] for message in patient.last] == [
        words("booking.bad_phone"),
        words("booking.ask_contact"),
    ]
    await patient.fills(contact="jenny@example.com")
    assert patient.text == words("booking.ask_consent", reach="jenny@example.com")


async def test_fields_cannot_agree_or_confirm(patient: Patient) -> None:
    await screened(patient)
    await patient.fills(
        location="Oak Park",
        visit_kind="Later visit",
        first_name="Jenny",
        contact="202-555-0143",
        times="mornings",
        consent="yes",
        confirm="yes",
    )
    assert patient.text == words("booking.ask_consent", reach="(202) 555-0143")
    assert await kept() == []


async def test_another_contact_by_field_needs_another_consent(patient: Patient) -> None:
    await at_summary(patient)
    await patient.fills(contact="jenny@example.com")
    assert patient.text == words("booking.ask_consent", reach="jenny@example.com")


async def test_a_condition_in_a_field_counts(patient: Patient) -> None:
    await screened(patient)
    for answer in ("Oak Park", "Later visit"):
        await patient.says(answer)
    await patient.fills(
        first_name="Jenny", contact="202-555-0143", times="mornings, i take warfarin at night"
    )
    assert patient.text == words("screening.outcome_call")


# -- what will not do ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "said", "hint", "question"),
    [
        ([], "downtown", "booking.bad_location", "booking.ask_location"),
        (["Oak Park"], "the blue one", "booking.bad_visit_kind", "booking.ask_visit_kind"),
        (["Oak Park", "Later visit"], "12345", "booking.bad_first_name", "booking.ask_first_name"),
        (["Oak Park", "Later visit"], "no", "booking.bad_first_name", "booking.ask_first_name"),
        (["Oak Park", "Later visit", "Jo"], "555-0143", "booking.bad_phone", "booking.ask_contact"),
        (["Oak Park", "Later visit", "Jo"], "jo@example", "booking.bad_contact", "booking.ask_contact"),
        (["Oak Park", "Later visit", "Jo"], "just write me", "booking.bad_contact", "booking.ask_contact"),
        (
            ["Oak Park", "Later visit", "Jo", "jo@example.com"],
            "!!!",
            "booking.bad_times",
            "booking.ask_times",
        ),
        (["Oak Park", "Later visit", "Jo", "jo@example.com"], "no", "booking.bad_times", "booking.ask_times"),
    ],
)
async def test_what_will_not_do_gets_a_hint_and_the_question_again(
    patient: Patient, before: list[str], said: str, hint: str, question: str
) -> None:
    await screened(patient)
    for answer in before:
        await patient.says(answer)
    await patient.says(said)
    assert [message["text"] for message in patient.last] == [words(hint), words(question)]


async def test_an_office_that_may_not_offer_needling_cannot_be_asked_for(patient: Patient) -> None:
    await screened(patient)
    await patient.says("harbor")
    assert patient.last[0]["text"] == words("booking.location_ask", place="Harbor")
    assert patient.last[1]["text"] == words("booking.ask_location")
    assert patient.labels == ["Mill Street", "Oak Park"]


@pytest.mark.parametrize(
    "name",
    [
        "Will",
        "May",
        "Bill",
        "Will Smith",
        "April",
        "Ty Cobb",
        "Li Na",
        "Joy",
        "Mark",
        "im hope",
        "my name is ty",
    ],
)
async def test_names_that_are_words_are_names(patient: Patient, name: str) -> None:
    await screened(patient)
    for answer in ("Oak Park", "Later visit", name):
        await patient.says(answer)
    assert patient.text == words("booking.ask_contact")


@pytest.mark.parametrize(
    ("asked_at", "said", "topic"),
    [
        (0, "which office is closer to downtown?", "locations"),
        (1, "how long is a first visit?", "session_what_to_expect"),
        (2, "how much does it cost?", "cost"),
        (3, "what is your phone number?", "hours_contact"),
        (4, "when are you open", "hours_contact"),
        (5, "does it hurt?", "does_it_hurt"),
        (6, "do you take medicare?", "insurance"),
    ],
)
async def test_a_side_question_is_answered_and_the_question_comes_back_once(
    patient: Patient, asked_at: int, said: str, topic: str
) -> None:
    await screened(patient)
    for answer in ("Oak Park", "Later visit", "Jenny", "202-555-0143", "mornings", "yes")[:asked_at]:
        await patient.says(answer)
    question = patient.last[-1]["text"]
    await patient.says(said)
    assert patient.topics == [topic]
    assert [message["text"] for message in patient.last][1:] == [question]


@pytest.mark.parametrize(
    "times",
    [
        "mornings",
        "call me any time",
        "tuesday or thursday after 3",
        "whenever",
        "asap",
        "after work",
        "see you monday",
    ],
)
async def test_times_are_kept_in_the_patients_own_words(patient: Patient, times: str) -> None:
    await screened(patient)
    for answer in ("Oak Park", "Later visit", "Jenny", "202-555-0143", times, "yes"):
        await patient.says(answer)
    assert f"- Times: {times}" in patient.text


async def test_a_person_can_be_had_where_times_are_asked(patient: Patient) -> None:
    await screened(patient)
    for answer in ("Oak Park", "Later visit", "Jenny", "202-555-0143", "can i talk to a person"):
        await patient.says(answer)
    assert patient.last[0]["kind"] == "handoff"


async def test_it_says_why_it_asks(patient: Patient) -> None:
    await screened(patient)
    for answer in ("Oak Park", "Later visit", "Jenny", "why do you need that?"):
        await patient.says(answer)
    assert [message["text"] for message in patient.last] == [
        words("booking.why"),
        words("booking.ask_contact"),
    ]


@pytest.mark.parametrize(
    ("said", "first"),
    [
        ("stop", "booking.stopped"),
        ("never mind", "booking.stopped"),
        ("start over", "conversation.start_over"),
        ("bye", "conversation.goodbye"),
    ],
)
async def test_the_form_can_be_left_at_any_question(patient: Patient, said: str, first: str) -> None:
    await screened(patient)
    for answer in ("Oak Park", "Later visit", "Jenny", "202-555-0143"):
        await patient.says(answer)
    await patient.says(said)
    assert patient.last[0]["text"] == words(first)
    await patient.says("how much does it cost?")
    assert patient.topics == ["cost"]
    assert len(patient.last) == 1
    assert await kept() == []


async def test_what_was_typed_is_gone_when_the_form_was_left(patient: Patient) -> None:
    await screened(patient)
    for answer in ("Oak Park", "Later visit", "Jenny", "stop", "i would like to book a visit"):
        await patient.says(answer)
    assert patient.last[-1]["text"] == words("booking.ask_location")
    for answer in ("Oak Park", "Later visit"):
        await patient.says(answer)
    assert patient.text == words("booking.ask_first_name")


async def test_an_urgent_sign_in_a_name_fires_and_the_form_goes_on_afterwards(patient: Patient) -> None:
    await screened(patient)
    for answer in ("Oak Park", "Later visit"):
        await patient.says(answer)
    await patient.fills(first_name="Jenny i have chest pain and cant breathe")
    assert patient.last[0]["kind"] == "urgent"
    assert words("booking.ask_contact") not in patient.text
    await patient.fills(first_name="Jenny")
    assert patient.text == words("booking.ask_contact")


async def test_an_urgent_sign_in_the_times_fires_and_an_ok_is_no_time(patient: Patient) -> None:
    await screened(patient)
    for answer in ("Oak Park", "Later visit", "Jenny", "202-555-0143"):
        await patient.says(answer)
    await patient.says("as soon as possible, i have chest pain right now")
    assert patient.last[0]["kind"] == "urgent"
    await patient.says("ok")
    assert patient.last[-1]["text"] == words("booking.ask_times")
    await patient.says("mornings")
    assert patient.text == words("booking.ask_consent", reach="(202) 555-0143")


# -- consent and sending -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["no", "no thanks", "nope"])
async def test_without_consent_nothing_is_stored(patient: Patient, answer: str) -> None:
    await screened(patient)
    for said in ("Oak Park", "Later visit", "Jenny", "202-555-0143", "mornings", answer):
        await patient.says(said)
    assert patient.text == words("booking.no_consent")
    assert await kept() == []
    await patient.says("yes")
    assert await kept() == []


@pytest.mark.parametrize("answer", ["no", "don't send it", "No, do not send it", "cancel"])
async def test_without_confirmation_nothing_is_stored(patient: Patient, answer: str) -> None:
    await at_summary(patient)
    await patient.says(answer)
    assert patient.text == words("booking.stopped")
    assert await kept() == []


@pytest.mark.parametrize(
    "answer", ["yes", "Yes, send it", "yes please", "looks good", "yes that looks right", "send it"]
)
async def test_a_yes_in_words_sends_it(patient: Patient, answer: str) -> None:
    await at_summary(patient)
    await patient.says(answer)
    assert reference(patient) == (await kept())[0].reference


@pytest.mark.parametrize("answer", ["maybe", "not sure", "what happens then?", "hmm let me think"])
async def test_what_is_no_yes_does_not_send_it(patient: Patient, answer: str) -> None:
    await at_summary(patient)
    await patient.says(answer)
    assert patient.labels[-3:] == [SEND, "Change something", "No, do not send it"]
    assert await kept() == []


async def test_the_same_confirmation_twice_is_one_request(patient: Patient) -> None:
    await at_summary(patient)
    identity = {choice["label"]: choice["id"] for message in patient.last for choice in message["choices"]}[
        SEND
    ]
    first = await patient.sends(choices=[identity], id="4d1b2a4e-0000-4000-8000-000000000001")
    again = await patient.sends(choices=[identity], id="4d1b2a4e-0000-4000-8000-000000000001")
    other = await patient.sends(choices=[identity], id="4d1b2a4e-0000-4000-8000-000000000002")
    assert again.json() == first.json()
    assert other.json()["messages"][0]["text"] == words("conversation.choice_over")
    assert len(await kept()) == 1


async def test_a_crash_after_storing_the_request_gives_the_same_reference_at_the_repeat(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await at_summary(patient)
    identity = {choice["label"]: choice["id"] for message in patient.last for choice in message["choices"]}[
        SEND
    ]
    log = wiring.services().log

    async def fails(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("UPDATE messages", {}, Exception("disk full"))

    with monkeypatch.context() as broken:
        broken.setattr(log, "commit", fails)
        crashed = await patient.sends(choices=[identity], id="4d1b2a4e-0000-4000-8000-000000000003")
    assert crashed.status_code == 503
    (stored,) = await kept()
    repeated = await patient.sends(choices=[identity], id="4d1b2a4e-0000-4000-8000-000000000003")
    assert f"**{stored.reference}**" in repeated.json()["messages"][0]["text"]
    assert len(await kept()) == 1


async def test_a_request_that_could_not_be_stored_is_shown_again_before_it_is_sent(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await at_summary(patient)

    async def fails(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("INSERT INTO requests", {}, Exception("disk full"))

    with monkeypatch.context() as broken:
        broken.setattr(wiring.services().requests, "submit", fails)
        await patient.taps(SEND)
    assert patient.text == words("conversation.sorry")
    await patient.says("i would like to book a visit")
    assert await kept() == []
    await patient.says("yes")
    assert patient.labels[0] == SEND
    await patient.taps(SEND)
    assert reference(patient) == (await kept())[0].reference


# -- what is kept ------------------------------------------------------------------------------------------------------------


async def test_what_is_kept_is_no_more_than_the_clinic_needs(patient: Patient) -> None:
    await patient.says("i have diabetes and i am nervous about needles")
    for _ in range(3):
        await patient.taps(NONE)
    await patient.taps("Ask for a visit")
    await patient.taps("Oak Park")
    await patient.taps("Later visit")
    for answer in ("Jenny", "202-555-0143", "mornings", "yes", "yes"):
        await patient.says(answer)
    async with wiring.services().engine.connect() as connection:
        row = (await connection.execute(select(requests))).one()._mapping
    assert set(row) == {
        "reference", "clinic", "draft", "conversation", "kind", "outcome", "location", "visit_kind", "details_sealed",
        "consent_at", "created_at", "expected_by", "state", "state_at", "owner", "erased_at",
    }  # fmt: skip
    assert (row["kind"], row["outcome"], row["location"], row["visit_kind"]) == (
        "visit",
        "TELL",
        "oak-park",
        "follow_up",
    )
    assert row["conversation"] == patient.conversation
    details = msgspec.json.decode(wiring.services().seal.open(row["details_sealed"]))
    assert details == {
        "first_name": "Jenny",
        "contact": "+12025550143",
        "times": "mornings",
        "tell": ["screening.tell.diabetes", "screening.tell.nervous"],
    }
    plain = b"".join(str(value).encode() for name, value in row.items() if name != "details_sealed")
    for secret in (b"Jenny", b"5550143", b"mornings", b"diabetes"):
        assert secret not in row["details_sealed"]
        assert secret not in plain


# -- profiles ----------------------------------------------------------------------------------------------------------------


async def test_a_clinic_with_one_office_is_not_asked_which(patient: Patient) -> None:
    change_clinic(lambda clinic: msgspec.structs.replace(clinic, locations=clinic.locations[:1]))
    await screened(patient)
    assert patient.last[-1]["text"] == words("booking.ask_visit_kind")


async def test_a_clinic_with_one_kind_of_visit_is_not_asked_which(patient: Patient) -> None:
    def with_one_kind(clinic: Clinic) -> Clinic:
        booking = msgspec.structs.replace(clinic.booking, visit_kinds=clinic.booking.visit_kinds[:1])
        return msgspec.structs.replace(clinic, booking=booking)

    change_clinic(with_one_kind)
    await screened(patient)
    await patient.taps("Oak Park")
    assert patient.text == words("booking.ask_first_name")


async def test_a_clinics_stricter_rule_is_kept_to(patient: Patient) -> None:
    change_clinic(lambda clinic: msgspec.structs.replace(clinic, screening_policy={"diabetes": "CALL"}))
    await patient.says("i would like to book a visit")
    await patient.taps(NONE)
    await patient.taps(NONE)
    await patient.taps("Diabetes")
    assert patient.text == words("screening.outcome_call")


@pytest.mark.parametrize("clinic", ["demo", "forever-fit", "accesshealth"])
async def test_every_shipped_clinic_takes_a_visit(talk: Callable[..., Talk], clinic: str) -> None:
    visit = talk(clinic=clinic, conversation=f"visit at {clinic}")
    await visit.says("i would like to book a visit", "none", "none", "none")
    profile = wiring.services().library.clinic(clinic)
    answers = {
        "location": profile.locations[0].name,
        "visit_kind": labelled(profile.booking.visit_kinds[0].label, "en"),
        "first_name": "Jenny",
        "contact": "202-555-0143",
        "times": "mornings",
        "consent": "yes",
        "confirm": "yes",
    }
    while (asking := visit.asking) is not None:
        await visit.says(answers.pop(asking))
    assert REFERENCE.search(visit.text) is not None


@pytest.mark.parametrize("name", ["Imani", "Keiko", "Wesley", "Yusuf"])
async def test_a_name_and_a_number_for_the_form_are_no_declined_questions(
    talk: Callable[..., Talk], name: str
) -> None:
    asking = await talk().says("please let the clinic call me")
    if asking.asking is None:
        await asking.taps("Ask the clinic to contact me")
    for answer in (name, "202-555-0143", "weekday mornings"):
        await asking.says(answer)
        assert asking.turn is not None
        assert asking.turn.heard is not None
        assert asking.turn.heard.act != "out_of_scope", answer
