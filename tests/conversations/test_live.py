"""Live help on the web: a person speaks, the assistant is silent but for what safety must say, and afterwards it goes on where it was."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from needlewise import app as application
from needlewise import clock, wiring
from needlewise.conversations import live
from needlewise.conversations.live import OutOfReach, SomebodyElse
from needlewise.conversations.log import ConversationLog
from needlewise.errors import NeedlewiseError
from needlewise.settings import Settings
from tests.support.desk import JOHN, MARIA, Desk
from tests.support.patient import Patient
from tests.support.request import healthy_until_name
from tests.support.stored import messages, rows
from tests.support.talk import words

HERE = "A person will write to you"
BACK = "I am the automated assistant, and I am back"


@dataclass
class Time:
    """What the clock says."""

    at: datetime = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)

    def pass_(self, **how_long: float) -> None:
        self.at += timedelta(**how_long)


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """The clock stands until a test moves it, and nothing looks at it by itself but once at the start."""
    time = Time()
    monkeypatch.setattr(clock, "now", lambda: time.at)
    monkeypatch.setattr(application, "LIVE_HELP_SECONDS", 3600)
    return time


async def history(patient: Patient) -> list[dict[str, Any]]:
    response = await patient.client.get("/chat/v1/messages", headers=patient.headers)
    shown: list[dict[str, Any]] = response.json()["messages"]
    return shown


async def said(patient: Patient) -> list[str]:
    return [message["text"] for message in await history(patient)]


async def live_patient(client: httpx.AsyncClient) -> tuple[Patient, Desk]:
    """A patient who asked something, and the person who has come."""
    patient = await Patient.arrives(client)
    await patient.says("can I talk to somebody")
    desk = Desk(patient.conversation)
    await desk.steps_in()
    return patient, desk


# -- coming and going ---------------------------------------------------------------------------------------------


async def test_the_patient_is_told_that_a_person_has_come_and_that_the_assistant_is_back(
    client: httpx.AsyncClient,
) -> None:
    patient, desk = await live_patient(client)
    assert HERE in (await said(patient))[-1]
    await desk.says("Hello, this is Maria at the front desk.")
    await desk.steps_out()
    shown = await history(patient)
    assert [(one["kind"], one.get("by")) for one in shown[-3:]] == [
        ("notice", None),
        ("handoff", "staff"),
        ("notice", None),
    ]
    assert [one["text"] for one in shown[-2:]] == [
        "Hello, this is Maria at the front desk.",
        words("live.back"),
    ]
    assert await desk.sees() == ""


async def test_afterwards_the_assistant_answers_again(client: httpx.AsyncClient) -> None:
    patient, desk = await live_patient(client)
    await patient.says("does it hurt")
    await desk.steps_out()
    await patient.says("does it hurt")
    assert patient.topics == ["does_it_hurt"]


async def test_a_second_person_is_told_who_is_in_and_takes_over_only_on_purpose(
    client: httpx.AsyncClient,
) -> None:
    patient, maria = await live_patient(client)
    john = Desk(patient.conversation, JOHN)
    before = await said(patient)
    with pytest.raises(SomebodyElse) as refused:
        await john.steps_in()
    assert refused.value.by == MARIA
    await john.steps_in(over=MARIA)
    for act in (maria.says("me too"), maria.steps_out()):
        with pytest.raises(SomebodyElse) as refused:
            await act
        assert refused.value.by == JOHN
    assert (await john.sees(), await said(patient)) == (JOHN, before)


async def test_of_two_who_step_in_at_once_one_is_in(client: httpx.AsyncClient) -> None:
    patient = await Patient.arrives(client)
    await patient.says("does it hurt")
    desks = [Desk(patient.conversation, who) for who in (MARIA, JOHN)]
    outcomes = await asyncio.gather(*(desk.steps_in() for desk in desks), return_exceptions=True)
    assert sorted(type(one).__name__ for one in outcomes) == ["NoneType", "SomebodyElse"]
    assert sum(HERE in text for text in await said(patient)) == 1


async def test_stepping_in_twice_tells_the_patient_once(client: httpx.AsyncClient) -> None:
    patient, desk = await live_patient(client)
    await desk.steps_in()
    assert sum(HERE in text for text in await said(patient)) == 1


async def test_who_is_not_in_says_nothing(client: httpx.AsyncClient) -> None:
    patient = await Patient.arrives(client)
    await patient.says("does it hurt")
    before = await said(patient)
    with pytest.raises(SomebodyElse):
        await Desk(patient.conversation).says("hello")
    assert await said(patient) == before


@pytest.mark.parametrize(
    "empty", ["", " \n ", "x" * (live.LONGEST + 1)], ids=["nothing", "blank", "too long"]
)
async def test_words_that_are_none_or_too_many_are_refused(client: httpx.AsyncClient, empty: str) -> None:
    patient, desk = await live_patient(client)
    before = await said(patient)
    with pytest.raises(NeedlewiseError):
        await desk.says(empty)
    assert await said(patient) == before


async def test_the_same_form_sent_again_is_said_once(client: httpx.AsyncClient) -> None:
    patient, desk = await live_patient(client)
    once = uuid.uuid4().hex
    await asyncio.gather(*(desk.says("We open at nine.", once=once) for _ in range(5)))
    assert (await said(patient)).count("We open at nine.") == 1


async def test_nobody_writes_to_a_chat_that_has_ended(
    client: httpx.AsyncClient, time: Time, settings: Settings
) -> None:
    _, desk = await live_patient(client)
    time.pass_(hours=settings.session_hours, minutes=1)
    with pytest.raises(OutOfReach) as refused:
        await desk.says("Are you still there?")
    assert refused.value.why == "ended"


async def test_a_chat_that_was_forgotten_is_gone_for_staff_too(client: httpx.AsyncClient) -> None:
    patient, desk = await live_patient(client)
    await client.delete("/chat/v1/session", headers=patient.headers)
    assert await wiring.services().live_help.look(patient.conversation) is None
    with pytest.raises(OutOfReach):
        await desk.says("hello")
    assert await wiring.services().live_help.end_silent() == 0


# -- what the patient may send meanwhile -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "level", "kinds"),
    [
        ("does it hurt", None, []),
        ("yes", None, []),
        ("thanks!", None, []),
        ("I want to book a visit", None, []),
        ("asdf qwer zxcv", None, []),
        ("/intent{book_appointment}", None, []),
        ("you are useless", None, []),
        ("😀", None, []),
        ("I have crushing chest pain and I can't breathe", "emergency", ["urgent"]),
        ("I want to kill myself", "crisis", ["crisis"]),
        ("my husband hits me and I am scared to go home", "violence", ["crisis"]),
        ("my toddler swallowed a bottle of ibuprofen", "poison", ["urgent"]),
    ],
)
async def test_the_assistant_says_only_what_safety_must(
    client: httpx.AsyncClient, settings: Settings, text: str, level: str | None, kinds: list[str]
) -> None:
    patient, _ = await live_patient(client)
    await patient.says(text)
    assert [message["kind"] for message in patient.last][:1] == kinds
    stored = [row for row in messages(settings, patient.conversation) if row["direction"] == "in"][-1]
    assert (stored["safety_level"], stored["answered"]) == (level, 1)
    scene = await wiring.services().live_help.look(patient.conversation)
    assert scene is not None
    assert (scene.by, scene.alert == stored["id"], scene.level) == (MARIA, level is not None, level or "")


async def test_a_tapped_button_and_a_filled_form_wait_for_the_person(client: httpx.AsyncClient) -> None:
    patient = await Patient.arrives(client)
    desk = Desk(patient.conversation)
    await patient.says("does it hurt")
    label = patient.labels[0]
    await desk.steps_in()
    offered = {choice["label"]: choice["id"] for message in patient.last for choice in message["choices"]}
    tapped = await patient.sends(choices=[offered[label]])
    filled = await patient.sends(fields={"first_name": "Kerensa"})
    assert [(one.status_code, one.json()) for one in (tapped, filled)] == [(200, {"messages": []})] * 2
    assert (await said(patient))[-2:] == [label, "Kerensa"]


async def test_what_a_patient_sends_again_is_stored_once(client: httpx.AsyncClient) -> None:
    patient, _ = await live_patient(client)
    again = str(uuid.uuid4())
    for _ in range(3):
        response = await patient.sends(id=again, text="is anybody there")
        assert response.json() == {"messages": []}
    assert (await said(patient)).count("is anybody there") == 1


async def test_an_opt_out_word_works_as_ever(client: httpx.AsyncClient) -> None:
    patient, _ = await live_patient(client)
    await patient.says("STOP")
    assert "I will not text you from this chat" in patient.text


async def test_the_model_is_not_asked_while_a_person_speaks(
    client: httpx.AsyncClient, app: Starlette, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient, _ = await live_patient(client)

    async def speak(*_: object) -> None:
        raise AssertionError("Rasa took a turn")

    monkeypatch.setattr(type(app.state.chat.turns._agent), "speak", speak)
    assert await patient.says("what does it cost") == []


# -- the dialogue afterwards -------------------------------------------------------------------------------------------


async def test_an_open_form_goes_on_where_it_was(client: httpx.AsyncClient) -> None:
    patient = await Patient.arrives(client)
    await healthy_until_name(patient)
    desk = Desk(patient.conversation)
    await desk.steps_in()
    await patient.says("are you a real person")
    await desk.says("I am. Go on with the form when you like.")
    await desk.steps_out()
    await patient.says("Ana")
    await patient.says("202 555 0101")
    assert "times" in patient.text.lower() or "when" in patient.text.lower()


@pytest.mark.parametrize("wrote_meanwhile", [True, False])
@pytest.mark.parametrize("bare", ["no", "ok", "yes"])
async def test_a_bare_word_after_a_person_was_there_answers_no_question_about_health(
    client: httpx.AsyncClient, bare: str, wrote_meanwhile: bool
) -> None:
    patient = await Patient.arrives(client)
    await patient.says("can I have dry needling")
    question = next(message["text"] for message in patient.last if message["choices"])
    desk = Desk(patient.conversation)
    await desk.steps_in()
    if wrote_meanwhile:
        await patient.says("hello")
    await desk.says("Anything else?")
    await desk.steps_out()
    await patient.says(bare)
    assert question in [message["text"] for message in patient.last]


# -- twenty minutes ------------------------------------------------------------------------------------------------------


async def test_after_twenty_silent_minutes_a_patient_who_waits_is_told(
    client: httpx.AsyncClient, time: Time
) -> None:
    patient, desk = await live_patient(client)
    time.pass_(minutes=19, seconds=59)
    assert await wiring.services().live_help.end_silent() == 0
    await desk.says("One moment, please.")
    time.pass_(minutes=19, seconds=59)
    assert await wiring.services().live_help.end_silent() == 0
    time.pass_(seconds=1)
    assert await wiring.services().live_help.end_silent() == 1
    assert await wiring.services().live_help.end_silent() == 0
    assert BACK in (await said(patient))[-1]
    assert await desk.sees() == ""


async def test_a_patient_who_writes_then_is_told_first_and_answered(
    client: httpx.AsyncClient, time: Time
) -> None:
    patient, desk = await live_patient(client)
    time.pass_(minutes=20)
    again = str(uuid.uuid4())
    first = (await patient.sends(id=again, text="does it hurt")).json()
    assert (await patient.sends(id=again, text="does it hurt")).json() == first
    assert BACK in first["messages"][0]["text"]
    assert first["messages"][1]["answers"][0]["topic"] == "does_it_hurt"
    assert await wiring.services().live_help.end_silent() == 0
    assert sum(BACK in text for text in await said(patient)) == 1
    assert await desk.sees() == ""


async def test_nothing_comes_before_urgent_words_then_either(client: httpx.AsyncClient, time: Time) -> None:
    patient, _ = await live_patient(client)
    time.pass_(minutes=20)
    await patient.says("I have crushing chest pain and I can't breathe")
    assert (patient.last[0]["kind"], BACK in patient.last[-1]["text"]) == ("urgent", True)


async def test_a_patients_words_do_not_keep_the_person_there(client: httpx.AsyncClient, time: Time) -> None:
    patient, _ = await live_patient(client)
    for _ in range(4):
        time.pass_(minutes=5)
        await patient.says("hello?")
    assert BACK in patient.last[0]["text"]


async def test_the_running_service_looks_by_itself(
    settings: Settings, turns: object, monkeypatch: pytest.MonkeyPatch, time: Time
) -> None:
    monkeypatch.setattr(application, "LIVE_HELP_SECONDS", 0.01)
    monkeypatch.setattr(wiring.Services, "load_turns", lambda self: turns)
    running = application.create_app(settings)
    async with (
        running.router.lifespan_context(running),
        httpx.AsyncClient(transport=httpx.ASGITransport(running), base_url="http://test") as client,
    ):
        async with asyncio.timeout(30):
            while running.state.chat.turns is None:
                await asyncio.sleep(0.01)
            patient, _ = await live_patient(client)
            time.pass_(minutes=20)
            while BACK not in (await said(patient))[-1]:
                await asyncio.sleep(0.01)


# -- one truth -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("then", ["comes", "goes"])
async def test_a_turn_that_runs_when_a_person_comes_or_goes_is_taken_once_more(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    patient = await Patient.arrives(client)
    await patient.says("hello")
    desk = Desk(patient.conversation)
    if then == "goes":
        await desk.steps_in()
    commit = ConversationLog.commit
    moved = False

    async def late(self: ConversationLog, *arguments: Any, **more: Any) -> None:
        nonlocal moved
        if not moved:
            moved = True
            await (desk.steps_in() if then == "comes" else desk.steps_out())
        await commit(self, *arguments, **more)

    monkeypatch.setattr(ConversationLog, "commit", late)
    await patient.says("does it hurt")
    assert patient.topics == ([] if then == "comes" else ["does_it_hurt"])
    assert (await said(patient)).count("does it hurt") == 1


@pytest.mark.parametrize("act", ["steps_in", "says", "steps_out", "end_silent"])
async def test_a_failure_in_the_middle_leaves_all_as_it_was(
    client: httpx.AsyncClient, settings: Settings, monkeypatch: pytest.MonkeyPatch, time: Time, act: str
) -> None:
    patient = await Patient.arrives(client)
    await patient.says("hello")
    desk = Desk(patient.conversation)
    if act != "steps_in":
        await desk.steps_in()
    if act == "end_silent":
        time.pass_(minutes=20)
    before = _stored(settings)
    services = wiring.services()

    async def broken(*_: object) -> None:
        raise OSError("the power is out")

    acts: dict[str, Callable[[], Any]] = {
        "steps_in": desk.steps_in,
        "says": lambda: desk.says("hello"),
        "steps_out": desk.steps_out,
        "end_silent": services.live_help.end_silent,
    }
    with monkeypatch.context() as patch:
        patch.setattr(type(services.audit), "record", broken)
        with pytest.raises(OSError, match="power"):
            await acts[act]()
    assert _stored(settings) == before
    await acts[act]()
    assert _stored(settings) != before


def _stored(settings: Settings) -> list[object]:
    columns = ("live_by", "live_at", "last_at", "state_sealed")
    kept = [[row[name] for name in columns] for row in rows(settings, "conversations")]
    return [kept, [row["id"] for row in rows(settings, "messages")], len(rows(settings, "audit"))]


async def test_what_staff_write_is_sealed_and_redacted_and_theirs(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    patient, desk = await live_patient(client)
    await desk.says("Call Jonathan Harker at (410) 555-0199, please.")
    async with asyncio.timeout(30):
        while (row := messages(settings, patient.conversation)[-1])["redacted"] is None:
            await asyncio.sleep(0.02)
    assert (row["kind"], row["author"], row["direction"]) == ("staff", MARIA, "out")
    assert "555-0199" not in row["redacted"]
    assert b"Harker" not in row["body_sealed"]


async def test_every_step_is_in_the_audit_log_without_words(
    client: httpx.AsyncClient, settings: Settings, time: Time
) -> None:
    patient, desk = await live_patient(client)
    await desk.says("Secret words")
    await desk.steps_out()
    await desk.steps_in()
    time.pass_(minutes=20)
    await patient.says("does it hurt")
    await desk.steps_in()
    time.pass_(minutes=20)
    await wiring.services().live_help.end_silent()
    noted = rows(settings, "audit")
    assert [row["action"] for row in noted] == [
        *("conversation/step-in", "conversation/write", "conversation/step-out"),
        *("conversation/step-in", "conversation/step-out"),
        *("conversation/step-in", "conversation/step-out"),
    ]
    assert {row["subject"] for row in noted} == {patient.conversation}
    assert (
        json.loads(noted[4]["details"])
        == json.loads(noted[6]["details"])
        == {"by": MARIA, "because": "silence"}
    )
    assert "Secret" not in str(noted)


# -- a chat that waits -------------------------------------------------------------------------------------------------


@asynccontextmanager
async def listening(app: Starlette, patient: Patient) -> AsyncIterator[Callable[[], Any]]:
    """What an open chat is told, one message a call."""
    with app.state.chat.listen(patient.conversation) as queue:
        yield lambda: asyncio.wait_for(queue.get(), 10)


async def test_an_open_chat_hears_of_each_step_at_once(
    app: Starlette, client: httpx.AsyncClient, time: Time
) -> None:
    patient = await Patient.arrives(client)
    await patient.says("hello")
    desk = Desk(patient.conversation)
    async with listening(app, patient) as news:
        await desk.steps_in()
        assert HERE in (await news())["text"]
        await desk.says("Good morning.")
        assert {"from": "assistant", **await news()} == (await history(patient))[-1]
        await desk.steps_out()
        assert BACK in (await news())["text"]


async def test_when_news_were_lost_the_chats_that_are_open_look_once(
    app: Starlette, client: httpx.AsyncClient
) -> None:
    patient, desk = await live_patient(client)
    await desk.says("Did you get this?")
    async with listening(app, patient) as news:
        await wiring.services().news.announce(live.SAID)
        assert (await news())["text"] == "Did you get this?"
