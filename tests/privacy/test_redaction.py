"""What staff can no longer read in the log, and what they still can. All people and numbers here are made up."""

from pathlib import Path

import pytest
from spacy.language import Language
from spacy.tokens import Doc

from needlewise.conversations.names import ambiguous_names, first_names, last_names
from needlewise.conversations.redaction import Redactor, allowed_words
from needlewise.language.pipeline import load_pipeline
from needlewise.text.patterns import find_birth_dates, find_phones
from tests.privacy.measure import measure
from tests.support.deadline import deadline

HERE = Path(__file__).parent
CONTENT = HERE.parent.parent / "content"

# A little under what is reached. These lines are for measuring: none of the rules was made by looking at them.
HELD_OUT_FLOORS = {"NAME": 0.92, "PHONE": 0.95, "EMAIL": 0.85, "ADDRESS": 0.85, "DOB": 0.93}
HELD_OUT_FALSE = 3.0
DEVELOPMENT_FLOOR = 0.97
DEVELOPMENT_FALSE = 2.0

HOSTILE = 100_000
"""Letters. The worst of these takes two seconds today; a search that backtracks takes hours."""


@pytest.fixture(scope="module")
def nlp() -> Language:
    return load_pipeline()


@pytest.fixture(scope="module")
def redactor(nlp: Language) -> Redactor:
    return Redactor(nlp, allowed_words(CONTENT))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("im Dave 410-555-0123", "im [name] [phone]"),
        ("im jenny park and my heel hurts", "im [name] and my heel hurts"),
        ("this is Dave", "this is [name]"),
        ("my name is tamsin okoro", "my name is [name]"),
        ("MY NAME IS DONNA KRAUSE", "MY NAME IS [name]"),
        ("thanks! - Maria", "thanks! - [name]"),
        ("ask for nneka", "ask for [name]"),
        ("im will and i have heel pain", "im [name] and i have heel pain"),
        ("i saw dr feldman last week", "i saw dr [name] last week"),
        ("my husband mark has heel pain", "my husband [name] has heel pain"),
        ("Mateo's heel hurts", "[name]'s heel hurts"),
        ("Nguyen, Thuy", "[name], [name]"),
        ("can Saoirse call me", "can [name] call me"),
        ("me llamo Rosario Fuentes", "me llamo [name]"),
    ],
)
def test_a_name_is_masked(text: str, read: str, nlp: Language, redactor: Redactor) -> None:
    assert redactor.redact(nlp(text)).text == read


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("cell 980.555.0164 thx", "cell [phone] thx"),
        ("call (336) 555-0191 ext 4", "call [phone]"),
        ("call 5550122", "call [phone]"),
        ("four four three five five five zero one nine nine", "[phone]"),
        ("whatsapp +44 7700 900123", "whatsapp [phone]"),
        ("write to bev.ortiz92@example.com pls", "write to [email] pls"),
        ("kara dot finch at gmail dot com", "[email]"),
        ("i live at 14 Birch Hollow Rd, Apt 3B", "i live at [address]"),
        ("my address is 2209 n calvert st baltimore md 21218", "my address is [address]"),
        ("mail it to P.O. Box 481", "mail it to [address]"),
        ("i live at 12 Oak Hill Road", "i live at [address]"),
        ("my zip is 27513", "my zip is [address]"),
        ("dob 3/14/1968", "dob [dob]"),
        ("i was born 12 april 1960", "i was born [dob]"),
        ("8/22/63 is my birthday", "[dob] is my birthday"),
        ("ssn 219-09-9999", "ssn [number]"),
        ("card 4111 1111 1111 1111", "card [number]"),
        ("member id XQZ884512093", "member id [number]"),
        ("Medicare number 1EG4-TE5-MK73", "Medicare number [number]"),
        ("last 4 of my social are 9981", "last 4 of my social are [number]"),
    ],
)
def test_a_number_or_address_is_masked(text: str, read: str, nlp: Language, redactor: Redactor) -> None:
    assert redactor.redact(nlp(text)).text == read


@pytest.mark.parametrize(
    "text",
    [
        "Is Plantar Fasciitis the same as a Heel Spur?",
        "Does Graston work better than Dry Needling?",
        "I'm on Xarelto and Eliquis, is that ok",
        "My Achilles is tight and I have Morton's neuroma",
        "I have Parkinson's and Raynaud's, can I get it",
        "Is April 4 open? Or may i come in June",
        "Do you have an office in Cary or Rockville?",
        "I want the Oak Park office",
        "i wear Hokas and Brooks Adrenaline",
        "Dr. Scholl's inserts didnt help",
        "do you take Blue Cross or Aetna",
        "Johns Hopkins told me to stretch",
        "im nervus about needles",
        "im diabetic and on Medicare",
        "will it hurt? bill my insurance please",
        "WHY DOES MY HEEL HURT IN THE MORNING",
        "Does It Work For Heel Pain",
        "i walk 5 miles one way, its a 20 minute drive",
        "i do 3 sets of 15 reps, 10 20 30 seconds each",
        "codes 20560 and 97140, are they covered",
        "took 200-400 mg ibuprofen",
        "surgery was on 6/1/2009",
        "can i come 4/2/2026 at 2",
        "charley horse in my calf at night",
    ],
)
def test_what_is_said_about_the_heel_stays(text: str, nlp: Language, redactor: Redactor) -> None:
    assert redactor.redact(nlp(text)).masked == ()


