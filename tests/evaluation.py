"""What the assistant makes of sentences it was not trained on: the table of docs/evaluation.md.

Run with `make eval`. The sentences were written apart from the training examples; nothing here chooses a threshold.
"""

import asyncio
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml
from rich.console import Console
from rich.table import Table
from sklearn.metrics import roc_auc_score

from needlewise.logs import configure_logs, quiet_libraries

quiet_libraries()

from needlewise import clock, wiring  # noqa: E402  (after the libraries were told to be quiet)
from needlewise.conversations.log import Conversation, Inbound  # noqa: E402
from needlewise.conversations.redaction import Redactor  # noqa: E402
from needlewise.conversations.state import State  # noqa: E402
from needlewise.db.engine import migrate  # noqa: E402
from needlewise.dialogue.agent import load_agent  # noqa: E402
from needlewise.dialogue.training import ensure_model  # noqa: E402
from needlewise.dialogue.turn import Turn, Turns  # noqa: E402
from needlewise.language.pipeline import load_pipeline  # noqa: E402
from needlewise.language.reading import Reading, read  # noqa: E402
from needlewise.nlu.taxonomy import DECLINED, TOPICS  # noqa: E402
from needlewise.nlu.understood import Understood  # noqa: E402
from needlewise.safety.triage import Level  # noqa: E402
from needlewise.screening.reading import Reader as ScreeningReader  # noqa: E402
from needlewise.screening.rules import Status  # noqa: E402
from needlewise.settings import read_settings  # noqa: E402
from needlewise.text.normalise import normalise  # noqa: E402
from needlewise.wiring import Services  # noqa: E402
from tests.privacy.measure import measure  # noqa: E402

TESTS = Path(__file__).parent
Labelled = tuple[str, str]
RESAMPLED = 2000


def sentences(path: Path) -> list[Labelled]:
    """(intent, text) pairs of a Rasa NLU file."""
    blocks = yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]
    return [
        (block["intent"], line[2:].strip())
        for block in blocks
        for line in block["examples"].splitlines()
        if line.startswith("- ")
    ]


