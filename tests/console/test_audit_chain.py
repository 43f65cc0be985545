"""The audit log shows what was done to it: edits, removals, additions and moves are found, and the database refuses most of them."""

import asyncio
import sqlite3
import subprocess
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from needlewise import clock, wiring
from needlewise.db.audit import GENESIS, AuditLog, Entry, Head, Verified, parse_head
from needlewise.db.engine import migrate, open_engine
from needlewise.db.sealing import Seal
from needlewise.errors import NeedlewiseError
from needlewise.settings import Settings
from needlewise.wiring import Services
from tests.console.conftest import Time
from tests.support.postgres import Postgres, postgres  # noqa: F401  (a fixture)
from tests.support.service import run_command
from tests.support.stored import rows

TRIGGERS = ("audit_keeps", "audit_stays", "audit_grows")


@pytest.fixture
def log(services: Services) -> AuditLog:
    return services.audit


async def fill(log: AuditLog, count: int = 5) -> None:
    for n in range(1, count + 1):
        await log.record(Entry("maria", "conversation/view", clinic="demo", subject=f"c{n}", reason="reason"))


def tamper(services: Services, *statements: str, triggers: bool = False) -> None:
    """Write to the file as somebody would who has it, but not the key."""
    with closing(sqlite3.connect(services.settings.database_url.removeprefix("sqlite:///"))) as connection:
        if not triggers:
            for name in TRIGGERS:
                connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


async def test_a_log_that_nobody_touched_is_whole(log: AuditLog, services: Services) -> None:
    assert await log.verify() == Verified(0, Head(0, GENESIS))
    await fill(log)
    found = await log.verify()
    assert (found.rows, found.head.seq, found.broken) == (5, 5, None)


MOVE = (
    "UPDATE audit SET seq = 99 WHERE seq = 2",
    "UPDATE audit SET seq = 2 WHERE seq = 3",
    "UPDATE audit SET seq = 3 WHERE seq = 99",
)
COPY = "INSERT INTO audit SELECT {seq}, at, actor, clinic, action, subject, reason, outcome, details, purged_through, previous, hash FROM audit WHERE seq = 3"


@pytest.mark.parametrize(
    ("statements", "broken"),
    [
        (["UPDATE audit SET actor = 'eve' WHERE seq = 3"], "row 3 was changed"),
        (["UPDATE audit SET at = '2026-11-22 09:00:00.000000' WHERE seq = 3"], "row 3 was changed"),
        (["UPDATE audit SET clinic = '' WHERE seq = 1"], "row 1 was changed"),
        (["UPDATE audit SET action = 'a' WHERE seq = 5"], "row 5 was changed"),
        (["UPDATE audit SET subject = 'c9' WHERE seq = 3"], "row 3 was changed"),
        (["UPDATE audit SET reason = '' WHERE seq = 3"], "row 3 was changed"),
        (["UPDATE audit SET outcome = 'failure' WHERE seq = 3"], "row 3 was changed"),
        (["UPDATE audit SET details = '{\"a\":1}' WHERE seq = 3"], "row 3 was changed"),
        (["UPDATE audit SET purged_through = 2 WHERE seq = 3"], "row 3 was changed"),
        (["UPDATE audit SET previous = hash WHERE seq = 3"], "row 3 was changed"),
        (["UPDATE audit SET hash = previous WHERE seq = 3"], "row 3 was changed"),
        (["DELETE FROM audit WHERE seq = 3"], "row 3 is missing"),
        (["DELETE FROM audit WHERE seq IN (2, 3)"], "rows 2 to 3 are missing"),
        (["DELETE FROM audit WHERE seq = 1"], "row 1 is missing, and no purge says so"),
        (["DELETE FROM audit WHERE seq > 3"], "rows 4 to 5 are missing"),
        (["DELETE FROM audit"], "every row is gone"),
        (["DELETE FROM audit WHERE seq = 5", "UPDATE audit_head SET seq = 4"], "the head of the chain was changed"),
        (["DELETE FROM audit_head"], "the head of the chain is gone"),
        ([COPY.format(seq=6)], "row 6 was changed"),
        ([COPY.format(seq=0)], "row 0 was changed"),
        (["UPDATE audit SET seq = 6 WHERE seq = 5", COPY.format(seq=5)], "row 5 was changed"),
        (MOVE, "row 2 was changed"),
        (["DELETE FROM secrets WHERE name = 'audit'"], "the secret of the chain is gone"),
    ],
)  # fmt: skip
async def test_what_somebody_does_to_the_file_is_found(
    log: AuditLog, services: Services, statements: list[str], broken: str
) -> None:
    await fill(log)
    await services.engine.dispose()
    tamper(services, *statements)
    found = await log.verify()
    assert found.broken is not None
    assert found.broken.startswith(broken)


