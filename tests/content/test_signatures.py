"""Where signatures are demanded, patients are told signed answers only; urgent words always."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from needlewise import clock
from needlewise.content.library import Library, load_library
from needlewise.content.render import Place, Renderer
from needlewise.settings import Settings, read_settings
from needlewise.wiring import Services
from tests.support.service import plain_environ

NOT_YET = "I can't answer that here yet."
TOPIC = "does_it_hurt"


@pytest.fixture(scope="module")
def shipped() -> Library:
    return load_library(read_settings({}).content)


@pytest.mark.parametrize("on", [True, False])
def test_a_deployment_that_has_read_no_signature_yet_says_no_answer_when_they_are_demanded(
    settings: Settings, on: bool
) -> None:
    library = Services(replace(settings, demand_signatures=on)).library
    assert library.may_be_said(TOPIC, "demo", date(2026, 11, 24)) is not on


@pytest.mark.parametrize(
    ("signed", "is_told"),
    [
        ({("demo", TOPIC): None}, True),
        ({("demo", TOPIC): date(2026, 11, 25)}, True),
        ({("demo", TOPIC): date(2026, 11, 24)}, True),
        ({("demo", TOPIC): date(2026, 11, 23)}, False),
        ({("another", TOPIC): None}, False),
        ({("demo", "cost"): None}, False),
        ({}, False),
        (None, True),
    ],
)
@pytest.mark.parametrize("channel", ["web", "sms"])
def test_an_answer_is_told_while_it_stands_signed(
    shipped: Library,
    monkeypatch: pytest.MonkeyPatch,
    signed: dict[tuple[str, str], date | None] | None,
    is_told: bool,
    channel: str,
) -> None:
    # The evening of the 24th at the clinic is the 25th in UTC: the clinic's calendar counts.
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 11, 25, 2, tzinfo=UTC))
    library = replace(shipped, signed=signed)
    said = Renderer(library).answer(TOPIC, Place(library.clinic("demo"), channel))
    assert said.text.startswith(NOT_YET) is not is_told
    assert [note.topic for note in said.answers] == ([TOPIC] if is_told else [])


def test_urgent_words_need_no_signature(shipped: Library) -> None:
    library = replace(shipped, signed={})
    said = Renderer(library).phrase("safety.emergency", Place(library.clinic("demo")))
    assert "911" in said.text


@pytest.mark.parametrize(("options", "status"), [([], 0), (["--strict"], 1)])
def test_the_command_line_says_how_every_text_stands(
    root: Path, tmp_path: Path, options: list[str], status: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "needlewise.cli", "content", "signatures", "--clinic", "demo", *options],
        cwd=root,
        env=plain_environ() | {"NEEDLEWISE_VAR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == status
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["unsigned", "answer", TOPIC] in lines
    assert ["unsigned", "red_flag", "R22.now"] in lines
    assert ["unsigned", "screening", "card:now"] in lines
    assert {line[0] for line in lines} == {"unsigned"}
