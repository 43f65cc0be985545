"""Decides what is answered, what is offered as a choice, and what is declined; it never guesses on a health question."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.training_data.message import Message

from needlewise.nlu.question_splitter import PARTS, asks, is_bare
from needlewise.nlu.taxonomy import (
    ACTS_BESIDE_A_QUESTION,
    CONDITION_TOPICS,
    DECLINED,
    GENERAL_TOPIC,
    is_topic,
)
from needlewise.nlu.topic_classifier import BEHIND, RANKINGS, Ranking, TopicClassifier
from needlewise.nlu.understood import COURTESY, Understood

UNDERSTOOD = "understood"
"""Where the parse carries the gate's decision, an Understood."""

MOST_ANSWERED = 3
MOST_OFFERED = 3

_NEAR_THE_WHOLE = 8
_SHARE_OF_BARE_WORDS = 0.01
_PLAINLY = 0.9
"""When the whole message is this sure of a topic, bare words in it that it does not speak of name a subject."""


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class TopicGate(GraphComponent):
    """Turns rankings into a decision. Without it the best guess would be answered, however bad (rasa issue 9751)."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._answer = float(config["answer"])
        self._offer = float(config["offer"])
        self._far = float(config["far"])
        self._surely = float(config["surely"])
        self._outside = float(config["outside"])
        self._part = float(config["part"])
        self._apart = float(config["apart"])
        self._told = float(config["told"])
        self._foreign = float(config["foreign"])

    @classmethod
    def required_components(cls) -> list[type]:
        return [TopicClassifier]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        # config.yml says them all, each with its meaning.
        return {}

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
            decided = self.decide(whole, parts, [part.text for part in message.get(PARTS) or []])
            behind: Ranking | None = message.get(BEHIND)
            understood = replace(decided, shares=whole.shares, behind=behind.shares if behind else {})
            ranking = message.get("intent_ranking")
            message.set(
                "intent", {"name": understood.intent, "confidence": understood.confidence}, add_to_output=True
            )
            if ranking[0]["name"] != understood.intent:
                ranking = [{"name": understood.intent, "confidence": understood.confidence}, *ranking]
            message.set("intent_ranking", ranking, add_to_output=True)
            message.set("in_scope", _in_scope(whole), add_to_output=True)
            message.set(UNDERSTOOD, understood)
        return messages

    def decide(self, whole: Ranking, parts: list[Ranking], texts: list[str]) -> Understood:
        """What to do with a message, given how it ranks whole and in parts (texts are the parts' words)."""
        sure = [
            ranking
            for ranking, text in zip(parts, texts, strict=True)
            if not (_names_a_subject(ranking, text, whole) or self._is_foreign(ranking, whole))
            and self._is_sure(ranking, self._needed(ranking, text, whole))
        ]
        topics = _without_general(dict.fromkeys(name for ranking in sure if is_topic(name := ranking.best)))
        act = next((name for ranking in sure if (name := ranking.best) in ACTS_BESIDE_A_QUESTION), None)
        if len(topics) > 1 or (topics and act):
            kept = [ranking for ranking in sure if ranking.best in (*topics, act)]
            confidence = min(ranking.confidence for ranking in kept)
            return Understood(topics[:MOST_ANSWERED], topics[MOST_ANSWERED:], (), act, confidence)

        best = whole.best
        answered = self._is_sure(whole, self._answer) and not self._is_outside(whole)
        if answered and best not in COURTESY and best != DECLINED:
            return _single(best, whole.confidence)
        # A rant, or a courtesy around a question: one part may say clearly what the whole does not.
        if topics:
            found = next(ranking for ranking in sure if ranking.best == topics[0])
            return _single(topics[0], found.confidence)
        if act:
            found = next(ranking for ranking in sure if ranking.best == act)
            return _single(act, found.confidence)
        if answered:
            return _single(best, whole.confidence)
        return self._offered(whole)

    def _needed(self, ranking: Ranking, text: str, whole: Ranking) -> float:
        """How sure a part must be: surer when it does not ask, and when the whole message speaks of something else."""
        if not asks(text):
            return self._told
        near = (name for name, _ in whole.intents[:_NEAR_THE_WHOLE])
        return self._part if ranking.best in near else self._apart

    def _is_sure(self, ranking: Ranking, least: float) -> bool:
        return ranking.confidence >= least and ranking.nearest >= self._far

    def _is_foreign(self, part: Ranking, whole: Ranking) -> bool:
        """Whether a part sounds like ours in a message that is not: "my tooth is cracked, who should I see"."""
        return is_topic(part.best) and whole.shares.get(DECLINED, 0.0) >= self._foreign

    def _is_outside(self, whole: Ranking) -> bool:
        """Whether it may as well be out of scope: a best topic that is not sure does not outweigh that."""
        if whole.best == DECLINED:
            return True
        outside = whole.shares.get(DECLINED, 0.0)
        return whole.confidence < self._surely and outside >= self._outside

    def _offered(self, whole: Ranking) -> Understood:
        """The two or three nearest topics as choices, or a plain "I don't know" when even those are far off."""
        near = [name for name, share in whole.intents[:MOST_OFFERED] if is_topic(name) and share >= 0.08]
        if whole.confidence < self._offer or whole.nearest < self._far or self._is_outside(whole) or not near:
            return Understood((), (), (), DECLINED, 1.0 - _in_scope(whole))
        return Understood((), (), tuple(near), None, whole.confidence)


def _names_a_subject(part: Ranking, text: str, whole: Ranking) -> bool:
    """ "so dry needling, that's acupuncture, right" asks one thing and names its subject; "cost, hours" asks for two."""
    unheard = whole.shares.get(part.best, 0.0) < _SHARE_OF_BARE_WORDS
    return unheard and is_bare(text) and is_topic(whole.best) and whole.confidence >= _PLAINLY


def _without_general(topics: Iterable[str]) -> tuple[str, ...]:
    """ "I'm pregnant, can I have it" asks about pregnancy: a named condition answers the general question too."""
    named = tuple(topics)
    if not CONDITION_TOPICS.isdisjoint(named):
        named = tuple(topic for topic in named if topic != GENERAL_TOPIC)
    return named


def _in_scope(whole: Ranking) -> float:
    """How likely a message asks for something we know, from 0 to 1."""
    return whole.confidence if whole.best != DECLINED else 1.0 - whole.confidence


def _single(intent: str, confidence: float) -> Understood:
    if is_topic(intent):
        return Understood((intent,), (), (), None, confidence)
    return Understood((), (), (), intent, confidence)
