"""Whether a reply to a card is a yes, a no or a not-sure, by the phrases that stand for them.

Where it is a close call:
- "not that I know of", "I don't think so", "pretty sure no" are how people say no: no.
- "probably", "I think so", "some of them" are how people say yes: yes.
- "probably not", "not really", "maybe", "sort of" leave a doubt: unsure, and a doubt counts as CALL.
- "I used to", "I stopped in March", with nothing named: unsure. Several lines of the cards count when over (a clot,
  a seizure), so it is no plain no.
- "my doctor said it's fine" is no answer to what was asked, and tells that there was something to ask: unsure.

The phrases are matched on plain words: small letters, no marks, "don't" as "do not" (see words.py).
"""

import re
from collections.abc import Sequence
from typing import Literal

from needlewise.screening.clauses import AFTER_PLAIN_NO

Verdict = Literal["yes", "no", "unsure", "none"]


def _any_of(*phrases: str) -> str:
    return "(?:" + "|".join(phrases) + ")"


_LEAD = r"^(?:(?:um+|uh+|oh|well|so|ok|okay|hi|hello|haha|lol|unfortunately|sadly|actually) )*"

_UNSURE = re.compile(
    r"\b"
    + _any_of(
        r"maybe",
        r"i guess",
        r"perhaps",
        r"possibly",
        r"unsure",
        r"uncertain",
        r"not (?:(?:too|really|quite|100|entirely|completely|very) )?(?:sure|certain|positive)",
        r"(?:do|did) not (?:(?:really|even) )?(?:know|remember|recall|understand)",
        r"no (?:idea|clue)",
        r"can not (?:really )?(?:remember|recall|say|tell)",
        r"could not say",
        r"hard to (?:say|tell|know)",
        r"who knows",
        r"might",
        r"could be",
        r"may be",
        r"(?:sort|kind) of",
        r"not really",
        r"(?:probably|likely|prob) not",
        r"doubt it",
        r"(?:it )?depends",
        r"a (?:little|bit)",
        r"sometimes",
        r"yes and no",
        r"hmm+",
        r"50 50",
    )
    + r"\b"
)

_SOFT_NO = re.compile(
    r"\b"
    + _any_of(
        r"not (?:that|as far as|to) (?:i (?:know|am aware|can (?:think|remember|recall))|my knowledge|me)",
        r"(?:do|did|would) not (?:think|believe) (?:so|any|i do|i have any|i am|i have)",
        r"(?:none|nothing) that i know",
        r"no(?:ne|thing)? (?:that )?i can think of",
        r"(?:pretty|fairly|quite|very|almost) sure (?:no|not|none)",
    )
    + r"\b"
)
_SOFT_NO_IN_DOUBT = re.compile(r"\b(?:but|though) (?:i am |am )?not (?:really )?sure\b|\bmaybe\b")

_NO_AT_HEAD = re.compile(
    _LEAD
    # "no numbness" denies one thing; "no, …", "no I …", "no thanks" deny all that was asked.
    + rf"(?:no(?= *$| [^\w\s]| (?:{'|'.join(sorted(AFTER_PLAIN_NO))})\b)"
    + r"|noo+|nope+|nah+|naw|none+|nothing|neither|never|negative|n|nada|nil|zero|0|zip)(?!\w)"
    + r"(?! (?:idea|clue|longer|wait))"
)
_NO_ANYWHERE = re.compile(
    _any_of(
        r"\b(?:none|neither|nothing|not any|not one|zero|no) (?:(?:of|to|from|like|in) )?"
        r"(?:it|those|these|them|that|this|the above|above|all|apply|applies|applicable|list)\b",
        r"\bnothing (?:to report|here|else|going on|applies)\b",
        r"\bnot (?:me|at all|applicable)\b",
        r"\bn ?/? ?a\b",
        r"\b(?:does|do) not apply\b",
        r"\b(?:do|am|have) not (?:(?:have|had|take|taking|on|got) )?(?:any(?:thing)?|either|one|none)\b",
        r"(?:^|\bi )(?:do not|am not|have not)$",
        r"\bor anything(?: like that| else)?$",
        r"\bnone$",
    )
)
_ALL_GOOD = re.compile(
    r"^(?:(?:ok|okay|yes|oh|i|am|it is|that is|we|are|totally|perfectly|every ?things?|is|feeling) )*"
    + _any_of(
        r"all (?:good|fine|clear)",
        r"good",
        r"fine",
        r"clear",
        r"(?:perfectly )?healthy(?: as a horse)?",
        r"in good health",
        r"good to go",
        r"clean bill of health",
        r"fit as a fiddle",
        r"no problems?",
    )
    + r"(?: (?:here|thanks|thank you|on all|with all|on that|to go|on my end|otherwise|now|though))*$"
)

