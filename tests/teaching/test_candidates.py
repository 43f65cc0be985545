"""The life of a candidate: tried, cancelled, cut off, put live, taken back. No model is trained here."""

import asyncio
import subprocess
import sys
from datetime import timedelta

import pytest

from needlewise.errors import NeedlewiseError
from needlewise.teaching.candidates import CUT_OFF, STALE, Candidates, file_name
from needlewise.wiring import Services
from tests.support.service import plain_environ
from tests.support.stored import rows
from tests.teaching.deployment import BY, REPORT, Time, accept, candidates, ready, services, settings, time

__all__ = ["candidates", "services", "settings", "time"]


async def state(candidates: Candidates, candidate: str) -> str:
    found = await candidates.get(candidate)
    assert found is not None
    return found.state


def example_states(services: Services) -> dict[str, str]:
    return {row["id"]: row["state"] for row in rows(services.settings, "examples")}


def audited(services: Services) -> list[tuple[str, str]]:
    return [(row["action"], row["subject"]) for row in rows(services.settings, "audit", "seq")]


async def test_without_a_new_example_there_is_nothing_to_try(candidates: Candidates) -> None:
    with pytest.raises(NeedlewiseError, match="nothing new to teach"):
        await candidates.begin(BY)


async def test_a_candidate_is_begun_with_every_accepted_example(
    services: Services, candidates: Candidates
) -> None:
    await accept(services, "one", "two")
    begun = await candidates.begin(BY)
    assert await candidates.get(begun.id) == begun
    assert (begun.state, begun.stage, set(begun.examples)) == ("training", "preparing", {"one", "two"})
    assert audited(services) == [("candidate/test", begun.id)]


async def test_one_is_tried_at_a_time(services: Services, candidates: Candidates) -> None:
    await accept(services, "one")
    await candidates.begin(BY)
    with pytest.raises(NeedlewiseError, match="Another candidate is being tried"):
        await candidates.begin(BY)


async def test_a_candidate_without_a_sign_of_life_was_cut_off_and_the_next_begins(
    services: Services, candidates: Candidates, time: Time
) -> None:
    await accept(services, "one")
    first = await candidates.begin(BY)
    time.pass_(STALE)
    assert await candidates.beat(first.id, "replaying", 0.7)
    time.pass_(STALE + timedelta(seconds=1))
    found = await candidates.get(first.id)
    assert found is not None
    assert (found.state, found.error) == ("stopped", CUT_OFF)
    second = await candidates.begin(BY)
    assert [row["state"] for row in rows(services.settings, "candidates")] == ["stopped", "training"]
    assert not await candidates.beat(first.id, "replaying", 0.8)
    assert await candidates.beat(second.id, "training", 0.1)


async def test_a_candidate_that_is_worked_on_is_not_cut_off_however_long_it_is_silent(
    services: Services, candidates: Candidates, time: Time
) -> None:
    await accept(services, "one")
    begun = await candidates.begin(BY)
    async with candidates.worked_on(begun.id):
        time.pass_(STALE * 10)
        assert await state(candidates, begun.id) == "training"
        with pytest.raises(NeedlewiseError, match="Another candidate is being tried"):
            await candidates.begin(BY)
    assert await state(candidates, begun.id) == "stopped"


async def test_what_is_cancelled_goes_no_further(services: Services, candidates: Candidates) -> None:
    await accept(services, "one")
    begun = await candidates.begin(BY)
    await candidates.cancel(begun.id, BY)
    assert await state(candidates, begun.id) == "stopped"
    assert not await candidates.beat(begun.id, "training", 0.5)
    assert not await candidates.ready(begun.id, REPORT)
    assert not await candidates.failed(begun.id, "too late")
    with pytest.raises(NeedlewiseError, match="not being tried"):
        await candidates.cancel(begun.id, BY)


async def test_a_report_is_stored_encrypted_and_read_back(services: Services, candidates: Candidates) -> None:
    candidate = await ready(services, "one")
    assert await candidates.report(candidate) == REPORT
    assert b"insurance" not in rows(services.settings, "candidates")[0]["report_sealed"]


@pytest.mark.parametrize("how", ["training", "cancelled", "failed", "live", "unknown"])
async def test_only_what_is_ready_is_put_live(services: Services, candidates: Candidates, how: str) -> None:
    candidate = await ready(services, "one") if how == "live" else "0" * 32
    if how == "live":
        await candidates.publish(candidate, BY)
    elif how != "unknown":
        await accept(services, "one")
        candidate = (await candidates.begin(BY)).id
    if how == "cancelled":
        await candidates.cancel(candidate, BY)
    if how == "failed":
        await candidates.failed(candidate, "no")
    before = await candidates.live()
    with pytest.raises(NeedlewiseError):
        await candidates.publish(candidate, BY)
    assert await candidates.live() == before


async def test_what_is_put_live_takes_the_place_of_the_one_before(
    services: Services, candidates: Candidates
) -> None:
    first = await ready(services, "one")
    await candidates.publish(first, BY)
    second = await ready(services, "two")
    assert await candidates.untaught() == 1
    await candidates.publish(second, BY)
    live = await candidates.live()
    assert (live.candidate, live.previous, live.by) == (second, first, "edith")
    assert [await state(candidates, one) for one in (first, second)] == ["retired", "live"]
    assert example_states(services) == {"one": "published", "two": "published"}
    assert await candidates.untaught() == 0


