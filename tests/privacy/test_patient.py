"""One patient's data: found by conversation, token or number, handed over whole, and taken away but for the fact and the stop."""

import json
from typing import Any

import pytest

from needlewise.conversations.log import UnknownToken
from needlewise.db.audit import COMMAND_LINE, Entry
from needlewise.db.outbox import enqueue
from needlewise.errors import NeedlewiseError
from needlewise.privacy.patient import By, Erased, Found
from needlewise.wiring import Services
from tests.privacy.conftest import Time
from tests.privacy.kept import NUMBER, OURS, Patient, everything
from tests.support.stored import raw, rows

BY = Entry(COMMAND_LINE, "privacy/export", reason="she asked for it")


def audited(services: Services, action: str) -> list[dict[str, Any]]:
    return [row for row in rows(services.settings, "audit", "seq") if row["action"] == action]


async def exported(services: Services, found: Found) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(await services.patients.export(found, BY))
    return content


async def erased(services: Services, found: Found, *, with_requests: bool = False) -> Erased:
    return await services.patients.erase(found, BY, with_requests=with_requests)


def ids(found: Found) -> tuple[list[str], list[str]]:
    return [one.id for one in found.talks], [one.reference for one in found.requests]


# -- finding ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["conversation", "token"])
async def test_a_chat_is_found_with_the_request_that_was_sent_from_it(services: Services, by: By) -> None:
    await everything(services, "stegosaurus")
    patient = await everything(services, "brontosaurus")
    value = patient.conversation if by == "conversation" else patient.token
    found = await services.patients.find("demo", by, f" {value} ")
    assert ids(found) == ([patient.conversation], patient.references)


@pytest.mark.parametrize("typed", [NUMBER, "(410) 555-0123", "410.555.0123", " 1 410 555 0123 "])
async def test_a_number_finds_texts_and_requests_however_it_is_written(
    services: Services, typed: str, time: Time
) -> None:
    chat = await everything(services, "brontosaurus")
    await (await Patient(services, "stegosaurus").arrives()).asks_for_a_visit("410-555-0199")
    time.pass_(minutes=1)
    text = Patient(services, "triceratops")
    thread = await text.texts()
    found = await services.patients.find("demo", "number", typed)
    assert ids(found) == ([chat.conversation, text.conversation], chat.references)
    assert found.threads == (thread,)


async def test_a_number_finds_the_texts_of_everybody_who_had_it(services: Services, time: Time) -> None:
    patient = Patient(services, "brontosaurus")
    await patient.texts()
    first = patient.conversation
    time.pass_(days=60)
    await patient.texts(epoch=2)
    found = await services.patients.find("demo", "number", NUMBER)
    assert ids(found)[0] == [first, patient.conversation]


async def test_a_text_conversation_leads_to_its_number(services: Services, time: Time) -> None:
    patient = Patient(services, "brontosaurus")
    thread = await patient.texts()
    first = patient.conversation
    await patient.texts(epoch=2)
    assert (await services.patients.find("demo", "conversation", first)).threads == (thread,)


@pytest.mark.parametrize(
    ("by", "value"),
    [("conversation", "0" * 32), ("token", "x"), ("number", "+12025550177"), ("conversation", "' OR 1=1 --")],
)
async def test_who_is_not_there_is_not_found(services: Services, by: By, value: str) -> None:
    await everything(services, "brontosaurus")
    assert (await services.patients.find("demo", by, value)).is_empty


@pytest.mark.parametrize("value", ["", "heel", "12345", "+", "0" * 400])
async def test_what_is_no_number_is_refused(services: Services, value: str) -> None:
    with pytest.raises(NeedlewiseError, match="no phone number"):
        await services.patients.find("demo", "number", value)


async def test_one_clinic_finds_nothing_of_another(services: Services) -> None:
    other = sorted(set(services.library.clinics) - {"demo"})[0]
    patient = await everything(services, "brontosaurus", clinic=other)
    thread = await Patient(services, "stegosaurus", other).texts()
    for by, value in (
        ("conversation", patient.conversation),
        ("token", patient.token),
        ("number", NUMBER),
    ):
        assert (await services.patients.find("demo", by, value)).is_empty  # type: ignore[arg-type]
    stolen = await services.patients.chosen(
        "demo", talks=[patient.conversation], asked=patient.references, pairs=[thread], with_requests=True
    )
    assert stolen.is_empty


# -- handing over ----------------------------------------------------------------------------------------------------------


