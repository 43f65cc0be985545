"""Every fact of the two articles we began with is told somewhere, and what is true of one clinic stands in its profile."""

import re
from pathlib import Path

import pytest

from needlewise.content.checks.rows import FACTS
from needlewise.content.checks.shapes import Fact
from needlewise.content.files import read_yaml
from needlewise.content.library import Library, load_library
from needlewise.content.render import Place, Renderer


@pytest.fixture(scope="module")
def facts(root: Path) -> dict[str, Fact]:
    return read_yaml(root / "content" / "facts.yml", dict[str, Fact])


@pytest.fixture(scope="module")
def library(root: Path) -> Library:
    return load_library(root / "content")


def _told(library: Library, topic: str, clinic: str) -> str:
    """Everything that a clinic's patients can read of a topic on the web, in one line of small letters."""
    place = Place(library.clinic(clinic))
    parts = ["web", "more", *library.answers[topic].en.follow_ups]
    texts = [Renderer(library).answer(topic, place, part=part).text for part in parts]
    return re.sub(r"\s+", " ", " ".join(texts)).casefold()


def test_no_fact_is_lost(facts: dict[str, Fact]) -> None:
    assert set(facts) == set(FACTS)
    assert len(FACTS) == 121


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        ("S13", "rockville"),
        ("S54", "we care for muscle and joint problems, such as plantar fasciitis"),
        ("S55", "care starts with a full exam"),
        ("S56", "goes over the treatments that may help"),
        ("S57", "our other offices"),
        ("S58", "rockville and largo"),
        ("S59", "for our other offices, please call and ask"),
        ("S60", "call the office nearest you"),
        ("S61", "the online form that asks for a visit"),
        ("S85", "points at the foot, ankle, and lower leg, and then dry needling in the calf"),
        ("S88", 'a "needling" appointment'),
        ("S89", "a video on our site"),
        ("S91", "a stretch band"),
        ("S93", "links to a store"),
        ("S98", "joint adjustments"),
        ("S101", "graston"),
        ("S108", "to set up a visit, call us"),
        ("S109", "to check if it really is plantar fasciitis"),
        ("S115", "shin splints, knee pain, and the front of the thigh"),
        ("S116", "dr. jason williams, dc"),
        ("S118", "back, neck, arm, and leg pain"),
        ("S119", "athletes, as in crossfit, jiu-jitsu, muay thai, and mma"),
        ("S120", "our other providers may help you too"),
        ("S121", "use the contact page on our site"),
    ],
)
def test_what_is_true_of_one_clinic_is_told_there_and_nowhere_else(
    facts: dict[str, Fact], library: Library, fact: str, words: str
) -> None:
    row = facts[fact]
    assert row.clinic is not None
    topic = row.topic or row.topics[0]
    telling = [clinic for clinic in library.clinics if words in _told(library, topic, clinic)]
    assert telling == [row.clinic]


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        ("S17", "less pain when dry needling was added to usual care"),
        ("S21", "up to a month to notice a change"),
        ("S46", "it can limit what you do each day"),
        ("S50", "i am afraid of needles|needles make you panic"),
        ("S69", "many people get better with no needles"),
        ("S75", "many nerve endings"),
        ("S81", "a short cramp or a charley horse"),
        ("S83", "it can be very bad"),
        ("S110", "they are not the same thing"),
    ],
)
def test_what_is_true_everywhere_is_told_by_its_topic(
    facts: dict[str, Fact], library: Library, fact: str, words: str
) -> None:
    row = facts[fact]
    topic = row.topic or row.topics[0]
    assert [clinic for clinic in library.clinics if re.search(words, _told(library, topic, clinic))] == list(
        library.clinics
    )
