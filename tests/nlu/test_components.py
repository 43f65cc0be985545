"""The graph components by themselves: what is split, what is learned and kept, and what the gate makes of it."""

from pathlib import Path

import numpy as np
import pytest
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from needlewise.language.pipeline import load_pipeline
from needlewise.nlu.message_reader import MessageReader
from needlewise.nlu.question_splitter import MOST_PARTS, PARTS, QuestionSplitter, split
from needlewise.nlu.topic_classifier import RANKINGS, Ranking, TopicClassifier
from needlewise.nlu.topic_gate import UNDERSTOOD, TopicGate
from needlewise.nlu.understood import Understood

CONTEXT = ExecutionContext(GraphSchema({}), model_id="test")
RESOURCE = Resource("classifier")

# Two of these are easily taken for each other, so that there is something to calibrate the confidence by.
EXAMPLES = {
    "does_it_hurt": [
        "does it hurt",
        "is it painful",
        "will i feel pain",
        "how bad does it hurt",
        "is the needle sore",
    ],
    "cost": [
        "how much is it",
        "what does it cost",
        "what is the price",
        "how much do you charge",
        "price please",
    ],
    "locations": [
        "where are you",
        "what is your address",
        "where is the office",
        "which street",
        "are you near me",
    ],
    "insurance": [
        "is the cost covered",
        "how much do you charge my plan",
        "do you take my plan",
        "is the price covered",
    ],
    "greet": ["hello", "hi there", "good morning", "hey", "hi"],
}


# -- the question splitter ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "parts"),
    [
        (
            "does dry needling also help with shoulder pain?",
            ["does dry needling also help with shoulder pain?"],
        ),
        ("does it hurt or leave bruises", ["does it hurt", "does it leave bruises"]),
        ("cost, opening hours, parking", ["cost", "opening hours", "parking"]),
        ("does it hurt", ["does it hurt"]),
        ("does it hurt and how much is it", ["does it hurt", "how much is it"]),
        ("Does it hurt? How much is it?", ["Does it hurt?", "How much is it?"]),
        ("does it hurt? how much is it", ["does it hurt?", "how much is it"]),
        pytest.param(
            "pain and swelling hurt",
            ["pain and swelling hurt"],
            marks=pytest.mark.xfail(reason="the tagger takes swelling for a verb", strict=True),
        ),
        ("do you know what it costs", ["do you know what it costs"]),
        (
            "My heel has hurt for a year. Can you help me?",
            ["My heel has hurt for a year", "Can you help me?"],
        ),
        ("is it acupuncture, what does it cost", ["is it acupuncture", "what does it cost"]),
        ("my dad takes warfarin, is that ok? price?", ["my dad takes warfarin, is that ok?", "price?"]),
        ("they go in the calf, right? isn't that agony", ["they go in the calf, right?", "isn't that agony"]),
        (
            "is this covered, and over how many visits",
            ["is this covered", "over how many visits"],
        ),
        ("what brings it on and any stretches for it", ["what brings it on", "any stretches for it"]),
        ("", []),
        ("?!", []),
    ],
)
def test_a_message_is_split_where_a_new_question_begins(said: str, parts: list[str]) -> None:
    assert split(load_pipeline()(said)) == parts


def test_of_a_long_rant_the_end_is_kept() -> None:
    rant = " ".join(f"My heel hurt on day {day}." for day in range(30)) + " Does needling help?"
    parts = split(load_pipeline()(rant))
    assert len(parts) == MOST_PARTS
    assert parts[-1] == "Does needling help?"


# -- the classifier ------------------------------------------------------------------------------------------------


@pytest.fixture
def storage(tmp_path: Path) -> LocalModelStorage:
    folder = tmp_path / "storage"
    folder.mkdir()
    return LocalModelStorage(folder)


def trained(storage: LocalModelStorage) -> TopicClassifier:
    examples = [
        Message.build(text=text, intent=intent) for intent, texts in EXAMPLES.items() for text in texts
    ]
    data = MessageReader().process_training_data(TrainingData(examples))
    config = {**TopicClassifier.get_default_config()}
    classifier = TopicClassifier.create(config, storage, RESOURCE, CONTEXT)
    assert classifier.train(data) == RESOURCE
    return classifier


def read(*texts: str) -> list[Message]:
    messages = [Message.build(text=text) for text in texts]
    return QuestionSplitter().process(MessageReader().process(messages))


