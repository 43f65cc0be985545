"""Spelling before encoding: hurried typing is put right, and what is no slip stays as it is."""

import re
import runpy
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import yaml

from needlewise.language.english import english_words
from needlewise.language.pipeline import load_pipeline
from needlewise.language.spelling import Speller, load_speller

ROOT = Path(__file__).parent.parent.parent
CLINICS = sorted((ROOT / "content" / "clinics").glob("*.yml"))
USED_OFTEN = 30


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        # a letter beside the right one
        ("does it hirt", "does it hurt"),
        ("how muvh is it", "how much is it"),
        ("whst is dry needlinf", "what is dry needling"),
        # letters swapped
        ("shuold i stop running", "should i stop running"),
        ("im nto sure", "im not sure"),
        ("my insurnace", "my insurance"),
        ("a corss trainer", "a cross trainer"),
        # a letter left out
        ("plantr fascitis", "plantar fasciitis"),
        ("an apointment", "an appointment"),
        ("how many sesions", "how many sessions"),
        # a letter too many
        ("new shooes", "new shoes"),
        ("tweleve visits", "twelve visits"),
        ("is wallking ok", "is walking ok"),
        # as it sounds
        ("accupunture", "acupuncture"),
        ("physcal terapist", "physical therapist"),
        ("see you tommorow", "see you tomorrow"),
        ("cortizone", "cortisone"),
        # two slips in a long word
        ("orhtotcs", "orthotics"),
        ("planter fasitis", "planter fasciitis"),
        # an apostrophe left out of what else would be taken for another word
        ("it wasnt bad", "it was not bad"),
        ("i wouldnt mind", "i would not mind"),
        ("theyre cold", "they're cold"),
    ],
)
def test_slips_of_the_thumb_are_put_right(typed: str, meant: str) -> None:
    assert load_speller().correct(typed) == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("doesit hurt", "does it hurt"),
        ("does ithurt", "does it hurt"),
        ("inmy foot", "in my foot"),
        ("howmany visits", "how many visits"),
        ("dryneedling", "dry needling"),
        ("canyou help", "can you help"),
    ],
)
def test_words_run_together_are_parted(typed: str, meant: str) -> None:
    assert load_speller().correct(typed) == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("wat is it", "what is it"),
        ("r u a bot", "are you a bot"),
        ("hw much", "how much"),
        ("appt tmrw pls", "appointment tomorrow please"),
        ("idk", "i do not know"),
        ("im not sur", "im not sure"),
        ("pf for 2 yrs", "plantar fasciitis for 2 years"),
        ("can i run w/ it", "can i run with it"),
        ("w/o shoes", "without shoes"),
        ("b4 or l8r", "before or later"),
        ("PF", "plantar fasciitis"),
    ],
)
def test_shorthand_is_written_out(typed: str, meant: str) -> None:
    assert load_speller().correct(typed) == meant


@pytest.mark.parametrize(
    ("typed", "meant"), [("👍", "yes"), ("my 🦶 hurts", "my foot hurts"), ("how much 💰", "how much money")]
)
def test_emoji_with_a_meaning_become_words(typed: str, meant: str) -> None:
    assert load_speller().correct(typed) == meant


@pytest.mark.parametrize("typed", ["🍕", "🎻🐙", "🇺🇸"])
def test_other_emoji_stay(typed: str) -> None:
    assert load_speller().correct(typed) == typed


@pytest.mark.parametrize(
    "typed", ["i have an ICD", "my INR is 2.5", "does BCBS pay", "the APTA says", "i have MS", "an MRI of it"]
)
def test_capitals_amid_small_letters_are_an_abbreviation(typed: str) -> None:
    assert load_speller().correct(typed) == typed.lower()


def test_a_message_all_in_capitals_is_corrected_like_any_other() -> None:
    assert load_speller().correct("DOES IT HRUT") == "does it hurt"


