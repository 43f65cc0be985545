"""Whatever a patient says, wherever they are: an answer of one to four messages, and a way on."""

import logging
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
import pytest_asyncio

from needlewise import wiring
from needlewise.conversations.state import State
from needlewise.dialogue.turn import MOST_MESSAGES, Turns
from needlewise.language.reading import Reading, read
from needlewise.nlu.taxonomy import ACTS, TOPICS, UNSURE
from needlewise.nlu.understood import Understood
from needlewise.wiring import Services
from tests.support.talk import Talk, words

# One sentence an intent, none of them a training example.
SENTENCES = {
    "what_is_dry_needling": "could you explain what dry needling is exactly?",
    "how_does_it_work": "how does poking a muscle with a needle make it heal?",
    "is_it_acupuncture": "is this the same thing as acupuncture?",
    "acupuncture_combined": "can i get acupuncture and dry needling in one visit?",
    "does_it_hurt": "does it hurt a lot when the needle goes in?",
    "where_do_needles_go": "where on my foot do the needles go in?",
    "is_there_medicine": "is there any medicine inside the needle?",
    "session_what_to_expect": "what happens during a dry needling session?",
    "does_it_work": "does dry needling really work for plantar fasciitis?",
    "how_long_until_results": "how soon will i feel better after dry needling?",
    "how_many_sessions": "how many sessions will i need in total?",
    "how_long_results_last": "how long does the relief from needling last?",
    "side_effects": "what are the possible side effects of dry needling?",
    "aftercare": "can i go for a run right after dry needling?",
    "am_i_a_candidate": "would i be a good candidate for dry needling?",
    "fear_of_needles": "i am terrified of needles",
    "blood_thinners_bleeding": "is dry needling ok for people on blood thinners?",
    "pregnancy": "is dry needling safe in pregnancy?",
    "medical_conditions": "can people with diabetes have dry needling?",
    "children_age": "can kids get dry needling too?",
    "other_body_parts": "does dry needling also help with shoulder pain?",
    "what_is_plantar_fasciitis": "what exactly is plantar fasciitis?",
    "heel_spur_or_pf": "what is the difference between a heel spur and plantar fasciitis?",
    "causes_risk_factors": "what causes plantar fasciitis?",
    "how_long_does_pf_last": "how long does plantar fasciitis last if i leave it?",
    "home_exercises": "which stretches can i do at home for my heel?",
    "shoes_orthotics": "what kind of shoes should i wear for heel pain?",
    "activity_with_pf": "can i keep running with plantar fasciitis?",
    "other_treatments": "what other treatments do you offer for heel pain?",
    "cortisone_or_surgery": "is a cortisone shot better than this?",
    "who_performs_it": "who does the dry needling at your clinic?",
    "locations": "where is your clinic located?",
    "hours_contact": "what are your opening hours?",
    "cost": "how much does one session cost?",
    "insurance": "does my insurance cover dry needling?",
    "referral_needed": "do i need a referral from my doctor?",
    "telehealth": "do you offer video visits?",
    "book_appointment": "i would like to schedule an appointment",
    "change_appointment": "i need to reschedule my appointment for tomorrow",
    "talk_to_human": "can i talk to a real person please",
    "diagnose_me": "my heel burns at night, what do i have?",
    "urgent_red_flag": "i have crushing chest pain",
    "crisis": "i want to kill myself",
    "opt_out": "please stop texting me",
    "privacy": "is this chat confidential?",
    "bot_identity": "am i talking to a robot?",
    "language": "do you speak spanish?",
    "greet": "hello there",
    "goodbye": "ok bye for now",
    "thanks": "thank you so much",
    "feedback_positive": "that was really helpful",
    "feedback_negative": "that is not what i asked",
    "affirm": "yes",
    "deny": "no",
    "unsure": "i don't know",
    "ask_why": "why do you need to know that?",
    "start_over": "start over",
    "out_of_scope": "who won the football game last night?",
    UNSURE: "how do you treat the foot",
}

_SCREENED = [("Ask for a visit",), ("None of these",), ("None of these",), ("None of these",)]
_CALLED = ["i take warfarin", ("None of these",)]
_FILLED = ["Jenny", "202-555-0143", "mornings", ("Yes",)]
Step = str | tuple[str, ...]

# How each state is reached: words are said, tuples are tapped.
STATES: dict[str, list[Step]] = {
    "idle": [],
    "after an answer": ["does it hurt?"],
    "card_now": _SCREENED[:1],
    "card_call": _SCREENED[:2],
    "card_tell": _SCREENED[:3],
    "visit: location": _SCREENED,
    "visit: visit_kind": [*_SCREENED, "Mill Street"],
    "visit: first_name": [*_SCREENED, "Mill Street", "Later visit"],
    "visit: contact": [*_SCREENED, "Mill Street", "Later visit", *_FILLED[:1]],
    "visit: times": [*_SCREENED, "Mill Street", "Later visit", *_FILLED[:2]],
    "visit: consent": [*_SCREENED, "Mill Street", "Later visit", *_FILLED[:3]],
    "visit: confirm": [*_SCREENED, "Mill Street", "Later visit", *_FILLED],
    "exam: location": [*_CALLED, ("Ask for an exam, no needles",)],
    "exam: first_name": [*_CALLED, ("Ask for an exam, no needles",), "Harbor"],
    "exam: confirm": [*_CALLED, ("Ask for an exam, no needles",), "Harbor", *_FILLED],
    "callback: first_name": [*_CALLED, ("Ask the clinic to contact me",)],
    "callback: confirm": [*_CALLED, ("Ask the clinic to contact me",), *_FILLED],
    "after urgent": ["i have crushing chest pain"],
    "after crisis": ["i want to kill myself"],
    "urgent in a card": [*_SCREENED[:2], "i have crushing chest pain"],
    "urgent in a request": [*_SCREENED, "Mill Street", "Later visit", "i have crushing chest pain"],
    "after handoff": ["can i talk to a real person please"],
    "after a finished request": [*_CALLED, ("Ask the clinic to contact me",), *_FILLED, ("Yes, send it",)],
    "after ASK": ["i can't walk on it"],
    "ASK in a card": [*_SCREENED[:2], "i can't walk on it"],
    "after a decline": ["who won the football game last night?"],
}

