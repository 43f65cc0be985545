"""From "book me" through the cards to what follows, as a patient in a browser lives it."""

import re
from datetime import timedelta

import httpx
import pytest

from needlewise import clock
from tests.support.patient import Patient
from tests.support.talk import words

NEVER_SAID = re.compile(r"\b(?:cleared|qualif\w+|safe for you|fit for|good candidate|approved)\b", re.I)
NONE = "None of these"


@pytest.fixture
async def patient(client: httpx.AsyncClient) -> Patient:
    return await Patient.arrives(client)


async def at_card(patient: Patient, card: int) -> Patient:
    """Bring a patient to the first, second or third card."""
    await patient.says("i would like to book a visit")
    for _ in range(card - 1):
        await patient.taps(NONE)
    return patient


CARDS = ("card_now", "card_call", "card_tell")


def shows(patient: Patient, card: str) -> bool:
    return words(f"screening.{card}") in [message["text"] for message in patient.last]


def counted(patient: Patient, key: str) -> int:
    return [message["text"] for message in patient.last].count(words(key))


# -- the outcomes ------------------------------------------------------------------------------------------------


async def test_nothing_to_tell_leads_to_a_request(patient: Patient) -> None:
    await at_card(patient, 3)
    await patient.taps(NONE)
    assert patient.last[0]["text"] == words("screening.outcome_book")
    assert words("booking.ask_location") in patient.text


async def test_a_line_of_the_last_card_is_to_be_told_to_the_therapist(patient: Patient) -> None:
    await at_card(patient, 3)
    await patient.taps("Diabetes", "Fainting with needles or blood draws")
    assert words("screening.tell.diabetes") in patient.last[0]["text"]
    assert words("screening.tell.faint") in patient.last[0]["text"]
    assert words("booking.ask_location") in patient.text


@pytest.mark.parametrize(
    "line", ["Seizures", "Pacemaker, or another implant with a battery", "Allergy to nickel or another metal"]
)
async def test_a_line_of_the_second_card_leads_to_a_talk_with_the_clinic(patient: Patient, line: str) -> None:
    await at_card(patient, 2)
    await patient.taps(line)
    assert patient.text == words("screening.outcome_call")
    assert patient.labels == [words("booking.call_me"), words("booking.exam_only")]


@pytest.mark.parametrize(
    "line", ["Pregnant, or might be", "Heart trouble", "Weak immune system, or cancer care"]
)
async def test_some_lines_lead_to_the_doctor_first(patient: Patient, line: str) -> None:
    await at_card(patient, 2)
    await patient.taps(line)
    assert patient.text == words("screening.outcome_call_doctor")


async def test_several_lines_may_be_ticked_and_the_strictest_counts(patient: Patient) -> None:
    await at_card(patient, 2)
    await patient.taps("Seizures", "Allergy to nickel or another metal", "Pregnant, or might be")
    assert patient.text == words("screening.outcome_call_doctor")


async def test_a_sign_of_the_first_card_leads_to_care_right_away(patient: Patient) -> None:
    await at_card(patient, 1)
    await patient.taps("A hot, red foot or leg, or pus")
    assert patient.text == words("screening.outcome_now")
    assert patient.last[0]["kind"] == "urgent"
    assert patient.labels == []


@pytest.mark.parametrize("age", ["i'm 15 years old", "i am 16, can i get it?"])
async def test_someone_under_18_is_asked_nothing_more(patient: Patient, age: str) -> None:
    await patient.says(age)
    assert words("screening.outcome_guardian") in patient.text
    await patient.says("can somebody call me?")
    assert words("booking.call_me") not in patient.labels
    await patient.says("i would like to book a visit")
    assert patient.text == words("screening.outcome_guardian")


async def test_under_18_ticked_on_the_card(patient: Patient) -> None:
    await at_card(patient, 2)
    await patient.taps("Under 18")
    assert patient.text == words("screening.outcome_guardian")
    assert patient.labels == []


# -- answers in their own words ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("card", "said", "outcome"),
    [
        (1, "yes", "screening.outcome_now"),
        (2, "yes", "screening.outcome_call"),
        (2, "yeah one of them", "screening.outcome_call"),
        (2, "i take eliquis", "screening.outcome_call"),
        (2, "im 20 weeks pregnant", "screening.outcome_call_doctor"),
        (1, "not sure", "screening.outcome_call"),
        (2, "not sure", "screening.outcome_call"),
        (3, "not sure", "screening.outcome_call"),
        (2, "i dont know maybe", "screening.outcome_call"),
        (1, "i'd rather not say", "screening.outcome_call"),
        (3, "skip", "screening.outcome_call"),
        (3, "no none of that", "screening.outcome_book"),
        (3, "nope", "screening.outcome_book"),
    ],
)
async def test_free_words_are_an_answer(patient: Patient, card: int, said: str, outcome: str) -> None:
    await at_card(patient, card)
    await patient.says(said)
    assert patient.last[0]["text"] == words(outcome)


