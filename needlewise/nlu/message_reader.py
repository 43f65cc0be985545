"""Gives every message its spaCy parse and its sentence vector, made once and shared by all that follows."""

from __future__ import annotations

from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from needlewise.language.encoder import Vectors
from needlewise.language.lesson import words_of
from needlewise.language.reading import Reading, read
from needlewise.text.normalise import normalise

READING = "reading"
"""Where a message carries its Reading. The service puts it into the metadata; elsewhere it is made here."""

SPELLED = "spelled"
"""Where a training example carries its text with the spelling put right."""


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class MessageReader(GraphComponent):
    """Adds the sentence vector as a Rasa feature, and at prediction the parse. Without it nothing else can work."""

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> MessageReader:
        return cls()

    @staticmethod
    def required_packages() -> list[str]:
        return ["spacy", "onnxruntime", "tokenizers"]

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Training needs vectors only; parsing thousands of examples would take a minute and serve nobody."""
        examples = [example for example in training_data.training_examples if example.get(TEXT)]
        words = words_of([normalise(example.get(TEXT)) for example in examples])
        for example, its in zip(examples, words, strict=True):
            example.set(SPELLED, its.spelled)
            example.add_features(_sentence_feature(its.vector))
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            metadata = message.get("metadata") or {}
            reading: Reading = metadata.get(READING) or read(normalise(message.get(TEXT) or ""))
            message.set(READING, reading)
            message.add_features(_sentence_feature(reading.vector))
        return messages


def sentence_vector(message: Message) -> Vectors:
    """The vector that MessageReader gave this message, shape (384,)."""
    _, feature = message.get_dense_features(TEXT, [MessageReader.__name__])
    return np.asarray(feature.features[0], dtype=np.float32)


def _sentence_feature(vector: Vectors) -> Features:
    return Features(vector[None, :], FEATURE_TYPE_SENTENCE, TEXT, MessageReader.__name__)
