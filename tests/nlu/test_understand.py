"""`needlewise understand` decides what the service decides: both get the same 200 messages."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from needlewise.settings import Settings
from tests.support import stored
from tests.support.patient import Patient

ROOT = Path(__file__).parent.parent.parent
VALIDATION = ROOT / "tests" / "nlu" / "validation"
# Of each set so many lines, evenly spread, so that every kind of message is met.
COUNTS = {"topics": 85, "out_of_scope": 30, "multi_questions": 25, "follow_ups": 30}
SIGNS = 30


def spread(lines: list[Any], count: int) -> list[Any]:
    return [lines[at * len(lines) // count] for at in range(count)]


def conversations() -> list[list[str]]:
    """200 conversations; the last message of each is the one that is compared."""
    found = []
    for name, count in COUNTS.items():
        lines = (VALIDATION / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        found += [line.get("turns") or [line["text"]] for line in map(json.loads, spread(lines, count))]
    signs = yaml.safe_load((ROOT / "tests" / "safety" / "validation.yml").read_text(encoding="utf-8"))
    return found + [[line["text"]] for line in spread(signs["must_fire"], SIGNS)]


def understood(settings: Settings, turns: list[list[str]]) -> list[dict[str, Any]]:
    """What the command prints."""
    done = subprocess.run(
        [sys.executable, "-m", "needlewise.cli", "understand"],
        cwd=ROOT,
        env={**os.environ, "NEEDLEWISE_VAR": str(settings.var)},
        input="".join(json.dumps({"turns": said}) + "\n" for said in turns),
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """One address opens all 200 conversations."""
    return replace(settings, sessions_per_minute=1_000)


async def test_the_command_decides_what_the_service_decides(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    talks = conversations()
    assert len(talks) == 200
    log = []
    for said in talks:
        patient = await Patient.arrives(client)
        for text in said:
            await patient.says(text)
        log.append(
            [row for row in stored.messages(settings, patient.conversation) if row["direction"] == "in"][-1]
        )
    served = [
        {
            "topics": row["topics"],
            "act": row["act"],
            "safety": row["safety_level"],
            "rule": row["safety_rule"],
            "confidence": round(row["confidence"], 4),
        }
        for row in log
    ]
    printed = [{name: line[name] for name in served[0]} for line in understood(settings, talks)]
    assert printed == served
