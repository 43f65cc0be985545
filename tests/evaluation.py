"""What the assistant makes of sentences it was not trained on: the table of docs/evaluation.md.

Run with `make eval`. The sentences were written apart from the training examples; nothing here chooses a threshold.
"""

import asyncio
import json
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table

from needlewise.logs import configure_logs, quiet_libraries

quiet_libraries()

from needlewise import clock, wiring  # noqa: E402  (after the libraries were told to be quiet)
from needlewise.conversations.log import Conversation, Inbound  # noqa: E402
from needlewise.conversations.redaction import Redactor  # noqa: E402
from needlewise.conversations.state import State  # noqa: E402
from needlewise.db.engine import migrate  # noqa: E402
from needlewise.dialogue.turn import Turn, Turns  # noqa: E402
from needlewise.language.pipeline import load_pipeline  # noqa: E402
from needlewise.nlu.taxonomy import DECLINED, TOPICS  # noqa: E402
from needlewise.safety.triage import Level, Triage  # noqa: E402
from needlewise.settings import read_settings  # noqa: E402
from tests.privacy.measure import measure  # noqa: E402

TESTS = Path(__file__).parent
Labelled = tuple[str, str]


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
        _declined(reader, table)
        _several(reader, table)
        _follow_ups(reader, table)
        _red_flags(services.triage, table)
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
    offered = sum(got == "offered" for _, got in topics)
    declined = sum(got == DECLINED for _, got in topics)
    table.add_row(
        "topics and acts", str(len(pairs)), "accuracy", _share(sum(w == g for w, g, _ in pairs), len(pairs))
    )
    table.add_row("", "", "macro F1", f"{macro_f1((w, g) for w, g, _ in pairs):.3f}")
    table.add_row(
        "topics alone", str(len(topics)), "accuracy", _share(sum(w == g for w, g in topics), len(topics))
    )
    table.add_row("", "", "put as choices instead", _share(offered, len(topics)))
    table.add_row("", "", "declined wrongly", _share(declined, len(topics)))
    answered = [(w, g) for w, g in topics if g in TOPICS]
    table.add_row("", "", "right when answered", _share(sum(w == g for w, g in answered), len(answered)))
    _topics.misses = [(w, g, t) for w, g, t in pairs if w != g]  # type: ignore[attr-defined]
    return Counter((want, got) for want, got, _ in pairs if want != got)


def _declined(reader: Reader, table: Table) -> None:
    blocks = yaml.safe_load((TESTS / "nlu" / "test_out_of_scope.yml").read_text(encoding="utf-8"))["nlu"]
    for name, block in zip(("near our subject", "anything else"), blocks, strict=True):
        texts = [line[2:].strip() for line in block["examples"].splitlines() if line.startswith("- ")]
        outcomes = [decided(reader.last([text])) for text in texts]
        answered = sum(outcome in TOPICS for outcome in outcomes)
        table.add_row(
            f"out of scope, {name}", str(len(texts)), "declined", _share(outcomes.count(DECLINED), len(texts))
        )
        table.add_row("", "", "answered wrongly", _share(answered, len(texts)))


def _several(reader: Reader, table: Table) -> None:
    lines = _lines("multi_questions.jsonl")
    right = sum(set(_heard(reader.last([line["text"]]))) == set(line["topics"]) for line in lines)
    found = defaultdict(int)
    for line in lines:
        found["asked"] += len(line["topics"])
        found["answered"] += len(set(line["topics"]) & set(_heard(reader.last([line["text"]]))))
    table.add_row(
        "several questions", str(len(lines)), "all answered, nothing else", _share(right, len(lines))
    )
    table.add_row("", "", "of the questions, answered", _share(found["answered"], found["asked"]))


def _follow_ups(reader: Reader, table: Table) -> None:
    lines = _lines("follow_ups.jsonl")
    right = sum(bool(set(_heard(reader.last(line["turns"]))) & _accepted(line)) for line in lines)
    table.add_row("follow-ups", str(len(lines)), "answered from a right topic", _share(right, len(lines)))


def _red_flags(triage: Triage, table: Table) -> None:
    """Levels above `doctor` count as fired; the `doctor` notice, which does not stop an answer, is counted apart."""
    for name in ("held_out", "unseen"):
        data = yaml.safe_load((TESTS / "safety" / f"{name}.yml").read_text(encoding="utf-8"))
        urgent = [line for line in data["must_fire"] if line["level"] != "doctor"]
        doctor = [line for line in data["must_fire"] if line["level"] == "doctor"]
        near = data["must_not_fire"]
        fired = sum(_stops(triage, line["text"]) for line in urgent)
        noticed = sum(triage.assess(line["text"]).level is not None for line in doctor)
        alarms = sum(_stops(triage, line["text"]) for line in near)
        table.add_row(f"red flags, {name}", str(len(urgent)), "fired", _share(fired, len(urgent)))
        table.add_row("", str(len(doctor)), "doctor notice or more", _share(noticed, len(doctor)))
        table.add_row("", str(len(near)), "false alarms on near-misses", _share(alarms, len(near)))
    ordinary = yaml.safe_load((TESTS / "safety" / "ordinary.yml").read_text(encoding="utf-8"))["lines"]
    alarms = sum(triage.assess(text).level is not None for text in ordinary)
    table.add_row(
        "ordinary heel-pain talk", str(len(ordinary)), "false alarms", _share(alarms, len(ordinary))
    )


def _stops(triage: Triage, text: str) -> bool:
    return triage.assess(text).level not in (None, Level.DOCTOR)


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


def _share(count: int, of: int) -> str:
    return f"{count / of:.3f}  ({count} of {of})"


if __name__ == "__main__":
    main()
