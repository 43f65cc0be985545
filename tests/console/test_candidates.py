"""The pages on which staff try a candidate, look at its replay, put it live and go back. Nothing is trained."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from needlewise import clock
from needlewise.console.roles import Role
from needlewise.db.audit import Entry
from needlewise.db.tables import conversations, examples, messages
from needlewise.teaching.candidates import Candidate, file_name
from needlewise.teaching.replay import Decision, Figure, Line, Report, Right
from needlewise.teaching.trying import Trier
from needlewise.wiring import Services
from tests.console.conftest import Time
from tests.console.person import AddPerson, Person
from tests.support.stored import rows

BY = Entry("edith", "candidate/test")
COST, HURT = Decision(("cost",)), Decision(("does_it_hurt",))
HOSTILE = "<script>alert(1)</script> how much"


def line(words: str, *, clinic: str = "demo", new: Decision = HURT, right: Right | None = None) -> Line:
    return Line("messages", "", COST, new, right, clinic=clinic, conversation=clinic, message=words)


def report(*lines: Line) -> Report:
    return Report(None, lines, (Figure("corrected", 10, 4, 9),), safety_checked=1234, left_out=3)


@pytest.fixture(autouse=True)
def started(services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The candidates whose process was begun."""
    begun: list[str] = []

    async def start(self: Trier, candidate: Candidate) -> None:
        begun.append(candidate.id)

    monkeypatch.setattr(Trier, "start", start)
    services.candidates._models = tmp_path
    services.candidates._fingerprint = lambda: "of these files"
    return begun


async def accept(services: Services, identity: str = "one") -> None:
    async with services.engine.begin() as connection:
        of = {"id": identity, "clinic": "demo", "intent": "does_it_hurt", "text": "ow", "state": "accepted"}
        await connection.execute(insert(examples).values(**of, created_at=clock.now()))


async def written(services: Services, lines: Iterable[Line]) -> None:
    """What the patients of these lines wrote; the words are the message's id as well."""
    async with services.engine.begin() as connection:
        for position, one in enumerate(lines):
            at = {"clinic": one.clinic, "channel": "web"}
            if not position or one.clinic != "demo":
                talk = {"id": one.clinic, "language": "en", "started_at": clock.now(), "last_at": clock.now()}
                await connection.execute(insert(conversations).values(**at, **talk))
            said = {
                "id": one.message,
                "conversation": one.clinic,
                "position": position,
                "redacted": one.message,
            }
            await connection.execute(insert(messages).values(**at, **said, direction="in", at=clock.now()))


async def ready(services: Services, *lines: Line, example: str = "one") -> str:
    await accept(services, example)
    await written(services, lines)
    candidate = (await services.candidates.begin(BY)).id
    (services.candidates._models / file_name(candidate)).write_bytes(b"a model")
    await services.candidates.trained(candidate, file_name(candidate), "of these files")
    assert await services.candidates.ready(candidate, report(*lines))
    return candidate


@pytest.fixture
async def edith(person: AddPerson) -> Person:
    return await person("edith", Role.EDITOR)


async def test_with_new_examples_a_candidate_can_be_trained(
    edith: Person, services: Services, started: list[str]
) -> None:
    await edith.browser.get("/staff/teach/candidates")
    assert "knows every accepted example" in edith.browser.page
    await accept(services)
    await edith.browser.get("/staff/teach/candidates")
    assert "1</b> accepted example is new" in edith.browser.page
    response = await edith.browser.post("/staff/teach/candidates")
    assert (response.status_code, response.headers["location"]) == (303, "/staff/teach/candidates")
    (row,) = rows(services.settings, "candidates")
    assert started == [row["id"]]
    newest = rows(services.settings, "audit", "seq")[-1]
    assert (newest["action"], newest["subject"], newest["actor"]) == (
        "candidate/try",
        row["id"],
        edith.account.id,
    )


async def test_a_second_one_is_not_begun_and_the_page_says_why(
    edith: Person, services: Services, started: list[str]
) -> None:
    await accept(services)
    await edith.browser.form("/staff/teach/candidates", {})
    response = await edith.browser.form("/staff/teach/candidates", {})
    assert (response.status_code, len(started)) == (422, 1)
    assert "Another candidate is being tried" in edith.browser.page


async def test_the_page_asks_by_itself_how_far_it_is_until_it_is_done(
    edith: Person, services: Services
) -> None:
    await accept(services)
    candidate = (await services.candidates.begin(BY)).id
    await services.candidates.beat(candidate, "replaying", 0.7)
    await edith.browser.get("/staff/teach/candidates/progress", **{"HX-Request": "true"})
    assert "<html" not in edith.browser.page
    for part in ("Replaying messages", 'value="70"', 'hx-trigger="every 2s"', "data-background"):
        assert part in edith.browser.page
    await services.candidates.failed(candidate, "Training failed.")
    await edith.browser.get("/staff/teach/candidates/progress", **{"HX-Request": "true"})
    assert "every 2s" not in edith.browser.page
    assert "Training failed." in edith.browser.page


async def test_one_that_is_being_tried_is_cancelled(edith: Person, services: Services) -> None:
    await accept(services)
    candidate = (await services.candidates.begin(BY)).id
    await edith.browser.form("/staff/teach/candidates", {}, to=f"/staff/teach/candidates/{candidate}/cancel")
    assert rows(services.settings, "candidates")[0]["state"] == "stopped"