async def test_an_export_has_what_was_said_noted_remembered_asked_and_agreed(
    services: Services, time: Time
) -> None:
    patient = await everything(services, "brontosaurus")
    time.pass_(minutes=1)
    text = Patient(services, "triceratops")
    thread = await text.texts()
    await text.says("hello")
    await text.says_stop(thread)
    content = await exported(services, await services.patients.find("demo", "number", NUMBER))
    assert (content["format"], content["clinic"]) == ("needlewise-patient-export-1", "demo")
    chat, texted = content["conversations"]
    assert [(one["from"], one["text"]) for one in chat["messages"]] == [
        ("patient", "does it hurt brontosaurus"),
        ("assistant", "You said brontosaurus"),
        ("patient", "and how much brontosaurus"),
        ("assistant", "You said brontosaurus"),
    ]
    assert chat["messages"][1]["rated"] == {"verdict": "down", "reason": "because brontosaurus"}
    assert chat["remembered"] == {"first_name": "brontosaurus"}
    assert [one["text"] for one in chat["notes_of_staff"]] == ["a word on brontosaurus"]
    assert (texted["id"], texted["channel"]) == (text.conversation, "sms")
    (request,) = content["requests"]
    assert (request["reference"], request["details"]["contact"]) == (patient.references[0], "(410) 555-0123")
    (texting,) = content["texting"]
    assert (texting["number"], [one["change"] for one in texting["consent"]]) == (NUMBER, ["out"])


async def test_an_export_is_audited_by_counts_alone(services: Services) -> None:
    await everything(services, "brontosaurus")
    await exported(services, await services.patients.find("demo", "number", NUMBER))
    (row,) = audited(services, "privacy/export")
    assert json.loads(row["details"]) == {"conversations": 1, "requests": 1, "numbers": 0}
    assert (row["clinic"], row["reason"]) == ("demo", "she asked for it")
    assert not any(word in str(row) for word in (NUMBER, "5550123", "555-0123", "brontosaurus"))


async def test_without_a_reason_nothing_is_opened_and_nothing_goes(services: Services) -> None:
    patient = await everything(services, "brontosaurus")
    found = await services.patients.find("demo", "conversation", patient.conversation)
    silent = Entry(COMMAND_LINE, "privacy/export", reason=" x ")
    with pytest.raises(NeedlewiseError, match="Say why"):
        await services.patients.export(found, silent)
    with pytest.raises(NeedlewiseError, match="Say why"):
        await services.patients.erase(found, silent, with_requests=True)
    assert (audited(services, "privacy/export"), rows(services.settings, "purges")) == ([], [])
    assert rows(services.settings, "conversations")[0]["erased_at"] is None


# -- taking away -----------------------------------------------------------------------------------------------------------


async def test_an_erasure_takes_every_word_and_the_token(services: Services) -> None:
    patient = await everything(services, "brontosaurus")
    kept = await everything(services, "stegosaurus")
    found = await services.patients.find("demo", "conversation", patient.conversation)
    result = await erased(services, found, with_requests=True)
    assert (result.held, result.removed["messages"], result.removed["requests"]) == ((), 4, 1)
    file = raw(services.settings)
    assert (b"brontosaur" in file, b"stegosaur" in file) == (False, True)
    with pytest.raises(UnknownToken):
        await services.log.find(patient.token)
    assert (await services.log.find(kept.token)).id == kept.conversation
    again = await services.patients.find("demo", "conversation", patient.conversation)
    content = await exported(services, again)
    assert "brontosaurus" not in json.dumps(content)
    assert {one.get("erased") for one in content["conversations"][0]["messages"]} == {True}


@pytest.mark.parametrize(("with_requests", "name"), [(False, "brontosaurus"), (True, "")])
async def test_requests_go_when_it_is_asked_for(services: Services, with_requests: bool, name: str) -> None:
    patient = await everything(services, "brontosaurus")
    found = await services.patients.find("demo", "conversation", patient.conversation)
    await erased(services, found, with_requests=with_requests)
    kept = await services.requests.show(patient.references[0])
    assert (kept.request.details.first_name, kept.request.kind) == (name, "visit")


async def test_a_stop_outlives_the_erasure_of_its_number(services: Services) -> None:
    patient = Patient(services, "brontosaurus")
    thread = await patient.texts()
    await patient.says("hello")
    await patient.is_texted(thread)
    await patient.is_texted(thread, sent=False)
    await patient.says_stop(thread)
    await erased(services, await services.patients.find("demo", "number", NUMBER))
    settings = services.settings
    (row,) = rows(settings, "threads")
    assert (row["id"], row["opted_out_at"] is None, bytes(row["number_sealed"])) == (thread, False, b"")
    assert [row["change"] for row in rows(settings, "consent_changes")] == ["out"]
    assert [bytes(row["payload_sealed"]) for row in rows(settings, "outbox")] == [b"", b""]
    assert {row["next_try_at"] for row in rows(settings, "outbox")} == {None}
    assert {(row["payload_sealed"], row["ready_at"]) for row in rows(settings, "inbox")} == {(None, None)}
    # The number still finds its record, and so would its next text.
    assert (await services.patients.find("demo", "number", NUMBER)).threads == (thread,)


async def test_texts_of_other_numbers_stay(services: Services) -> None:
    await Patient(services, "brontosaurus").texts()
    other = Patient(services, "stegosaurus")
    thread = await other.texts(number="+14105550199")
    await other.is_texted(thread)
    await erased(services, await services.patients.find("demo", "number", NUMBER))
    assert [len(row["payload_sealed"]) > 0 for row in rows(services.settings, "outbox")] == [True]


