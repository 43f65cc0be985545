"""A day at the desk in real Chromium, on the real service with a real assistant: once by mouse, and once by keyboard alone.

With NEEDLEWISE_SHOTS naming a folder, each page's picture is put there, as it looks on a desk and on a phone. The candidate is then
trained with all examples, as it would be; else with a few of each intent, which takes seconds.
"""

import asyncio
import os
import re
import sqlite3
import time as clock
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pyotp
import pytest
import pytest_asyncio
import yaml
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Locator, Page, async_playwright, expect

from needlewise.settings import Settings
from tests.console.hands import Hands
from tests.console.person import PASSWORD
from tests.console.test_in_chromium import RULES
from tests.support.patient import Patient
from tests.support.project import small_project
from tests.support.service import run_command
from tests.support.stored import database, rows
from tests.support.visit import PATIENT as VISIT
from tests.widget.chromium import CHROMIUM, CHROMIUM_OPTIONS
from tests.widget.visitor import MILLISECONDS, Visitor, Way
from tests.widget.website import Deployment

SHOTS = os.environ.get("NEEDLEWISE_SHOTS", "")
LOOKS = ((1280, "light"), (390, "dark"))
TRAINED_WITHIN = 3600_000 if SHOTS else 600_000
LIVE_WITHIN = 5
"""Seconds until patients read what staff changed."""
OLD = timedelta(days=120)
"""Older than the demo clinic keeps what was written."""
SIGNED_AS = "A test, no licence"

DEEDS = {
    "sign-in/password", "sign-in/code", "inbox/view", "conversation/search", "conversation/view", "conversation/tag",
    "conversation/review", "conversation/reveal", "message/correct", "example/decide", "candidate/try", "candidate/view",
    "candidate/publish", "candidate/back", "content/edit", "signing/sign", "clinic/edit", "request/view", "request/reveal",
    "request/state", "conversation/step-in", "conversation/write", "conversation/step-out", "privacy/purge", "audit/view",
    "audit/verify", "sign-in/out",
}  # fmt: skip


@dataclass(frozen=True)
class Correction:
    """A message, a word of it that finds it again, and what it should have been: a topic's title, or nothing that we answer."""

    asked: str
    word: str
    meant: str = ""
    example: str = ""
    """The words of it that ask, where it says more."""
    comment: str = ""


@dataclass(frozen=True)
class Day:
    """Who works, how, and what this day brings."""

    way: Way
    name: str
    introduced: str
    """A message with a name in it, which is masked until it is revealed."""
    secret: str
    word: str
    corrections: Sequence[Correction]
    topic: str
    words: str
    closes: tuple[str, str]
    """When the desk closes on Saturdays from now on, as typed and as patients read it."""
    phone: str
    old: str
    """What somebody asked long ago."""


MARIA = Day(
    "mouse",
    "maria",
    "hi this is Dave Miller, my number is 202-555-0143. do you take Medicare?",
    "Dave Miller",
    "medicare",
    (
        Correction("can you sharpen my kitchen knives too lol", "knives"),
        Correction("so do i hand you cash at the desk or swipe", "swipe", "What does it cost?"),
        Correction("will my old inserts get in the way of all this", "inserts", "Shoes and insoles", comment="She asked about insoles."),
    ),
    "Does it hurt?",
    "It can hurt, but mostly not for long. You may feel a quick pinch, and then a twitch, an ache, or a cramp. You can ask to stop at any time.",
    ("13:00", "1 pm"),
    "202-555-0187",
    "does my heel need an x-ray first",
)
OMAR = Day(
    "keyboard",
    "omar",
    "my name is Ana Torres and you can reach me at 202-555-0111, is parking free?",
    "Ana Torres",
    "parking",
    (
        Correction("what is the wifi called in the waiting room", "wifi"),
        Correction("would zumba on saturday wreck it", "zumba", "Can I stay active?"),
        Correction("i faint when they draw my blood so hmm", "faint", "What if I fear needles?", comment="Afraid, not ill."),
    ),
    "What does it cost?",
    "{price}\n\nAsk for the full cost before you come. Ask too what dry needling adds to the visit.",
    ("14:30", "2:30 pm"),
    "202-555-0164",
    "how long is the first visit",
)  # fmt: skip
DAYS = (MARIA, OMAR)

PATIENTS: Sequence[Sequence[str]] = (
    ("why does my heel hurt most with the first steps in the morning", "how long does that last"),
    ("does dry needling work for plantar fasciitis", "and how many visits would i need"),
    ("I have crushing chest pain and I can't breathe",),
    ("do you do cupping for tennis elbow",),
    ("how much is it", "do you take blue cross"),
    ("i'm on blood thinners, can i still get it done",),
    ("i want to talk to a real person",),
    ("is it the same as acupuncture?", "why"),
)
"""What others asked."""


def visit_of(day: Day) -> list[str]:
    """The visit that README shows, by another patient."""
    return [day.phone if said == "202-555-0187" else said for said in VISIT]


# -- the clinic -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clinic(root: Path, base_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The running service, with a project that a candidate is trained from in seconds."""
    small = small_project(root, tmp_path_factory.mktemp("clinic") / "project", each=100_000 if SHOTS else 4)
    _keep_some_tests(root, small.root, each=None if SHOTS else 2)
    service = Deployment(small.root, small.var)
    service.start()
    yield service
    service.stop()


def _keep_some_tests(root: Path, to: Path, *, each: int | None) -> None:
    """Test sentences for the replay."""
    name = Path("tests/nlu/test_topics.yml")
    blocks = yaml.safe_load((root / name).read_text())["nlu"]
    for block in blocks:
        block["examples"] = "".join(block["examples"].splitlines(keepends=True)[:each])
    (to / name).parent.mkdir(parents=True)
    (to / name).write_text(yaml.safe_dump({"nlu": blocks}))


@pytest_asyncio.fixture(scope="module")
async def patients(clinic: Deployment) -> dict[str, Patient]:
    """Everybody who wrote before the day began, by the first thing they said. What is old was asked long ago."""
    met: dict[str, Patient] = {}
    every = [[day.old] for day in DAYS] + [list(said) for said in PATIENTS]
    every += [[day.introduced] for day in DAYS] + [[one.asked] for day in DAYS for one in day.corrections]
    async with httpx.AsyncClient(base_url=clinic.address, timeout=60) as client:
        for words in [*every, *(visit_of(day) for day in DAYS)]:
            patient = await Patient.arrives(client)
            for said in words:
                await patient.says(said)
            met[words[-1] if words[0] == VISIT[0] else words[0]] = patient
        rated = met[PATIENTS[4][0]]
        thumb = {"message": rated.last[-1]["id"], "verdict": "down", "reason": "it did not say what my plan pays"}
        await client.post("/chat/v1/feedback", json=thumb, headers=rated.headers)
    at = datetime.now(UTC) - OLD
    with closing(sqlite3.connect(database(clinic.settings))) as connection, connection:
        for day in DAYS:
            _was_long_ago(connection, met[day.old].conversation, at)
    return met


def _was_long_ago(connection: sqlite3.Connection, conversation: str, at: datetime) -> None:
    ago = at.isoformat(sep=" ")
    connection.execute("UPDATE conversations SET started_at = ?, last_at = ? WHERE id = ?", (ago, ago, conversation))
    connection.execute("UPDATE messages SET at = ? WHERE conversation = ?", (ago, conversation))
