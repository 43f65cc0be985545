"""Finds the several questions in one message, and the one question in a long rant."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from spacy.tokens import Doc, Span, Token

from needlewise.language.encoder import Vectors, load_encoder
from needlewise.language.reading import Reading
from needlewise.nlu.message_reader import READING

PARTS = "parts"
"""Where a message carries its parts: empty when it is one question."""

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


@dataclass(frozen=True)
class Part:
    """One stretch of a message that may be a question of its own."""

    text: str
    vector: Vectors


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
            if len(texts) > 1:
                vectors = load_encoder().encode(texts)
                message.set(PARTS, [Part(text, vector) for text, vector in zip(texts, vectors, strict=True)])
            else:
                message.set(PARTS, [])
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
    texts = [text for stretch in stretches if (text := _trimmed(stretch))]
    return texts[-MOST_PARTS:]


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
    if token.lower_ in _AUXILIARIES and token.nbor(1).lower_ in _SUBJECTS:
        # "how long | does it take" is one: a question word still waits for its verb.
        if _awaits_verb(token, start):
            return False
        return joined or before.pos_ in ("NOUN", "PROPN", "ADV", "ADJ", "VERB")
    return before.lower_ in _JOINERS and token.pos_ in ("VERB", "AUX")


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
    """Whether this token begins the next of some bare words: "cost and insurance", "price, hours, parking"."""
    if len(sentence) > _LONGEST_LIST or any(word.pos_ in ("VERB", "AUX") for word in sentence):
        return False
    before = token.nbor(-1)
    return (before.lower_ in _JOINERS or before.text in (",", "/", "+")) and not token.is_punct
