"""Talk around and after the answers: follow-ups, several questions, choices when unsure, and the way to a person."""

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest

from needlewise import wiring
from needlewise.content.library import Library
from needlewise.content.model import Clinic, Contact
from needlewise.content.render import Place
from tests.support.talk import Talk, words

Begins = Callable[..., Talk]


def answer(topic: str, part: str = "web", *, clinic: str = "demo") -> str:
    services = wiring.services()
    text: str = services.renderer.answer(topic, services.place(clinic, "web", "en"), part=part).text
    return text


def title(topic: str) -> str:
    return wiring.services().renderer.title(topic)


# -- follow-ups --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "topic", "part"),
    [
        ("why?", "does_it_hurt", "why"),
        ("how long?", "does_it_hurt", "how_long"),
        ("tell me more", "does_it_hurt", "more"),
        ("and with insurance", "insurance", "web"),
        ("what about kids?", "children_age", "web"),
    ],
)
async def test_a_short_question_is_about_the_last_answer(
    talk: Begins, said: str, topic: str, part: str
) -> None:
    after = await talk().says("does it hurt?", said)
    assert after.messages[0]["text"] == answer(topic, part)


async def test_what_about_if_im_pregnant(talk: Begins) -> None:
    after = await talk().says("does it hurt?", "what about if i'm pregnant")
    assert after.messages[0]["text"] == answer("pregnancy")


async def test_follow_ups_may_follow_each_other(talk: Begins) -> None:
    after = await talk().says("does it hurt?", "why?", "how long?")
    assert after.text == answer("does_it_hurt", "how_long")


async def test_tell_me_more_is_a_button_too(talk: Begins) -> None:
    first = await talk().says("does it hurt?")
    after = await first.taps(words("conversation.tell_me_more"))
    assert after.messages[0]["text"] == answer("does_it_hurt", "more")


async def test_a_follow_up_to_nothing_is_not_an_answer_to_anything(talk: Begins) -> None:
    after = await talk().says("how long?")
    assert "does_it_hurt" not in after.topics


# -- several questions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "topics"),
    [
        ("does it hurt and how much is it?", ["does_it_hurt", "cost"]),
        ("how much is it? does it hurt?", ["cost", "does_it_hurt"]),
        (
            "is it acupuncture, does it hurt and where are you?",
            ["is_it_acupuncture", "does_it_hurt", "locations"],
        ),
    ],
)
async def test_several_questions_are_answered_in_their_order(
    talk: Begins, said: str, topics: list[str]
) -> None:
    assert (await talk().says(said)).topics == topics


async def test_at_most_three_are_answered_and_the_rest_is_offered(talk: Begins) -> None:
    after = await talk().says(
        "does it hurt, how much is it, is it acupuncture, where are you and how long until i feel better"
    )
    assert after.topics == ["does_it_hurt", "cost", "is_it_acupuncture"]
    assert after.messages[-1]["text"] == words("conversation.more_questions")
    assert after.labels == [title("locations"), title("how_long_until_results")]
    await after.taps(title("locations"))
    assert after.topics == ["locations"]


async def test_however_much_is_said_there_are_at_most_four_messages_and_no_word_is_lost(talk: Begins) -> None:
    after = await talk().says("my foot went cold and blue", "i would like to book a visit", "none", "none")
    await after.says("diabetes. does it hurt, how much is it and is it acupuncture?")
    assert len(after.messages) == 4
    assert after.topics == ["medical_conditions", "does_it_hurt", "cost"]
    assert title("is_it_acupuncture") in after.labels
    for key in ("safety.booking_notice", "booking.intro", "booking.ask_location"):
        assert words(key) in after.text
    assert words("screening.tell.diabetes") in after.text
    assert after.messages[-1]["text"].endswith(words("booking.ask_location"))


# -- unsure and unknown ----------------------------------------------------------------------------------------------

UNCLEAR = "how do you treat the foot"
UNKNOWN = "who won the football game last night?"


async def test_between_topics_the_patient_chooses(talk: Begins) -> None:
    after = await talk().says(UNCLEAR)
    assert after.text == words("conversation.which_topic")
    assert 2 <= len(after.labels) <= 4
    assert after.labels[-1] == words("conversation.talk_to_person")
    assert after.topics == []
    await after.taps(after.labels[0])
    assert len(after.topics) == 1