async def test_a_bare_yes_to_the_last_card_asks_the_patient_to_tell_the_therapist(patient: Patient) -> None:
    await at_card(patient, 3)
    await patient.says("yes")
    assert words("screening.tell.something") in patient.last[0]["text"]


async def test_not_sure_by_button_leads_to_a_talk_with_the_clinic(patient: Patient) -> None:
    await at_card(patient, 3)
    await patient.taps("Not sure")
    assert patient.text == words("screening.outcome_call")


async def test_none_of_these_with_not_sure_is_not_sure(patient: Patient) -> None:
    await at_card(patient, 3)
    await patient.taps(NONE, "Not sure")
    assert patient.text == words("screening.outcome_call")


async def test_a_doctors_word_is_thanked_for_and_changes_nothing(patient: Patient) -> None:
    await at_card(patient, 2)
    await patient.says("i take warfarin but my doctor said it's fine")
    assert patient.last[0]["text"] == words("screening.doctor_said_fine")
    assert patient.last[-1]["text"] == words("screening.outcome_call")
    await patient.says("my doctor said it's ok")
    assert patient.last[0]["text"] == words("screening.doctor_said_fine")
    assert patient.last[-1]["text"] == words("screening.outcome_call")


# -- in the middle -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("card", [1, 2, 3])
async def test_a_side_question_is_answered_and_the_card_comes_back_once(patient: Patient, card: int) -> None:
    await at_card(patient, card)
    await patient.says("how much does it cost?")
    assert patient.topics == ["cost"]
    assert counted(patient, f"screening.{CARDS[card - 1]}") == 1
    await patient.taps(NONE)
    assert counted(patient, f"screening.{CARDS[card - 1]}") == 0


async def test_an_answer_with_a_question_gets_both(patient: Patient) -> None:
    await at_card(patient, 1)
    await patient.says("no, does it hurt?")
    assert patient.topics == ["does_it_hurt"]
    assert shows(patient, "card_call")


@pytest.mark.parametrize("card", [1, 2, 3])
@pytest.mark.parametrize("said", ["why do you ask?", "why", "what for"])
async def test_it_says_why_it_asks(patient: Patient, card: int, said: str) -> None:
    await at_card(patient, card)
    await patient.says(said)
    name = CARDS[card - 1]
    assert patient.last[0]["text"] == words(f"screening.why_{name.removeprefix('card_')}")
    assert counted(patient, f"screening.{name}") == 1


@pytest.mark.parametrize(("card", "before"), [(1, 1), (2, 1), (3, 2)])
@pytest.mark.parametrize("said", ["back", "go back"])
async def test_back_is_the_card_before(patient: Patient, card: int, before: int, said: str) -> None:
    await at_card(patient, card)
    await patient.says(said)
    assert patient.text == words(f"screening.{CARDS[before - 1]}")
    await patient.taps("Not sure")
    assert patient.text == words("screening.outcome_call")


@pytest.mark.parametrize("card", [1, 2, 3])
async def test_stop_ends_it_and_nothing_is_sent(patient: Patient, card: int) -> None:
    await at_card(patient, card)
    await patient.says("stop")
    assert patient.text == words("booking.stopped")
    await patient.says("does it hurt?")
    assert patient.topics == ["does_it_hurt"]
    assert len(patient.last) == 1


@pytest.mark.parametrize("card", [1, 2, 3])
async def test_start_over_forgets_what_was_told(patient: Patient, card: int) -> None:
    await patient.says("i have diabetes")
    await patient.says("start over")
    assert patient.last[0]["text"] == words("conversation.start_over")
    await at_card(patient, card)
    await patient.says("start over")
    await at_card(patient, 3)
    assert "Diabetes" in patient.labels
    await patient.taps(NONE)
    assert patient.last[0]["text"] == words("screening.outcome_book")


@pytest.mark.parametrize("card", [1, 2, 3])
async def test_a_person_can_be_had_at_every_card(patient: Patient, card: int) -> None:
    await at_card(patient, card)
    await patient.says("can i talk to a person instead")
    assert patient.last[0]["kind"] == "handoff"
    assert patient.labels == [words("booking.call_me")]
    assert not shows(patient, CARDS[card - 1])


