"""What patients came to ask, in words that are no training examples: the right answer, with its sources."""

import re
from pathlib import Path

import httpx
import pytest
import yaml

from needlewise import wiring
from needlewise.nlu.taxonomy import TOPICS
from needlewise.text.normalise import normalise
from tests.support.patient import Patient

MISSION = {
    "does_it_hurt": [
        "Does it hurt?",
        "is getting needled in the heel painful at all?",
        "how bad is the pain while you do the needling, honestly",
        "will i be screaming when that goes into my foot lol",
    ],
    "how_long_until_results": [
        "How long until results?",
        "when should i notice my heel getting better after dry needling",
        "how quick does the needling kick in",
        "how many days before i feel some relief from it?",
    ],
    "is_it_acupuncture": [
        "Is it acupuncture?",
        "isnt dry needling just acupuncture with another name",
        "how is that different from what an acupuncturist does?",
        "so dry needling, thats a kind of acupuncture right",
    ],
    "am_i_a_candidate": [
        "Am I a candidate?",
        "how do i know if dry needling would suit me",
        "would someone like me be able to have dry needling?",
        "who is dry needling not meant for?",
    ],
}
OTHERS = {
    "what_is_dry_needling": "my coach mentioned dry needling, what's that about",
    "how_does_it_work": "how can sticking needles in a muscle make it loosen up",
    "acupuncture_combined": "could you do both acupuncture and dry needling on me the same day",
    "where_do_needles_go": "do you put the needles in the arch or up in the calf",
    "is_there_medicine": "do you inject any drug through the needle",
    "session_what_to_expect": "walk me through what a dry needling visit looks like",
    "does_it_work": "is there real evidence behind dry needling for heel pain",
    "how_many_sessions": "how many times would i have to come in for needling",
    "how_long_results_last": "once the needling helped, will the heel pain stay away",
    "side_effects": "what could go wrong with dry needling",
    "aftercare": "is it ok to hit the gym the same evening after needling",
    "fear_of_needles": "needles make me panic, i have a real phobia",
    "blood_thinners_bleeding": "is needling a problem for somebody who takes warfarin",
    "pregnancy": "can pregnant women get dry needling",
    "medical_conditions": "can you get needled with a pacemaker",
    "children_age": "is my 11 year old daughter too young for dry needling",
    "other_body_parts": "could dry needling do anything for my tight shoulders",
    "what_is_plantar_fasciitis": "explain plantar fasciitis to me in simple words",
    "heel_spur_or_pf": "how can i tell a heel spur from plantar fasciitis",
    "causes_risk_factors": "why do people get plantar fasciitis in the first place",
    "how_long_does_pf_last": "will plantar fasciitis go away on its own eventually",
    "home_exercises": "what stretches should i be doing at home for the heel",
    "shoes_orthotics": "do insoles or better sneakers help with the heel",
    "activity_with_pf": "should i quit jogging while i have plantar fasciitis",
    "other_treatments": "besides needles, which treatments do you have for heel pain",
    "cortisone_or_surgery": "would a steroid injection be better than needling",
    "who_performs_it": "what training does the person doing the needling have",
    "locations": "what's the address of your nearest office",
    "hours_contact": "until what time are you open on fridays",
    "cost": "what would i pay for one needling visit",
    "insurance": "is dry needling covered by blue cross",
    "referral_needed": "do i have to see my gp for a referral before coming to you",
    "telehealth": "could we do the first visit over video",
}
ASKED = [
    *((topic, sentence) for topic, sentences in MISSION.items() for sentence in sentences),
    *OTHERS.items(),
]
# The mission's own words may well be among the examples.
_VERBATIM = {sentences[0] for sentences in MISSION.values()}


def folded(text: str) -> str:
    return " ".join(re.sub(r"[^\w ]", "", normalise(text).lower()).split())


@pytest.fixture(scope="module")
def examples(root: Path) -> set[str]:
    """Every training example, folded."""
    return {
        folded(line.removeprefix("- "))
        for path in sorted((root / "data" / "nlu").glob("*.yml"))
        for block in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]
        for line in block["examples"].splitlines()
    }


def test_every_topic_is_asked() -> None:
    assert {topic for topic, _ in ASKED} == set(TOPICS)


@pytest.mark.parametrize("sentence", [sentence for _, sentence in ASKED if sentence not in _VERBATIM])
def test_the_sentence_is_no_training_example(examples: set[str], sentence: str) -> None:
    assert len(examples) > 1000
    assert folded(sentence) not in examples


@pytest.mark.parametrize(("topic", "sentence"), ASKED)
async def test_it_is_answered_with_its_sources(client: httpx.AsyncClient, topic: str, sentence: str) -> None:
    patient = await Patient.arrives(client)
    await patient.says(sentence)
    assert patient.topics == [topic]
    (shown,) = [answer for message in patient.last for answer in message["answers"]]
    answer = wiring.services().library.answers[topic]
    assert [source["id"] for source in shown["sources"]] == answer.sources
    assert shown["version"] == answer.version
    for source in shown["sources"]:
        assert len(source["title"]) > 5
        assert len(source["publisher"]) > 1
