"""`needlewise sms`: a patient's phone in the terminal, and the visit that docs/sms.md shows."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from needlewise import wiring
from needlewise.channels.sms.phone import (
    PICTURE,
    Bubble,
    Phone,
    plain,
    script_lines,
    switched_on,
    texting_settings,
    total,
)
from needlewise.db.engine import migrate
from needlewise.dialogue.turn import Turns
from needlewise.errors import NeedlewiseError
from needlewise.settings import Settings

ROOT = Path(__file__).parent.parent.parent
SCRIPT = ROOT / "docs" / "sms-visit.txt"
_REFERENCE = re.compile(r"number is [A-Z0-9]{6}\b")
_DAY = re.compile(r"by (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b")


@pytest.fixture
def texting(base_settings: Settings, tmp_path: Path) -> wiring.Services:
    settings = texting_settings(replace(base_settings, database_url=f"sqlite:///{tmp_path}/phone.db"))
    services = wiring.build(settings)
    wiring.use(services)
    migrate(settings.database_url)
    return services


@pytest_asyncio.fixture
async def phone(texting: wiring.Services, turns: Turns) -> AsyncIterator[Phone]:
    async with switched_on(texting, turns, clinic="demo") as phone:
        yield phone


async def played(phone: Phone) -> str:
    """The transcript of the script, as the command prints it."""
    lines = []
    for line in script_lines(SCRIPT):
        lines.append(plain(Bubble(line, mine=True)))
        lines += [plain(bubble) for bubble in await phone.send(line)] or ["  (no reply)"]
    return "\n".join(lines)


def steady(transcript: str) -> str:
    """Without what changes from day to day: the reference number, and the day that the clinic calls by."""
    return _DAY.sub("by DAY", _REFERENCE.sub("number is RQ7BK4", transcript)).strip()


async def test_the_visit_in_the_docs_is_the_visit_as_it_runs(phone: Phone) -> None:
    shown = re.search(
        r"<!-- visit -->\n```text\n(.*?)```\n<!-- /visit -->",
        (ROOT / "docs" / "sms.md").read_text(),
        re.DOTALL,
    )
    assert shown is not None
    assert steady(shown[1]) == steady(await played(phone))


async def test_a_picture_is_declined_in_words(phone: Phone) -> None:
    (reply,) = await phone.send(PICTURE)
    assert "can't see pictures" in reply.body


async def test_a_stop_leaves_the_phone_silent(phone: Phone) -> None:
    assert len(await phone.send("STOP")) == 1
    assert await phone.send("hello?") == []


async def test_a_clinic_without_a_number_cannot_be_texted(texting: wiring.Services, turns: Turns) -> None:
    with pytest.raises(NeedlewiseError, match="names no number under texting"):
        async with switched_on(texting, turns, clinic="forever-fit"):
            pass


async def test_what_is_no_number_is_refused(texting: wiring.Services, turns: Turns) -> None:
    with pytest.raises(NeedlewiseError, match="is no phone number"):
        async with switched_on(texting, turns, clinic="demo", number="202-555-0123"):
            pass


def test_a_bubble_tells_its_parts_and_about_what_they_cost() -> None:
    assert plain(Bubble("a" * 161, mine=False), cents=1.2).endswith("[2 parts, GSM-7, about 2.4 cents]")
    assert plain(Bubble("é€ so", mine=False), cents=1.0).endswith("[1 part, GSM-7, about 1.0 cents]")
    assert plain(Bubble("does it hurt", mine=True)) == "> does it hurt"


def test_only_what_the_service_sends_is_counted() -> None:
    bubbles = [Bubble("does it hurt", mine=True), Bubble("a" * 161, mine=False), Bubble("b", mine=False)]
    assert total(bubbles, cents=1.0) == "2 texts in 3 parts, about 3.0 cents to send"


def test_a_script_has_a_text_a_line(tmp_path: Path) -> None:
    script = tmp_path / "visit.txt"
    script.write_text("# a visit\n\ndoes it hurt\n  1 \n")
    assert script_lines(script) == ["does it hurt", "1"]


def test_a_script_that_is_not_there_is_one_plain_line(tmp_path: Path) -> None:
    with pytest.raises(NeedlewiseError, match="cannot be read"):
        script_lines(tmp_path / "nothing.txt")