def test_what_was_masked_is_told_in_order_with_its_kind(nlp: Language, redactor: Redactor) -> None:
    redaction = redactor.redact(nlp("im DeShawn Tillery dt@example.net 252-555-0120 dob 9/9/1988"))

    assert redaction.masked == (
        ("NAME", "DeShawn Tillery"),
        ("EMAIL", "dt@example.net"),
        ("PHONE", "252-555-0120"),
        ("DOB", "9/9/1988"),
    )


def test_a_name_inside_an_address_gives_one_mask(nlp: Language, redactor: Redactor) -> None:
    assert redactor.redact(nlp("i live at 905 Martin Luther King Jr Blvd")).masked == (
        ("ADDRESS", "905 Martin Luther King Jr Blvd"),
    )


@pytest.mark.parametrize(
    "text", ["call (202) 555-0140?", "is 340 Oak Park Road open", "hello@riverbend.example.com"]
)
def test_the_clinics_own_contacts_stay(text: str, nlp: Language, redactor: Redactor) -> None:
    assert redactor.redact(nlp(text)).masked == ()


def test_a_word_that_is_allowed_is_not_taken_for_a_name(nlp: Language) -> None:
    text = "Does Zorvolex matter?"

    assert Redactor(nlp, {"Zorvolex"}).redact(nlp(text)).masked == ()


def test_a_name_is_masked_although_it_is_in_our_content(nlp: Language) -> None:
    assert Redactor(nlp, {"cary"}).redact(nlp("my name is Cary")).text == "my name is [name]"


def test_nothing_of_an_empty_message_is_masked(nlp: Language, redactor: Redactor) -> None:
    assert redactor.redact(nlp("")).text == ""


def test_the_content_allows_its_words_but_no_names() -> None:
    allowed = allowed_words(CONTENT)

    assert {"fasciitis", "eliquis", "graston", "rockville", "forever fit", "medicare"} <= allowed
    assert not allowed & {"jason", "williams", "cotchett"}


def test_the_lists_of_names_are_lower_case_and_long_enough() -> None:
    names = first_names() | ambiguous_names() | last_names()

    assert len(first_names()) >= 600
    assert [name for name in names if not name.isalpha() or name != name.casefold()] == []
    assert first_names() & ambiguous_names() == frozenset()


def test_held_out_lines_stay_above_the_floors(nlp: Language, redactor: Redactor) -> None:
    score = measure(HERE / "redaction_lines.jsonl", nlp, redactor)

    assert score.lines == 150
    assert {
        kind: score.recall[kind] for kind, floor in HELD_OUT_FLOORS.items() if score.recall[kind] < floor
    } == {}
    assert score.false_per_hundred <= HELD_OUT_FALSE


def test_development_lines_stay_above_the_floors(nlp: Language, redactor: Redactor) -> None:
    score = measure(HERE / "development.jsonl", nlp, redactor)

    assert min(score.recall.values()) >= DEVELOPMENT_FLOOR, score.missed
    assert score.false_per_hundred <= DEVELOPMENT_FALSE, score.false_masks


@pytest.mark.parametrize(
    "piece",
    ["a", "1", "1 ", "1-", "a.", "a@", "(", "12 a b c d ", "dob is ", "my name is ", "Dave de ", "one "],
)
def test_a_hostile_text_costs_no_more_than_its_length(piece: str, nlp: Language, redactor: Redactor) -> None:
    text = (piece * HOSTILE)[:HOSTILE]
    words = text.split(" ")
    doc = Doc(nlp.vocab, words=[word or " " for word in words], spaces=[bool(word) for word in words])

    with deadline(30):
        redacted = redactor.redact(doc)

    assert len(redacted.masked) <= HOSTILE


def test_patterns_find_every_number_of_a_message() -> None:
    text = "call 443.555.0110 or 443.555.0111"

    assert {text[start:end] for start, end in find_phones(text)} == {"443.555.0110", "443.555.0111"}


@pytest.mark.parametrize(("text", "count"), [("3/14/1968", 1), ("3/14/2024", 0), ("since 3/14/1998", 0)])
def test_a_full_date_without_a_word_is_a_birthday_only_when_it_is_far_back(text: str, count: int) -> None:
    assert len(list(find_birth_dates(text))) == count
