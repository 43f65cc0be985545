"""Made-up patients talk with the real assistant; nobody takes them for real ones, and they come near no real ones."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from needlewise import clock
from needlewise.conversations.demonstration import demonstration_id, is_demonstration
from needlewise.conversations.state import State
from needlewise.demo import filling, words
from needlewise.demo.patients import DAYS, make_patient
from needlewise.dialogue.turn import Turns
from needlewise.nlu.corpus import read_examples
from needlewise.wiring import Services
from tests.support.stored import rows

NUMBER = 8
NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
ZONE = ZoneInfo("America/New_York")


@pytest.fixture(autouse=True)
def time() -> Iterator[None]:
    with clock.told_by(lambda: NOW):
        yield


class Killed(BaseException):
    """What ends a run in the middle."""


async def fill(
    services: Services, turns: Turns, number: int = NUMBER, *, dies_after: int | None = None
) -> int:
    def told(done: int, of: int) -> None:
        if done == dies_after:
            raise Killed

    return await filling.fill(services, turns, number=number, clinics=["demo"], told=told)


def said(services: Services) -> list[tuple[str, str, str]]:
    """What stands in the log, without what is another each time: conversation, who, and words."""
    found = rows(services.settings, "messages", "conversation, position")
    return [(row["conversation"], row["direction"], row["redacted"]) for row in found]


async def test_a_filled_database_is_marked_redacted_and_spread_over_the_past(
    services: Services, turns: Turns
) -> None:
    assert await fill(services, turns) == NUMBER
    assert await is_demonstration(services.engine)
    stored = rows(services.settings, "conversations")
    assert {row["id"] for row in stored} == {demonstration_id(1, at) for at in range(NUMBER)}
    assert {row["channel"] for row in stored} == {"web", "sms"}
    assert [row for row in stored if not row["heard"]] == []
    assert [row for row in rows(services.settings, "messages") if row["redacted"] is None] == []
    assert rows(services.settings, "outbox") == []
    oldest = min(datetime.fromisoformat(row["started_at"]).replace(tzinfo=UTC) for row in stored)
    newest = max(datetime.fromisoformat(row["last_at"]).replace(tzinfo=UTC) for row in stored)
    assert NOW - timedelta(days=DAYS) <= oldest < newest < NOW + timedelta(hours=2)
    assert (await services.audit.verify()).broken is None


async def test_a_killed_run_goes_on_to_the_same_conversations(services: Services, turns: Turns) -> None:
    with pytest.raises(Killed):
        await fill(services, turns, dies_after=3)
    first = said(services)
    assert await fill(services, turns) == NUMBER - 2
    assert set(first) <= set(said(services))
    assert len({row["id"] for row in rows(services.settings, "conversations")}) == NUMBER
    positions = [(row["conversation"], row["position"]) for row in rows(services.settings, "messages")]
    assert len(positions) == len(set(positions))
    assert await fill(services, turns) == 0


async def test_it_is_refused_in_production(services: Services, turns: Turns) -> None:
    services.settings = replace(services.settings, production=True)
    with pytest.raises(filling.Refused, match="production"):
        await fill(services, turns)
    assert rows(services.settings, "conversations") == []


async def test_it_is_refused_where_a_patient_wrote(services: Services, turns: Turns) -> None:
    await services.log.open("demo", "web", "en", state=State())
    with pytest.raises(filling.Refused, match="not made up"):
        await fill(services, turns)
    assert not await is_demonstration(services.engine)


def test_the_same_seed_makes_the_same_patients() -> None:
    def made(seed: int) -> list[tuple[object, ...]]:
        patients = (make_patient(seed, at, until=NOW, zone=ZONE) for at in range(50))
        return [(one.channel, one.begins_at, one.plot, one.says) for one in patients]

    assert made(1) == made(1)
    assert made(1) != made(2)


def test_patients_write_within_the_ninety_days() -> None:
    times = [make_patient(1, at, until=NOW, zone=ZONE).begins_at for at in range(300)]
    assert NOW - timedelta(days=DAYS) <= min(times)
    assert max(times) < NOW


def test_no_phrase_is_one_that_the_assistant_was_taught(services: Services) -> None:
    lists = (
        *words.QUESTIONS.values(),
        words.UNKNOWN,
        words.URGENT,
        words.CRISIS,
        words.DOCTOR,
        words.WANTS_VISIT,
    )
    ours = {one.casefold().strip("?!. ") for some in lists for one in some}
    taught = {one.text.casefold().strip("?!. ") for one in read_examples(services.settings.root)}
    assert ours & taught == set()
