"""Of whom something is said: the patient, or somebody else."""

import re
from collections.abc import Sequence

from needlewise.screening.frame import Frame

RELATIVES = {
    name + ending
    for name in (
        "dad", "father", "mom", "mother", "husband", "wife", "partner", "brother", "sister", "son", "daughter", "kid",
        "child", "aunt", "uncle", "cousin", "grandma", "grandpa", "grandmother", "grandfather", "nana", "granny",
        "friend", "boyfriend", "girlfriend", "neighbor", "coworker", "boss", "ex", "fiance", "fiancee", "spouse",
        "buddy", "roommate", "nephew", "niece", "grandson", "granddaughter", "parent", "sibling", "twin",
        "dog", "cat", "pet", "horse", "family", "inlaw", "stepdad", "stepmom", "client", "hubby", "bro", "sis",
    )
    for ending in ("", "s")
}  # fmt: skip

_PRONOUNS = {"he", "she", "they", "his", "her", "their", "him", "hers", "hes", "shes", "them"}

_ANYBODY = {
    "people", "persons", "patients", "women", "ladies", "folks", "someone", "somebody", "anyone", "anybody", "everyone",
    "men", "seniors", "adults", "kids", "you", "person", "guy", "lady", "woman", "man", "client",
    "clients", "nobody",
}  # fmt: skip

_SELF = {"i", "me", "am", "myself", "us", "we", "mine", "our"}

_VERBS_OF_THIRD = {
    "takes", "has", "is", "was", "had", "does", "uses", "gets", "and", "also", ",", "on", "with",
}  # fmt: skip

_ASKING_FOR = (
    "book", "ask", "appoint", "schedul", "call", "writ", "inquir", "visit", "appt", "need", "want",
)  # fmt: skip

_FOR_HIM = re.compile(
    r"\b(?:can|could|should|would|is|will|may) (?:he|she|they) (?:still |even |safely |also )?(?:be |get |have |do |try |allowed|able)"
    r"|\b(?:needle|treat|help|safe for|ok for|okay for) (?:him|her|them)\b"
)


def of_someone_else(frame: Frame) -> str:
    """ "self", "other", or "pronoun" for a he or she who may be the patient."""
    left = list(frame.left)
    for index in range(len(left) - 1, -1, -1):
        word = left[index]
        if word in _SELF:
            return "self"
        if word == "my":
            return "self"
        if word in RELATIVES:
            earlier = left[:index]
            return (
                "self"
                if any(one in ("i", "me") and "and" in earlier[at:] for at, one in enumerate(earlier))
                else "other"
            )
        if word in _PRONOUNS:
            return "pronoun"
        if word in _ANYBODY:
            return "other"
    right = [*frame.right[:7]]
    for index, word in enumerate(right):
        if word in ("i", "me", "am"):
            break
        if word in RELATIVES and (
            index == 0 or right[index - 1] in ("my", "the", "our", "(", "in", "a", "dad") or word == "family"
        ):
            return "other"
        if index == 0 and word in _ANYBODY - {"you", "man", "guy"}:
            return "other"
    if " ".join(right).startswith("not me"):
        return "other"
    if frame.previous_is_other and left and left[0] in _VERBS_OF_THIRD:
        return "other"
    if frame.previous_is_other and not left:
        return "other"
    return "self"


def speaks_for_another(words: Sequence[str]) -> bool:
    """Whether the message asks on behalf of someone else, who is then the patient."""
    for index, word in enumerate(words):
        if word not in RELATIVES:
            continue
        before, after = words[max(index - 3, 0) : index], words[index + 1 : index + 4]
        if words[0] == "for" and index <= 3:
            return True
        if "for" in before and any(one.startswith(_ASKING_FOR) for one in words[:index]):
            return True
        if (
            after[:1]
            and after[0] in ("wants", "needs", "would")
            and "to" not in words[max(index - 2, 0) : index]
        ):
            return True
    return any(word in RELATIVES for word in words) and _FOR_HIM.search(" ".join(words)) is not None