def test_what_was_trained_is_kept_and_loaded_the_same(storage: LocalModelStorage) -> None:
    classifier = trained(storage)
    loaded = TopicClassifier.load(TopicClassifier.get_default_config(), storage, RESOURCE, CONTEXT)
    said = ("is it going to be painful?", "whats the price", "hiya", "zxcvb")
    for before, after in zip(classifier.process(read(*said)), loaded.process(read(*said)), strict=True):
        (first,), (second,) = before.get(RANKINGS), after.get(RANKINGS)
        assert [name for name, _ in first.intents] == [name for name, _ in second.intents]
        np.testing.assert_allclose(
            [first.confidence, first.nearest, *(share for _, share in first.intents)],
            [second.confidence, second.nearest, *(share for _, share in second.intents)],
            rtol=1e-5,
        )


def test_nothing_is_kept_in_a_form_that_runs_code(storage: LocalModelStorage) -> None:
    trained(storage)
    with storage.read_from(RESOURCE) as folder:
        assert sorted(path.name for path in folder.iterdir()) == ["model.json", "model.npz"]
        with np.load(folder / "model.npz", allow_pickle=False) as arrays:
            assert all(arrays[name].dtype.kind in "fi" for name in arrays.files)


@pytest.mark.parametrize(
    ("said", "intent"),
    [
        ("is it painful at all?", "does_it_hurt"),
        ("what's the price?", "cost"),
        ("helo", "greet"),
        ("wat does it cots", "cost"),
    ],
)
def test_words_like_the_examples_get_their_intent(storage: LocalModelStorage, said: str, intent: str) -> None:
    (message,) = trained(storage).process(read(said))
    ranking = message.get(RANKINGS)[0]
    assert ranking.intents[0][0] == intent
    assert message.get("intent")["name"] == intent
    assert sum(share for _, share in ranking.intents) == pytest.approx(1.0, abs=1e-6)


def test_every_part_has_a_ranking_after_that_of_the_whole(storage: LocalModelStorage) -> None:
    (message,) = trained(storage).process(read("does it hurt? what does it cost?"))
    assert [part.text for part in message.get(PARTS)] == ["does it hurt?", "what does it cost?"]
    whole, *parts = message.get(RANKINGS)
    assert [ranking.intents[0][0] for ranking in parts] == ["does_it_hurt", "cost"]
    assert {name for name, _ in whole.intents} == set(EXAMPLES)


def test_what_is_far_from_everything_is_less_sure(storage: LocalModelStorage) -> None:
    near, far = trained(storage).process(read("does it hurt", "the parliament voted on fish quotas"))
    assert near.get(RANKINGS)[0].nearest == pytest.approx(1.0, abs=0.02)
    assert far.get(RANKINGS)[0].nearest < 0.5
    assert far.get(RANKINGS)[0].confidence < near.get(RANKINGS)[0].confidence


# -- the gate --------------------------------------------------------------------------------------------------------

GATE = TopicGate(
    {
        "answer": 0.5,
        "offer": 0.25,
        "surely": 0.8,
        "outside": 0.08,
        "far": 0.3,
        "part": 0.6,
        "apart": 0.7,
        "told": 0.9,
        "foreign": 0.9,
    }
)


def ranked(
    intent: str, confidence: float, *, nearest: float = 0.9, others: tuple[tuple[str, float], ...] = ()
) -> Ranking:
    return Ranking(((intent, 0.7), *others), confidence, nearest)


FOREIGN = Ranking((("out_of_scope", 0.95), ("who_performs_it", 0.05)), 0.9, 0.9)


