"""What the log keeps of a conversation: each message once, with what was understood, decided and said."""

from datetime import UTC, datetime, timedelta
from itertools import count

import httpx
import pytest

from needlewise import wiring
from needlewise.settings import Settings
from tests.support.patient import Patient
from tests.support.redacted import redacted_rows
from tests.support.stored import messages, rows
from tests.support.talk import words

BEGAN = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes on by a second at each look."""
    ticks = count()
    monkeypatch.setattr("needlewise.clock.now", lambda: BEGAN + timedelta(seconds=next(ticks)))


async def test_every_message_is_kept_once_and_in_order(
    clock: None, client: httpx.AsyncClient, settings: Settings
) -> None:
    patient = await Patient.arrives(client)
    shown = [message["id"] for message in patient.last]
    for text in ("does it hurt", "and how many visits", "asdf qwer", "thanks"):
        await patient.says(text)
        shown += [message["id"] for message in patient.last]
    log = messages(settings, patient.conversation)
    assert [row["position"] for row in log] == list(range(1, len(log) + 1))
    assert [row["id"] for row in log if row["direction"] == "out"] == shown
    assert [row["answered"] for row in log if row["direction"] == "in"] == [1, 1, 1, 1]
    times = [datetime.fromisoformat(row["at"]) for row in log]
    assert times == sorted(times)
    assert times[0] >= BEGAN.replace(tzinfo=None)
    assert {(row["clinic"], row["channel"]) for row in log} == {("demo", "web")}


async def test_an_answered_question_keeps_topic_confidence_and_latency(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    patient = await Patient.arrives(client)
    await patient.says("does it hurt")
    _, asked, answer = messages(settings, patient.conversation)
    assert (asked["topics"], asked["act"]) == (["does_it_hurt"], None)
    assert (asked["safety_level"], asked["safety_rule"]) == (None, None)
    assert 0.5 < asked["confidence"] <= 1
    assert 0 < asked["latency_ms"] < 60_000
    assert answer["reply_to"] == asked["id"]


async def test_two_questions_in_one_message_are_kept_as_two_parts(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    patient = await Patient.arrives(client)
    await patient.says("does it hurt? and what does it cost?")
    understood = messages(settings, patient.conversation)[1]["understood"]
    assert [part["topic"] for part in understood["parts"]] == ["does_it_hurt", "cost"]
    assert [part["best"][0][0] for part in understood["parts"]] == ["does_it_hurt", "cost"]
    assert {len(part["best"]) for part in understood["parts"]} == {5}


async def test_a_question_after_an_answer_is_kept_with_the_topic_before_it(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    patient = await Patient.arrives(client)
    await patient.says("does it hurt")
    await patient.says("why?")
    understood = messages(settings, patient.conversation)[3]["understood"]
    assert (understood["intent"], understood["behind"]) == ("does_it_hurt", "does_it_hurt")


async def test_an_answer_to_a_form_is_kept_with_the_question_that_was_open(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    patient = await Patient.arrives(client)
    await patient.taps("Ask for a visit")
    await patient.taps("None of these")
    heard = [row for row in messages(settings, patient.conversation) if row["direction"] == "in"]
    understood = heard[-1]["understood"]
    assert (understood["form"], understood["asked"], understood["parts"]) == (
        "screening_form",
        "card_now",
        [],
    )


async def test_the_list_of_staff_says_what_came_of_a_conversation(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    patient = await Patient.arrives(client)
    for text in (
        "what does it cost",
        "asdf qwer",
        "can I talk to a person",
        "i have chest pain and cant breathe",
    ):
        await patient.says(text)
    (row,) = rows(settings, "conversations")
    found = {name: row[name] for name in ("heard", "declined", "asked_person", "safety")}
    assert found == {"heard": 4, "declined": 1, "asked_person": 1, "safety": "emergency"}


async def test_a_reply_keeps_which_version_of_which_answers_it_showed(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    patient = await Patient.arrives(client)
    await patient.says("does it hurt? and what does it cost?")
    log = messages(settings, patient.conversation)
    answers = wiring.services().library.answers
    shown = [note for row in log[2:] for note in row["answers"]]
    assert shown == [
        {"topic": topic, "version": answers[topic].version} for topic in ("does_it_hurt", "cost")
    ]
    assert {row["kind"] for row in log[2:]} == {"answer"}


@pytest.mark.parametrize(
    ("text", "level"), [("i have chest pain and cant breathe", "emergency"), ("i want to die", "crisis")]
)
async def test_a_safety_decision_is_kept_with_its_rule(
    client: httpx.AsyncClient, settings: Settings, text: str, level: str
) -> None:
    patient = await Patient.arrives(client)
    await patient.says(text)
    asked = messages(settings, patient.conversation)[1]
    decision = wiring.services().triage.assess(text)
    assert (asked["safety_level"], asked["safety_rule"]) == (level, decision.rule)


async def test_a_tapped_button_is_kept_as_its_label(client: httpx.AsyncClient, settings: Settings) -> None:
    patient = await Patient.arrives(client)
    await patient.taps("Does it hurt?")
    asked = messages(settings, patient.conversation)[1]
    assert (asked["topics"], asked["redacted"]) == (["does_it_hurt"], "Does it hurt?")


async def test_staff_read_the_words_without_what_tells_who_wrote_them(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    patient = await Patient.arrives(client)
    await patient.says("my name is Jennifer Smith, does it hurt? call me at 410-555-0123")
    read = [row["redacted"] for row in await redacted_rows(settings) if row["direction"] == "in"]
    assert read == ["my name is [name], does it hurt? call me at [phone]"]


async def test_odd_characters_do_not_hide_a_number_from_redaction(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    patient = await Patient.arrives(client)
    await patient.says("call ４１０-５５５-０１２３ \u0000 please")
    read = [row["redacted"] for row in await redacted_rows(settings) if row["direction"] == "in"]
    assert read == ["call [phone] please"]


async def test_words_that_redaction_stumbles_over_are_not_shown_and_stop_nobody_else(
    client: httpx.AsyncClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    redactor = type(wiring.services().redactor)
    redact = redactor.redact

    def stumbles(self: object, doc: object) -> object:
        if "stumble" in str(doc):
            raise ValueError("stumble")
        return redact(self, doc)

    monkeypatch.setattr(redactor, "redact", stumbles)
    patient = await Patient.arrives(client)
    await patient.says("does it stumble")
    await patient.says("does it hurt")
    read = [row["redacted"] for row in await redacted_rows(settings) if row["direction"] == "in"]
    assert read == ["[not readable]", "does it hurt"]


async def test_what_a_form_takes_for_its_answer_is_no_declined_question(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    patient = await Patient.arrives(client)
    await patient.says("can i talk to a person")
    await patient.taps(words("booking.call_me"))
    await patient.says("Dana")
    await patient.says("202-555-0187")
    await patient.says("what is the capital of france")
    acts = [row["act"] for row in messages(settings, patient.conversation) if row["direction"] == "in"]
    assert acts[2:4] == [None, None]
    (conversation,) = rows(settings, "conversations")
    assert conversation["declined"] == acts.count("out_of_scope")
