"""Decides what is answered, what is offered as a choice, and what is declined; it never guesses on a health question."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.training_data.message import Message

from needlewise.nlu.question_splitter import PARTS
from needlewise.nlu.taxonomy import ACTS, DECLINED, is_topic
from needlewise.nlu.topic_classifier import RANKINGS, Ranking, TopicClassifier
from needlewise.nlu.understood import COURTESY, Understood

UNDERSTOOD = "understood"
"""Where the parse carries the gate's decision (an Understood as a dict)."""

MOST_ANSWERED = 3
MOST_OFFERED = 3


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class TopicGate(GraphComponent):
    """Turns rankings into a decision. Without it the best guess would be answered, however bad (rasa issue 9751)."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._answer = float(config["answer"])
        self._offer = float(config["offer"])
        self._far = float(config["far"])
        self._part = float(config["part"])

    @classmethod
    def required_components(cls) -> list[type]:
        return [TopicClassifier]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {"answer": 0.5, "offer": 0.25, "far": 0.3, "part": 0.6}

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> TopicGate:
        return cls(config)

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            whole, *parts = message.get(RANKINGS)
            understood = self.decide(whole, parts, [part.text for part in message.get(PARTS) or []])
            ranking = message.get("intent_ranking")
            message.set(
                "intent", {"name": understood.intent, "confidence": understood.confidence}, add_to_output=True
            )
            if ranking[0]["name"] != understood.intent:
                ranking = [{"name": understood.intent, "confidence": understood.confidence}, *ranking]
            message.set("intent_ranking", ranking, add_to_output=True)
            message.set(UNDERSTOOD, asdict(understood), add_to_output=True)
        return messages

    def decide(self, whole: Ranking, parts: list[Ranking], texts: list[str]) -> Understood:
        """What to do with a message, given how it ranks whole and in parts (texts are the parts' words)."""
        sure = [ranking for ranking in parts if self._is_sure(ranking, self._part)]
        topics = tuple(dict.fromkeys(name for ranking in sure if is_topic(name := _best(ranking))))
        acts = [name for ranking in sure if (name := _best(ranking)) in ACTS and name != DECLINED]
        act = next((name for name in acts if name not in COURTESY), None)
        if len(topics) > 1 or (topics and act):
            kept = [ranking for ranking in sure if _best(ranking) in (*topics, act)]
            confidence = min(ranking.confidence for ranking in kept)
            return Understood(topics[:MOST_ANSWERED], topics[MOST_ANSWERED:], (), act, confidence)

        best = _best(whole)
        if self._is_sure(whole, self._answer) and best not in COURTESY and best != DECLINED:
            return _single(best, whole.confidence)
        # A rant, or a courtesy around a question: one part may say clearly what the whole does not.
        if topics:
            found = next(ranking for ranking in sure if _best(ranking) == topics[0])
            return _single(topics[0], found.confidence)
        if act:
            found = next(ranking for ranking in sure if _best(ranking) == act)
            return _single(act, found.confidence)
        if self._is_sure(whole, self._answer):
            return _single(best, whole.confidence)
        return self._offered(whole)

    def _is_sure(self, ranking: Ranking, least: float) -> bool:
        return ranking.confidence >= least and ranking.nearest >= self._far

    def _offered(self, whole: Ranking) -> Understood:
        """The two or three nearest topics as choices, or a plain "I don't know" when even those are far off."""
        near = [name for name, share in whole.intents[:MOST_OFFERED] if is_topic(name) and share >= 0.08]
        if (
            whole.confidence < self._offer
            or whole.nearest < self._far
            or _best(whole) == DECLINED
            or not near
        ):
            return Understood((), (), (), DECLINED, 1.0 - whole.confidence)
        return Understood((), (), tuple(near), None, whole.confidence)


def _best(ranking: Ranking) -> str:
    return ranking.intents[0][0]


def _single(intent: str, confidence: float) -> Understood:
    if is_topic(intent):
        return Understood((intent,), (), (), None, confidence)
    return Understood((), (), (), intent, confidence)
