"""Half an experiment of bench/nlu.py, alone in its process, so that a reader's memory holds nothing of its training.

`train CONFIG TRAIN.TSV MODEL FIGURES.JSON` trains a pipeline; `read MODEL TEST.TSV FIGURES.JSON [OUT_OF_SCOPE.TSV]` adds what the
trained pipeline makes of texts that it was not trained on.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

DECLINED = frozenset({"out_of_scope", "nlu_fallback", "unsure_which_topic"})
LOSS = 0.05
"""Of what is in scope: how much may be declined for what is not."""


@dataclass(frozen=True)
class Read:
    """What a pipeline made of one text."""

    best: str
    """The intent it finds likeliest, whatever its gate says."""
    declined: bool
    confidence: float
    milliseconds: float


def lines(path: Path) -> list[tuple[str, str]]:
    """(text, intent) pairs of a TSV file."""
    rows = [line.rsplit("\t", 1) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [(text, intent) for text, intent in rows]


def write_examples(examples: Sequence[tuple[str, str]], path: Path) -> None:
    """A Rasa NLU file. Texts are one line each, as they are."""
    intents: dict[str, list[str]] = {}
    for text, intent in examples:
        intents.setdefault(_name(intent), []).append(text)
    blocks = [
        {"intent": intent, "examples": "".join(f"- {text}\n" for text in texts)}
        for intent, texts in sorted(intents.items())
    ]
    path.write_text(
        yaml.safe_dump({"version": "3.1", "nlu": blocks}, sort_keys=False, allow_unicode=True),
        encoding="utf-8",
    )


def train(config: Path, examples: Path, model: Path, figures: Path) -> None:
    """Train with the pipeline of a config.yml, and write how many seconds that took."""
    from rasa.model_training import train_nlu

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_examples(lines(examples), folder / "nlu.yml")
        pipeline = yaml.safe_load(config.read_text(encoding="utf-8"))
        kept = {key: pipeline[key] for key in ("recipe", "language", "pipeline", "assistant_id")}
        (folder / "config.yml").write_text(yaml.safe_dump(kept), encoding="utf-8")
        began = time.perf_counter()
        train_nlu(
            str(folder / "config.yml"),
            str(folder / "nlu.yml"),
            str(model.parent),
            fixed_model_name=model.name.removesuffix(".tar.gz"),
        )
        seconds = time.perf_counter() - began
    figures.write_text(json.dumps({"training_seconds": seconds}), encoding="utf-8")


def read(model: Path, test: Path, figures: Path, outside: Path | None = None) -> None:
    """Add to the figures what the model makes of the test sentences. Memory is what Rasa's own import does not need."""
    from rasa.core.agent import Agent

    before = _resident()
    agent = Agent.load(str(model))
    strangers = lines(outside) if outside else []
    found = json.loads(figures.read_text(encoding="utf-8"))
    found |= asyncio.run(_figures(agent, lines(test), strangers, before))
    figures.write_text(json.dumps(found), encoding="utf-8")


async def _figures(
    agent: object, known: list[tuple[str, str]], strangers: list[tuple[str, str]], before: int
) -> dict[str, float]:
    for text, _ in known[:20]:
        await _read(agent, text)
    loaded = _resident()
    inside = [await _read(agent, text) for text, _ in known]
    gold = [_name(intent) for _, intent in known]
    times = [read.milliseconds for read in inside]
    found = {
        "accuracy": _mean([read.best == want for read, want in zip(inside, gold, strict=True)]),
        "inside_declined": _mean([read.declined for read in inside]),
        "right_at_threshold": _mean(
            [read.best == want and not read.declined for read, want in zip(inside, gold, strict=True)]
        ),
        "p50": statistics.median(times),
        "p95": statistics.quantiles(times, n=20)[-1],
        "memory": loaded - before,
    }
    if strangers:
        unknown = [await _read(agent, text) for text, _ in strangers]
        found["outside_declined"] = _mean([read.declined for read in unknown])
        found["outside_at_loss"] = _declined_at_loss(
            [read.confidence for read in inside], [read.confidence for read in unknown]
        )
        found["auroc"] = _auroc([read.confidence for read in inside], [read.confidence for read in unknown])
    return found


async def _read(agent: object, text: str) -> Read:
    began = time.perf_counter()
    parsed = await agent.parse_message(text)  # type: ignore[attr-defined]
    milliseconds = (time.perf_counter() - began) * 1000
    ranking = [row for row in parsed["intent_ranking"] if row["name"] not in DECLINED]
    declined = parsed["intent"]["name"] in DECLINED
    # Ours says how likely the text is in scope; the best intent's share is all that the default pipeline says.
    sure = parsed.get("in_scope", ranking[0]["confidence"])
    return Read(ranking[0]["name"], declined, sure, milliseconds)


def _name(intent: str) -> str:
    """Intents as Rasa allows them: "reverted_card_payment?" has a sign that it refuses."""
    return "".join(letter if letter.isalnum() or letter == "_" else "_" for letter in intent)


def _resident() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS:"))


def _mean(values: Sequence[bool]) -> float:
    return sum(values) / len(values)


def _declined_at_loss(inside: Sequence[float], outside: Sequence[float]) -> float:
    """The share of texts out of scope below the threshold that declines LOSS of those in scope."""
    threshold = sorted(inside)[int(LOSS * len(inside))]
    return _mean([confidence < threshold for confidence in outside])


def _auroc(inside: Sequence[float], outside: Sequence[float]) -> float:
    """The chance that a text in scope looks more known than one out of scope."""
    from sklearn.metrics import roc_auc_score

    labels = [1] * len(inside) + [0] * len(outside)
    return float(roc_auc_score(labels, [*inside, *outside]))


if __name__ == "__main__":
    {"train": train, "read": read}[sys.argv[1]](*(Path(argument) for argument in sys.argv[2:]))