async def test_what_is_held_stays_with_its_request_and_number_and_is_told(services: Services) -> None:
    held = await everything(services, "brontosaurus")
    free = await everything(services, "stegosaurus")
    text = Patient(services, "triceratops")
    await text.texts()
    for one in (held, text):
        await services.holds.hold(one.conversation, Entry("a", "", clinic="demo", reason="a letter"))
    found = await services.patients.find("demo", "number", NUMBER)
    result = await erased(services, found, with_requests=True)
    assert (set(result.held), result.removed["conversations"]) == ({held.conversation, text.conversation}, 1)
    file = raw(services.settings)
    assert (b"brontosaur" in file, b"stegosaur" in file) == (True, False)
    names = [
        (await services.requests.show(one)).request.details.first_name
        for one in (*held.references, *free.references)
    ]
    assert names == ["brontosaurus", ""]
    assert len(rows(services.settings, "threads")[0]["number_sealed"]) > 0


async def test_of_what_was_found_only_what_is_chosen_goes(services: Services) -> None:
    one, other = await everything(services, "brontosaurus"), await everything(services, "stegosaurus")
    found = await services.patients.find("demo", "number", NUMBER)
    await erased(services, found.only([one.conversation], []), with_requests=True)
    file = raw(services.settings)
    assert (b"and how much brontosaur" in file, b"stegosaur" in file) == (False, True)
    assert (await services.requests.show(one.references[0])).request.details.first_name == "brontosaurus"
    assert other.references[0] in ids(found)[1]


async def test_an_erasure_is_audited_and_recorded_by_counts(services: Services) -> None:
    patient = await everything(services, "brontosaurus")
    found = await services.patients.find("demo", "token", patient.token)
    entry = Entry(COMMAND_LINE, "privacy/erase", reason="she asked for it")
    result = await services.patients.erase(found, entry, with_requests=True)
    (row,) = audited(services, "privacy/erase")
    assert json.loads(row["details"])["removed"] == dict(result.removed)
    (run,) = await services.retention.last(["demo"])
    assert (run.what, run.removed, run.ended_at is None) == ("erasure", result.removed, False)
    assert not any(secret in str(row) for secret in (patient.token, "brontosaurus"))
    assert (await services.audit.verify()).broken is None


async def test_an_erasure_that_fails_leaves_everything_and_no_row(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = await everything(services, "brontosaurus")
    found = await services.patients.find("demo", "conversation", patient.conversation)

    async def fails(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(services.audit, "record", fails)
    with pytest.raises(OSError, match="disk full"):
        await erased(services, found, with_requests=True)
    assert (await services.log.find(patient.token)).id == patient.conversation
    assert (rows(services.settings, "purges"), b"brontosaur" in raw(services.settings)) == ([], True)


async def test_a_turn_under_way_finds_nothing_to_write_to(services: Services) -> None:
    from needlewise.conversations.log import Conversation, Inbound, Verdict
    from needlewise.conversations.state import State

    patient = await everything(services, "brontosaurus")
    conversation = Conversation(patient.conversation, "demo", "web", "en")
    claim = await services.log.claim(conversation, "1", Inbound("still here brontosaurus"))
    await erased(services, await services.patients.find("demo", "conversation", patient.conversation))
    with pytest.raises(UnknownToken):
        await services.log.commit(
            conversation,
            claim,
            state=State(),
            outgoing=[],
            heard=None,
            verdict=Verdict(),
            latency_ms=1.0,
        )
    assert {row["body_sealed"] for row in rows(services.settings, "messages")} == {None}


async def test_a_text_that_was_given_up_and_purged_is_not_sent_again(services: Services) -> None:
    from needlewise.db.outbox import send_again

    async with services.engine.begin() as connection:
        await enqueue(
            connection,
            services.seal,
            clinic="demo",
            kind="sms",
            once="a",
            payload={"from": OURS},
            thread="t",
        )
    found = Found("demo", threads=("t",))
    await erased(services, found)
    async with services.engine.begin() as connection:
        assert not await send_again(connection, "a")


async def test_on_postgresql_a_patient_is_found_exported_and_erased(
    on_postgres: Services, time: Time
) -> None:
    services = on_postgres
    patient = await everything(services, "brontosaurus")
    time.pass_(minutes=1)
    text = Patient(services, "triceratops")
    thread = await text.texts()
    await text.is_texted(thread)
    found = await services.patients.find("demo", "number", NUMBER)
    assert (ids(found), found.threads) == (
        ([patient.conversation, text.conversation], patient.references),
        (thread,),
    )
    assert "brontosaurus" in json.dumps(await exported(services, found))
    result = await erased(services, found, with_requests=True)
    assert (result.removed["requests"], result.removed["numbers"], result.removed["outgoing"]) == (1, 1, 1)
    after = await exported(services, await services.patients.find("demo", "number", NUMBER))
    assert ("brontosaurus" in json.dumps(after), after["texting"][0]["number"]) == (False, None)
    assert [run.ended_at for run in await services.retention.last(["demo"])] == [None]
    time.pass_(hours=1)
    await services.retention.run()
    assert [run.ended_at for run in await services.retention.last(["demo"])] == [time.at]
