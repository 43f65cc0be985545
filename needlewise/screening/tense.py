"""Whether a mention is over: "stopped", "used to", "had", "off", and what goes on: "since", "controlled"."""

from collections.abc import Sequence

from needlewise.screening.frame import Frame

ENDED = {
    "stopped", "quit", "discontinued", "finished", "removed", "cured", "healed", "resolved", "gone", "remission",
    "former", "formerly", "previously", "beat", "recovered", "anymore", "outgrew",
}  # fmt: skip

_BEFORE_OFF = {
    "took", "taken", "been", "came", "come", "went", "am", "be", "got", "weaned", "now", "gone", "going",
    "taking",
}  # fmt: skip

_OTHER_HABITS = {"smoking", "drinking", "running", "work", "working", "walking", "exercising", "my", "vaping"}

_PAST_VERBS = {"had", "was", "were", "took", "did"}

_PRESENT_VERBS = {"am", "is", "are", "have", "has", "take", "takes", "use", "uses"}

_ONGOING = {
    "since", "still", "been", "diagnosed", "started", "put", "prescribed", "currently", "now", "always", "implanted",
    "lifelong", "chronic", "placed",
}  # fmt: skip

_AFTERTHOUGHT_OPENERS = {
    "and", "but", "i", "it", "that", "they", "was", "were", "which", "about", "like", "had", "have", "am", "is", ",", "-",
    ":", "(", "so", "though", "my", "doctor", "been", "just", "or", "?", "well", "very", "are", "all", "it's",
}  # fmt: skip

_AFTERTHOUGHTS = {
    "in", "last", "back", "around", "a", "couple", "few", "not", "no", "none", "nope", "never", "maybe", "think", "guess",
    "off", "since", "until", "used", "years", "months", "weeks", "yesterday", "today", "this", "controlled", "under",
    "free", "took", "stable", "when", "as", "ages", "long", "possibly", "perhaps", "do", "unsure", "taken", "several", "nah",
}  # fmt: skip

_CONTROL = {"controlled", "control", "stable", "managed"}


def ended(frame: Frame) -> bool:
    """Whether it is said to be over: "used to", "stopped", "off warfarin", "not anymore"."""
    left, right = list(frame.left[-7:]), [*frame.right, *frame.after]
    if _ended_in(left, toward_end=True):
        return True
    return _ended_in(right[:12], toward_end=False)


def _ended_in(words: Sequence[str], *, toward_end: bool) -> bool:
    for index, word in enumerate(words):
        following = words[index + 1] if index + 1 < len(words) else ""
        before = words[max(index - 3, 0) : index]
        nearest = words[index - 1] if index else ""
        denied = any(one in ("not", "never") for one in before) and word != "anymore"
        if (
            word in ENDED
            and following not in _OTHER_HABITS - ({"my"} if toward_end else set())
            and not denied
        ):
            return True
        if word == "used" and following == "to" and nearest not in ("am", "get", "getting", "be"):
            return True
        if word == "no" and following in ("longer", "more"):
            return True
        if word == "any" and following in ("more", "longer"):
            return True
        if word == "off" and (
            nearest in _BEFORE_OFF or nearest == "me" or following in ("it", "them", "meds") or not index
        ):
            return not denied
        if word == "out" and nearest in ("taken", "came", "took"):
            return True
        if word == "went" and following == "away":
            return True
        if word == "cleared" and following == "up":
            return True
    return False


def past(frame: Frame, *, dated: bool) -> bool:
    """Whether the verb before it, or with no verb the date, puts it in the past, and nothing says that it goes on."""
    left = frame.left[-7:]
    if any(word in _ONGOING for word in (*left, *frame.right[:6])):
        return False
    for index in range(len(left) - 1, -1, -1):
        if left[index] in _PAST_VERBS:
            return not (index and left[index - 1] in ("have", "has"))
        if left[index] in _PRESENT_VERBS:
            return False
        if left[index] == "history":
            return True
    return dated


def is_afterthought(words: Sequence[str]) -> bool:
    """Whether a clause that names nothing still speaks of what was named before it: "…, but I stopped in March"."""
    for word in words:
        if word not in _AFTERTHOUGHT_OPENERS:
            return word in _AFTERTHOUGHTS or word.isdigit() or word in ENDED
    return False


def goes_on(frame: Frame) -> bool:
    """Whether something says that it began in the past and lasts: "since 2015", "diagnosed 10 years ago"."""
    return any(word in _ONGOING - {"now", "put"} for word in (*frame.left[-7:], *frame.right[:6]))


def controlled(sentence: Sequence[str]) -> bool:
    """Whether the sentence says that it is under control."""
    for index, word in enumerate(sentence):
        if word in _CONTROL:
            return not any(
                one in ("not", "poorly", "never", "out", "badly", "no", "isnt")
                for one in sentence[max(index - 4, 0) : index]
            )
    return False
