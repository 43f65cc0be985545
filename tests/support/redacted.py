"""Redaction runs beside the conversation, after the reply; tests that read its result wait for it."""

import asyncio
from typing import Any

from needlewise.settings import Settings
from tests.support.service import wait_until
from tests.support.stored import rows

SECONDS = 60


async def redacted_rows(settings: Settings) -> list[dict[str, Any]]:
    """Every message's row, once there is a text to read for each."""
    await asyncio.to_thread(
        wait_until,
        lambda: all(row["redacted"] is not None for row in rows(settings, "messages")),
        seconds=SECONDS,
        otherwise="redaction did not come to its end",
        pause=0.02,
    )
    return rows(settings, "messages")
