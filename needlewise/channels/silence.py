"""What a member of staff in a conversation means for a patient's next message, the same for every channel.

The assistant hears it and says only what safety must (dialogue.turn). When staff were silent for too long, it answers again, and says first that it is
back: in the reply itself, so that the two are stored together.
"""

from collections.abc import Sequence
from datetime import datetime

from needlewise.conversations.log import Claim, Conversation, Inbound, Outgoing
from needlewise.dialogue.turn import Turn, Turns
from needlewise.wiring import Services

_URGENT = frozenset({"urgent", "crisis"})


async def turn_of(
    services: Services,
    turns: Turns,
    conversation: Conversation,
    claim: Claim,
    inbound: Inbound,
    *,
    at: datetime,
) -> Turn:
    """The turn of a claimed message; `inbound` is what the channel took it for."""
    clinic = services.library.clinic(conversation.clinic)
    return await turns.take(conversation, clinic, inbound, claim.state, at=at, is_silent=claim.is_silent)


def with_return(
    services: Services, conversation: Conversation, claim: Claim, outgoing: Sequence[Outgoing]
) -> tuple[Outgoing, ...]:
    """The replies as they are said: where the assistant is back, that comes first. Nothing comes before urgent words."""
    if claim.live is None or not claim.live.is_over or not outgoing:
        return tuple(outgoing)
    back = services.live_help.back(conversation.clinic, conversation.channel)
    return (*outgoing, back) if outgoing[0].kind in _URGENT else (back, *outgoing)
