"""What has been kept long enough loses its words for good, and nothing else does; a hold keeps them, and a crash loses no count."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update

from needlewise.db.audit import COMMAND_LINE, Entry
from needlewise.db.rotation import rotate
from needlewise.db.tables import conversations
from needlewise.errors import NeedlewiseError
from needlewise.privacy import retention
from needlewise.settings import Settings, read_settings
from needlewise.wiring import Services
from tests.privacy.conftest import Time
from tests.privacy.kept import NUMBER, Patient, everything
from tests.support.service import plain_environ, wait_until
from tests.support.stored import database, raw, rows

BY = Entry(COMMAND_LINE, "privacy/purge")
TEXT_DAYS, REQUEST_DAYS = 90, 730


def holds(services: Services, word: str) -> bool:
    """Whether a word, or the stem of it that a search index has, stands anywhere in the files of the database."""
    return word.encode() in raw(services.settings) or word[:-2].encode() in raw(services.settings)


def audited(services: Services, action: str = "privacy/purge") -> list[dict[str, Any]]:
    return [row for row in rows(services.settings, "audit", "seq") if row["action"] == action]


async def test_on_the_last_day_everything_is_there_and_after_it_no_word_is(
    services: Services, time: Time
) -> None:
    await everything(services, "brontosaurus")
    sealed = [
        row[column]
        for table, column in (
            ("messages", "body_sealed"),
            ("conversations", "state_sealed"),
            ("feedback", "reason_sealed"),
            ("notes", "body_sealed"),
            ("corrections", "comment_sealed"),
            ("candidates", "report_sealed"),
        )
        for row in rows(services.settings, table)
    ]
    time.pass_(days=TEXT_DAYS - 1)
    await services.retention.purge("demo", BY)
    assert holds(services, "brontosaurus")
    assert [one in raw(services.settings) for one in sealed[:-1]] == [True] * (len(sealed) - 1)

    time.pass_(days=2)
    await services.retention.run()
    assert not holds(services, "brontosaurus")
    assert [one in raw(services.settings) for one in sealed] == [False] * len(sealed)


async def test_the_words_leave_the_search_index(services: Services, time: Time) -> None:
    await everything(services, "brontosaurus")
    time.pass_(days=TEXT_DAYS + 1)
    await everything(services, "stegosaurus")
    await services.retention.purge("demo", BY)
    with closing(sqlite3.connect(database(services.settings))) as connection:
        shadows = "".join(
            str(row)
            for table in ("searchable_words_data", "searchable_words_idx", "searchable_words_docsize")
            for row in connection.execute(f"SELECT * FROM {table}")  # noqa: S608
        )
    assert ("brontosaur" in shadows, "stegosaur" in shadows) == (False, True)


async def test_figures_consent_and_what_was_accepted_stay(services: Services, time: Time) -> None:
    await everything(services, "brontosaurus")
    before = {table: len(rows(services.settings, table)) for table in ("messages", "feedback", "corrections")}
    time.pass_(days=TEXT_DAYS + 1)
    await services.retention.purge("demo", BY)
    settings = services.settings
    assert {table: len(rows(settings, table)) for table in before} == before
    (talk,) = rows(settings, "conversations")
    assert (talk["heard"], talk["thumbs_down"], talk["state_sealed"], talk["token_hash"]) == (
        2,
        2,
        None,
        None,
    )
    assert {row["verdict"] for row in rows(settings, "feedback")} == {"down"}
    assert sorted(row["state"] for row in rows(settings, "examples")) == ["accepted", "published"]
    assert (rows(settings, "notes"), rows(settings, "conversation_tags"), rows(settings, "searchable")) == (
        [],
        [],
        [],
    )


async def test_it_counts_and_audits_itself_without_a_word(services: Services, time: Time) -> None:
    await everything(services, "brontosaurus")
    time.pass_(days=TEXT_DAYS + 1)
    due = await services.retention.due("demo")
    removed = await services.retention.purge("demo", BY)
    assert due == {"conversations": 1}
    assert removed == {
        "conversations": 1,
        "messages": 4,
        "reasons": 2,
        "notes": 1,
        "tags": 1,
        "comments": 1,
        "examples": 2,
    }
    (row,) = audited(services)
    (run,) = await services.retention.last(["demo"])
    assert (row["actor"], row["clinic"], row["outcome"]) == (COMMAND_LINE, "demo", "success")
    assert (run.removed, run.what, run.ended_at) == (removed, "retention", time.at)
    assert "brontosaurus" not in str(rows(services.settings, "audit") + rows(services.settings, "purges"))
    assert (await services.audit.verify()).broken is None


async def test_with_nothing_due_nothing_is_written(services: Services) -> None:
    await everything(services, "brontosaurus")
    assert await services.retention.run() == {}
    assert (audited(services), rows(services.settings, "purges")) == ([], [])


async def test_counting_what_is_due_changes_nothing(services: Services, time: Time) -> None:
    await everything(services, "brontosaurus")
    time.pass_(days=REQUEST_DAYS + 1)
    assert await services.retention.due("demo") == {"conversations": 1, "requests": 1}
    assert holds(services, "brontosaurus")


async def test_what_is_purged_is_purged_once(services: Services, time: Time) -> None:
    await everything(services, "brontosaurus")
    time.pass_(days=REQUEST_DAYS + 1)
    await services.retention.run()
    time.pass_(hours=1)
    assert await services.retention.run() == {}


async def test_a_hold_keeps_every_word_until_it_is_lifted(services: Services, time: Time) -> None:
    patient = await everything(services, "brontosaurus")
    before = {table: rows(services.settings, table) for table in ("messages", "notes", "requests")}
    reason = {"reason": "a letter from a court", "clinic": "demo"}
    await services.holds.hold(patient.conversation, Entry("a", "", **reason))
    time.pass_(days=REQUEST_DAYS + 1)
    await services.retention.run()
    assert {table: rows(services.settings, table) for table in before} == before
    (held,) = await services.holds.of(["demo"])
    assert (held.conversation, held.reason) == (patient.conversation, reason["reason"])

    await services.holds.release(patient.conversation, Entry("a", "", **reason))
    await services.retention.run()
    assert not holds(services, "brontosaurus")
    assert [row["action"] for row in audited(services, "conversation/hold") + audited(services, "conversation/release")] == [
        "conversation/hold",
        "conversation/release",
    ]  # fmt: skip


@pytest.mark.parametrize(("verb", "reason"), [("hold", " x "), ("release", "no hold is on it")])
async def test_a_hold_needs_a_reason_and_lifting_one_a_hold(
    services: Services, verb: str, reason: str
) -> None:
    patient = await everything(services, "brontosaurus")
    with pytest.raises(NeedlewiseError):
        await getattr(services.holds, verb)(
            patient.conversation, Entry("a", "", clinic="demo", reason=reason)
        )
    assert rows(services.settings, "conversations")[0]["held_at"] is None
    assert audited(services, f"conversation/{verb}") == []


async def test_each_clinic_keeps_its_text_as_long_as_its_profile_says(services: Services, time: Time) -> None:
    other = sorted(set(services.library.clinics) - {"demo"})[0]
    await everything(services, "brontosaurus")
    await everything(services, "stegosaurus", clinic=other)
    days = {"demo": retention.Terms(10, 30), other: retention.Terms(400, 800)}
    services.retention._terms = lambda: days
    time.pass_(days=11)
    await services.retention.run()
    assert (holds(services, "stegosaurus"), {row["clinic"] for row in rows(services.settings, "purges")}) == (
        True,
        {"demo"},
    )


async def test_a_clinic_that_is_not_served_any_more_is_purged_all_the_same(
    services: Services, time: Time
) -> None:
    await everything(services, "brontosaurus")
    services.retention._terms = dict
    time.pass_(days=retention.REQUEST_DAYS + 1)
    await services.retention.run()
    assert not holds(services, "brontosaurus")


async def test_of_a_conversation_that_goes_on_the_old_part_goes(services: Services, time: Time) -> None:
    patient = Patient(services, "brontosaurus")
    await patient.texts()
    await patient.says("first")
    time.pass_(days=TEXT_DAYS - 1)
    patient.word = "stegosaurus"
    await patient.says("second")
    time.pass_(days=2)
    await services.retention.purge("demo", BY)
    log = rows(services.settings, "messages", "position")
    assert [row["redacted"] for row in log] == [None, None, "second stegosaurus", "You said stegosaurus"]
    assert [row["words"] for row in rows(services.settings, "searchable")] == ["second stegosaurus"]
    assert not holds(services, "brontosaurus")
    state = rows(services.settings, "conversations")[0]["state_sealed"]
    assert b"stegosaurus" in services.seal.open(state)


async def test_requests_lose_their_details_after_their_own_time(services: Services, time: Time) -> None:
    patient = await everything(services, "brontosaurus")
    time.pass_(days=REQUEST_DAYS - 1)
    await services.retention.run()
    assert (await services.requests.show(patient.references[0])).request.details.first_name == "brontosaurus"
    time.pass_(days=2)
    await services.retention.run()
    kept = await services.requests.show(patient.references[0])
    assert (kept.request.details.first_name, kept.request.details.contact) == ("", "")
    (row,) = rows(services.settings, "requests")
    assert (row["kind"], row["consent_at"] is None, row["erased_at"] is None) == ("visit", False, False)


async def test_texts_that_are_done_and_the_number_go_and_a_stop_stays(services: Services, time: Time) -> None:
    patient = Patient(services, "brontosaurus")
    thread = await patient.texts()
    await patient.says("first")
    await patient.is_texted(thread)
    await patient.says_stop(thread)
    sealed = [
        row["payload_sealed"] for row in rows(services.settings, "outbox") + rows(services.settings, "inbox")
    ]
    sealed += [row["number_sealed"] for row in rows(services.settings, "threads")]
    time.pass_(days=TEXT_DAYS + 1)
    removed = await services.retention.purge("demo", BY)
    assert (removed["outgoing"], removed["incoming"], removed["numbers"]) == (1, 1, 1)
    assert [one in raw(services.settings) for one in sealed] == [False] * 3
    (row,) = rows(services.settings, "threads")
    assert (row["id"], row["opted_out_at"] is None, len(rows(services.settings, "consent_changes"))) == (
        thread,
        False,
        1,
    )
    assert await rotate(services.engine, services.seal) > 0
    assert NUMBER not in str(rows(services.settings, "audit"))


async def test_what_still_waits_to_be_sent_is_left_alone(services: Services, time: Time) -> None:
    patient = Patient(services, "brontosaurus")
    thread = await patient.texts()
    await patient.is_texted(thread, sent=False)
    time.pass_(days=TEXT_DAYS + 1)
    assert (await services.retention.purge("demo", BY))["outgoing"] == 0


async def test_audit_rows_outlive_the_years_and_no_longer(services: Services, time: Time) -> None:
    await services.audit.record(Entry("a", "conversation/view", clinic="demo"))
    time.pass_(days=6 * 365.25)
    await services.audit.record(Entry("a", "conversation/view", clinic="demo"))
    await services.retention.run()
    assert len(audited(services, "conversation/view")) == 2
    time.pass_(days=20)
    await services.retention.run()
    assert len(audited(services, "conversation/view")) == 1
    assert (await services.audit.verify()).broken is None
    assert [row["what"] for row in rows(services.settings, "purges")] == ["audit"]


@pytest.mark.parametrize("years", ["5", "0", "-6", "six"])
def test_the_audit_log_is_kept_six_years_at_least(years: str) -> None:
    with pytest.raises(NeedlewiseError, match="NEEDLEWISE_AUDIT_YEARS"):
        read_settings({"NEEDLEWISE_AUDIT_YEARS": years})


async def test_while_another_program_reads_the_run_stays_open_and_the_next_one_ends_it(
    services: Services, time: Time
) -> None:
    await everything(services, "brontosaurus")
    time.pass_(days=TEXT_DAYS + 1)
    with closing(sqlite3.connect(database(services.settings))) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM messages").fetchall()
        await services.retention.purge("demo", BY)
        (run,) = await services.retention.last(["demo"])
        assert run.ended_at is None
        reader.execute("ROLLBACK")
    time.pass_(hours=1)
    assert await services.retention.run() != {}  # the report, which concerns no one clinic
    assert not holds(services, "brontosaurus")
    assert {one.ended_at for one in await services.retention.last(["demo"])} == {time.at}


async def test_two_purges_do_not_run_at_once(services: Services) -> None:
    async with services.locks.held("purge"):
        assert await services.retention.run() == {}
        with pytest.raises(NeedlewiseError, match="under way"):
            await services.retention.purge("demo", BY)


async def test_it_stops_between_batches_when_it_is_told_to(
    services: Services, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    for _ in range(3):
        await Patient(services, "x").arrives()
    time.pass_(days=TEXT_DAYS + 1)
    stopping = asyncio.Event()
    erase = retention.words.whole

    async def once(*args: Any) -> Any:
        stopping.set()
        return await erase(*args)

    monkeypatch.setattr(retention.words, "whole", once)
    assert (await services.retention.purge("demo", BY, stopping))["conversations"] == 1
    assert [run.ended_at for run in await services.retention.last(["demo"])] == [None]
    assert (await services.retention.purge("demo", BY))["conversations"] == 2
    (run,) = await services.retention.last(["demo"])
    assert (run.removed["conversations"], run.ended_at) == (3, time.at)


async def test_who_writes_on_meanwhile_keeps_everything(
    services: Services, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = await everything(services, "brontosaurus")
    time.pass_(days=TEXT_DAYS + 1)
    keys = retention.Retention._keys

    async def late(self: Any, kind: Any) -> Any:
        found = await keys(self, kind)
        if kind.name == "conversations" and found:
            async with services.engine.begin() as connection:
                await connection.execute(
                    update(conversations)
                    .where(conversations.c.id == patient.conversation)
                    .values(last_at=time.at)
                )
        return found

    monkeypatch.setattr(retention.Retention, "_keys", late)
    removed = await services.retention.purge("demo", BY)
    assert (
        removed["conversations"],
        rows(services.settings, "conversations")[0]["state_sealed"] is None,
    ) == (0, False)


def test_a_crash_in_the_middle_leaves_whole_batches_and_the_next_run_goes_on(
    root: Path, settings: Settings, services: Services, time: Time, tmp_path: Path
) -> None:
    """Killed for real: after some batches the process stalls inside the next one's transaction."""

    async def fill() -> None:
        for _ in range(4):
            await everything(services, "brontosaurus")
        await services.engine.dispose()
        await services.reading.dispose()

    asyncio.run(fill())
    with closing(sqlite3.connect(database(settings))) as connection:
        connection.execute(
            "CREATE VIEW endless AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
        )
        connection.execute(
            "CREATE TRIGGER stall BEFORE UPDATE OF erased_at ON conversations"
            " WHEN (SELECT count(*) FROM conversations WHERE erased_at IS NOT NULL) = 2"
            " BEGIN SELECT max(i) FROM endless; END"
        )
        connection.commit()
    environ = {
        "NEEDLEWISE_VAR": str(settings.var),
        "NEEDLEWISE_DATABASE_URL": settings.database_url,
    }
    code = (
        "from needlewise.privacy import retention; retention.BATCH = 1\n"
        "from needlewise import clock; from datetime import datetime, UTC\n"
        "clock.now = lambda: datetime(2027, 11, 23, tzinfo=UTC)\n"
        "import sys; sys.argv = ['needlewise', 'purge', '--clinic', 'demo']\n"
        "from needlewise.cli import main; main()"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=root, env=plain_environ() | environ)
    try:
        wait_until(
            lambda: len([row for row in rows(settings, "conversations") if row["erased_at"]]) == 2,
            seconds=120,
            otherwise="the purge did not begin",
        )
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=30)

    with closing(sqlite3.connect(database(settings))) as connection:
        connection.execute("DROP TRIGGER stall")
        connection.commit()
    emptied = {row["id"] for row in rows(settings, "conversations") if row["erased_at"]}
    left = {row["conversation"] for row in rows(settings, "messages") if row["body_sealed"]}
    assert (len(emptied), len(left), emptied & left) == (2, 2, set())
    (run,) = rows(settings, "purges")
    assert (run["ended_at"], '"conversations": 2' in run["removed"]) == (None, True)
    assert len(audited(services)) == 2

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env=plain_environ() | environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "2 conversations" in done.stdout
    (run,) = rows(settings, "purges")
    assert (run["ended_at"] is None, '"conversations": 4' in run["removed"]) == (False, True)


async def test_postgresql_keeps_no_row_with_the_words(on_postgres: Services, time: Time) -> None:
    services = on_postgres
    patient = await everything(services, "brontosaurus")
    thread = await Patient(services, "stegosaurus").texts()
    await Patient(services, "stegosaurus").is_texted(thread)
    time.pass_(days=REQUEST_DAYS + 1)
    due = await services.retention.due("demo")
    removed = await services.retention.run()
    assert (due["conversations"], due["requests"], removed["messages"]) == (2, 1, 4)
    assert (removed["outgoing"], removed["incoming"], removed["numbers"], removed["reports"]) == (1, 1, 1, 1)
    async with services.engine.connect() as connection:
        found = await connection.execute(text("SELECT count(*) FROM searchable"))
        assert found.scalar() == 0
        dead = await connection.execute(
            text("SELECT count(*) FROM pg_stat_user_tables WHERE relname = 'messages' AND vacuum_count > 0")
        )
        assert dead.scalar() == 1
    (run, *_) = await services.retention.last(["demo"])
    assert run.ended_at == time.at
    assert (await services.audit.verify()).broken is None
    assert (await services.requests.show(patient.references[0])).request.details.first_name == ""
    assert await services.retention.run() == {}
