"""Which messages wait for redaction, and that nothing read before is overwritten."""

from datetime import timedelta

import pytest

from needlewise import clock
from needlewise.conversations.log import Claim, Conversation, ConversationLog, Inbound, Verdict
from needlewise.conversations.state import State
from needlewise.errors import NeedlewiseError
from needlewise.settings import Settings
from needlewise.wiring import Services
from tests.support.stored import messages


async def claimed(log: ConversationLog, text: str = "im Zelda") -> tuple[Conversation, Claim]:
    """A message whose turn has begun."""
    conversation, _ = await log.open("demo", "web", "en", state=State())
    return conversation, await log.claim(conversation, "1", Inbound(text))


async def answered(
    log: ConversationLog, conversation: Conversation, claim: Claim, redacted: str | None
) -> None:
    await log.commit(
        conversation,
        claim,
        state=claim.state,
        outgoing=[],
        heard=None,
        verdict=Verdict(),
        latency_ms=1.0,
        redacted=redacted,
    )


async def test_an_answered_message_waits_until_its_text_is_kept(services: Services) -> None:
    conversation, claim = await claimed(services.log)
    await answered(services.log, conversation, claim, None)
    assert await services.log.unredacted() == [(claim.message, "im Zelda")]
    await services.log.keep_redacted([(claim.message, "im [name]")])
    assert await services.log.unredacted() == []


async def test_a_message_whose_turn_runs_is_left_alone(services: Services) -> None:
    await claimed(services.log)
    assert await services.log.unredacted() == []


async def test_a_message_that_a_crash_left_without_a_reply_is_redacted_later(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, claim = await claimed(services.log)
    later = clock.now() + timedelta(minutes=2)
    monkeypatch.setattr("needlewise.clock.now", lambda: later)
    assert await services.log.unredacted() == [(claim.message, "im Zelda")]


async def test_what_a_turn_said_may_be_read_is_not_overwritten(
    services: Services, settings: Settings
) -> None:
    conversation, claim = await claimed(services.log)
    await answered(services.log, conversation, claim, "[name]")
    await services.log.keep_redacted([(claim.message, "im Zelda")])
    assert [row["redacted"] for row in messages(settings, conversation.id)] == ["[name]"]


async def test_a_forgotten_message_stays_empty(services: Services, settings: Settings) -> None:
    conversation, claim = await claimed(services.log)
    await answered(services.log, conversation, claim, None)
    await services.log.forget(conversation)
    await services.log.keep_redacted([(claim.message, "im [name]")])
    assert [row["redacted"] for row in messages(settings, conversation.id)] == [None]


async def test_a_message_that_two_processes_answer_is_answered_once(services: Services) -> None:
    conversation, claim = await claimed(services.log)
    await answered(services.log, conversation, claim, None)
    with pytest.raises(NeedlewiseError, match="answered elsewhere meanwhile"):
        await answered(services.log, conversation, claim, None)
