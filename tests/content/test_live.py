"""What staff change stands over the files: in every process within seconds, and never at the cost of the service."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec import structs
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from needlewise import clock
from needlewise.content.files import from_yaml, to_yaml
from needlewise.content.library import Library, Parts, load_library
from needlewise.content.live import POLL_SECONDS, LiveContent
from needlewise.content.model import Answer, Clinic, Hours, Notice, Text
from needlewise.content.profile import Profile, profile_of, with_profile
from needlewise.content.render import Place, Renderer
from needlewise.content.revisions import Conflict, Revisions
from needlewise.db.audit import AuditLog, Entry
from needlewise.db.engine import migrate, open_engine, open_reading
from needlewise.db.news import News
from needlewise.db.sealing import load_seal
from needlewise.db.tables import audit, content_state, content_versions
from tests.support.postgres import Postgres

TOPIC = "does_it_hurt"
BY = Entry("maria", "content/edit")


class Process:
    """One of several over the same database and the same files."""

    def __init__(self, address: str, shipped: Library, var: Path) -> None:
        self.library = replace(shipped)
        self.renderer = Renderer(self.library)
        self.engine = open_engine(address)
        self.reading = open_reading(address)
        self.news = News(address)
        self.live = LiveContent(self.reading, self.library, self.news)
        log = AuditLog(self.engine, load_seal(None, (), var))
        self.revisions = Revisions(self.engine, self.reading, log, self.live, self.news)

    def told(self, clinic: str = "demo", topic: str = TOPIC, **more: str) -> str:
        """What a patient reads."""
        return self.renderer.answer(topic, Place(self.library.clinic(clinic), **more)).text

    async def say(self, words: str, clinic: str = "", *, based_on: int = 0, topic: str = TOPIC) -> int:
        """Save other words for the short answer on the website."""
        answer = self.library.answer(topic, clinic) if clinic else self.library.answers[topic]
        body = to_yaml(structs.replace(answer, en=structs.replace(answer.en, web=words)))
        return await self.revisions.save(
            "answer", topic, clinic, body, based_on=based_on, note="plainer", entry=BY
        )

    async def close(self) -> None:
        await self.reading.dispose()
        await self.engine.dispose()


@pytest.fixture(scope="session")
def shipped(root: Path) -> Library:
    return load_library(root / "content")


@pytest.fixture
def address(tmp_path: Path) -> str:
    """A new SQLite database."""
    address = f"sqlite:///{tmp_path / 'live.db'}"
    migrate(address)
    return address


@pytest.fixture
def cluster(postgres: Postgres) -> str:
    """A new PostgreSQL database."""
    address = postgres.new_database()
    migrate(address)
    return address


@pytest_asyncio.fixture
async def start(tmp_path: Path, shipped: Library, address: str) -> AsyncIterator[Callable[..., Process]]:
    """Starts processes over one database."""
    started: list[Process] = []

    def start(at: str = address) -> Process:
        started.append(Process(at, shipped, tmp_path))
        return started[-1]

    yield start
    for one in started:
        await one.close()


Start = Callable[..., Process]


async def test_without_changes_the_files_stand(start: Start, shipped: Library) -> None:
    here = start()
    assert await here.live.refresh() is False
    assert (here.library.answers, here.library.number) == (shipped.answers, 0)


async def test_a_saved_answer_is_what_patients_read_and_the_log_names_its_version(start: Start) -> None:
    here = start()
    assert await here.say("It may hurt a bit.") == 2
    shown = here.renderer.answer(TOPIC, Place(here.library.clinic("demo")))
    assert (shown.text, shown.answers[0].version) == ("It may hurt a bit.", 2)


async def test_another_process_reads_it_when_it_looks_next(start: Start) -> None:
    here, there = start(), start()
    before = there.told()
    await here.say("It may hurt a bit.")
    assert there.told() == before
    assert await there.live.refresh() is True
    assert there.told() == "It may hurt a bit."
    assert await there.live.refresh() is False


def test_a_process_looks_often_enough_for_five_seconds() -> None:
    assert POLL_SECONDS <= 4


async def test_following_reads_what_changed_and_ends_when_told(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = start(), start()
    stopping = asyncio.Event()
    waited: list[float] = []

    async def pass_time(event: asyncio.Event, *, within: float) -> bool:
        waited.append(within)
        if len(waited) == 1:
            await here.say("It may hurt a bit.")
        else:
            stopping.set()
        return False

    monkeypatch.setattr(clock, "is_set", pass_time)
    await there.live.follow(stopping)
    assert (there.told(), waited) == ("It may hurt a bit.", [POLL_SECONDS, POLL_SECONDS])


async def test_a_database_that_is_away_leaves_the_content_as_it_is(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = start()
    stopping = asyncio.Event()
    before = here.told()

    async def gone() -> bool:
        stopping.set()
        raise OSError

    monkeypatch.setattr(here.live, "refresh", gone)
    here.live.wake()
    await here.live.follow(stopping)
    assert here.told() == before


async def test_a_message_that_is_rendered_during_a_change_is_wholly_old_or_wholly_new(start: Start) -> None:
    """The words and the version in the log belong together, whatever thread renders them."""
    here = start()
    old, place = replace(here.library), Place(here.library.clinic("demo"))
    answer = old.answers[TOPIC]
    changed = structs.replace(answer, version=2, en=structs.replace(answer.en, web="It may hurt a bit."))
    new = replace(old, answers={**old.answers, TOPIC: changed}, number=1)
    seen: set[tuple[str, int]] = set()
    done = threading.Event()

    def render() -> None:
        while not done.is_set():
            shown = here.renderer.answer(TOPIC, place)
            seen.add((shown.text, shown.answers[0].version))

    with ThreadPoolExecutor(1) as thread:
        rendering = thread.submit(render)
        while len(seen) < 2:
            here.library.become(new)
            here.library.become(old)
        for _ in range(2000):
            here.library.become(new)
            here.library.become(old)
        done.set()
        rendering.result()
    assert {version for _, version in seen} == {1, 2}
    assert {text for text, version in seen if version == 2} == {"It may hurt a bit."}
    assert len(seen) == 2


async def test_who_kept_the_library_sees_the_change(start: Start) -> None:
    here = start()
    library, renderer, parts = here.library, here.renderer, Parts(here.library)
    assert "more" in parts[TOPIC]
    answer = library.answers[TOPIC]
    short = structs.replace(answer, en=structs.replace(answer.en, more=None))
    await here.revisions.save("answer", TOPIC, "", to_yaml(short), based_on=0, note="", entry=BY)
    assert "more" not in parts[TOPIC]
    choices = renderer.answer(TOPIC, Place(library.clinic("demo"))).choices
    assert "more" not in [choice.leads_to.get("follow_up") for choice in choices]


async def test_a_clinics_own_words_are_told_at_that_clinic_alone(start: Start) -> None:
    here = start()
    everywhere = here.told("forever-fit")
    number = await here.say("Here it may hurt a bit.", "demo")
    assert (here.told("demo"), here.told("forever-fit")) == ("Here it may hurt a bit.", everywhere)
    # A topic and a number name one text, whoever wrote it.
    assert (number, await here.say("It may hurt.")) == (2, 3)
    assert (here.told("demo"), here.told("forever-fit")) == ("Here it may hurt a bit.", "It may hurt.")


async def test_withdrawing_goes_back_to_what_stood_beneath(start: Start) -> None:
    here = start()
    file = here.told()
    await here.say("It may hurt.")
    await here.say("Here it may hurt a bit.", "demo")
    await here.revisions.withdraw("answer", TOPIC, "demo", based_on=3, entry=BY)
    assert here.told() == "It may hurt."
    await here.revisions.withdraw("answer", TOPIC, "", based_on=2, entry=BY)
    assert here.told() == file
    # A number is never given twice.
    assert await here.say("It can hurt.") == 4


async def test_the_version_before_does_not_come_back_with_a_withdrawal(start: Start) -> None:
    here = start()
    file = here.told()
    await here.say("It may hurt.")
    await here.say("It can hurt.", based_on=2)
    await here.revisions.withdraw("answer", TOPIC, "", based_on=3, entry=BY)
    assert here.told() == file


@pytest.mark.parametrize("based_on", [0, 1, 3])
async def test_who_has_not_seen_the_newest_text_does_not_replace_it(start: Start, based_on: int) -> None:
    here = start()
    await here.say("It may hurt.")
    with pytest.raises(Conflict) as found:
        await here.say("It does not hurt.", based_on=based_on)
    assert (found.value.standing is not None, here.told()) == (True, "It may hurt.")
    async with here.engine.connect() as connection:
        assert len((await connection.execute(select(audit))).all()) == 1


async def test_of_two_who_save_at_once_one_is_told_of_the_other(start: Start) -> None:
    here, there = start(), start()
    done = await asyncio.gather(here.say("Mine."), there.say("Theirs."), return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["Conflict", "int"]


async def test_each_change_is_in_the_audit_log_with_its_note(start: Start) -> None:
    here = start()
    await here.say("It may hurt.")
    await here.revisions.withdraw("answer", TOPIC, "", based_on=2, entry=Entry("maria", "content/withdraw"))
    async with here.engine.connect() as connection:
        rows = (await connection.execute(select(audit).order_by(audit.c.seq))).all()
    assert [(row.action, row.subject, row.reason) for row in rows] == [
        ("content/edit", TOPIC, "plainer"),
        ("content/withdraw", TOPIC, ""),
    ]
    assert "hurt." not in " ".join(row.details for row in rows)


async def put(engine: AsyncEngine, kind: str, key: str, body: str, *, clinic: str = "", n: int = 9) -> None:
    """A row as somebody may write it by hand."""
    async with engine.begin() as connection:
        row = {"kind": kind, "key": key, "clinic": clinic, "language": "en", "version": n, "body": body}
        at = datetime(2026, 11, 24, tzinfo=UTC)
        await connection.execute(
            insert(content_versions).values(id=f"{n}{key}", by="x", at=at, note="", **row)
        )
        if await connection.scalar(select(content_state.c.number)) is None:
            await connection.execute(insert(content_state).values(id=1, number=0))
        await connection.execute(update(content_state).values(number=content_state.c.number + 1))


def answer_with(shipped: Library, **words: object) -> str:
    answer = shipped.answers[TOPIC]
    return to_yaml(structs.replace(answer, en=structs.replace(answer.en, **words)))


MALFORMED = {
    "no YAML": ("answer", TOPIC, "", lambda shipped: "en: [", "not valid YAML"),
    "another shape": ("answer", TOPIC, "", lambda shipped: "topic: does_it_hurt\n", "missing required field"),
    "another topic": ("answer", TOPIC, "", lambda shipped: to_yaml(shipped.answers["cost"]), "the row says"),
    "a topic that is not there": (
        "answer",
        "no_such_topic",
        "",
        lambda shipped: to_yaml(shipped.answers["cost"]),
        "no topic no_such_topic",
    ),
    "a placeholder for nothing": (
        "answer",
        TOPIC,
        "",
        lambda shipped: answer_with(shipped, web="{zzz}"),
        "stands for nothing",
    ),
    "a source that is not there": (
        "answer",
        TOPIC,
        "",
        lambda shipped: to_yaml(structs.replace(shipped.answers[TOPIC], sources=["nowhere"])),
        "no source",
    ),
    "settings of no clinic's shape": ("clinic", "demo", "demo", lambda shipped: "hours: noon\n", "Expected"),
    "a way to book that is not there": (
        "clinic",
        "demo",
        "demo",
        lambda shipped: "booking: {way: pigeon}\n",
        "pigeon",
    ),
    "a number that is none": (
        "clinic",
        "demo",
        "demo",
        lambda shipped: "booking: {way: inbox}\ncontact: {phone: call me}\n",
        "NumberParseException",
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
async def test_a_row_that_cannot_be_used_is_told_of_and_the_files_text_stands(
    start: Start, shipped: Library, case: str
) -> None:
    here = start()
    kind, key, clinic, body, why = MALFORMED[case]
    before = here.told()
    await put(here.engine, kind, key, body(shipped), clinic=clinic)
    await put(here.engine, "answer", "cost", to_yaml(shipped.answers["cost"]), n=5)
    await here.live.refresh()
    assert here.told() == before
    assert [(fault.kind, fault.key, fault.version) for fault in here.live.faults] == [(kind, key, 9)]
    assert why in here.live.faults[0].why
    # What else was changed stands all the same.
    assert here.library.answers["cost"].version == 5


async def test_a_clinic_that_is_not_served_here_is_nobodys_fault(start: Start, shipped: Library) -> None:
    here = start()
    await put(here.engine, "answer", TOPIC, to_yaml(shipped.answers[TOPIC]), clinic="elsewhere")
    await here.live.refresh()
    assert (here.live.faults, here.library.own_answers) == ((), {})


async def save_settings(here: Process, profile: Profile, *, based_on: int = 0) -> int:
    return await here.revisions.save(
        "clinic", "demo", "demo", to_yaml(profile), based_on=based_on, note="", entry=BY
    )


async def test_new_opening_hours_are_said_at_once(start: Start) -> None:
    here, there = start(), start()
    profile = profile_of(here.library.clinic("demo"))
    await save_settings(here, structs.replace(profile, hours=Hours(sun=["10:00-11:30"])))
    await there.live.refresh()
    assert "Sunday: 10 am to 11:30 am" in there.told(topic="hours_contact")
    assert "Monday to Saturday: closed" in there.told(topic="hours_contact")


async def test_what_belongs_to_the_operator_stays_the_files(start: Start, shipped: Library) -> None:
    here = start()
    await save_settings(here, structs.replace(profile_of(shipped.clinic("demo")), text_kept_days=30))
    ours, files = here.library.clinic("demo"), shipped.clinic("demo")
    assert (ours.text_kept_days, ours.origins, ours.texting, ours.timezone) == (
        30,
        files.origins,
        files.texting,
        files.timezone,
    )


async def test_a_notice_is_told_from_its_first_day_to_its_last(start: Start) -> None:
    here = start()
    notice = Notice(
        date(2026, 11, 26), date(2026, 11, 27), Text("We are **closed** for the holiday.", "We are closed.")
    )
    await save_settings(here, structs.replace(profile_of(here.library.clinic("demo")), notices=[notice]))
    # New York is five hours behind.
    told = {
        at: [one.text for one in here.renderer.notices(Place(here.library.clinic("demo"), channel), at)]
        for at, channel in (
            (datetime(2026, 11, 26, 4, 59, tzinfo=UTC), "web"),
            (datetime(2026, 11, 26, 5, 0, tzinfo=UTC), "web"),
            (datetime(2026, 11, 28, 4, 59, tzinfo=UTC), "sms"),
            (datetime(2026, 11, 28, 5, 0, tzinfo=UTC), "sms"),
        )
    }
    assert list(told.values()) == [[], ["We are **closed** for the holiday."], ["We are closed."], []]


def test_every_shipped_text_survives_being_written_and_read(shipped: Library) -> None:
    path = Path("x.yml")
    for answer in shipped.answers.values():
        assert from_yaml(to_yaml(answer), Answer, path) == answer
    for clinic in shipped.clinics.values():
        assert from_yaml(to_yaml(clinic), Clinic, path) == clinic
        profile = profile_of(clinic)
        assert from_yaml(to_yaml(profile), Profile, path) == profile
        assert with_profile(clinic, profile) == clinic


async def heard(condition: Callable[[], bool], wait: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await wait()


async def test_over_postgresql_another_process_hears_of_it(start: Start, cluster: str) -> None:
    here, there = start(cluster), start(cluster)
    stopping = asyncio.Event()
    listening = [asyncio.create_task(one.news.listen(stopping)) for one in (here, there)]
    looked = asyncio.Event()
    await heard(lambda: here.news.listens and there.news.listens, lambda: asyncio.sleep(0.01))
    there.news.hear("content", lambda _: looked.set())
    await here.say("It may hurt a bit.")
    async with asyncio.timeout(5):
        await looked.wait()
    assert await there.live.refresh() is True
    assert there.told() == "It may hurt a bit."
    done = await asyncio.gather(
        here.say("Mine.", based_on=2), there.say("Theirs.", based_on=2), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in done) == ["Conflict", "int"]
    stopping.set()
    for task in listening:
        task.cancel()
    await asyncio.gather(*listening, return_exceptions=True)