async def test_unsure_twice_puts_the_person_first(talk: Begins) -> None:
    after = await talk().says(UNCLEAR, UNCLEAR)
    assert after.text == words("conversation.which_again")
    assert after.labels[0] == words("conversation.talk_to_person")


async def test_what_it_does_not_know_it_says(talk: Begins) -> None:
    after = await talk().says(UNKNOWN)
    assert after.text == words("conversation.decline")
    assert after.topics == []


async def test_unknown_twice_puts_the_person_first(talk: Begins) -> None:
    after = await talk().says(UNKNOWN, "what is the capital of peru")
    assert after.text == words("conversation.decline_again")
    assert after.labels[0] == words("conversation.talk_to_person")
    assert after.kinds == ["handoff"]


async def test_an_answer_between_begins_the_count_anew(talk: Begins) -> None:
    after = await talk().says(UNKNOWN, "does it hurt?", "what is the capital of peru")
    assert after.text == words("conversation.decline")


# -- the way to a person ---------------------------------------------------------------------------------------------------

HANDOFF = "can i talk to a person"


@pytest.mark.parametrize(
    ("clinic", "at", "key"),
    [
        ("demo", datetime(2026, 6, 16, 14, 0, tzinfo=UTC), "handoff.route_open"),
        ("demo", datetime(2026, 6, 16, 12, 0, tzinfo=UTC), "handoff.route_open"),
        ("demo", datetime(2026, 6, 16, 11, 59, tzinfo=UTC), "handoff.route_closed"),
        ("demo", datetime(2026, 6, 16, 16, 30, tzinfo=UTC), "handoff.route_closed"),
        ("demo", datetime(2026, 6, 16, 22, 0, tzinfo=UTC), "handoff.route_closed"),
        ("demo", datetime(2026, 6, 21, 14, 0, tzinfo=UTC), "handoff.route_closed"),
        ("demo", datetime(2026, 11, 26, 15, 0, tzinfo=UTC), "handoff.route_closed"),
        ("forever-fit", datetime(2026, 6, 16, 14, 0, tzinfo=UTC), "handoff.route"),
        ("accesshealth", datetime(2026, 6, 16, 14, 0, tzinfo=UTC), "handoff.route"),
    ],
    ids=lambda value: f"{value:%a %H:%M}" if isinstance(value, datetime) else str(value),
)
async def test_the_way_to_a_person_by_clinic_and_hour(
    talk: Begins, clinic: str, at: datetime, key: str
) -> None:
    after = await talk(clinic=clinic, at=at).says(HANDOFF)
    assert after.text == words(key, clinic=clinic)
    assert after.kinds == ["handoff"]
    assert after.labels == [words("booking.call_me")]


@pytest.mark.parametrize(
    ("contact", "route"),
    [
        (
            {"phone": "+12025550140", "email": "a@example.com"},
            "call us at [(202) 555-0140](tel:+12025550140)",
        ),
        (
            {"request_form": "https://example.com/visit", "email": "a@example.com"},
            "use our request form at https://example.com/visit",
        ),
        ({"email": "a@example.com"}, "write to us at a@example.com"),
        ({}, "contact the clinic"),
    ],
)
async def test_the_route_is_one_the_clinic_has(
    talk: Begins, monkeypatch: pytest.MonkeyPatch, contact: dict[str, str], route: str
) -> None:
    begun = talk()
    profile = msgspec.structs.replace(_demo(), contact=Contact(**contact), hours=None)
    library = wiring.services().library
    changed = Library(library.answers, library.phrases, {**library.clinics, "demo": profile}, library.sources)
    monkeypatch.setattr(wiring.services(), "library", changed)
    after = await begun.says(HANDOFF)
    assert after.text == f"Sure. To talk with a person, {route}."


def _demo() -> Clinic:
    return wiring.services().library.clinic("demo")


async def test_a_visit_that_is_already_made(talk: Begins) -> None:
    after = await talk().says("i need to reschedule my appointment")
    assert after.messages[0]["text"] == words("handoff.change_visit")
    assert "Please tell us 24 hours ahead" in after.messages[1]["text"]


async def test_a_clinic_without_a_rule_for_cancelling_states_none(talk: Begins) -> None:
    after = await talk(clinic="forever-fit").says("i need to reschedule my appointment")
    assert [message["text"] for message in after.messages] == [
        words("handoff.change_visit", clinic="forever-fit")
    ]


