"""Whether a reply to a card is a yes, a no or a not-sure, by the phrases that stand for them.

Where it is a close call:
- "not that I know of", "I don't think so", "pretty sure no" are how people say no: no.
- "probably", "I think so", "some of them" are how people say yes: yes.
- "probably not", "not really", "maybe", "sort of" leave a doubt: unsure, and a doubt counts as CALL.
- "I used to", "I stopped in March", with nothing named: unsure. Several lines of the cards count when over (a clot,
  a seizure), so it is no plain no.
- "my doctor said it's fine" is no answer to what was asked, and tells that there was something to ask: unsure.
"""

import re
from collections.abc import Sequence
from typing import Literal

Verdict = Literal["yes", "no", "unsure", "none"]

_DOCTOR = r"(?:doctors?|gp|md|physician|cardiologist|surgeon|specialist|oncologist|ob|obgyn|podiatrist|hematologist|nurse|pcp)"
_DOCTOR_FINE = re.compile(
    rf"\b{_DOCTOR}\b(?: \w+){{0,3}} (?:said|says|told|cleared|approved|ok|okd|okayed|thinks|gave|signed|agreed)\b"
    rf"|\b(?:cleared|approved|okayed|ok by|okay by|fine by|ok with|okay with|fine with) (?:\w+ )?(?:by |with )?(?:\w+ )?{_DOCTOR}\b"
)

_UNSURE = re.compile(
    r"\b(?:maybe|perhaps|possibly|unsure|uncertain|not (?:too |really |quite |100 |entirely |completely |very )?(?:sure|certain|positive)"
    r"|do not (?:really |even )?(?:know|remember|recall|understand)|did not know|no (?:idea|clue)|can not (?:really )?(?:remember|recall|say|tell)"
    r"|hard to (?:say|tell|know)|who knows|might|could be|may be|sort of|kind of|not really|probably not|likely not"
    r"|prob not|doubt it|depends|it depends|a little|a bit|sometimes|yes and no|hmm+|uncertain|50 50|could not say)\b"
)
_USED_TO = re.compile(
    r"^(?:well |yes |no |but |just |only )*(?:i )?(?:used to(?: be| have| take)?|did|was|had|stopped|quit|i am off|am off|have stopped)"
    r"(?: (?:it|that|them|those|one|before|once|years?|in the past|a while|ago|back|in|last|the|\w+))*$"
)
_NO_THOUGH_HEDGED = re.compile(
    r"\b(?:not (?:that |as far as |to )(?:i (?:know|am aware|can (?:think|remember|recall))|my knowledge|me)"
    r"|(?:do|did|would) not (?:think|believe) (?:so|any|i do|i have any|i am|i have)|not as far as i know|none that i know|nothing that i know"
    r"|no(?:ne|thing)? (?:that )?i can think of|(?:pretty|fairly|quite|very|almost) sure (?:no|not|none)\b)"
)
_NO = re.compile(
    r"^(?:um+ |uh+ |oh |well |so |ok |okay |hi |hello |nah |haha |lol )*(?:no+|nope+|nah+|naw|none+|nothing|neither|never|negative|n|nada|nil|zero|0|zip)\b(?! (?:idea|clue|longer|wait))"
    r"|\b(?:none|neither|nothing|not any|not one|zero|no) (?:(?:of|to|from|like|in) )?(?:it|those|these|them|that|this|the above|above|all|apply|applies|applicable|list)\b"
    r"|\bnot me\b|\bnot at all\b|\bn ?/ ?a\b|\bnot applicable\b|\b(?:does|do) not apply\b|\b(?:i )?(?:do|am|have) not (?:have |had |take |taking |on |got )?(?:any(?:thing)?|either|one|none)\b"
    r"|\bi (?:do not|am not|have not)$|^(?:do not|am not|have not)$|\bor anything(?: like that| else)?$|\bnone$|\bnothing (?:to report|here|else|going on|applies)\b"
)
_ALL_GOOD = re.compile(
    r"^(?:ok |okay |yes |oh |i |am |it is |that is |we |are |totally |perfectly |everything |everythings |every thing |is |feeling )*"
    r"(?:all good|good|all fine|fine|all clear|clear|healthy|in good health|perfectly healthy|good to go|clean bill of health|fit as a fiddle|no problems?|healthy as a horse)"
    r"(?: here| thanks| thank you| on all| with all| on that| to go| on my end| otherwise| now| though)*$"
)
_YES = re.compile(
    r"^(?:um+ |uh+ |oh |well |so |ok |okay |hi |hello |unfortunately |sadly |actually )*"
    r"(?:yes+|yea+h?|yeah+|yep+|yup+|ya|yah|yas|y|sure|correct|true|affirmative|yessir|absolutely|definitely|si|uh huh|mhm|mm hmm|(?:i do|i am|i have)$|it does|that is me|guilty|probably|prob|likely|i think so|i guess so|i believe so|i think one)\b(?! (?:not|no)\b)"
    r"|^(?:(?:yes|yeah|just|only|that|the|it is|i have|have|to|number|line|item|no|#) )*(?:1st|first|2nd|second|3rd|third|4th|fourth|5th|fifth|6th|sixth|last)(?: (?:one|two|item|line|thing|option))?(?: (?:and|yes|yeah|for me|applies|on the list).*)?$"
    r"|^(?:just |only |i have |have |yes |have got |got |i got )*(?:one|some|several|a couple|a few|both|most|all|two|2|3|number \d|# ?\d|\d)(?: (?:of (?:them|those|these|the above)|above|yes|yeah|apply|applies))?(?: (?:yes|yeah|apply|applies|to me))*$"
    r"|\b(?:yes|yeah|yep|one|some|that) (?:applies|apply)\b|\bone of (?:them|those|these)\b(?! not)|\b(?:wait|sorry|actually|oh) (?:yes|yeah|i do|i have|i am)\b|\bthink so$|\b(?:yes|yeah|yep)$"
)
_QUESTION = re.compile(
    r"\?|^(?:but |so |and |ok |okay |wait |also )*(?:why|what|whats|how|when|where|who|which|is|are|do you|does|can|could|should|will|would|did|am i|do i|may i)\b"
)
_JUST = re.compile(r"\b(?:just|only|besides|other than|except|nothing but|all i)\b")


