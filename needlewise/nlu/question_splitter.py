"""Finds the several questions in one message, and the one question in a long rant."""

from __future__ import annotations

from dataclasses import dataclass
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

_JOINERS = frozenset({"and", "also", "plus", "then", "but", "n", "&", "or"})
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

    "does it hurt and how much is it" gives two; "pain and swelling" stays one, since nothing after "and" asks.
    """
    stretches: list[str] = []
    for sentence in doc.sents:
        start = sentence.start
        for token in sentence:
            if token.i > start and _begins_question(token, sentence, start):
                stretches.append(doc[start : token.i].text)
                start = token.i
        stretches.append(doc[start : sentence.end].text)
    cleaned = [text.strip(" ,;:-–—.") for text in stretches]
    cleaned = [text for text in cleaned if any(character.isalnum() for character in text)]
    return cleaned[-MOST_PARTS:]


def _begins_question(token: Token, sentence: Span, start: int) -> bool:
    """Whether a new question begins at this token, seen from the words around it."""
    before = token.nbor(-1)
    if before.text.endswith(("?", "!", "...", "…", ";", "\n")) and token.text not in ("?", "!"):
        return True
    if token.i - start < 2 or sentence.end - token.i < 2:
        return False
    word = token.lower_
    after = token.nbor(1)
    joined = before.lower_ in _JOINERS or before.text in (",", "-", "–", "—", ".")
    if word in _WH:
        # "do you know what it costs" is one question: a wh-word that a verb governs does not begin another.
        governed = before.pos_ in ("VERB", "ADP", "AUX", "SCONJ") and not joined
        return joined or (
            not governed and before.pos_ in ("NOUN", "PROPN", "ADV", "ADJ", "PRON", "NUM") and word != "that"
        )
    if word in _AUXILIARIES and after.lower_ in _SUBJECTS:
        return joined or before.pos_ in ("NOUN", "PROPN", "ADV", "ADJ")
    return joined and before.lower_ in _JOINERS and token.pos_ in ("VERB", "AUX")
