"""Whether a mention is denied or doubted: "no", "never had", "not sure if", "maybe"."""

from collections.abc import Sequence

from needlewise.screening.frame import Frame
from needlewise.screening.tense import ENDED

_NEGATIONS = {"not", "no", "never", "without", "neither", "nor", "deny", "denies", "denied", "none", "zero"}

_SCOPE_ENDS = {
    "but", "except", "just", "only", "besides", "than", "though", "however", "yet", "apart", "because",
}  # fmt: skip

_PREDICATES = {
    "have", "has", "am", "is", "are", "take", "takes", "taking", "use", "using", "on", "got", "had", "was",
    "with",
}  # fmt: skip

# Words over which a "no" reaches.
_TRANSPARENT = _PREDICATES | {
    "a", "an", "any", "my", "the", "be", "been", "of", "diagnosed", "currently", "now", "really", "history", "kind",
    "type", "sort", "to", "told", "i", "or", "and", "nor", ",", "/", "other", "ever", "get", "getting", "known", "signs",
    "sign", "active", "recent", "current", "actually", "even", "either", "having", "at", "all", "that", "like", "suffer",
    "from", "serious", "past", "problems", "issues", "anything", "such", "as", "this", "time", "today", "right", "meds",
    "medicine", "prescription", "daily", "if", "it", "whether", "moment", "implanted", "up", "experienced", "experience",
    "need", "'s", "so",
}  # fmt: skip

_DOUBT_AFTER_NOT = {"sure", "certain", "positive", "know", "remember", "recall", "think", "believe", "clear"}

_NO_TROUBLE_WITH = {"problem", "problems", "issue", "issues", "trouble", "complications", "worries"}

_HEDGES = {
    "maybe", "possibly", "perhaps", "probably", "unsure", "suspect", "suspected", "guess", "guessing",
    "wondering", "wonder",
}  # fmt: skip

_THINKS = {"think", "thinks", "thought", "believe"}

_HEDGES_AFTER = (
    "maybe", "i think", "possibly", "i guess", "not sure", "i am not sure", "do not know", "perhaps", "probably", "unsure",
)  # fmt: skip

# After "can not", "would not" these still deny having it; other verbs are about something else.
_OF_HAVING = {"be", "have", "take", "get", "use", "do", "say", "had", "remember", "tell"}

_BARE_NO = {"no", "nope", "none", "never", "nah"}

_ANSWER_MARKS = {":", "-", "?", "="}

_MARKS = _ANSWER_MARKS | {",", ".", "–", "—"}


def denial(frame: Frame) -> str:
    """ "no", "doubt" or "none": whether the mention is denied, denied in a way that leaves a doubt, or not denied."""
    negations = [index for index, word in enumerate(frame.gap) if word in ("not", "never", "no")]
    count = len(negations)
    reached = _negations_to_left(frame)
    doubtful = "doubt" in reached
    count += sum(1 for kind in reached if kind != "doubt")
    if doubtful:
        return "doubt"
    if denied_after(frame):
        count += 1
    if not count:
        return "none"
    if count == 1:
        return "doubt" if "list" in reached else "no"
    # "I ain't got no pacemaker" denies once, for all its two words.
    if frame.left and "determiner" in reached and count == 2:
        return "no"
    return "none" if _not_that(frame.left) and count == 2 else "doubt"


def hedged(frame: Frame) -> bool:
    """Whether the writer is not sure of it: "I might have", "diabetes I think"."""
    left, right = frame.left[-7:], [*frame.right, *frame.after][:4]
    for index, word in enumerate(left):
        following = left[index + 1] if index + 1 < len(left) else ""
        if word in _HEDGES:
            return True
        if word in ("might", "may", "could") and following in ("be", "have", "am", "b"):
            return True
        if word in _THINKS and not (index and left[index - 1] in ("not", "to")):
            return True
    text = " ".join(word for word in right if word not in (",", "-", ".", "("))
    return text.startswith(_HEDGES_AFTER)


def _negations_to_left(frame: Frame) -> list[str]:
    kinds: list[str] = []
    unknown = 0
    crossed = comma = False
    left = frame.left
    for index in range(len(left) - 1, -1, -1):
        word = left[index]
        following = left[index + 1] if index + 1 < len(left) else ""
        before = left[index - 1] if index else ""
        if word in _SCOPE_ENDS and before != "not":
            break
        if frame.others_to_left[index]:
            if kinds:
                break
            crossed = True
            continue
        if word == ",":
            comma = crossed
        if (
            word in _PREDICATES
            and crossed
            and before in ("and", ",", "i", "also")
            and "not" not in left[max(index - 2, 0) : index]
        ):
            break
        if word in _NEGATIONS:
            kind = _kind_of_negation(left, index, following)
            if kind is None:
                continue
            kinds.append(
                "list" if comma and kind == "plain" and not _is_list(left, frame.named_in_clause) else kind
            )
            if kind == "determiner" and comma and not _is_list(left, frame.named_in_clause):
                kinds[-1] = "list"
            if word in ("nor", "neither"):
                break
            continue
        if word not in _TRANSPARENT and word not in _DOUBT_AFTER_NOT:
            unknown += 1
            if unknown > 1 or "with" in left[index:]:
                break
    return kinds


def _kind_of_negation(left: Sequence[str], index: int, following: str) -> str | None:
    after_next = left[index + 2] if index + 2 < len(left) else ""
    if left[index] == "no" and _PREDICATES & set(left[index + 1 :]):
        return None  # "no injury, have diabetes"
    able = index and left[index - 1] in ("can", "could", "will", "would", "should")
    if able and following not in _OF_HAVING:
        # "can't straighten my leg" denies nothing; "can't live without my pills" does.
        return "plain" if "without" in left[index:] else None
    if following in ("only", "just", "merely") or (
        left[index] == "no" and following in ("longer", "more", "idea", "clue")
    ):
        return "doubt" if following in ("idea", "clue") else None
    if following in _DOUBT_AFTER_NOT or (
        following in ("really", "too", "even", "quite", "100") and after_next in _DOUBT_AFTER_NOT
    ):
        return "doubt"
    if following in _NO_TROUBLE_WITH and after_next in ("with", "from", "taking", "about"):
        return None
    if any(word in ENDED for word in left[index + 1 : index + 4]):
        return None
    return "determiner" if left[index] == "no" and index == len(left) - 1 else "plain"


def _is_list(left: Sequence[str], named: int) -> bool:
    """A list with "or" in it, or of three and more: the "no" at its head is for all."""
    return named >= 3 or any(word in ("or", "nor", "and", "any") for word in left)


def _not_that(left: Sequence[str]) -> bool:
    text = " ".join(left)
    return any(
        opening in text
        for opening in ("not that i", "not true", "not saying", "not not", "not like i", "not as if")
    )


def denied_after(frame: Frame) -> bool:
    """ "diabetes: no", "blood thinners? none", "plavix not me", "fever-free"."""
    following = (*frame.right, *frame.after)
    marked = bool(following) and following[0] in _ANSWER_MARKS
    right = [word for word in following if word not in _MARKS]
    if right[:1] == ["free"] or right[:2] == ["not", "me"]:
        return True
    if right[:4] == ["not", "that", "i", "know"] or right[:3] == ["not", "as", "far"]:
        return True
    return right[:1] != [] and right[0] in _BARE_NO and (len(right) == 1 or marked)
