"""Whether something is said to be so, or only asked about, feared or supposed."""

import re
from collections.abc import Sequence

from needlewise.screening.denial import denied_after
from needlewise.screening.frame import Frame

_LINKS = {
    "with", "on", "while", "having", "being", "because", "since", "stop", "stopping", "quit", "hold", "skip", "pause",
    "off", "despite", "given", "if", "after", "w", "keep",
}  # fmt: skip

_INVERTED = {
    "do", "does", "did", "can", "could", "should", "would", "will", "may", "must", "am", "have", "was", "might",
}  # fmt: skip

_SUPPOSED = {
    "was", "were", "get", "become", "faint", "pass", "bleed", "got", "start", "develop", "catch", "getting",
}  # fmt: skip

_ASKING_FOR_MEANING = {
    "cause", "causes", "help", "helps", "treat", "treats", "cure", "fix", "risk", "mean", "means", "get", "why", "give",
    "gives", "how", "when", "if", "called", "define", "make", "makes", "lead", "take", "use", "heal", "worsen",
}  # fmt: skip

_WISHES = {
    "want", "wants", "wanted", "avoid", "considering", "instead", "rather", "offered", "suggested", "suggests",
    "recommend", "recommended", "recommends", "scheduled", "planning", "prevent", "worried", "afraid", "scared", "fear",
    "risk", "need", "needs", "try", "trying", "tried", "thinking", "consider", "before", "mentioned", "cause",
    "causes", "than", "versus", "vs", "anxious", "nervous", "catch", "catching", "chance", "unlike",
}  # fmt: skip

_HEARSAY = {"heard", "read", "saw", "googled", "google", "article", "website", "reddit", "tiktok", "facebook"}

_NOT_OWNED = {"or", "a", "an", "the", "be", "is", "pain", "hurts"}

_FOR_ME = re.compile(
    r"\b(?:rule|keep|disqualify|exclude) me\b|\b(?:problem|issue|ok|okay|safe|bad|risky|dangerous) for me\b"
)


def stated(frame: Frame, *, reply: bool, dated: bool) -> bool:
    """Whether it is said to be so, not only asked about, feared or supposed.

    A patient who is asked what holds for them and answers with "does Advil count?" takes Advil; asked nothing, the
    same words may be a question only. `reply` tells the two apart.
    """
    if frame.medicine and "allerg" in " ".join(frame.left[-4:]):
        return False
    if denied_after(frame):
        return True
    if frame.asks and frame.names_body and len(frame.left) <= 2:
        return False  # "will my calf swell"
    claims = _claims(frame.left)
    if claims is None and not frame.event and _FOR_ME.search(" ".join(frame.right)):
        return True
    if frame.event and not reply and not dated and not _is_told(frame, claims=claims):
        return False
    if (
        claims is None
        and frame.left[-2:]
        and "with" in frame.left[-3:]
        and frame.right[:2] in (["for", "me"], ["if", "i"])
    ):
        return True
    if frame.asks:
        if claims is not None:
            return claims
        if not reply:
            return False
        about = [word for word in frame.left if word not in ("what", "how", "about")]
        meaning = any(word in _ASKING_FOR_MEANING for word in (*about, *frame.right[:2]))
        return not meaning and not (
            frame.left and frame.left[0] in ("what", "how") and "about" not in frame.left
        )
    if claims is False:
        return False
    if frame.left[-2:] == ["high", "risk"]:
        return True
    wish = max(
        (
            index
            for index, word in enumerate(frame.left)
            if word in _WISHES | _HEARSAY
            and list(frame.left[max(index - 1, 0) : index + 1]) != ["other", "than"]
        ),
        default=None,
    )
    if (
        wish is not None
        and len(frame.left) - wish <= 6
        and not (frame.medicine and frame.left[wish] in ("need", "needs"))
    ):
        since = frame.left[wish + 1 :]
        return _claims(since) is True or ("have" in since and "to" not in since)
    return True


def _is_told(frame: Frame, *, claims: bool | None) -> bool:
    """Whether an operation or a shot is told as one's own, not talked about: "I had", "after my", a number, a date."""
    said = (*frame.left, *frame.right[:6], *frame.after)
    if frame.asks and claims is None:
        return False
    return (
        claims is True
        or any(
            word.isdigit() or word in ("had", "got", "after", "post", "ago", "last", "yesterday")
            for word in said
        )
        or (
            bool({"i", "me", "my"} & set(said))
            and not {"or", "vs", "versus", "risks", "recovery", "odds"} & set(said)
        )
    )


def _claims(left: Sequence[str]) -> bool | None:
    """Whether the words before a mention claim it for the writer; None when they say neither."""
    for index in range(len(left) - 1, -1, -1):
        word = left[index]
        between = left[index + 1 :]
        before = left[index - 1] if index else ""
        if word == "my":
            if len(between) <= 3 and not _NOT_OWNED & set(between):
                return True
            continue
        if word == "am" and before != "i" and between[:1] != ["i"]:
            return True
        if word == "i" or word == "me":
            if before in ("if", "case") and (
                between and (between[0] in _SUPPOSED or between[:2] == ["ever", "get"])
            ):
                return False
            if (
                before == "if"
                and index > 1
                and left[index - 2] in ("know", "ask", "asking")
                and "you" in left[:index]
            ):
                return False  # "why do you ask if I am pregnant"
            if before in ("if", "case", "what"):
                return bool(between)
            if (before in _INVERTED and word == "i") or word == "me":
                return True if any(one in _LINKS for one in between) else (None if word == "me" else False)
            return True
    return None
