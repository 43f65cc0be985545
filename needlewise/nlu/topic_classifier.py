"""Which topic a message, and each of its parts, is about, and how sure that is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
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
from scipy.linalg import cho_factor, cho_solve
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.random_projection import SparseRandomProjection

from needlewise.language.encoder import Vectors, was_adapted_on
from needlewise.language.reading import Reading
from needlewise.nlu.message_reader import READING, SPELLED, sentence_vector
from needlewise.nlu.question_splitter import PARTS

_ROWS = 1000
_FEWEST_TO_CALIBRATE = 300
_SHARE_OF_STRANGERS = 0.2
"""How many messages out of scope there are for one in scope, when confidence is calibrated."""

RANKINGS = "topic_rankings"
"""Where a message carries its rankings: that of the whole first, then one a part."""

BEHIND = "topic_ranking_behind"
"""Where a message carries its ranking behind the last answer's title, or None."""

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ranking:
    """The intents a text may have, best first, each with its share of probability, and how sure the best one is."""

    intents: tuple[tuple[str, float], ...]
    confidence: float
    """Calibrated: of texts given 0.8, about 8 in 10 have the best intent."""
    nearest: float
    """Cosine similarity to the nearest training example: how far the text is from anything seen."""

    @property
    def best(self) -> str:
        return self.intents[0][0]

    @cached_property
    def shares(self) -> Mapping[str, float]:
        """Every intent's share of probability."""
        return dict(self.intents)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class TopicClassifier(GraphComponent):
    """Kernel ridge regression on the sentence vector, helped by character n-grams.

    Few examples an intent suit a kernel: an RBF on the vectors keeps what is near near, and the linear kernel on character
    n-grams forgives spelling. Ridge has exact leave-one-out and leave-one-intent-out scores in closed form: the first say how
    often the best intent is right on texts the model did not see, the second how a text looks that belongs to no intent at all,
    so that confidence is calibrated against both without training it several times.
    """

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        self._config = config
        self._storage = model_storage
        self._resource = resource
        self._model: _Model | None = None

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        # Chosen on validation sentences (docs/evaluation.md has the grid).
        return {"gamma": 2.0, "ngram_weight": 0.25, "ridge": 0.15, "ngrams": [2, 5], "projected": 512}

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
            [example.get(SPELLED) for example in examples],
            np.stack([sentence_vector(example) for example in examples]),
            [example.get(INTENT) for example in examples],
            self._config,
            unseen=[not was_adapted_on(example.get(TEXT)) for example in examples],
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
            reading: Reading = message.get(READING)
            words = [reading, *(message.get(PARTS) or []), *([reading.behind] if reading.behind else [])]
            rankings = self._model.rank(
                [its.spelled for its in words], np.stack([its.vector for its in words])
            )
            message.set(BEHIND, rankings.pop() if reading.behind else None)
            message.set(RANKINGS, rankings)
            best = rankings[0]
            message.set("intent", {"name": best.best, "confidence": best.confidence}, add_to_output=True)
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
        self._columns = np.ascontiguousarray(vectors.T)
        self._weights = weights
        self._ngram_weights = ngram_weights
        self._calibration = calibration
        self._sharpness = sharpness
        self._ngrams = ngrams
        self._gamma = gamma

    @classmethod
    def fit(
        cls,
        texts: list[str],
        vectors: Vectors,
        labels: list[str],
        config: dict[str, Any],
        *,
        unseen: list[bool],
    ) -> _Model:
        intents = sorted(set(labels))
        if len(intents) < 2:
            raise ValueError("training data needs at least two intents with examples")
        # Those to calibrate on come last: the end of the Cholesky factor then holds what their unseen scores need.
        held = np.array(unseen) if sum(unseen) >= _FEWEST_TO_CALIBRATE else np.ones(len(labels), dtype=bool)
        order = np.argsort(held, kind="stable")
        vectors = vectors[order]
        index = np.array([intents.index(labels[at]) for at in order])
        count = len(labels)
        targets = np.full((count, len(intents)), -1.0 / (len(intents) - 1), dtype=np.float32)
        targets[np.arange(count), index] = 1.0

        ngrams = _vectorizer(config, min_df=2 if count > 200 else 1)
        sparse = ngrams.fit_transform([texts[at] for at in order]).astype(np.float32)
        projection = _projection(sparse.shape[1], config["projected"])
        kernel = _kernel(vectors, (sparse @ projection).toarray(), config)
        factor = cho_factor(kernel, lower=True, overwrite_a=True, check_finite=False)
        alphas = cho_solve(factor, targets, check_finite=False)

        size = int(held.sum())
        corner = np.tril(factor[0][-size:, -size:])
        inverse = cho_solve((corner, True), np.eye(size, dtype=np.float32))
        calibration, sharpness = _calibrated(inverse, targets, alphas, vectors, index)
        ngram_weights = config["ngram_weight"] * (projection @ (projection.T @ (sparse.T @ alphas)))
        return cls(
            intents,
            vectors,
            alphas,
            ngram_weights.astype(np.float32),
            calibration,
            sharpness,
            ngrams,
            config["gamma"],
        )

    def rank(self, texts: list[str], vectors: Vectors) -> list[Ranking]:
        # A row at a time: for the few rows of a message, BLAS takes longer to prepare a product of matrices than to compute it.
        cosine = np.stack([vector @ self._columns for vector in vectors])
        nearest = cosine.max(axis=1)
        scores = np.stack([row @ self._weights for row in np.exp(self._gamma * (cosine - 1))])
        scores = scores + self._ngrams.transform(texts) @ self._ngram_weights
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
            "vectors": self._columns.T,
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


