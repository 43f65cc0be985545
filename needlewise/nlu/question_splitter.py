"""Finds the several questions in one message, and the one question in a long rant."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from spacy.tokens import Doc, Span, Token

from needlewise.language.reading import Reading, in_words
from needlewise.nlu.message_reader import READING

PARTS = "parts"
"""Where a message carries the Words of its parts: empty when it is one question."""

MOST_PARTS = 12
"""A rant may hold more sentences; the last ones are kept, for that is where the question tends to stand."""

_JOINERS = frozenset({"and", "also", "plus", "then", "but", "n", "nd", "&", "+", "or", "so"})
_WH = frozenset(
    {"what", "how", "when", "where", "who", "why", "which", "whats", "hows", "wheres", "whos", "wat", "hw"}
)
_AUXILIARIES = frozenset(
    {
        "do",
        "does",
        "did",
        "is",
        "are",
        "can",
        "could",
        "will",
        "would",
        "should",
        "may",
        "am",
        "was",
        "has",
        "have",
    }
    | {"doesnt", "isnt", "cant", "dont", "du", "r", "im", "i", "any"}
)
_RELATIVE = frozenset({"who", "which", "when", "where"})
_OPENERS = frozenset({"whether", "if"})
_LONGEST_LIST = 9
_SUBJECTS = frozenset(
    {
        "i",
        "you",
        "u",
        "it",
        "they",
        "we",
        "he",
        "she",
        "there",
        "this",
        "that",
        "my",
        "your",
        "ur",
        "the",
        "a",
    }
)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class QuestionSplitter(GraphComponent):
    """Adds the parts of a message, so that each question in it is answered and a question inside a rant is heard."""

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> QuestionSplitter:
        return cls()

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Training examples hold one question each and stay whole."""
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            reading: Reading = message.get(READING)
            texts = split(reading.doc)
            message.set(PARTS, in_words(texts) if len(texts) > 1 else [])
        return messages


def split(doc: Doc) -> list[str]:
    """The stretches that may be questions of their own, in order.

    "does it hurt and how much is it" gives two; "pain and swelling hurt" stays one, since nothing after "and" asks.
    """
    stretches: list[Span] = []
    for sentence in doc.sents:
        start = sentence.start
        for token in sentence:
            if token.i > start and (_begins_question(token, sentence, start) or _is_listed(token, sentence)):
                stretches.append(doc[start : token.i])
                start = token.i
        stretches.append(doc[start : sentence.end])
    texts: list[str] = []
    for stretch in stretches:
        if not (text := _trimmed(stretch)):
            continue
        if texts and _is_tag(stretch) and not asks_outright(texts[-1]):
            texts[-1] = f"{texts[-1]}, {text}"
        else:
            texts.append(_completed(text, stretch, texts))
    return texts[-MOST_PARTS:]


_ASKING = re.compile(
    r"\?|^(?:(?:so|and|but|or|ok|okay|also|plus|then|hi|hello|hey|honestly|like) )*(?:"
    r"what|wat|how|hw|when|where|who|why|which|do|does|did|is|are|can|could|will|would|should|may|am|any|any(?:thing|one|body)"
    r"|whats|hows|wheres|whos|(?:is|are|was|do|does|did|ca|could|wo|would|should)n['’]?t|if|tell|need|got)\b",
    re.I,
)
_FEW_WORDS = 4
_TAG_WORDS = frozenset(
    {
        "is",
        "it",
        "that",
        "this",
        "ok",
        "okay",
        "fine",
        "right",
        "safe",
        "allowed",
        "alright",
        "bad",
        "too",
        "soon",
        "still",
    }
    | {
        "problem",
        "a",
        "an",
        "issue",
        "correct",
        "yes",
        "no",
        "huh",
        "i",
        "can",
        "would",
        "be",
        "am",
        "good",
        "for",
        "me",
    }
)


def asks(text: str) -> bool:
    """Whether a part asks: by its sign, its first word, or as the few bare words that a topic is asked for with."""
    return is_bare(text) or asks_outright(text)


def asks_outright(text: str) -> bool:
    """Whether a part has a sign of a question."""
    return _ASKING.search(text) is not None


def is_bare(text: str) -> bool:
    """Whether a part is a few words without any sign of a question: "opening hours"."""
    return len(text.split()) <= _FEW_WORDS and not asks_outright(text)


