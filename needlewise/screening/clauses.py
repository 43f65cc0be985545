"""A message cut into clauses: the stretches within which "no", "my dad" or "in March" reach a word."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

SENTENCE_ENDS = {".", "!", "?", ";", "...", "…", "?!", "??", "!!", "!?"}
_PAUSES = {",", ":", "-", "--", "–", "—", "(", ")", "/"}
TURNS = {"but", "though", "however", "although", "except", "yet", "because", "besides"}
_JOINERS = {"and", "also", "plus", "then", "or", "so", "nor"}
INTERJECTIONS = {
    "yes", "yeah", "yep", "yup", "ya", "ok", "okay", "no", "nope", "nah", "hi", "hello", "well", "sure",
    "sorry",
}  # fmt: skip
# After these a "no" answers the question; before any other word it denies that one thing ("no numbness").
AFTER_PLAIN_NO = {
    "i", "we", "my", "he", "she", "it", "they", "that", "this", "those", "these", "there", "none", "not", "no", "nope", "nah",
    "never", "nothing", "thanks", "thank", "sir", "maam", "to", "of", "but", "and", "just", "only", "all", "any", "lol", "bro",
    "dude", "man", "sorry", "everything", "as", "because", "besides", "except", "well", "wait",
}  # fmt: skip
SUBJECTS = {"i", "my", "he", "she", "we", "they", "his", "her", "their", "im"}
AUXILIARIES = {
    "do", "does", "did", "is", "are", "am", "was", "were", "can", "could", "should", "would", "will", "may", "must",
    "has", "have", "might",
}  # fmt: skip
_ASKED_OF = {
    "i", "it", "you", "that", "this", "they", "there", "we", "people", "he", "she", "my", "these", "those",
}  # fmt: skip
QUESTION_WORDS = {"why", "what", "how", "when", "where", "who", "which"}
# After these a subject carries on what was begun: "I think I have", "can I", "if I", "because my".
_LEADS_ON = AUXILIARIES | QUESTION_WORDS | {
    "if", "that", "because", "since", "think", "thinks", "know", "guess", "while", "as", "before", "after", "until",
    "say", "says", "said", "sure", "and", "or", "like", "with", "of", "for", "in", "on", "to", "from", "not", "mention",
    "forget", "told", "believe", "suspect", "hope", "than", "by", "about", "at", "both", "all", "have", "had",
    "got", "take", "hurt", "broke", "removed", "replaced", "into", "around", "under", "is", "what", "off",
}  # fmt: skip
_LIST_GLUE = {"and", "or", "nor", "any", "a", "an", "the", "of", "either", "other", "to", ",", "/", "history"}


@dataclass(frozen=True)
class Clause:
    """Words `start` to `end`, the sentence they are in, and whether something is asked in them."""

    start: int
    end: int
    sentence: int
    asks: bool
    after_turn: bool  # begins with "but" and its like


def clauses(words: Sequence[str], mentions: Sequence[tuple[int, int]]) -> list[Clause]:
    """The clauses in order; never cut within one of `mentions` (start, end)."""
    inside = {index for start, end in mentions for index in range(start + 1, end)}
    mention_ends = {end for _, end in mentions}
    cuts: list[int] = [0]
    sentence_of: list[int] = []
    sentence = 0
    for index, word in enumerate(words):
        sentence_of.append(sentence)
        if word in SENTENCE_ENDS and index not in inside:
            sentence += 1
            cuts.append(index + 1)
        elif index not in inside and (word in _PAUSES or _begins(words, index, mention_ends, mentions)):
            cuts.append(index)
    cuts.append(len(words))
    bounds = [(start, end) for start, end in pairwise(cuts) if start < end]
    bounds = _with_lists_joined(words, bounds, mentions, sentence_of)
    return [
        Clause(
            start=start,
            end=end,
            sentence=sentence_of[start],
            asks=_asks(words, start, end),
            after_turn=_first_word(words, start, end) in TURNS,
        )
        for start, end in bounds
    ]


def _begins(
    words: Sequence[str], index: int, mention_ends: set[int], mentions: Sequence[tuple[int, int]]
) -> bool:
    """Whether a new clause begins at `index`."""
    word = words[index]
    before = words[index - 1] if index else ""
    after = words[index + 1] if index + 1 < len(words) else ""
    if not index:
        return False
    if word in TURNS and before != "not":
        return True
    if index == 1 and before in INTERJECTIONS:
        return before != "no" or word in AFTER_PLAIN_NO
    if word in _JOINERS and after in SUBJECTS:
        return True
    if word in SUBJECTS and before not in _LEADS_ON and before not in _JOINERS:
        return index in mention_ends or word == "i"
    if word == "do" and after in ("it", "that", "this"):
        return False
    if (
        word in AUXILIARIES
        and after in _ASKED_OF
        and before not in QUESTION_WORDS | AUXILIARIES | {"i", "not", "and", "or"}
    ):
        return True
    return word in QUESTION_WORDS and index in mention_ends


def _with_lists_joined(
    words: Sequence[str],
    bounds: Sequence[tuple[int, int]],
    mentions: Sequence[tuple[int, int]],
    sentence_of: Sequence[int],
) -> list[tuple[int, int]]:
    """ "no diabetes, heart trouble or seizures" is one clause, though commas stand in it."""
    covered = {index for start, end in mentions for index in range(start, end)}
    joined: list[tuple[int, int]] = []
    for start, end in bounds:
        goes_on = (
            joined
            and words[start] in (",", "/")
            and sentence_of[start] == sentence_of[joined[-1][0]]
            and any(index in covered for index in range(*joined[-1]))
            and any(index in covered for index in range(start, end))
            and all(
                index in covered or words[index] in _LIST_GLUE or words[index] in SENTENCE_ENDS
                for index in range(start, end)
            )
        )
        if goes_on:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _asks(words: Sequence[str], start: int, end: int) -> bool:
    if words[end - 1] in ("?", "??", "?!", "!?"):
        return True
    first = next(
        (index for index in range(start, end) if words[index] not in _PAUSES | _JOINERS | TURNS), None
    )
    if first is None:
        return False
    following = words[first + 1] if first + 1 < end else ""
    if words[first] in QUESTION_WORDS or (words[first] == "whether"):
        return not (words[first] == "when" and following in ("i", "my"))
    if following == "not":
        return False
    return words[first] in AUXILIARIES - {"have", "am"} and (
        following in _ASKED_OF or words[first] in ("does", "can", "is", "will", "are", "should")
    )


def _first_word(words: Sequence[str], start: int, end: int) -> str:
    return next((words[index] for index in range(start, end) if words[index] not in _PAUSES), "")


def _starts_mention(index: int, mentions: Sequence[tuple[int, int]]) -> bool:
    return any(start == index for start, _ in mentions)
