"""How a condition is spoken of: denied or doubted, past, someone else's, only asked about."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_NEGATIONS = {"not", "no", "never", "without", "neither", "nor", "deny", "denies", "denied", "none", "zero"}
_SCOPE_ENDS = {"but", "except", "just", "only", "besides", "though", "however", "yet", "apart", "because"}
_PREDICATES = {
    "have",
    "has",
    "am",
    "is",
    "are",
    "take",
    "takes",
    "taking",
    "use",
    "using",
    "on",
    "got",
    "had",
    "was",
    "with",
}
# Words over which a "no" reaches.
_TRANSPARENT = _PREDICATES | {
    "a", "an", "any", "my", "the", "be", "been", "of", "diagnosed", "currently", "now", "really", "history", "kind",
    "type", "sort", "to", "told", "i", "or", "and", "nor", ",", "/", "other", "ever", "get", "getting", "known", "signs",
    "sign", "active", "recent", "current", "actually", "even", "either", "having", "at", "all", "that", "like", "suffer",
    "from", "serious", "past", "problems", "issues", "anything", "such", "as", "this", "time", "today", "right", "meds",
    "medicine", "prescription", "daily", "if", "it", "whether", "moment", "implanted", "up", "experienced", "experience", "need", "'s", "so",
}  # fmt: skip
_DOUBT_AFTER_NOT = {"sure", "certain", "positive", "know", "remember", "recall", "think", "believe", "clear"}
_NO_TROUBLE_WITH = {"problem", "problems", "issue", "issues", "trouble", "complications", "worries"}
_HEDGES = {
    "maybe",
    "possibly",
    "perhaps",
    "probably",
    "unsure",
    "suspect",
    "suspected",
    "guess",
    "guessing",
    "wondering",
    "wonder",
}
_THINKS = {"think", "thinks", "thought", "believe"}

_BARE_NO = {"no", "nope", "none", "never", "nah"}
_ANSWER_MARKS = {":", "-", "?", "="}
_MARKS = _ANSWER_MARKS | {",", ".", "–", "—"}

_ENDED = {
    "stopped", "quit", "discontinued", "finished", "removed", "cured", "healed", "resolved", "gone", "remission",
    "former", "formerly", "previously", "beat", "recovered", "anymore", "outgrew",
}  # fmt: skip
_BEFORE_OFF = {
    "took",
    "taken",
    "been",
    "came",
    "come",
    "went",
    "am",
    "be",
    "got",
    "weaned",
    "now",
    "gone",
    "going",
    "taking",
}
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
    "those", "men", "seniors", "adults", "kids", "others", "you", "person", "guy", "lady", "woman", "man", "client",
    "clients", "nobody", "ones",
}  # fmt: skip
_SELF = {"i", "me", "am", "myself", "us", "we", "mine", "our"}
_VERBS_OF_THIRD = {
    "takes",
    "has",
    "is",
    "was",
    "had",
    "does",
    "uses",
    "gets",
    "and",
    "also",
    ",",
    "on",
    "with",
}

_LINKS = {
    "with", "on", "while", "having", "being", "because", "since", "stop", "stopping", "quit", "hold", "skip", "pause",
    "off", "despite", "given", "if", "after", "w", "keep",
}  # fmt: skip
_INVERTED = {
    "do",
    "does",
    "did",
    "can",
    "could",
    "should",
    "would",
    "will",
    "may",
    "must",
    "am",
    "have",
    "was",
    "might",
}
_SUPPOSED = {
    "was",
    "were",
    "get",
    "become",
    "faint",
    "pass",
    "bleed",
    "got",
    "start",
    "develop",
    "catch",
    "getting",
}
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
_FOR_HIM = re.compile(
    r"\b(?:can|could|should|would|is|will|may) (?:he|she|they) (?:still |even |safely |also )?(?:be |get |have |do |try |allowed|able)"
    r"|\b(?:needle|treat|help|safe for|ok for|okay for) (?:him|her|them)\b"
)


@dataclass(frozen=True)
class Frame:
    """The words around one mention, within its clause and the afterthought that may follow it."""

    left: Sequence[str]
    gap: Sequence[str]  # words inside the mention that are no part of its name
    right: Sequence[str]
    after: Sequence[str]  # a following clause that names nothing: "…, but I stopped in March"
    others_to_left: Sequence[bool]  # for each word of `left`, whether it belongs to another mention
    asks: bool
    named_in_clause: int
    previous_is_other: bool
    medicine: bool
    event: bool
    names_body: bool  # begins with a word for a part of the body: "my calf" is no claim that it is swollen


def denial(frame: Frame) -> str:
    """ "no", "doubt" or "none": whether the mention is denied, denied in a way that leaves a doubt, or not denied."""
    negations = [index for index, word in enumerate(frame.gap) if word in ("not", "never", "no")]
    count = len(negations)
    reached = _negations_to_left(frame)
    doubtful = "doubt" in reached
    count += sum(1 for kind in reached if kind != "doubt")
    if doubtful:
        return "doubt"
    if _denied_after(frame):
        count += 1
    if not count:
        return "none"
    if count == 1:
        return "doubt" if "list" in reached else "no"
    # "I ain't got no pacemaker" denies once, for all its two words.
    if frame.left and "determiner" in reached and count == 2:
        return "no"
    return "none" if _not_that(frame.left) and count == 2 else "doubt"


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
    if able and following not in (
        "be",
        "have",
        "take",
        "get",
        "use",
        "do",
        "say",
        "had",
        "take",
        "remember",
        "tell",
    ):
        return None  # "can't straighten my leg"
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
    if any(word in _ENDED for word in left[index + 1 : index + 4]):
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


def _denied_after(frame: Frame) -> bool:
    """ "diabetes: no", "blood thinners? none", "plavix not me", "fever-free"."""
    following = (*frame.right, *frame.after)
    marked = bool(following) and following[0] in _ANSWER_MARKS
    right = [word for word in following if word not in _MARKS]
    if right[:1] == ["free"] or right[:2] == ["not", "me"]:
        return True
    if right[:4] == ["not", "that", "i", "know"] or right[:3] == ["not", "as", "far"]:
        return True
    return right[:1] != [] and right[0] in _BARE_NO and (len(right) == 1 or marked)


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
    return text.startswith(
        (
            "maybe",
            "i think",
            "possibly",
            "i guess",
            "not sure",
            "i am not sure",
            "do not know",
            "perhaps",
            "probably",
            "unsure",
        )
    )


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
            word in _ENDED
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
            return word in _AFTERTHOUGHTS or word.isdigit() or word in _ENDED
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


def stated(frame: Frame, *, reply: bool, dated: bool) -> bool:
    """Whether it is said to be so, not only asked about, feared or supposed.

    A patient who is asked what holds for them and answers with "does Advil count?" takes Advil; asked nothing, the
    same words may be a question only. `reply` tells the two apart.
    """
    if frame.medicine and "allerg" in " ".join(frame.left[-4:]):
        return False
    if _denied_after(frame):
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
    wish = max((index for index, word in enumerate(frame.left) if word in _WISHES | _HEARSAY), default=None)
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


def speaks_for_another(words: Sequence[str]) -> bool:
    """Whether the message asks on behalf of someone else, who is then the patient."""
    for index, word in enumerate(words):
        if word not in RELATIVES:
            continue
        before, after = words[max(index - 3, 0) : index], words[index + 1 : index + 4]
        if "for" in before and any(
            one.startswith(
                (
                    "book",
                    "ask",
                    "appoint",
                    "schedul",
                    "call",
                    "writ",
                    "inquir",
                    "visit",
                    "appt",
                    "need",
                    "want",
                )
            )
            for one in words[:index]
        ):
            return True
        if (
            after[:1]
            and after[0] in ("wants", "needs", "would")
            and "to" not in words[max(index - 2, 0) : index]
        ):
            return True
    return any(word in RELATIVES for word in words) and _FOR_HIM.search(" ".join(words)) is not None