# -- what is known -------------------------------------------------------------------------------------------------


async def test_a_condition_named_before_counts_and_its_card_is_not_asked(patient: Patient) -> None:
    await patient.says("i take warfarin, can i still come?")
    assert shows(patient, "card_now")
    await patient.taps(NONE)
    assert patient.text == words("screening.outcome_call")


async def test_a_condition_named_before_is_not_a_line_of_the_card(patient: Patient) -> None:
    await patient.says("i have diabetes")
    await patient.taps(NONE)
    await patient.taps(NONE)
    assert shows(patient, "card_tell")
    assert "Diabetes" not in patient.labels
    assert "A joint replacement" in patient.labels
    await patient.taps(NONE)
    assert words("screening.tell.diabetes") in patient.text


async def test_a_condition_told_to_a_person_seeker_counts_as_well(patient: Patient) -> None:
    await patient.says("i'm on blood thinners, can i talk to a person")
    await patient.says("ok just book me a visit")
    await patient.taps(NONE)
    assert words("screening.outcome_call") in patient.text


async def test_a_condition_named_after_the_screening_changes_what_may_be_asked_for(patient: Patient) -> None:
    await patient.says("am i a candidate?")
    for _ in range(3):
        await patient.taps(NONE)
    assert patient.text == words("screening.outcome_book")
    await patient.says("oh, i forgot that i take warfarin")
    assert patient.last[-1]["text"] == words("screening.outcome_call")
    await patient.says("i would like to book a visit")
    assert patient.text == words("screening.outcome_call")


async def test_the_screening_is_asked_once(patient: Patient) -> None:
    await patient.says("am i a candidate?")
    for _ in range(3):
        await patient.taps(NONE)
    await patient.taps("Ask for a visit")
    assert words("booking.ask_location") in patient.text
    assert not shows(patient, "card_now")