_YES_WORD = re.compile(
    _LEAD
    + _any_of(
        r"yes+",
        r"yea+h?",
        r"yeah+",
        r"yep+",
        r"yup+",
        r"ya",
        r"yah",
        r"yas",
        r"y",
        r"sure",
        r"correct",
        r"true",
        r"affirmative",
        r"yessir",
        r"absolutely",
        r"definitely",
        r"si",
        r"uh huh",
        r"mhm",
        r"mm hmm",
        r"(?:i do|i am|i have)$",
        r"it does",
        r"that is me",
        r"guilty",
        r"probably",
        r"prob",
        r"likely",
        r"i (?:think|guess|believe) so",
        r"i think one",
    )
    + r"(?:\b|$)(?! (?:not|no)\b)"
)
_YES_BY_PLACE = re.compile(
    r"^(?:(?:yes|yeah|just|only|that|the|it is|i have|have|to|number|line|item|no) )*"
    r"(?:1st|first|2nd|second|3rd|third|4th|fourth|5th|fifth|6th|sixth|last)"
    r"(?: (?:one|two|item|line|thing|option))?(?: (?:and|yes|yeah|for me|applies|on the list).*)?$"
)
_YES_BY_COUNT = re.compile(
    r"^(?:(?:just|only|i have|have|yes|have got|got|i got) )*"
    r"(?:one|some|several|a couple|a few|both|most|all|number \d|\d)"
    r"(?: (?:of (?:them|those|these|the above)|above|yes|yeah|apply|applies))?(?: (?:yes|yeah|apply|applies|to me))*$"
)
_YES_ANYWHERE = re.compile(
    _any_of(
        r"\b(?:yes|yeah|yep|one|some|that) (?:applies|apply)\b",
        r"\bone of (?:them|those|these)\b(?! not)",
        r"\b(?:wait|sorry|actually|oh) (?:yes|yeah|i do|i have|i am)\b",
        r"\bthink so$",
        r"\b(?:yes|yeah|yep)$",
    )
)
_NO_THEN_YES = re.compile(r"^no+\b.*\b(?:wait|sorry|actually|oh) (?:yes|yeah|i do|i have)\b")

_USED_TO = re.compile(
    r"^(?:(?:well|yes|no|but|just|only) )*(?:i )?"
    r"(?:used to|did|was|had|stopped|quit|am off|have stopped|not (?:anymore|any more|yet)|in the past|long ago|once)"
    r"(?: (?:be|have|take|taking|do|it|that|them|those|one|all|before|once|in|the|past|a|an|few|couple|of|while|long|time"
    r"|years?|months?|weeks?|days?|ago|back|last|but|not|anymore|any|more|now|stopped|quit|on|i|as|kid|child|when|was"
    r"|\d+|january|february|march|april|may|june|july|august|september|october|november|december|spring|summer|fall|winter))*$"
    r"|^(?:only )?(?:when i was|as) (?:a )?(?:kid|child|teen|teenager|baby|young|little|younger)$"
)
_NOT_NOW = re.compile(r"^(?:no )?not (?:now|right now|currently|today|at the moment|at this time|presently)$")

_DOCTOR = _any_of(
    r"doctors?",
    r"gp",
    r"md",
    r"physician",
    r"cardiologist",
    r"surgeon",
    r"specialist",
    r"oncologist",
    r"ob",
    r"obgyn",
    r"podiatrist",
    r"hematologist",
    r"nurse",
    r"midwife",
    r"pcp",
)
_DOCTOR_FINE = re.compile(
    rf"\b{_DOCTOR}\b(?: \w+){{0,3}} (?:said|says|told|cleared|approved|ok|okd|okayed|thinks|gave|signed|agreed)\b"
    rf"|\b(?:cleared|approved|okayed|ok|okay|fine) (?:\w+ )?(?:by|with) (?:\w+ )?{_DOCTOR}\b"
)

_QUESTION = re.compile(
    r"\?|^(?:(?:but|so|and|ok|okay|wait|also) )*"
    r"(?:why|what|how|when|where|who|which|is|are|do you|does|can|could|should|will|would|did|am i|do i|may i)\b"
)
_NOTHING_ELSE = re.compile(r"\b(?:just|only|besides|other than|except|nothing but|all i)\b")


def plain(words: Sequence[str]) -> str:
    """The words with no marks between them, as the phrases above are matched."""
    return " ".join(word for word in words if any(letter.isalnum() for letter in word))


def doctor_said_fine(text: str) -> bool:
    """Whether the reply leans on what a doctor said."""
    return _DOCTOR_FINE.search(text) is not None


def is_question(words: Sequence[str]) -> bool:
    """Whether something is asked: a mark, or words that begin a question."""
    return _QUESTION.search(" ".join(words)) is not None


def says_nothing_else(text: str) -> bool:
    """ "just baby aspirin": what is named is all there is."""
    return _NOTHING_ELSE.search(text) is not None


def bare_verdict(words: Sequence[str], *, right_now: bool) -> Verdict:
    """What the reply says to the card, leaving aside any condition that it names.

    `right_now`: the card asks for this moment only, so that "not now" is a no; to another it leaves the past open.
    """
    text, question = plain(words), is_question(words)
    if _NOT_NOW.match(text):
        return "no" if right_now else "unsure"
    if _SOFT_NO.search(text):
        return "unsure" if _SOFT_NO_IN_DOUBT.search(text) else "no"
    if not question and _UNSURE.search(text):
        return "unsure"
    no = any(
        found is not None
        for found in (_NO_AT_HEAD.match(" ".join(words)), _NO_ANYWHERE.search(text), _ALL_GOOD.match(text))
    )
    yes = any(
        found is not None
        for found in (
            _YES_WORD.match(text),
            _YES_BY_PLACE.match(text),
            _YES_BY_COUNT.match(text),
            _YES_ANYWHERE.search(text),
        )
    )
    if no and yes:
        return "yes" if _NO_THEN_YES.match(text) else "unsure"
    if no:
        return "no"
    if yes:
        return "yes"
    if doctor_said_fine(text) or (not question and _USED_TO.match(text)):
        return "unsure"
    return "none"
