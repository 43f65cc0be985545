"""The repository is a Rasa project that Rasa's own commands understand."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from needlewise.dialogue.training import ensure_model
from needlewise.settings import Settings

ROOT = Path(__file__).parent.parent.parent
QUIET = {
    "RASA_TELEMETRY_ENABLED": "false",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "PYTHONWARNINGS": "ignore",
    "LOG_LEVEL": "INFO",
}


def rasa(*arguments: str, timeout: int = 600) -> subprocess.CompletedProcess[str]:
    """Run Rasa's command line in the project. `rasa test` with a wrong path scores training data: paths are explicit."""
    return subprocess.run(
        [sys.executable, "-m", "rasa", *arguments],
        cwd=ROOT,
        env={**os.environ, **QUIET, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=timeout,
    )


@pytest.fixture(scope="module")
def model(base_settings: Settings) -> Path:
    return ensure_model(base_settings)


def examples(path: Path) -> Iterator[tuple[str, str]]:
    for block in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
        for line in block["examples"].splitlines():
            if line.startswith("- "):
                yield block["intent"], line[2:]


def test_rasa_data_validate_finds_nothing_wrong() -> None:
    done = rasa("data", "validate", "--domain", "domain.yml", "--config", "config.yml", "--data", "data")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_rasa_train_makes_a_model(tmp_path: Path) -> None:
    done = rasa(
        "train", "--domain", "domain.yml", "--config", "config.yml", "--data", "data", "--out", str(tmp_path)
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert len(list(tmp_path.glob("*.tar.gz"))) == 1


def test_rasa_test_nlu_scores_the_held_out_sentences(model: Path, tmp_path: Path) -> None:
    held_out = ROOT / "tests" / "nlu" / "test_topics.yml"
    done = rasa(
        "test", "nlu", "--nlu", str(held_out), "--model", str(model), "--out", str(tmp_path), "--no-plot"
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    report = json.loads((tmp_path / "intent_report.json").read_text())
    assert report["macro avg"]["support"] == len(list(examples(held_out)))
    assert report["macro avg"]["f1-score"] > 0.75


def test_rasa_test_core_follows_the_stories(model: Path, tmp_path: Path) -> None:
    stories = ROOT / "tests" / "stories" / "test_conversations.yml"
    done = rasa(
        *("test", "core", "--stories", str(stories), "--model", str(model), "--out", str(tmp_path)),
        *("--endpoints", "endpoints.yml", "--fail-on-prediction-errors"),
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_every_intent_has_at_least_eight_held_out_sentences() -> None:
    counts: dict[str, int] = {}
    for intent, _ in examples(ROOT / "tests" / "nlu" / "test_topics.yml"):
        counts[intent] = counts.get(intent, 0) + 1
    assert {intent: count for intent, count in counts.items() if count < 8} == {}