# -- acts -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("is this chat private?", "conversation.privacy"),
        ("who can read what i write here", "conversation.privacy"),
        ("are you a real person?", "conversation.bot_identity"),
        ("am i talking to a robot", "conversation.bot_identity"),
        ("do you speak spanish?", "conversation.language"),
        ("hello", "conversation.greet"),
        ("thank you", "conversation.thanks"),
        ("goodbye", "conversation.goodbye"),
        ("that helped a lot", "conversation.feedback_positive"),
        ("that is not what i asked", "conversation.feedback_negative"),
        ("my heel burns at night, what do i have?", "conversation.diagnose_me"),
        ("yes", "conversation.affirm"),
        ("no", "conversation.deny"),
        ("i don't know", "conversation.unsure"),
    ],
)
async def test_an_act_has_its_phrase(talk: Begins, said: str, key: str) -> None:
    assert (await talk().says(said)).text == words(key)


async def test_start_over_greets_again(talk: Begins) -> None:
    after = await talk().says("does it hurt?", "start over")
    assert [message["text"] for message in after.messages] == [
        words("conversation.start_over"),
        words("conversation.greet"),
    ]


@pytest.mark.parametrize("said", ["¿hablan español?", "me duele mucho el talón", "necesito ayuda con mi pie"])
async def test_spanish_gets_the_spanish_sentence(talk: Begins, said: str) -> None:
    after = await talk().says(said)
    assert after.text == words("conversation.language", language="es")
    assert "llame al" in after.text


async def test_an_urgent_sign_in_spanish_is_answered_in_spanish(talk: Begins) -> None:
    after = await talk().says("no puedo respirar")
    assert after.messages[0]["text"] == words("safety.emergency", language="es")


@pytest.mark.parametrize(
    "said",
    [
        "stop",
        "STOP",
        "stopall",
        "unsubscribe",
        "end",
        "quit",
        "cancel",
        "revoke",
        "opt out",
        "no más",
        "baja",
        "arret",
    ],
)
async def test_opt_out_words_are_heeded(talk: Begins, said: str) -> None:
    after = await talk().says(said)
    assert after.text == words("conversation.opt_out")
    assert after.turn is not None
    assert after.turn.opt_out is True


async def test_an_opt_out_in_other_words_is_heeded(talk: Begins) -> None:
    after = await talk().says("please do not text me anymore")
    assert after.turn is not None
    assert after.turn.opt_out is True


async def test_an_opt_out_is_heeded_where_safety_waits_for_an_answer(talk: Begins) -> None:
    after = await talk().says("i can't walk on it", "stop")
    assert after.messages[0]["text"] == words("safety.urgent")
    assert after.turn is not None
    assert after.turn.opt_out is True


# -- after safety spoke ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["ok", "i'm fine", "thanks", "no"])
async def test_a_reassurance_does_not_erase_the_notice(talk: Begins, said: str) -> None:
    after = await talk().says("i have chest pain and cant breathe", said)
    assert after.messages[0]["text"] == words("safety.again")
    assert words("conversation.affirm") not in after.text


async def test_a_question_after_an_urgent_sign_is_answered(talk: Begins) -> None:
    after = await talk().says("i have chest pain and cant breathe", "how much does it cost?")
    assert after.topics == ["cost"]


# -- buttons --------------------------------------------------------------------------------------------------------------------


async def test_a_button_of_a_question_that_is_over_says_so(talk: Begins) -> None:
    after = await talk().says("i would like to book a visit", "stop")
    await after.taps("None of these")
    assert after.text == words("conversation.choice_over")


async def test_a_label_typed_is_as_good_as_tapped(talk: Begins) -> None:
    after = await talk().says("i take warfarin", "none of these", words("booking.exam_only").upper())
    assert after.messages[0]["text"] == words("booking.intro_exam")


async def test_the_opening_says_who_speaks_and_what_it_is_not_for(talk: Begins) -> None:
    begun = talk()
    place = Place(_demo(), "web", "en")
    (opening,), state = begun.turns.open(place, begun.state)
    assert opening.wire["text"] == words("conversation.opening")
    assert "not a person" in opening.text
    assert len(state.choices) == 4
