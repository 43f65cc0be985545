"""Which topic a message, and each of its parts, is about, and how sure that is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from needlewise.language.encoder import Vectors
from needlewise.nlu.message_reader import READING, sentence_vector
from needlewise.nlu.question_splitter import PARTS
from needlewise.text.normalise import normalise

RANKINGS = "topic_rankings"
"""Where a message carries its rankings: that of the whole first, then one a part."""

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ranking:
    """The intents a text may have, best first, each with its share of probability, and how sure the best one is."""

    intents: tuple[tuple[str, float], ...]
    confidence: float
    """Calibrated: of texts given 0.8, about 8 in 10 have the best intent."""
    nearest: float
    """Cosine similarity to the nearest training example: how far the text is from anything seen."""


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class TopicClassifier(GraphComponent):
    """Kernel ridge regression on the sentence vector, helped by character n-grams.

    Few examples an intent suit a kernel: an RBF on the vectors keeps what is near near, and the linear kernel on character
    n-grams forgives spelling. Ridge has exact leave-one-out scores in closed form, so that the confidence is calibrated on
    texts the model did not see, without training it several times.
    """

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        self._config = config
        self._storage = model_storage
        self._resource = resource
        self._model: _Model | None = None

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        # Chosen by leave-one-out accuracy on the training examples (docs/evaluation.md has the grid).
        return {"gamma": 2.0, "ngram_weight": 0.25, "ridge": 0.15, "ngrams": [2, 5]}

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> TopicClassifier:
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        """Fit on every example that has an intent and a text; raises ValueError with fewer than two intents."""
        examples = [example for example in training_data.intent_examples if example.get(TEXT)]
        self._model = _Model.fit(
            [_spelling(example.get(TEXT)) for example in examples],
            np.stack([sentence_vector(example) for example in examples]),
            [example.get(INTENT) for example in examples],
            self._config,
        )
        with self._storage.write_to(self._resource) as directory:
            np.savez(directory / "model.npz", **self._model.arrays())
            (directory / "model.json").write_text(json.dumps(self._model.facts()), encoding="utf-8")
        return self._resource

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> TopicClassifier:
        component = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as directory:
            facts = json.loads((directory / "model.json").read_text(encoding="utf-8"))
            # Read whole before the folder goes away; pickles are refused.
            with np.load(directory / "model.npz", allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
        component._model = _Model.restore(arrays, facts, config)
        return component

    def process(self, messages: list[Message]) -> list[Message]:
        assert self._model is not None, "Rasa trains or loads a component before it processes"
        for message in messages:
            parts = message.get(PARTS) or []
            reading = message.get(READING)
            texts = [_spelling(reading.text), *(_spelling(part.text) for part in parts)]
            vectors = np.stack([reading.vector, *(part.vector for part in parts)])
            rankings = self._model.rank(texts, vectors)
            message.set(RANKINGS, rankings)
            best = rankings[0]
            message.set(
                "intent", {"name": best.intents[0][0], "confidence": best.confidence}, add_to_output=True
            )
            message.set(
                "intent_ranking",
                [{"name": name, "confidence": share} for name, share in best.intents[:10]],
                add_to_output=True,
            )
        return messages


class _Model:
    """The fitted numbers. Kept apart from the Rasa component so that it is plain arrays in, plain arrays out."""

    def __init__(
        self,
        intents: list[str],
        vectors: Vectors,
        weights: npt.NDArray[np.float32],
        ngram_weights: npt.NDArray[np.float32],
        calibration: Matrix,
        sharpness: float,
        ngrams: TfidfVectorizer,
        gamma: float,
    ) -> None:
        self._intents = intents
        self._vectors = vectors
        self._weights = weights
        self._ngram_weights = ngram_weights
        self._calibration = calibration
        self._sharpness = sharpness
        self._ngrams = ngrams
        self._gamma = gamma

    @classmethod
    def fit(cls, texts: list[str], vectors: Vectors, labels: list[str], config: dict[str, Any]) -> _Model:
        intents = sorted(set(labels))
        if len(intents) < 2:
            raise ValueError("training data needs at least two intents with examples")
        index = np.array([intents.index(label) for label in labels])
        count = len(labels)
        targets = np.full((count, len(intents)), -1.0 / (len(intents) - 1))
        targets[np.arange(count), index] = 1.0

        ngrams = _vectorizer(config, min_df=2 if count > 200 else 1)
        sparse = ngrams.fit_transform(texts)
        cosine = (vectors @ vectors.T).astype(np.float64)
        kernel = (
            np.exp(config["gamma"] * (cosine - 1)) + config["ngram_weight"] * (sparse @ sparse.T).toarray()
        )
        inverse = np.linalg.inv(kernel + config["ridge"] * np.eye(count))
        alphas = inverse @ targets
        unseen = targets - alphas / np.diag(inverse)[:, None]

        np.fill_diagonal(cosine, -1.0)
        evidence = _evidence(unseen, cosine.max(axis=1))
        right = (unseen.argmax(axis=1) == index).astype(int)
        calibration = np.zeros(evidence.shape[1] + 1)
        if 0 < right.sum() < count:
            fitted = LogisticRegression(C=10.0, max_iter=1000).fit(evidence, right)
            calibration = np.concatenate([fitted.coef_[0], fitted.intercept_])
        return cls(
            intents,
            vectors,
            alphas.astype(np.float32),
            (config["ngram_weight"] * (sparse.T @ alphas)).astype(np.float32),
            calibration,
            _sharpness(unseen, index),
            ngrams,
            config["gamma"],
        )

    def rank(self, texts: list[str], vectors: Vectors) -> list[Ranking]:
        cosine = vectors @ self._vectors.T
        scores = np.exp(self._gamma * (cosine - 1)) @ self._weights
        scores = scores + self._ngrams.transform(texts) @ self._ngram_weights
        nearest = cosine.max(axis=1)
        certainty = _logistic(_evidence(scores, nearest) @ self._calibration[:-1] + self._calibration[-1])
        shares = _shares(scores, self._sharpness)
        return [
            Ranking(
                tuple((self._intents[at], float(row[at])) for at in np.argsort(-row)),
                float(sure),
                float(near),
            )
            for row, sure, near in zip(shares, certainty, nearest, strict=True)
        ]

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {
            "vectors": self._vectors,
            "weights": self._weights,
            "ngram_weights": self._ngram_weights,
            "calibration": self._calibration,
            "idf": self._ngrams.idf_,
        }

    def facts(self) -> dict[str, Any]:
        vocabulary = {ngram: int(at) for ngram, at in self._ngrams.vocabulary_.items()}
        return {"intents": self._intents, "sharpness": self._sharpness, "vocabulary": vocabulary}

    @classmethod
    def restore(
        cls, arrays: dict[str, npt.NDArray[Any]], facts: dict[str, Any], config: dict[str, Any]
    ) -> _Model:
        ngrams = _vectorizer(config, min_df=1)
        ngrams.vocabulary_ = facts["vocabulary"]
        ngrams.idf_ = arrays["idf"]
        return cls(
            facts["intents"],
            arrays["vectors"],
            arrays["weights"],
            arrays["ngram_weights"],
            arrays["calibration"],
            facts["sharpness"],
            ngrams,
            config["gamma"],
        )


def _vectorizer(config: dict[str, Any], *, min_df: int) -> TfidfVectorizer:
    return TfidfVectorizer(
        analyzer="char_wb", ngram_range=tuple(config["ngrams"]), min_df=min_df, sublinear_tf=True
    )


def _spelling(text: str) -> str:
    return normalise(text).lower()


def _evidence(scores: Any, nearest: Any) -> Any:
    """What the calibration sees of each text: best score, lead over the second, nearness to anything seen."""
    ordered = np.sort(scores, axis=1)
    return np.stack([ordered[:, -1], ordered[:, -1] - ordered[:, -2], nearest], axis=1)


def _shares(scores: Any, sharpness: float) -> Any:
    powers = np.exp(sharpness * (scores - scores.max(axis=1, keepdims=True)))
    return powers / powers.sum(axis=1, keepdims=True)


def _sharpness(unseen: Matrix, index: npt.NDArray[np.int64]) -> float:
    """The softmax sharpness with the best log likelihood on leave-one-out scores."""
    rows = np.arange(len(index))
    candidates = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 16.0)
    return max(
        candidates, key=lambda sharp: float(np.log(_shares(unseen, sharp)[rows, index] + 1e-12).mean())
    )


def _logistic(values: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-values))