def plain(words: Sequence[str]) -> str:
    """The words with no marks between them, as the phrases above are matched."""
    return " ".join(word for word in words if any(letter.isalnum() for letter in word))


def doctor_said_fine(text: str) -> bool:
    """Whether the reply leans on what a doctor said."""
    return _DOCTOR_FINE.search(text) is not None


def is_question(words: Sequence[str]) -> bool:
    text = " ".join(words)
    return _QUESTION.search(text) is not None


def says_nothing_else(text: str) -> bool:
    """ "just baby aspirin": what is named is all there is."""
    return _JUST.search(text) is not None


def bare_verdict(text: str, *, question: bool) -> Verdict:
    """What the reply says to the card, leaving aside any condition that it names."""
    if _NO_THOUGH_HEDGED.search(text):
        return (
            "unsure"
            if re.search(r"\b(?:but|though) (?:i am |am )?not (?:really )?sure\b|\bmaybe\b", text)
            else "no"
        )
    if _UNSURE.search(text) and not question:
        return "unsure"
    no, yes = _NO.search(text) is not None or _ALL_GOOD.match(text) is not None, _YES.search(text) is not None
    if no and yes:
        return (
            "yes"
            if re.search(r"^no+\b.*\b(?:wait|sorry|actually|oh) (?:yes|yeah|i do|i have)\b", text)
            else "unsure"
        )
    if doctor_said_fine(text) and not no:
        return "yes" if yes else "unsure"
    if no:
        return "no"
    if yes:
        return "yes"
    if not question and _USED_TO.match(text):
        return "unsure"
    return "none"