@pytest.mark.parametrize(
    ("whole", "parts", "decided"),
    [
        (ranked("cost", 0.9), [], Understood(("cost",), (), (), None, 0.9)),
        (ranked("cost", 0.5), [], Understood(("cost",), (), (), None, 0.5)),
        (ranked("talk_to_human", 0.9), [], Understood((), (), (), "talk_to_human", 0.9)),
        (ranked("thanks", 0.9), [], Understood((), (), (), "thanks", 0.9)),
        (ranked("out_of_scope", 0.9), [], Understood((), (), (), "out_of_scope", 0.9)),
        # What is plainly not ours has no topic in its parts; a wish for a person is heard all the same.
        (FOREIGN, [ranked("who_performs_it", 0.9)], Understood((), (), (), "out_of_scope", 0.9)),
        (FOREIGN, [ranked("talk_to_human", 0.9)], Understood((), (), (), "talk_to_human", 0.9)),
        # Between two topics the patient chooses; acts and far-off topics are not offered.
        (
            ranked("cost", 0.4, others=(("insurance", 0.2), ("greet", 0.1), ("locations", 0.09))),
            [],
            Understood((), (), ("cost", "insurance"), None, 0.4),
        ),
        (ranked("cost", 0.4, others=(("insurance", 0.07),)), [], Understood((), (), ("cost",), None, 0.4)),
        # Too unsure, or too far from anything seen: it says that it does not know.
        (ranked("cost", 0.2), [], Understood((), (), (), "out_of_scope", 0.8)),
        (ranked("cost", 0.9, nearest=0.2), [], Understood((), (), (), "out_of_scope", pytest.approx(0.1))),
        (
            ranked("out_of_scope", 0.4, others=(("cost", 0.2),)),
            [],
            Understood((), (), (), "out_of_scope", 0.4),
        ),
        # Several questions, in their order, each once.
        (
            ranked("cost", 0.5),
            [ranked("does_it_hurt", 0.8), ranked("cost", 0.7), ranked("does_it_hurt", 0.9)],
            Understood(("does_it_hurt", "cost"), (), (), None, 0.7),
        ),
        (
            ranked("cost", 0.5),
            [
                ranked(topic, 0.9)
                for topic in ("does_it_hurt", "cost", "insurance", "locations", "telehealth")
            ],
            Understood(("does_it_hurt", "cost", "insurance"), ("locations", "telehealth"), (), None, 0.9),
        ),
        # A question and a wish.
        (
            ranked("book_appointment", 0.5),
            [ranked("cost", 0.9), ranked("book_appointment", 0.8)],
            Understood(("cost",), (), (), "book_appointment", 0.8),
        ),
        # A courtesy around a question, and a question at the end of a rant.
        (
            ranked("greet", 0.9),
            [ranked("greet", 0.9), ranked("cost", 0.8)],
            Understood(("cost",), (), (), None, 0.8),
        ),
        (
            ranked("out_of_scope", 0.9),
            [ranked("out_of_scope", 0.9), ranked("cost", 0.7)],
            Understood(("cost",), (), (), None, 0.7),
        ),
        (
            ranked("out_of_scope", 0.3),
            [ranked("talk_to_human", 0.9), ranked("out_of_scope", 0.9)],
            Understood((), (), (), "talk_to_human", 0.9),
        ),
        # A topic that is not quite sure is not answered when the message may as well be out of scope.
        (
            ranked("cost", 0.7, others=(("out_of_scope", 0.1),)),
            [],
            Understood((), (), (), "out_of_scope", pytest.approx(0.3)),
        ),
        (ranked("cost", 0.8, others=(("out_of_scope", 0.1),)), [], Understood(("cost",), (), (), None, 0.8)),
        # A named condition answers the general question beside it.
        (
            ranked("pregnancy", 0.9, others=(("am_i_a_candidate", 0.1),)),
            [ranked("pregnancy", 0.9), ranked("am_i_a_candidate", 0.9)],
            Understood(("pregnancy",), (), (), None, 0.9),
        ),
        # What is said beside a question must be plainly an act of its own.
        (
            ranked("cost", 0.9),
            [ranked("unsure", 0.9), ranked("cost", 0.9)],
            Understood(("cost",), (), (), None, 0.9),
        ),
        # A part that is not sure enough counts for nothing.
        (
            ranked("cost", 0.9),
            [ranked("does_it_hurt", 0.5), ranked("cost", 0.9)],
            Understood(("cost",), (), (), None, 0.9),
        ),
    ],
)
def test_what_the_gate_decides(whole: Ranking, parts: list[Ranking], decided: Understood) -> None:
    found = GATE.decide(whole, parts, [""] * len(parts))
    assert (found.topics, found.more, found.offered, found.act) == (
        decided.topics, decided.more, decided.offered, decided.act,
    )  # fmt: skip
    assert found.confidence == pytest.approx(decided.confidence)


@pytest.mark.parametrize(
    ("understood", "intent"),
    [
        (Understood(("cost",), (), (), None, 0.9), "cost"),
        (Understood(("cost",), (), (), "book_appointment", 0.9), "book_appointment"),
        (Understood(("cost",), (), (), "thanks", 0.9), "cost"),
        (Understood((), (), (), "thanks", 0.9), "thanks"),
        (Understood((), (), ("cost",), None, 0.4), "nlu_fallback"),
        (Understood((), (), (), None, 0.1), "out_of_scope"),
    ],
)
def test_the_one_intent_that_the_rules_see(understood: Understood, intent: str) -> None:
    assert understood.intent == intent


def test_the_gate_writes_its_decision_into_the_message(storage: LocalModelStorage) -> None:
    (message,) = GATE.process(trained(storage).process(read("what does it cost")))
    assert message.get("intent")["name"] == message.get("intent_ranking")[0]["name"]
    understood = message.get(UNDERSTOOD)
    assert message.get("intent")["name"] == understood.intent
    assert set(understood.shares) == set(EXAMPLES)


def test_the_gate_needs_the_classifier() -> None:
    assert TopicGate.required_components() == [TopicClassifier]
