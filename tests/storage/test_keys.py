"""The key that encrypts patients' words: made safely, never guessed at, and changed without losing a word."""

import asyncio
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from needlewise import wiring
from needlewise.app import create_app
from needlewise.conversations.log import Inbound, Outgoing, Verdict
from needlewise.conversations.state import State
from needlewise.db.engine import migrate
from needlewise.db.sealing import Seal, check_key, load_seal
from needlewise.errors import NeedlewiseError
from needlewise.settings import Settings
from needlewise.wiring import Services
from tests.support.service import run_command
from tests.support.stored import rows

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))
SEALED = {
    "conversations": "state_sealed",
    "messages": "body_sealed",
    "feedback": "reason_sealed",
    "requests": "details_sealed",
    "key_check": "sealed",
}


def test_the_first_start_makes_a_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    load_seal(None, (), tmp_path)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_the_next_start_reads_the_same_key(tmp_path: Path) -> None:
    sealed = load_seal(None, (), tmp_path).seal(b"heel")
    assert load_seal(None, (), tmp_path).open(sealed) == b"heel"


def test_the_environments_key_goes_before_the_file(tmp_path: Path) -> None:
    assert load_seal(NEW, (), tmp_path).open(Seal(NEW).seal(b"heel")) == b"heel"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    load_seal(None, (), tmp_path)
    (tmp_path / "key").chmod(mode)
    with pytest.raises(NeedlewiseError, match=f"can be read by others: run chmod 600 {tmp_path}/key"):
        load_seal(None, (), tmp_path)


@pytest.mark.parametrize(
    "key", ["x", "é" * 43, "A" * 44, f"{OLD[:-2]}=="], ids=["short", "accents", "long", "padded"]
)
def test_a_key_in_the_wrong_form_is_refused_with_the_way_to_a_right_one(tmp_path: Path, key: str) -> None:
    with pytest.raises(NeedlewiseError, match="needlewise key make"):
        load_seal(key, (), tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a key", b"\xff\xfe\x00"])
def test_a_damaged_key_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.touch(0o600)
    path.write_bytes(content)
    with pytest.raises(NeedlewiseError, match="var/key"):
        load_seal(None, (), tmp_path)


def test_a_folder_in_the_keys_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").mkdir(0o700)
    with pytest.raises(NeedlewiseError, match="cannot read the encryption key"):
        load_seal(None, (), tmp_path)


def test_what_another_key_wrote_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(NeedlewiseError, match="another key: set NEEDLEWISE_KEY"):
        Seal(NEW).open(Seal(OLD).seal(b"heel"))


async def test_the_service_does_not_start_with_another_key(settings: Settings) -> None:
    create_app(replace(settings, key=OLD))
    with pytest.raises(NeedlewiseError, match="another key: set NEEDLEWISE_KEY"):
        create_app(replace(settings, key=NEW))


async def test_the_service_does_not_start_on_a_file_that_is_no_database(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "test.db").write_bytes(b"heel" * 1000)
    with pytest.raises(NeedlewiseError, match="NEEDLEWISE_DATABASE_URL: the database cannot be used"):
        create_app(settings)


@pytest.mark.parametrize(
    "command", [("serve", "--port", "9"), ("bookings", "list")], ids=["serve", "bookings"]
)
def test_the_command_line_says_in_a_line_that_the_key_is_wrong(
    root: Path, base_settings: Settings, tmp_path: Path, command: tuple[str, ...]
) -> None:
    var = tmp_path / "var"
    var.mkdir()
    (var / "models").symlink_to(base_settings.models.resolve())
    settings = replace(base_settings, database_url=f"sqlite:///{var / 'needlewise.db'}", key=OLD)
    _write(settings)
    done = run_command(root, *command, NEEDLEWISE_VAR=str(var), NEEDLEWISE_KEY=NEW)
    said = done.stderr.splitlines()
    assert done.returncode == 2
    assert said[-1].startswith("needlewise: stored text was encrypted with another key")
    assert [line for line in said if "Traceback" in line] == []
    assert done.stdout == ""


def _write(settings: Settings) -> None:
    migrate(settings.database_url)
    asyncio.run(_fill(wiring.build(settings)))


async def _fill(services: Services) -> str:
    """One conversation with a word in each sealed column; its token."""
    await check_key(services.engine, services.seal)
    wire = {"id": "a" * 32, "text": "hello"}
    opening = Outgoing(wire=wire, text="hello", kind="notice", answers=())
    conversation, token = await services.log.open(
        "demo", "web", "en", opening=[opening], state=State(form="booking_form")
    )
    claim = await services.log.claim(conversation, "1", Inbound("my heel"))
    reply = Outgoing(wire={"id": "b" * 32, "text": "oh"}, text="oh", kind="answer", answers=())
    await services.log.commit(
        conversation,
        claim,
        state=State(form="booking_form"),
        outgoing=[reply],
        heard=None,
        verdict=Verdict(),
        latency_ms=1.0,
    )
    await services.log.rate(conversation, "b" * 32, "up", "kind")
    return token


def test_rotation_puts_every_word_under_the_new_key(
    root: Path, base_settings: Settings, tmp_path: Path
) -> None:
    settings = replace(base_settings, database_url=f"sqlite:///{tmp_path / 'needlewise.db'}", key=OLD)
    _write(settings)
    environ = {"NEEDLEWISE_VAR": str(tmp_path), "NEEDLEWISE_KEY": NEW, "NEEDLEWISE_OLD_KEYS": OLD}
    done = run_command(root, "key", "rotate", **environ)
    assert (done.returncode, done.stderr.strip()) == (
        0,
        "5 rows are under the new key. NEEDLEWISE_OLD_KEYS can be removed now.",
    )
    sealed = [row[column] for table, column in SEALED.items() for row in rows(settings, table)]
    assert len(sealed) == 6
    for value in sealed:
        Seal(NEW).open(value)
        with pytest.raises(NeedlewiseError):
            Seal(OLD).open(value)


async def test_during_a_rotation_both_keys_are_read_and_the_new_one_writes(
    settings: Settings, tmp_path: Path
) -> None:
    await asyncio.to_thread(migrate, settings.database_url)
    token = await _fill(wiring.build(replace(settings, key=OLD)))
    both = wiring.build(replace(settings, key=NEW, old_keys=(OLD,)))
    await check_key(both.engine, both.seal)
    conversation = await both.log.find(token)
    said = [message["text"] for message in await both.log.history(conversation, after=None)]
    assert said == ["hello", "my heel", "oh"]
    await both.log.claim(conversation, "2", Inbound("my other heel"))
    assert Seal(NEW).open(rows(settings, "messages")[-1]["body_sealed"]) == b'{"text":"my other heel"}'