async def test_facts_lapse_after_a_day_and_the_patient_is_told(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = clock.now()
    await at_card(patient, 2)
    await patient.taps("Seizures")
    monkeypatch.setattr(clock, "now", lambda: began + timedelta(hours=20))
    await patient.says("does it hurt?")
    assert words("screening.lapsed") not in patient.text
    monkeypatch.setattr(clock, "now", lambda: began + timedelta(hours=25))
    await patient.says("i would like to book a visit")
    assert patient.last[0]["text"] == words("screening.lapsed")
    assert shows(patient, "card_now")


async def test_a_form_whose_facts_lapsed_begins_again_with_the_first_card(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = clock.now()
    await at_card(patient, 3)
    await patient.taps(NONE)
    monkeypatch.setattr(clock, "now", lambda: began + timedelta(hours=23.5))
    await patient.says("Mill Street")
    monkeypatch.setattr(clock, "now", lambda: began + timedelta(hours=24.5))
    await patient.taps("Later visit")
    assert patient.last[0]["text"] == words("screening.lapsed")
    assert shows(patient, "card_now")


# -- after a call-first outcome --------------------------------------------------------------------------------------


async def test_needling_cannot_be_asked_for_after_a_call_first_outcome(patient: Patient) -> None:
    await at_card(patient, 2)
    await patient.taps("Seizures")
    for wish in ("i would like to book a visit", "book me anyway please", "schedule a needling visit"):
        await patient.says(wish)
        assert patient.text == words("screening.outcome_call")


async def test_an_exam_without_needles_can_be_asked_for(patient: Patient) -> None:
    await at_card(patient, 2)
    await patient.taps("Seizures")
    await patient.taps(words("booking.exam_only"))
    assert patient.last[0]["text"] == words("booking.intro_exam")
    await patient.says("Harbor")
    # The one kind of visit without needles is not asked for.
    assert patient.text == words("booking.ask_first_name")


async def test_a_call_back_can_be_asked_for(patient: Patient) -> None:
    await at_card(patient, 2)
    await patient.taps("Seizures")
    await patient.taps(words("booking.call_me"))
    assert patient.last[0]["text"] == words("booking.intro_callback")
    assert patient.last[1]["text"] == words("booking.ask_first_name")


# -- urgent signs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("card", [1, 2, 3])
async def test_an_urgent_sign_fires_at_every_card_and_the_card_waits(patient: Patient, card: int) -> None:
    await at_card(patient, card)
    await patient.says("i have chest pain and cant breathe")
    assert patient.last[0]["kind"] == "urgent"
    assert not shows(patient, CARDS[card - 1])
    await patient.says("ok")
    assert words("safety.again") in patient.text
    assert counted(patient, f"screening.{CARDS[card - 1]}") == 1


async def test_an_ok_after_an_urgent_sign_is_no_answer_to_the_card(patient: Patient) -> None:
    await at_card(patient, 3)
    await patient.says("my foot went cold and blue")
    await patient.says("no i'm fine")
    assert shows(patient, "card_tell")
    await patient.says("no")
    assert words("screening.outcome_book") in patient.text


async def test_a_booking_within_a_day_of_an_urgent_sign_begins_with_the_notice(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = clock.now()
    await patient.says("my foot went cold and blue")
    await patient.says("i would like to book a visit")
    assert patient.last[0]["text"] == words("safety.booking_notice")
    await patient.says("stop")
    monkeypatch.setattr(clock, "now", lambda: began + timedelta(hours=23))
    await patient.says("i would like to book a visit")
    assert patient.last[0]["text"] == words("safety.booking_notice")
    await patient.says("stop")
    monkeypatch.setattr(clock, "now", lambda: began + timedelta(hours=25))
    await patient.says("i would like to book a visit")
    assert words("safety.booking_notice") not in patient.text


async def test_an_urgent_sign_among_the_cards_puts_the_notice_before_the_request(patient: Patient) -> None:
    await at_card(patient, 3)
    await patient.says("i have chest pain and cant breathe")
    await patient.says("ok")
    await patient.taps(NONE)
    assert words("safety.booking_notice") in patient.text
    assert words("booking.ask_location") in patient.text


# -- the question that safety asks -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer", ["yes", "i fell down the stairs", "maybe", "what do you mean", "how much is it"]
)
async def test_anything_but_a_no_to_safetys_question_is_urgent(patient: Patient, answer: str) -> None:
    await patient.says("i can't walk on it")
    assert patient.text == words("safety.ask_walk")
    assert patient.labels == ["Yes", "No"]
    await patient.says(answer)
    assert patient.last[0]["text"] == words("safety.urgent")


async def test_yes_by_button_is_urgent(patient: Patient) -> None:
    await patient.says("i can't walk on it")
    await patient.taps("Yes")
    assert patient.last[0]["text"] == words("safety.urgent")


async def test_a_no_lets_the_talk_go_on(patient: Patient) -> None:
    await patient.says("i can't walk on it")
    await patient.says("no")
    assert patient.text == words("conversation.deny")
    await patient.says("how much does it cost?")
    assert patient.topics == ["cost"]


@pytest.mark.parametrize("by_button", [True, False])
async def test_a_no_to_safety_is_no_answer_to_the_card(patient: Patient, by_button: bool) -> None:
    await at_card(patient, 2)
    await patient.says("i can't walk on it")
    await (patient.taps("No") if by_button else patient.says("no"))
    assert shows(patient, "card_call")


async def test_a_button_of_the_card_is_no_answer_to_safety(patient: Patient) -> None:
    await at_card(patient, 2)
    card = {choice["label"]: choice["id"] for message in patient.last for choice in message["choices"]}
    await patient.says("i can't walk on it")
    response = await patient.sends(choices=[card[NONE]])
    assert response.json()["messages"][0]["text"] == words("safety.urgent")


async def test_despair_unclearly_said_is_asked_about(patient: Patient) -> None:
    await patient.says("i cant take this anymore")
    assert patient.text == words("safety.ask_safe")
    await patient.says("i don't know")
    assert patient.last[0]["text"] == words("safety.crisis")


# -- what is never said --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "way",
    [
        ["None of these", "None of these", "None of these"],
        ["None of these", "None of these", "Diabetes"],
        ["None of these", "Seizures"],
        ["None of these", "Pregnant, or might be"],
        ["None of these", "Under 18"],
        ["A cold, pale or blue foot"],
    ],
    ids=lambda way: way[-1],
)
async def test_no_outcome_says_that_anyone_is_fit_for_needling(patient: Patient, way: list[str]) -> None:
    await patient.says("am i a candidate?")
    for label in way:
        await patient.taps(label)
    assert NEVER_SAID.findall(patient.text) == []


async def test_what_is_told_in_person_is_neither_asked_nor_noted(patient: Patient) -> None:
    await at_card(patient, 2)
    await patient.says("none of those but i have hepatitis c")
    assert counted(patient, "screening.private") == 1
    assert shows(patient, "card_tell") or shows(patient, "card_call")