def _projection(features: int, dimensions: int) -> Any:
    """A sparse random matrix that keeps products of n-gram vectors nearly as they are, in few dimensions."""
    projection = SparseRandomProjection(min(dimensions, features), random_state=7)
    return projection.fit(np.zeros((1, features), dtype=np.float32)).components_.T.astype(np.float32)


def _kernel(vectors: Vectors, spellings: Any, config: dict[str, Any]) -> Vectors:
    """How like each two examples are, with the ridge on the diagonal: float32, shape (count, count)."""
    kernel: Vectors = vectors @ vectors.T
    for at in range(0, len(kernel), _ROWS):
        rows = kernel[at : at + _ROWS]
        rows -= 1
        rows *= config["gamma"]
        np.exp(rows, out=rows)
        rows += config["ngram_weight"] * (spellings[at : at + _ROWS] @ spellings.T)
    kernel[np.diag_indices_from(kernel)] += config["ridge"]
    return kernel


def _calibrated(
    inverse: Vectors, targets: Vectors, alphas: Vectors, vectors: Vectors, index: npt.NDArray[np.int64]
) -> tuple[Matrix, float]:
    """What turns evidence into confidence, and the softmax sharpness of the shares.

    `inverse` is the last corner of the kernel's inverse: of the examples to calibrate on. Each is scored as if it had not been
    seen. Where these are all the examples, each is scored again as if its whole intent had not been seen: what is then found
    for it is wrong, and it looks like a text out of scope.
    """
    size = len(inverse)
    theirs, shares, members_of = targets[-size:], alphas[-size:], index[-size:]
    unseen = theirs - shares / np.diag(inverse)[:, None]
    cosine = vectors[-size:] @ vectors.T
    cosine[np.arange(size), np.arange(len(index) - size, len(index))] = -1.0
    evidence = [_evidence(unseen, cosine.max(axis=1))]
    right = [unseen.argmax(axis=1) == members_of]
    weights = [np.ones(size)]
    if size == len(index) and targets.shape[1] > 2:
        for intent in np.unique(index):
            members = np.flatnonzero(index == intent)
            without = theirs[members] - np.linalg.solve(inverse[np.ix_(members, members)], shares[members])
            strangers = cosine[members]
            strangers[:, members] = -1.0
            evidence.append(_evidence(np.delete(without, intent, axis=1), strangers.max(axis=1)))
            right.append(np.zeros(len(members), dtype=bool))
            weights.append(np.full(len(members), _SHARE_OF_STRANGERS))
    hits = np.concatenate(right)
    seen = np.concatenate(evidence)
    calibration = np.zeros(seen.shape[1] + 1)
    if 0 < hits.sum() < len(hits):
        model = LogisticRegression(C=10.0, max_iter=1000)
        model.fit(seen, hits, sample_weight=np.concatenate(weights))
        calibration = np.concatenate([model.coef_[0], model.intercept_])
    return calibration, _sharpness(unseen, members_of)


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
