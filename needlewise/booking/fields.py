"""What a patient typed into a request, as something a clinic can use; None where it cannot be."""

import re
from collections.abc import Sequence

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from rapidfuzz import fuzz, process

NAME_LONGEST = 60
TIMES_LONGEST = 200

_NAME_LEAD = re.compile(
    r"^(?:(?:hi|hey|hello|ok|sure|yes|its|it's|it is|this is|i am|i'm|im|my name is|my name's|name is|name:|call me)[ ,]+)+",
    re.I,
)
_NAME = re.compile(r"[^\W\d_](?:[^\W\d_]|[ .'\u2019-])*", re.UNICODE)
# Three words or more that hold one of these are a sentence.
_NOT_IN_NAMES = frozenset(
    [
        "any",
        "anything",
        "can",
        "don't",
        "dont",
        "for",
        "go",
        "have",
        "how",
        "i'd",
        "i'll",
        "is",
        "it",
        "it's",
        "my",
        "name",
        "need",
        "no",
        "not",
        "of",
        "please",
        "rather",
        "say",
        "tell",
        "that",
        "the",
        "to",
        "want",
        "what",
        "why",
        "with",
        "won't",
        "yes",
        "you",
        "your",
    ]
)
_EMAIL = re.compile(r"[^\s<>,;:\"]+@[^\s<>,;:\"]+")
_TIME = re.compile(
    r"\d|\b(?:any ?time|mornings?|noon|(?:after)?noons?|evenings?|nights?|week(?:day|end|)s?|today|tomorrow|after|before|"
    r"(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?s?|soon|asap|earliest|first)\b",
    re.I,
)
_LEAST_LIKE = 80


def first_name(text: str) -> str | None:
    """A name of letters, at most five words: "im jenny park" gives "jenny park"."""
    name = _NAME_LEAD.sub("", text.strip()).strip(" .,!")
    words = name.lower().split()
    if len(words) > 2 and not _NOT_IN_NAMES.isdisjoint(words):
        return None
    if _NAME.fullmatch(name) and len(name) <= NAME_LONGEST and len(words) <= 5:
        return name
    return None


def phone(text: str) -> str | None:
    """The first US phone number in a text, in E.164 form; other countries' numbers with their +."""
    for match in phonenumbers.PhoneNumberMatcher(text, "US", leniency=phonenumbers.Leniency.POSSIBLE):
        national = str(match.number.national_number)
        if phonenumbers.is_possible_number(match.number) and (
            match.number.country_code != 1 or len(national) == 10
        ):
            return phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164)
    return None


def email(text: str) -> str | None:
    """The first e-mail address in a text whose form is right; whether it exists is not asked of anybody."""
    for match in _EMAIL.finditer(text):
        try:
            return str(
                validate_email(
                    match[0].rstrip("."), check_deliverability=False, test_environment=True
                ).normalized
            )
        except EmailNotValidError:
            continue
    return None


def looks_like_phone(text: str) -> bool:
    """Whether someone meant a phone number, right or wrong: for a better hint."""
    return sum(character.isdigit() for character in text) >= 4 and "@" not in text


def times(text: str) -> str | None:
    """Days and times in the patient's own words, shortened to 200 characters."""
    words = " ".join(text.split())
    return words[:TIMES_LONGEST] if any(character.isalnum() for character in words) else None


def speaks_of_time(text: str) -> bool:
    """Whether a text names a time or a day in any way: "call me any time", "not before 9"."""
    return _TIME.search(text) is not None


def pick(text: str, options: Sequence[str]) -> int | None:
    """Which of the options a text names, by words, number or order ("2", "the second"); None when unclear."""
    folded = text.lower().strip(" .!?")
    ordinals = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
    for index in range(len(options)):
        if folded in (
            str(index + 1),
            ordinals[min(index, 7)],
            f"the {ordinals[min(index, 7)]}",
            f"the {ordinals[min(index, 7)]} one",
        ):
            return index
    found = process.extract(folded, [option.lower() for option in options], scorer=fuzz.WRatio, limit=2)
    if not found or found[0][1] < _LEAST_LIKE or len(folded) < 3:
        return None
    if len(found) > 1 and found[0][1] - found[1][1] < 5:
        return None
    return int(found[0][2])