class Reader:
    """Plays patients' messages to the assistant, each list of turns in a fresh conversation."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._place = wiring.services().place(None, "web", "en")
        self._runner = asyncio.Runner()

    def last(self, texts: Sequence[str]) -> Turn:
        """What the last of these messages came to."""
        conversation = Conversation("evaluation", self._place.clinic.clinic, "web", "en")
        state, turn = State(), None
        for text in texts:
            turn = self._runner.run(
                self._turns.take(conversation, self._place.clinic, Inbound(text), state, at=clock.now())
            )
            state = turn.state
        assert turn is not None
        return turn


def decided(turn: Turn) -> str:
    """One id for a turn: the first topic answered, the act, or "offered"."""
    assert turn.heard is not None
    if turn.heard.offered:
        return "offered"
    return turn.heard.topics[0] if turn.heard.topics else (turn.heard.act or DECLINED)


def macro_f1(pairs: Iterable[tuple[str, str]]) -> float:
    """Mean F1 over the gold labels of (gold, decided) pairs."""
    right: Counter[str] = Counter()
    gold: Counter[str] = Counter()
    said: Counter[str] = Counter()
    for want, got in pairs:
        gold[want] += 1
        said[got] += 1
        right[want] += want == got
    return sum(2 * right[name] / (gold[name] + said[name]) for name in gold) / len(gold)


def main() -> None:
    configure_logs(level=50, as_json=False)
    with tempfile.TemporaryDirectory() as folder:
        services = wiring.build(replace(read_settings(), database_url=f"sqlite:///{folder}/evaluation.db"))
        wiring.use(services)
        migrate(services.settings.database_url)
        reader = Reader(services.load_turns())
        table = Table("set", "sentences", "measure", "value")
        confusions = _topics(reader, table)
        _declined(reader, table, services)
        _several(reader, table)
        _follow_ups(reader, table)
        _extraction(services.reader, table)
        _red_flags(services, table)
        _personal_data(services.redactor, table)
        console = Console(width=100)
        console.print(table)
        pairs = Table("asked", "decided", "times", title="The most frequent confusions")
        for (want, got), times in confusions.most_common(25):
            pairs.add_row(want, got, str(times))
        console.print(pairs)
        if "-v" in sys.argv:
            for want, got, text in _topics.misses:  # type: ignore[attr-defined]
                console.print(f"{want} -> {got}: {text}", markup=False)


def _topics(reader: Reader, table: Table) -> Counter[tuple[str, str]]:
    data = sentences(TESTS / "nlu" / "test_topics.yml")
    pairs = [(want, decided(reader.last([text])), text) for want, text in data]
    topics = [(want, got) for want, got, _ in pairs if want in TOPICS]
    _row(table, "topics and acts", "accuracy", [w == g for w, g, _ in pairs])
    table.add_row("", "", "macro F1", f"{macro_f1((w, g) for w, g, _ in pairs):.3f}")
    _row(table, "topics alone", "accuracy", [w == g for w, g in topics])
    _row(table, "", "put as choices instead", [g == "offered" for _, g in topics])
    _row(table, "", "declined wrongly", [g == DECLINED for _, g in topics])
    _row(table, "", "right when answered", [w == g for w, g in topics if g in TOPICS])
    typed = _lines("typos.jsonl")
    outcomes = [(line["intent"], decided(reader.last([line["text"]]))) for line in typed]
    as_written = [decided(reader.last([line["of"]])) == line["intent"] for line in typed]
    _row(table, "the same, mistyped", "accuracy", [w == g for w, g in outcomes])
    _row(table, "", "of these sentences as written", as_written)
    _topics.misses = [(w, g, t) for w, g, t in pairs if w != g]  # type: ignore[attr-defined]
    return Counter((want, got) for want, got, _ in pairs if want != got)


def _declined(reader: Reader, table: Table, services: wiring.Services) -> None:
    parse = load_agent(ensure_model(services.settings)).parse
    known = [
        _in_scope(parse, text)
        for intent, text in sentences(TESTS / "nlu" / "test_topics.yml")
        if intent in TOPICS
    ]
    blocks = yaml.safe_load((TESTS / "nlu" / "test_out_of_scope.yml").read_text(encoding="utf-8"))["nlu"]
    for name, block in zip(("near our subject", "anything else"), blocks, strict=True):
        texts = [line[2:].strip() for line in block["examples"].splitlines() if line.startswith("- ")]
        outcomes = [decided(reader.last([text])) for text in texts]
        _row(table, f"out of scope, {name}", "declined", [outcome == DECLINED for outcome in outcomes])
        _row(table, "", "answered wrongly", [outcome in TOPICS for outcome in outcomes])
        strangers = [_in_scope(parse, text) for text in texts]
        labels = [1] * len(known) + [0] * len(strangers)
        table.add_row("", "", "AUROC against topics", f"{roc_auc_score(labels, known + strangers):.3f}")


def _in_scope(parse: Callable[[Reading], Understood], text: str) -> float:
    """How likely the message is in scope, by the classifier alone: what is not left to out of scope."""
    return 1.0 - dict(parse(read(normalise(text))).shares)[DECLINED]


def _several(reader: Reader, table: Table) -> None:
    lines = _lines("multi_questions.jsonl")
    heard = [set(_heard(reader.last([line["text"]]))) for line in lines]
    asked = [set(line["topics"]) for line in lines]
    pairs = list(zip(asked, heard, strict=True))
    _row(table, "several questions", "all answered", [want <= got for want, got in pairs])
    _row(table, "", "all answered, nothing else", [want == got for want, got in pairs])
    _row(table, "", "of the questions, answered", [topic in got for want, got in pairs for topic in want])


def _follow_ups(reader: Reader, table: Table) -> None:
    lines = _lines("follow_ups.jsonl")
    right = [bool(set(_heard(reader.last(line["turns"]))) & _accepted(line)) for line in lines]
    _row(table, "follow-ups", "answered from a right topic", right)


def _extraction(reader: ScreeningReader, table: Table) -> None:
    held_out = yaml.safe_load((TESTS / "screening" / "held_out.yml").read_text(encoding="utf-8"))
    nlp = load_pipeline()
    facts = [_plain(reader.facts(nlp(line["say"]))) == line["facts"] for line in held_out["facts"]]
    _row(table, "screening", "facts of a sentence", facts)
    replies = []
    for line in held_out["replies"]:
        answer = reader.answer(nlp(line["say"]), line["card"])
        replies.append(answer.verdict == line["verdict"] and _plain(answer.facts) == line.get("facts", {}))
    _row(table, "", "replies to a card", replies)


def _plain(facts: Mapping[str, Status]) -> dict[str, str]:
    return {condition: status.value for condition, status in facts.items()}


def _red_flags(services: Services, table: Table) -> None:
    """Levels above `doctor` count as fired; the `doctor` notice, which does not stop an answer, is counted apart."""

    def level(text: str) -> Level | None:
        return services.triage.assess(text).level or services.safety_net.assess(read(normalise(text))).level

    def stops(text: str) -> bool:
        return level(text) not in (None, Level.DOCTOR)

    for name in ("held_out", "unseen"):
        data = yaml.safe_load((TESTS / "safety" / f"{name}.yml").read_text(encoding="utf-8"))
        urgent = [line["text"] for line in data["must_fire"] if line["level"] != "doctor"]
        doctor = [line["text"] for line in data["must_fire"] if line["level"] == "doctor"]
        near = [line["text"] for line in data["must_not_fire"]]
        _row(table, f"red flags, {name}", "fired", [stops(text) for text in urgent])
        _row(table, "", "doctor notice or more", [level(text) is not None for text in doctor])
        _row(table, "", "false alarms on near-misses", [stops(text) for text in near])
    ordinary = yaml.safe_load((TESTS / "safety" / "ordinary.yml").read_text(encoding="utf-8"))["lines"]
    alarms = [level(text) is not None for text in ordinary]
    _row(table, "ordinary heel-pain talk", "false alarms", alarms)


def _personal_data(redactor: Redactor, table: Table) -> None:
    score = measure(TESTS / "privacy" / "redaction_lines.jsonl", load_pipeline(), redactor)
    for kind, found in score.recall.items():
        table.add_row(
            "personal data" if kind == "NAME" else "", "150", f"{kind.lower()} masked", f"{found:.3f}"
        )
    table.add_row("", "150", "false masks in 100 lines", f"{score.false_per_hundred:.1f}")


def _accepted(line: dict) -> set[str]:
    return {topic for topics in line["topics"] for topic in ([topics] if isinstance(topics, str) else topics)}


def _heard(turn: Turn) -> tuple[str, ...]:
    assert turn.heard is not None
    return turn.heard.topics


def _lines(name: str) -> list[dict]:
    return [
        json.loads(line) for line in (TESTS / "nlu" / name).read_text(encoding="utf-8").splitlines() if line
    ]


def _row(table: Table, name: str, measure: str, hits: Sequence[bool]) -> None:
    """A share with the range that 95 of 100 samples of as many sentences would give (percentile bootstrap)."""
    values = np.array(hits, dtype=float)
    draws = np.random.default_rng(1).choice(values, (RESAMPLED, len(values))).mean(axis=1)
    low, high = np.quantile(draws, (0.025, 0.975))
    share = f"{values.mean():.3f}  {low:.3f} to {high:.3f}  ({int(values.sum())} of {len(values)})"
    table.add_row(name, str(len(values)), measure, share)


if __name__ == "__main__":
    main()