async def test_the_replay_stands_side_by_side_with_its_counts(edith: Person, services: Services) -> None:
    candidate = await ready(
        services,
        line("good", right=Right(("does_it_hurt",))),
        line("bad", right=Right(("cost",))),
        line("other"),
        line("same", new=COST),
    )
    await edith.browser.get(f"/staff/teach/candidates/{candidate}")
    page = edith.browser.page
    for words in ("<b>1</b> better", "<b>1</b> worse", "<b>1</b> changed", "<b>1</b> the same"):
        assert words in page
    for words in ("40.0\xa0%", "90.0\xa0%", "+5", "1,234 safety decisions are the same"):
        assert words in page
    known = services.library.answers
    assert known["cost"].en.title in page
    assert known["does_it_hurt"].en.title in page


@pytest.mark.parametrize(
    ("show", "expected"),
    [
        ("", {"good", "bad", "other"}),
        ("better", {"good"}),
        ("worse", {"bad"}),
        ("changed", {"other"}),
        ("same", {"same"}),
        ("all", {"good", "bad", "other", "same"}),
        ("nonsense", {"good", "bad", "other"}),
    ],
)
async def test_the_replay_is_filtered(
    edith: Person, services: Services, show: str, expected: set[str]
) -> None:
    candidate = await ready(
        services,
        line("good", right=Right(("does_it_hurt",))),
        line("bad", right=Right(("cost",))),
        line("other"),
        line("same", new=COST),
    )
    await edith.browser.get(f"/staff/teach/candidates/{candidate}?show={show}")
    shown = {words for words in ("good", "bad", "other", "same") if f"<q>{words}</q>" in edith.browser.page}
    assert shown == expected


async def test_words_of_another_clinics_patients_are_counted_and_not_shown(
    edith: Person, services: Services
) -> None:
    candidate = await ready(services, line("ours"), line("theirs", clinic="elsewhere"))
    await edith.browser.get(f"/staff/teach/candidates/{candidate}?show=all")
    assert "ours" in edith.browser.page
    assert "theirs" not in edith.browser.page
    assert "At other clinics: 1 of 1 change" in edith.browser.page


async def test_a_patients_words_stay_words(edith: Person, services: Services) -> None:
    candidate = await ready(services, line(HOSTILE))
    response = await edith.browser.get(f"/staff/teach/candidates/{candidate}")
    assert "<script>alert" not in response.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; how much" in response.text


async def test_words_that_were_erased_are_gone_from_the_replay_too(edith: Person, services: Services) -> None:
    candidate = await ready(services, line("ours"))
    async with services.engine.begin() as connection:
        await connection.execute(update(messages).values(redacted=None))
    await edith.browser.get(f"/staff/teach/candidates/{candidate}")
    assert "<q>[erased]</q>" in edith.browser.page
    assert "ours" not in edith.browser.page


async def test_only_who_reads_conversations_is_led_to_them(
    edith: Person, person: AddPerson, services: Services
) -> None:
    candidate = await ready(services, line("ours"))
    reads = await person("rita", Role.EDITOR, Role.READER)
    for somebody, expected in ((edith, False), (reads, True)):
        await somebody.browser.get(f"/staff/teach/candidates/{candidate}")
        assert ('href="/staff/conversation/demo"' in somebody.browser.page) is expected


async def test_a_ready_one_is_put_live_and_taken_back(edith: Person, services: Services) -> None:
    candidate = await ready(services, line("ours"))
    page = f"/staff/teach/candidates/{candidate}"
    response = await edith.browser.form(page, {}, to=f"{page}/publish")
    assert response.headers["location"] == "/staff/teach/candidates?done=published"
    assert (await services.candidates.live()).candidate == candidate
    await edith.browser.get(response.headers["location"])
    assert "It is live." in edith.browser.page
    assert "Go back to the model of the files" in edith.browser.page
    await edith.browser.post("/staff/teach/candidates/back")
    assert (await services.candidates.live()).candidate is None
    actions = [(row["action"], row["outcome"]) for row in rows(services.settings, "audit", "seq")]
    assert actions[-2:] != actions[-1:] * 2
    assert {("candidate/publish", "success"), ("candidate/back", "success")} <= set(actions)


async def test_what_cannot_be_put_live_says_why_and_is_noted(edith: Person, services: Services) -> None:
    candidate = await ready(services, line("ours"))
    (services.candidates._models / file_name(candidate)).unlink()
    page = f"/staff/teach/candidates/{candidate}"
    response = await edith.browser.form(page, {}, to=f"{page}/publish")
    assert response.status_code == 422
    assert "Its model file is gone." in edith.browser.page
    newest = rows(services.settings, "audit", "seq")[-1]
    assert (newest["action"], newest["outcome"]) == ("candidate/publish", "failure")


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.EDITOR])
async def test_nobody_but_an_editor_puts_a_model_live(
    person: AddPerson, services: Services, role: Role
) -> None:
    candidate = await ready(services, line("ours"))
    somebody = await person("somebody", role)
    await somebody.browser.get("/staff")
    for path in (f"/{candidate}/publish", "/back", ""):
        assert (await somebody.browser.post(f"/staff/teach/candidates{path}")).status_code == 403
    assert (await services.candidates.live()).at is None


async def test_a_live_one_that_this_installation_cannot_use_is_told_of(
    edith: Person, services: Services, time: Time
) -> None:
    candidate = await ready(services, line("ours"))
    await services.candidates.publish(candidate, BY)
    await services.candidates.could_not_load(
        candidate, "It is not in use: its model file is not on this machine."
    )
    await edith.browser.get("/staff/teach/candidates")
    assert "its model file is not on this machine" in edith.browser.page
