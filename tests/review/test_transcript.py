"""One conversation as staff read it, and its words in clear only after the audit log says who asks."""

import pytest
from sqlalchemy import insert, select

from needlewise import clock
from needlewise.conversations.listing import Person
from needlewise.conversations.log import Inbound
from needlewise.conversations.transcripts import NotThere, Said, Transcripts
from needlewise.db.audit import Entry
from needlewise.db.tables import audit, corrections, messages
from needlewise.errors import NeedlewiseError
from needlewise.wiring import Services
from tests.review.conftest import add_staff
from tests.support.kept import Kept, Turned, keep

ENTRY = Entry("ann", "conversation/reveal", reason="she called back")


@pytest.fixture
def transcripts(services: Services) -> Transcripts:
    """With a redactor that leaves no capital: the real one takes seconds to load."""

    async def lower(words: str) -> str:
        return words.casefold()

    return Transcripts(services.reading, services.seal, services.audit, lower)


async def only(transcripts: Transcripts, kept: Kept, place: int) -> Said:
    return (await transcripts.open(kept.id, ["demo"])).messages[place]


async def test_messages_stand_in_order_with_what_was_understood_and_shown(
    services: Services, transcripts: Transcripts
) -> None:
    heard = {"intent": "cost", "topics": ("cost",), "confidence": 0.8, "offered": ("insurance",)}
    kept = await keep(
        services.log,
        Turned("im Zelda, how much", redacted="im [name], how much", heard=heard, answers=(("cost", 2),)),
        Turned("i cant breathe", level="emergency", rule="R1.breath", reply="Call 911"),
    )
    shown = (await transcripts.open(kept.id, ["demo"])).messages
    assert [(one.speaker, one.words) for one in shown] == [
        ("patient", "im [name], how much"),
        ("assistant", "It may hurt a little."),
        ("patient", "i cant breathe"),
        ("assistant", "Call 911"),
    ]
    assert (shown[0].topics, shown[0].confidence, shown[0].latency_ms) == (("cost",), 0.8, 12.0)
    assert shown[0].understood is not None
    assert shown[0].understood.offered == ("insurance",)
    assert shown[1].answers == (("cost", 2),)
    assert (shown[2].safety_level, shown[2].safety_rule) == ("emergency", "R1.breath")


async def test_a_message_is_not_shown_before_redaction_has_read_it(
    services: Services, transcripts: Transcripts
) -> None:
    kept = await keep(services.log, Turned("im Zelda"), redacts=False)
    said = await only(transcripts, kept, 0)
    assert (said.words, said.is_being_prepared, said.is_erased) == (None, True, False)


async def test_a_message_whose_turn_was_cut_off_is_shown_as_such(
    services: Services, transcripts: Transcripts
) -> None:
    kept = await keep(services.log, Turned())
    await services.log.claim(kept.conversation, "2", Inbound("more"))
    shown = (await transcripts.open(kept.id, ["demo"])).messages
    assert [one.is_answered for one in shown] == [True, True, False]


async def test_an_erased_conversation_shows_that_it_took_place(
    services: Services, transcripts: Transcripts
) -> None:
    kept = await keep(services.log, Turned(heard={"topics": ("cost",)}))
    await services.log.forget(kept.conversation)
    said = await only(transcripts, kept, 0)
    assert (said.words, said.is_erased, said.is_being_prepared, said.topics) == (None, True, False, ("cost",))


async def test_a_thumb_is_shown_with_its_reason_redacted(
    services: Services, transcripts: Transcripts
) -> None:
    kept = await keep(services.log, Turned())
    await services.log.rate(kept.conversation, kept.said[0], "down", "Rude to ZELDA")
    said = await only(transcripts, kept, 1)
    assert said.thumb is not None
    assert (said.thumb.verdict, said.thumb.reason) == ("down", "rude to zelda")


async def test_a_message_of_the_staffs_names_who_wrote_it(
    services: Services, transcripts: Transcripts
) -> None:
    kept = await keep(services.log, Turned())
    await add_staff(services, "ann", "reviewer")
    row = {"id": "m1", "clinic": "demo", "conversation": kept.id, "position": 9, "direction": "out"}
    more = {"channel": "web", "at": clock.now(), "redacted": "Hello", "kind": "staff", "author": "ann"}
    async with services.engine.begin() as connection:
        await connection.execute(insert(messages).values(**row, **more))
    said = await only(transcripts, kept, -1)
    assert (said.speaker, said.author, said.words) == ("staff", Person("ann", "ann"), "Hello")