def _is_tag(stretch: Span) -> bool:
    """Whether a few words only make a question of what was told before: "i take warfarin, is that ok?"."""
    words = [word for word in stretch if not word.is_punct and word.lower_ not in _JOINERS]
    return 0 < len(words) <= _FEW_WORDS and all(word.lower_ in _TAG_WORDS for word in words)


def _completed(text: str, stretch: Span, before: list[str]) -> str:
    """ "does it hurt" and "leave bruises" share their beginning: the second is read as "does it leave bruises"."""
    first = next((word for word in stretch if word.lower_ not in _JOINERS and not word.is_punct), None)
    if not before or first is None or first.pos_ != "VERB" or first.tag_ not in ("VB", "VBP"):
        return text
    opening = before[-1].split()[:2]
    shared = (
        len(opening) == 2
        and opening[0].lower() in _AUXILIARIES - {"any", "i"}
        and opening[1].lower() in _SUBJECTS
    )
    return f"{opening[0]} {opening[1]} {text}" if shared and first.lower_ not in _AUXILIARIES else text


def _trimmed(stretch: Span) -> str:
    """A stretch without the "and" or the comma that joined it to its neighbours; empty when nothing is left."""
    words = list(stretch)
    while words and (words[0].lower_ in _JOINERS or words[0].is_punct):
        words.pop(0)
    while words and (words[-1].lower_ in _JOINERS or (words[-1].is_punct and words[-1].text != "?")):
        words.pop()
    text = stretch.doc[words[0].i : words[-1].i + 1].text if words else ""
    return text if any(character.isalnum() for character in text) else ""


def _begins_question(token: Token, sentence: Span, start: int) -> bool:
    """Whether a new question begins at this token, seen from the words around it."""
    before = token.nbor(-1)
    if before.text.endswith(("?", "!", "...", "…", ";", "\n")) and token.text not in ("?", "!"):
        return True
    if token.i - start < 2 or sentence.end - token.i < 2:
        return False
    joined = before.lower_ in _JOINERS or before.text in (",", "-", "–", "—", ".")
    if token.lower_ in _WH:
        # "do you know what it costs" is one question; "does it hurt how much does it cost" turns verb and subject round.
        # "somebody who takes warfarin" and "the day when" go with the word before them.
        after_noun = before.pos_ in ("NOUN", "PROPN", "ADV", "ADJ", "PRON", "NUM")
        return joined or _is_inverted(token, sentence) or (after_noun and token.lower_ not in _RELATIVE)
    if token.lower_ in _OPENERS:
        return joined
    if token.pos_ == "ADP" and token.nbor(1).lower_ in _WH:
        # "and over how many visits"
        return joined
    if token.lower_ == "any":
        return joined and token.nbor(1).pos_ in ("NOUN", "ADJ", "PROPN", "VERB")
    if token.lower_ in _AUXILIARIES and token.nbor(1).lower_ in _SUBJECTS:
        # "how long | does it take" is one: a question word still waits for its verb.
        if _awaits_verb(token, start):
            return False
        return joined or before.pos_ in ("NOUN", "PROPN", "ADV", "ADJ", "VERB")
    # "does it also help my knee" is one question.
    return before.lower_ in _JOINERS - {"also"} and token.pos_ in ("VERB", "AUX")


def _awaits_verb(token: Token, start: int) -> bool:
    """Whether the stretch before this token is a question word and its noun alone: "how many sessions"."""
    words = [word for word in token.doc[start : token.i] if word.lower_ not in _JOINERS and not word.is_punct]
    asked = next((at for at in range(len(words) - 1, -1, -1) if words[at].lower_ in _WH), None)
    return asked is not None and all(word.pos_ not in ("VERB", "AUX") for word in words[asked:])


def _is_inverted(token: Token, sentence: Span) -> bool:
    """Whether an auxiliary and then its subject follow a question word: "how much does it"."""
    ahead = token.doc[token.i + 1 : min(token.i + 5, sentence.end)]
    return any(
        first.lower_ in _AUXILIARIES and second.lower_ in _SUBJECTS for first, second in pairwise(ahead)
    )


def _is_listed(token: Token, sentence: Span) -> bool:
    """Whether this token begins the next of some questions in a row: "cost, how often, parking", "who does it / referral"."""
    before = token.nbor(-1)
    if token.is_punct or not any(character.isalnum() for character in token.text):
        return False
    if before.text in (",", "/", "+", "|"):
        return True
    bare = len(sentence) <= _LONGEST_LIST and not any(word.pos_ in ("VERB", "AUX") for word in sentence)
    return bare and before.lower_ in _JOINERS