async def test_a_row_taken_from_another_deployment_does_not_fit(
    log: AuditLog, services: Services, tmp_path: Path
) -> None:
    await fill(log, 3)
    address = f"sqlite:///{tmp_path / 'other.db'}"
    await asyncio.to_thread(migrate, address)
    other = open_engine(address)
    await fill(AuditLog(other, services.seal), 3)
    await other.dispose()
    await services.engine.dispose()
    tamper(
        services,
        f"ATTACH '{tmp_path / 'other.db'}' AS other",
        "DELETE FROM audit WHERE seq = 2",
        "INSERT INTO audit SELECT * FROM other.audit WHERE seq = 2",
    )
    assert (await log.verify()).broken == "row 2 was changed, or was not written by this service"


async def test_a_database_put_back_to_an_earlier_day_is_found_by_a_head_noted_elsewhere(
    log: AuditLog, services: Services, tmp_path: Path
) -> None:
    await fill(log, 2)
    await services.engine.dispose()
    path = Path(services.settings.database_url.removeprefix("sqlite:///"))
    earlier = await asyncio.to_thread(path.read_bytes)
    await fill(log, 2)
    noted = (await log.verify()).head
    assert (await log.verify(noted)).broken is None
    await services.engine.dispose()
    await asyncio.to_thread(path.write_bytes, earlier)
    assert (await log.verify()).broken is None
    assert (await log.verify(noted)).broken == "row 4, which was noted, is missing"
    assert (await log.verify(Head(2, "0" * 64))).broken == "row 2 is not the one that was noted"


@pytest.mark.parametrize("known", ["", "5", "5:abc", f"x:{'0' * 64}", f":{'0' * 64}", f"²:{'0' * 64}"])
def test_a_head_is_read_as_it_was_printed(known: str) -> None:
    with pytest.raises(NeedlewiseError, match="NUMBER:HASH"):
        parse_head(known)
    assert parse_head(f" 12:{'a' * 64}\n") == Head(12, "a" * 64)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'eve' WHERE seq = 3",
        "DELETE FROM audit WHERE seq = 3",
        "DELETE FROM audit",
        COPY.format(seq=3).replace("INSERT", "INSERT OR REPLACE"),
        COPY.format(seq=2).replace("INSERT", "REPLACE"),
        COPY.format(seq=0),
    ],
)
async def test_sqlite_refuses_to_change_or_remove_rows(
    log: AuditLog, services: Services, statement: str
) -> None:
    await fill(log)
    await services.engine.dispose()
    before = rows(services.settings, "audit")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        tamper(services, statement, triggers=True)
    assert rows(services.settings, "audit") == before


async def test_a_row_and_what_it_records_are_written_together_or_not_at_all(
    log: AuditLog, services: Services
) -> None:
    async def fails() -> None:
        async with services.engine.begin() as connection:
            await log.record(Entry("maria", "staff/add"), connection)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fails()
    assert rows(services.settings, "audit") == []
    # Also the chain's secret, which the first row would have made.
    await fill(log, 2)
    assert ((await log.verify()).rows, (await log.verify()).broken) == (2, None)


async def test_rows_written_at_once_stand_in_one_line(log: AuditLog, services: Services) -> None:
    second = Services(services.settings)
    await asyncio.gather(*(fill(one, 5) for one in (log, second.audit) for _ in range(4)))
    found = await log.verify()
    await second.engine.dispose()
    assert (found.rows, found.broken) == (40, None)


async def test_the_chain_goes_on_under_a_new_key(log: AuditLog, services: Services) -> None:
    from dataclasses import replace

    from cryptography.fernet import Fernet

    from needlewise.db.rotation import rotate

    await fill(log, 2)
    old = (services.settings.var / "key").read_text().strip()
    new = Fernet.generate_key().decode()
    await rotate(services.engine, Seal(new, (old,)))
    later = Services(replace(services.settings, key=new))
    await fill(later.audit, 2)
    found = await later.audit.verify()
    await later.engine.dispose()
    assert (found.rows, found.broken) == (4, None)