ANSWERS = {
    "card_now": "none of these",
    "card_call": "none of these",
    "card_tell": "none of these",
    "location": "Mill Street",
    "visit_kind": "Exam only, no needles",
    "first_name": "Jenny",
    "contact": "202-555-0143",
    "times": "mornings",
    "consent": "yes",
    "confirm": "yes",
}


async def led(talk: Talk, steps: list[Step]) -> Talk:
    for step in steps:
        await (talk.says(step) if isinstance(step, str) else talk.taps(*step))
    return talk


@pytest.fixture(scope="module", autouse=True)
def _each_sentence_is_read_once(turns: Turns) -> Iterator[None]:
    """The same sixty sentences are said in every state; what they mean alone does not change."""
    understood: dict[str, Understood] = {}
    understanding = turns._understanding
    parse = understanding._parse

    def parsed_once(reading: Reading) -> Understood:
        if reading.text not in understood:
            understood[reading.text] = parse(reading)
        return understood[reading.text]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("needlewise.dialogue.understanding.read", cache(read))
        patch.setattr(understanding, "_parse", parsed_once)
        yield


@pytest_asyncio.fixture(scope="module")
async def states(turns: Turns, desk: Services) -> dict[str, State]:
    """Every state, reached once. A turn takes a state and gives another, so all tests begin from the same ones."""
    wiring.use(desk)
    reached = {}
    for name, steps in STATES.items():
        talk = Talk(turns, conversation=name)
        talk.state = turns.open(desk.place("demo", "web", "en"), State())[1]
        reached[name] = (await led(talk, steps)).state
    return reached


@pytest.fixture(scope="module")
def gone_on() -> set[str]:
    """States from which a talk was seen to go on; many turns end in the same."""
    return set()


def test_there_is_a_sentence_for_every_topic_and_act() -> None:
    assert set(SENTENCES) == {*TOPICS, *ACTS, UNSURE}


@pytest.mark.parametrize("name", STATES)
def test_the_states_are_what_they_are_called(states: dict[str, State], name: str) -> None:
    asking = states[name].slots.get("requested_slot") if states[name].form else None
    if name.startswith("card_"):
        assert asking == name
    elif ": " in name:
        kind, slot = name.split(": ")
        assert (states[name].slots["request_kind"], asking) == (kind, slot)
    elif name in ("urgent in a card", "ASK in a card"):
        assert asking == "card_call"
    elif name == "urgent in a request":
        assert asking == "first_name"
    else:
        assert asking is None


@pytest.mark.parametrize("intent", SENTENCES)
async def test_the_sentence_means_the_intent(talk: Callable[..., Talk], intent: str) -> None:
    assert (await talk().says(SENTENCES[intent])).intent == intent


@pytest.mark.parametrize("intent", SENTENCES)
@pytest.mark.parametrize("state", STATES)
async def test_it_is_answered_and_the_patient_can_go_on(
    talk: Callable[..., Talk],
    states: dict[str, State],
    gone_on: set[str],
    caplog: pytest.LogCaptureFixture,
    state: str,
    intent: str,
) -> None:
    with caplog.at_level(logging.ERROR):
        said = await talk(state=states[state], conversation=f"{state} {intent}").says(SENTENCES[intent])
        assert_answered(said)
        if (reached := signature(said.state)) not in gone_on:
            await assert_a_plain_question_is_answered(said.branch())
            await assert_an_open_form_leads_to_its_end(said.branch())
            gone_on.add(reached)
    assert [record.getMessage() for record in caplog.records] == []


def assert_answered(talk: Talk) -> None:
    assert 1 <= len(talk.messages) <= MOST_MESSAGES, talk.heard
    assert words("conversation.sorry") not in [message["text"] for message in talk.messages], talk.heard
    for message in talk.messages:
        assert len(message["text"]) > 2
        assert "{" not in message["text"]


async def assert_a_plain_question_is_answered(talk: Talk) -> None:
    if talk.state.asked:
        # Safety waits for its answer first.
        await talk.says("no")
    await talk.says("how much does it cost?")
    assert talk.topics == ["cost"], talk.heard


async def assert_an_open_form_leads_to_its_end(talk: Talk) -> None:
    if talk.state.asked:
        await talk.says("no")
    asked: list[str] = []
    while (asking := talk.asking) is not None:
        assert asked.count(asking) < 2, (asked, talk.heard)
        asked.append(asking)
        await talk.says(ANSWERS[asking])
        assert_answered(talk)
    if asked and talk.state.slots.get("outcome") not in ("NOW", "CALL"):
        assert "confirm" not in asked or "reference number" in talk.text
    assert talk.state.form is None


def signature(state: State) -> str:
    """What of a state steers the dialogue: not which buttons were shown, nor how often nothing was understood."""
    free = ("misses", "last_topics", "request_draft", "facts_at")
    slots: dict[str, Any] = {name: value for name, value in state.slots.items() if name not in free}
    return f"{state.form} {state.asked} {bool(state.urgent_at)} {sorted(slots.items(), key=str)}"