async def test_corrections_stand_with_their_message(services: Services, transcripts: Transcripts) -> None:
    kept = await keep(services.log, Turned())
    await add_staff(services, "ann", "reviewer")
    row = {
        "id": "c1",
        "clinic": "demo",
        "conversation": kept.id,
        "message": kept.asked[0],
        "by": "ann",
        "at": clock.now(),
        "verdict": "topics",
        "topics": ["cost"],
        "comment_sealed": services.seal.seal(b"asked for a price"),
    }
    async with services.engine.begin() as connection:
        await connection.execute(insert(corrections).values(**row))
    (correction,) = (await only(transcripts, kept, 0)).corrections
    assert (correction.by, correction.topics, correction.comment) == (
        Person("ann", "ann"),
        ("cost",),
        "asked for a price",
    )


# -- in clear -------------------------------------------------------------------------------------------------------


async def rows_of_the_audit_log(services: Services) -> list[tuple[str, str, str, str]]:
    async with services.reading.connect() as connection:
        found = (await connection.execute(select(audit).order_by(audit.c.seq))).all()
    return [(row.actor, row.clinic, row.subject, row.details) for row in found]


async def test_one_message_is_revealed_and_the_audit_log_names_it(
    services: Services, transcripts: Transcripts
) -> None:
    kept = await keep(services.log, Turned("im Zelda", redacted="im [name]"), Turned("second"))
    found = await transcripts.reveal(kept.id, ["demo"], ENTRY, message=kept.asked[0])
    assert (found.words, found.reasons) == ({kept.asked[0]: "im Zelda"}, {})
    assert await rows_of_the_audit_log(services) == [
        ("ann", "demo", kept.id, f'{{"message": "{kept.asked[0]}"}}')
    ]


async def test_a_whole_conversation_is_revealed_with_the_reasons_of_thumbs(
    services: Services, transcripts: Transcripts
) -> None:
    kept = await keep(services.log, Turned("im Zelda", redacted="im [name]"))
    await services.log.rate(kept.conversation, kept.said[0], "down", "Rude to ZELDA")
    found = await transcripts.reveal(kept.id, ["demo"], ENTRY)
    assert found.words == {kept.asked[0]: "im Zelda", kept.said[0]: "It may hurt a little."}
    assert found.reasons == {kept.said[0]: "Rude to ZELDA"}
    assert await rows_of_the_audit_log(services) == [("ann", "demo", kept.id, '{"all": 2}')]


async def test_nothing_is_revealed_when_the_audit_log_cannot_be_written(
    services: Services, transcripts: Transcripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await keep(services.log, Turned("im Zelda"))

    async def fails(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(services.audit, "record", fails)
    with pytest.raises(OSError, match="disk full"):
        await transcripts.reveal(kept.id, ["demo"], ENTRY)


@pytest.mark.parametrize("reason", ["", "  ", "ok"])
async def test_a_reveal_needs_a_reason(services: Services, transcripts: Transcripts, reason: str) -> None:
    kept = await keep(services.log, Turned())
    with pytest.raises(NeedlewiseError, match="say why"):
        await transcripts.reveal(kept.id, ["demo"], Entry("ann", "conversation/reveal", reason=reason))
    assert await rows_of_the_audit_log(services) == []


async def test_a_message_of_another_conversation_is_not_revealed(
    services: Services, transcripts: Transcripts
) -> None:
    kept, other = await keep(services.log, Turned()), await keep(services.log, Turned())
    with pytest.raises(NotThere):
        await transcripts.reveal(kept.id, ["demo"], ENTRY, message=other.asked[0])


async def test_nothing_of_another_clinic_is_opened_or_revealed(
    services: Services, transcripts: Transcripts
) -> None:
    kept = await keep(services.log, Turned(), clinic="west")
    with pytest.raises(NotThere):
        await transcripts.open(kept.id, ["demo"])
    with pytest.raises(NotThere):
        await transcripts.reveal(kept.id, ["demo"], ENTRY)
    assert await transcripts.clinic_of(kept.id) == "west"
    assert await rows_of_the_audit_log(services) == []


async def test_a_conversation_that_does_not_exist_is_not_there(transcripts: Transcripts) -> None:
    with pytest.raises(NotThere):
        await transcripts.open("x" * 32, ["demo"])
    with pytest.raises(NotThere):
        await transcripts.clinic_of("x" * 32)