async def test_a_purge_removes_the_oldest_rows_and_says_so(
    log: AuditLog, services: Services, time: Time
) -> None:
    await fill(log, 3)
    time.pass_(days=10)
    await fill(log, 2)
    removed = await log.purge(clock.now() - timedelta(days=5), actor="service", reason="6 years are over")
    found = await log.verify()
    assert (removed, found.rows, found.broken) == (3, 3, None)
    last = rows(services.settings, "audit")[-1]
    assert (last["action"], last["purged_through"], last["reason"]) == ("audit/purge", 3, "6 years are over")
    assert '"removed": 3' in last["details"]


async def test_purges_follow_each_other_and_may_empty_the_log(log: AuditLog, time: Time) -> None:
    for _ in range(3):
        await fill(log, 3)
        time.pass_(days=10)
        await log.purge(clock.now() - timedelta(days=5), actor="service")
        assert (await log.verify()).broken is None
    assert (await log.verify()).rows == 1
    assert await log.purge(clock.now() - timedelta(days=5), actor="service") == 0


async def test_what_a_purge_did_not_remove_is_missed(log: AuditLog, services: Services, time: Time) -> None:
    await fill(log, 3)
    time.pass_(days=10)
    await fill(log, 3)
    await log.purge(clock.now() - timedelta(days=5), actor="service")
    await services.engine.dispose()
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        tamper(services, "DELETE FROM audit WHERE seq = 4", triggers=True)
    tamper(services, "DELETE FROM audit WHERE seq = 4")
    assert (await log.verify()).broken == "row 4 is missing, and no purge says so"


async def test_long_reasons_are_cut_and_lines_become_one(log: AuditLog, services: Services) -> None:
    await log.record(Entry("maria", "conversation/reveal", reason="a\nb\t" + "x" * 1000))
    reason = rows(services.settings, "audit")[0]["reason"]
    assert (reason[:4], len(reason)) == ("a b ", 300)
    assert (await log.verify()).broken is None


async def test_verifying_is_an_exit_code_and_a_sentence(
    log: AuditLog, services: Services, root: Path
) -> None:
    await fill(log)
    await services.engine.dispose()
    environ = {
        "NEEDLEWISE_VAR": str(services.settings.var),
        "NEEDLEWISE_DATABASE_URL": services.settings.database_url,
    }

    def command(*more: str) -> "subprocess.CompletedProcess[str]":
        return run_command(root, "audit", "verify", *more, **environ)

    whole = await asyncio.to_thread(command)
    assert (whole.returncode, whole.stdout.startswith("The audit log is whole: 5 rows.")) == (0, True)
    head = whole.stdout.split()[-1]
    assert (await asyncio.to_thread(command, "--known", head)).returncode == 0
    tamper(services, "UPDATE audit SET actor = 'eve' WHERE seq = 3")
    broken = await asyncio.to_thread(command)
    assert broken.returncode == 1
    assert "The audit log is broken: row 3 was changed" in broken.stdout


# -- the same in PostgreSQL -------------------------------------------------------------------------------------------


@pytest.fixture
def over_postgres(postgres: Postgres, settings: Settings) -> Services:  # noqa: F811
    from dataclasses import replace

    services = Services(replace(settings, database_url=postgres.new_database()))
    migrate(services.settings.database_url)
    wiring.use(services)
    return services


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'eve' WHERE seq = 3",
        "DELETE FROM audit WHERE seq = 3",
        "TRUNCATE audit",
        COPY.format(seq=0),
    ],
)
async def test_postgresql_refuses_to_change_or_remove_rows(over_postgres: Services, statement: str) -> None:
    await fill(over_postgres.audit)
    with pytest.raises(DBAPIError, match="append-only"):
        async with over_postgres.engine.begin() as connection:
            await connection.execute(text(statement))
    found = await over_postgres.audit.verify()
    await over_postgres.engine.dispose()
    assert (found.rows, found.broken) == (5, None)


async def test_in_postgresql_processes_write_one_line_and_purge_it(
    over_postgres: Services, time: Time
) -> None:
    second = Services(over_postgres.settings)
    await asyncio.gather(*(fill(one.audit, 5) for one in (over_postgres, second) for _ in range(4)))
    assert (await second.audit.verify()).rows == 40
    time.pass_(days=10)
    await fill(second.audit, 2)
    removed = await over_postgres.audit.purge(clock.now() - timedelta(days=5), actor="service")
    found = await over_postgres.audit.verify()
    for one in (over_postgres, second):
        await one.engine.dispose()
    assert (removed, found.rows, found.broken) == (40, 3, None)