@pytest.mark.parametrize(
    "text",
    [
        "does dry needling hurt?",
        "can i needle the soleus and gastrocnemius trigger points",
        "my achilles tendinopathy and my bunions",
        "do you know graston, kinesio tape and shockwave",
        "i tore a ligament skiing in utah",
        "ask for maria or kevin in rockville",
        "crocs, hokas and birkenstocks",
        "dads and moms and kids",
        "acne, a cyst, a wart, hep c",
        "hiking, kayaking, zumba and pickleball",
        "is the therapist's license from the state",
        "at 5:30pm on the 3rd, for $40",
    ],
)
def test_real_words_and_names_are_left_alone(text: str) -> None:
    assert load_speller().correct(text) == text


@pytest.mark.parametrize("text", ["xkcdqwzrt", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"])
def test_words_it_cannot_place_stay_as_they_are(text: str) -> None:
    assert load_speller().correct(text) == text


@pytest.mark.parametrize("text", ["", " ", "\n\n", "...", "?!?!", "12345", "\x00", "'", "''''", "a", "w/"])
def test_odd_input_is_taken(text: str) -> None:
    spelled = load_speller().correct(text)
    assert spelled == ("with" if text == "w/" else text)


@pytest.mark.parametrize(
    "text", ["does it  hurt ?\n\nhow much", "well... (maybe) — yes & no/so", "e-mail me@example.com"]
)
def test_spaces_and_signs_stay_where_they_are(text: str) -> None:
    spelled = load_speller().correct(text)
    assert re.findall(r"[\s\W]", spelled) == re.findall(r"[\s\W]", text)


def test_to_correct_twice_is_to_correct_once() -> None:
    typed = "wat r teh sesions for my planter fasitis, doesit hrut"
    once = load_speller().correct(typed)
    assert load_speller().correct(once) == once


# -- names: whose medicine it is, is not for spelling to say ------------------------------------------------------------


def medicines() -> dict[str, set[str]]:
    """The one-word names and known misspellings of each medicine, by the entry they stand in."""
    screening: dict[str, Any] = yaml.safe_load(
        (ROOT / "content" / "screening.yml").read_text(encoding="utf-8")
    )
    found: dict[str, set[str]] = {name: {name} for name in screening["other_medicines"] if " " not in name}
    for condition in screening["conditions"]:
        if condition.get("medicine"):
            for key in ("names", "brands", "misspellings"):
                for name in condition.get(key) or ():
                    if " " not in name:
                        found.setdefault(
                            name if key != "misspellings" else f"{condition['id']} *", set()
                        ).add(name)
    return found


def slips(word: str) -> Iterator[str]:
    """Every word that is one slip away: a letter left out, doubled, swapped with the next, or another vowel."""
    for at, letter in enumerate(word):
        yield word[:at] + word[at + 1 :]
        yield word[:at] + letter + word[at:]
        yield word[:at] + word[at + 1 : at + 2] + letter + word[at + 2 :]
        if letter in "aeiouy":
            yield from (word[:at] + other + word[at + 1 :] for other in "aeiouy")


NAMES = sorted(name for names in medicines().values() for name in names)
GENERIC = {"meds"}
"""Shorthand for medicines at large, which is no medicine's name."""


def test_there_are_medicines_to_test_with() -> None:
    assert len(NAMES) > 250
    assert {"warfarin", "eliquis", "asprin", "cyclobenzaprine", "metformin"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_medicines_name_or_known_misspelling_is_left_as_typed(name: str) -> None:
    if name not in GENERIC:
        assert load_speller().correct(name) == name


def test_no_medicines_name_becomes_another() -> None:
    corrected = {name: load_speller().correct(name) for name in NAMES}
    swapped = [(one, other) for one, other in permutations(NAMES, 2) if corrected[one] == other]
    assert swapped == []


def test_no_slip_in_one_medicines_name_makes_another_medicine_of_it() -> None:
    names = set(NAMES)
    wrong = {
        (name, typed, corrected)
        for name in names
        for typed in slips(name)
        if typed not in names and (corrected := load_speller().correct(typed)) in names - {name}
    }
    assert wrong == set()


def test_a_clear_slip_in_a_longer_medicines_name_does_not_become_an_ordinary_word() -> None:
    """The name may be read further on; as another word it would be lost."""
    wrong = {
        (name, typed, corrected)
        for name in NAMES
        if len(name) > 6
        for typed in slips(name)
        if (corrected := load_speller().correct(typed)) not in (typed, name)
    }
    assert wrong == set()


@pytest.mark.parametrize("path", CLINICS, ids=lambda path: path.stem)
def test_a_clinics_name_stays(path: Path) -> None:
    name = str(yaml.safe_load(path.read_text(encoding="utf-8"))["name"])
    assert load_speller().correct(f"is this {name}") == f"is this {name}".lower()


def test_no_slip_in_one_clinics_name_makes_it_anothers() -> None:
    words = {
        path: re.findall(r"[a-z]+", str(yaml.safe_load(path.read_text(encoding="utf-8"))["name"]).lower())
        for path in CLINICS
    }
    wrong = {
        (word, typed, corrected)
        for path, own in words.items()
        for word in own
        for typed in slips(word)
        if (corrected := load_speller().correct(typed)) != typed
        and any(
            corrected in others for other, others in words.items() if other != path and word not in others
        )
    }
    assert wrong == set()


# -- the word lists -----------------------------------------------------------------------------------------------------


def test_the_list_of_words_is_not_behind_the_training_examples() -> None:
    """When this fails: python training/words.py"""
    script = runpy.run_path(str(ROOT / "training" / "words.py"))
    listed = {line.split("\t")[0] for line in script["TARGET"].read_text(encoding="utf-8").splitlines()}
    counts = script["example_words"](ROOT)
    behind = [
        word
        for word, count in counts.items()
        if count >= USED_OFTEN and word.isalpha() and word.isascii() and len(word) > 1 and word not in listed
    ]
    assert behind == []


def test_each_shorthand_is_listed_once() -> None:
    lines = (ROOT / "needlewise" / "language" / "shorthand.tsv").read_text(encoding="utf-8").splitlines()
    typed = [line.split("\t")[0] for line in lines if line]
    assert sorted(typed) == sorted(set(typed))


def test_the_speller_is_loaded_once() -> None:
    assert load_speller() is load_speller()


# -- how it weighs ------------------------------------------------------------------------------------------------------


def speller(**counts: float) -> Speller:
    return Speller(counts, names=["xarelto"], shorthand={}, is_english=lambda word: word in {"lattice"})


def test_of_two_words_as_near_the_more_frequent_is_meant() -> None:
    assert speller(heels=100, hoels=1).correct("hxels") == "heels"


def test_a_rare_word_is_meant_when_nothing_else_is_near() -> None:
    assert speller(nickel=2).correct("nickkel") == "nickel"


def test_a_rare_word_is_not_meant_when_another_is_as_near() -> None:
    assert speller(fester=0.5, foster=0.5).correct("fxster") == "fxster"


def test_an_english_word_is_no_slip() -> None:
    assert speller(latte=500).correct("lattice") == "lattice"


def test_what_is_near_a_name_is_left() -> None:
    assert speller(karelia=1000).correct("zarelto") == "zarelto"


@pytest.mark.parametrize(
    "word", ["needling", "needles", "bruising", "running", "boxes", "carried", "happily", "toughest"]
)
def test_english_words_are_known_with_their_endings(word: str) -> None:
    assert english_words(load_pipeline())(word)


@pytest.mark.parametrize("word", ["hoyrs", "fadter", "wallking", "shooes", "corss"])
def test_a_slip_is_not_taken_for_an_english_word_with_an_ending(word: str) -> None:
    assert not english_words(load_pipeline())(word)