async def test_going_back_returns_to_the_model_before_and_to_its_examples(
    services: Services, candidates: Candidates
) -> None:
    first = await ready(services, "one")
    await candidates.publish(first, BY)
    second = await ready(services, "two")
    await candidates.publish(second, BY)
    await candidates.go_back(BY)
    assert (await candidates.live()).candidate == first
    assert [await state(candidates, one) for one in (first, second)] == ["live", "retired"]
    assert example_states(services) == {"one": "published", "two": "accepted"}
    await candidates.go_back(BY)
    assert (await candidates.live()).candidate == second
    assert example_states(services) == {"one": "published", "two": "published"}


async def test_going_back_from_the_first_returns_to_the_model_of_the_files(
    services: Services, candidates: Candidates
) -> None:
    with pytest.raises(NeedlewiseError, match="no earlier model"):
        await candidates.go_back(BY)
    first = await ready(services, "one")
    await candidates.publish(first, BY)
    await candidates.go_back(BY)
    live = await candidates.live()
    assert (live.candidate, live.previous) == (None, first)
    assert (await state(candidates, first), example_states(services)) == ("retired", {"one": "accepted"})


@pytest.mark.parametrize(("why", "words"), [("file", "file is gone"), ("base", "older files")])
async def test_a_candidate_that_could_not_be_used_is_not_put_live(
    services: Services, candidates: Candidates, why: str, words: str
) -> None:
    candidate = await ready(services, "one")
    if why == "file":
        (services.settings.models / file_name(candidate)).unlink()
    else:
        candidates._fingerprint = lambda: "of newer files"
    with pytest.raises(NeedlewiseError, match=words):
        await candidates.publish(candidate, BY)
    assert (await candidates.live()).at is None


async def test_a_process_that_dies_while_it_publishes_has_changed_nothing(
    services: Services, candidates: Candidates
) -> None:
    candidate = await ready(services, "one")
    await services.engine.dispose()
    dies = (
        "import asyncio, os, sys\n"
        "from needlewise.db.audit import AuditLog, Entry\n"
        "from needlewise.settings import read_settings\n"
        "from needlewise.wiring import Services\n"
        "services = Services(read_settings())\n"
        "services.candidates._fingerprint = lambda: 'of these files'\n"
        "AuditLog.record = lambda *_: os._exit(9)\n"
        "asyncio.run(services.candidates.publish(sys.argv[1], Entry('edith', 'candidate/publish')))\n"
    )
    settings = services.settings
    environ = {"NEEDLEWISE_VAR": str(settings.var), "NEEDLEWISE_DATABASE_URL": settings.database_url}
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", dies, candidate],
        env=plain_environ() | environ,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 9, done.stderr
    assert (await candidates.live()).at is None
    assert (await state(candidates, candidate), example_states(services)) == ("ready", {"one": "accepted"})
    await candidates.publish(candidate, BY)
    assert (await candidates.live()).candidate == candidate


async def test_old_model_files_go_and_those_that_may_be_needed_stay(
    services: Services, candidates: Candidates
) -> None:
    made = []
    for number in range(6):
        made.append(await ready(services, f"example {number}"))
        if number < 3:
            await candidates.publish(made[-1], BY)
    base = services.settings.models / "0123456789abcdef.tar.gz"
    base.write_bytes(b"of the files")
    await candidates.clean_up()
    kept = {path.name for path in services.settings.models.iterdir()}
    assert kept == {base.name, *(file_name(one) for one in made[1:])}


async def test_a_trial_that_is_killed_while_it_trains_says_so_and_the_next_one_begins(
    services: Services, candidates: Candidates
) -> None:
    await accept(services, "one")
    begun = await candidates.begin(BY)
    await services.trier.start(begun)
    async with asyncio.timeout(300):
        while (found := await candidates.get(begun.id)) and found.stage != "training":
            await asyncio.sleep(0.1)
    assert services.trier._process is not None
    services.trier._process.kill()
    await services.trier.ended()
    found = await candidates.get(begun.id)
    assert found is not None
    assert (found.state, found.error) == ("stopped", CUT_OFF)
    assert not (services.settings.var / "candidates" / begun.id).exists()
    assert list(services.settings.models.iterdir()) == []
    assert await state(candidates, (await candidates.begin(BY)).id) == "training"


async def test_a_service_that_ends_takes_the_trial_with_it(
    services: Services, candidates: Candidates
) -> None:
    await accept(services, "one")
    begun = await candidates.begin(BY)
    await services.trier.start(begun)
    await services.trier.close()
    assert await state(candidates, begun.id) == "stopped"


async def test_a_trial_that_cannot_be_done_says_why(services: Services, candidates: Candidates) -> None:
    await accept(services, "one")
    begun = await candidates.begin(BY)
    await candidates.cancel(begun.id, BY)
    await services.trier.start(begun)
    await services.trier.ended()
    found = await candidates.get(begun.id)
    assert found is not None
    assert (found.state, found.error) == ("stopped", "Somebody cancelled it.")
    assert not (services.settings.var / "candidates" / begun.id).exists()
