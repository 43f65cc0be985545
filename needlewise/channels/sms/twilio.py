"""Twilio's words: the form of its webhooks, and its Messages resource as a provider."""

import logging
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from needlewise.channels.sms.protocol import (
    OPTED_OUT,
    Accepted,
    NotSent,
    OutcomeUnknown,
    TextIn,
    TextOut,
    is_number,
)

logger = logging.getLogger(__name__)

TIMEOUT = httpx.Timeout(10, connect=5)
"""Seconds. A request whose answer takes longer counts as a send of unknown outcome."""

_CLOCKS_DIFFER = timedelta(seconds=90)
_LISTED = 50

# Refused for what the text is or where it goes: another try would be refused too. https://www.twilio.com/docs/api/errors
_FINAL = frozenset((OPTED_OUT, *"21211 21214 21217 21219 21408 21421 21602 21612 21614 21617 21635".split()))

# A message's statuses, in the order in which it goes on.
_RANK = {
    "accepted": 0,
    "scheduled": 0,
    "queued": 1,
    "sending": 2,
    "sent": 3,
    "undelivered": 4,
    "failed": 4,
    "canceled": 4,
    "delivered": 4,
    "read": 5,
}


def lower(status: str) -> tuple[str, ...]:
    """The statuses that this one may follow: a status only moves forward, whatever order the callbacks come in."""
    return tuple(name for name, rank in _RANK.items() if rank < _RANK[status])


def is_status(status: str) -> bool:
    return status in _RANK


def text_in(form: Mapping[str, str]) -> TextIn | None:
    """The text of a webhook; None when it has no id or does not come from a phone number."""
    provider_id = form.get("MessageSid") or form.get("SmsSid") or form.get("SmsMessageSid") or ""
    number, clinic_number = form.get("From", ""), form.get("To", "")
    if not provider_id or len(provider_id) > 64 or not (is_number(number) and is_number(clinic_number)):
        return None
    media = form.get("NumMedia", "")
    return TextIn(
        provider_id,
        clinic_number,
        number,
        form.get("Body", ""),
        int(media) if media.isascii() and media.isdigit() else 0,
        form.get("OptOutType", "").upper()[:8],
    )


class Twilio:
    """The Messages resource of one account: https://www.twilio.com/docs/messaging/api/message-resource."""

    def __init__(self, account: str, token: str, url: str, *, callback: str | None) -> None:
        """`callback` is the address of our status callback; without one nothing is heard after the first status."""
        self._messages = f"/2010-04-01/Accounts/{account}/Messages.json"
        self._callback = callback
        self._client = httpx.AsyncClient(base_url=url, auth=(account, token), timeout=TIMEOUT)

    async def send(self, text: TextOut) -> Accepted:
        form = {"From": text.clinic_number, "To": text.number, "Body": text.body}
        if self._callback:
            form["StatusCallback"] = f"{self._callback}?parcel={text.parcel}"
        try:
            response = await self._client.post(self._messages, data=form)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotSent(type(error).__name__, again=True) from error
        except httpx.TransportError as error:
            raise OutcomeUnknown(type(error).__name__) from error
        if response.status_code == 201 or response.is_success:
            return _accepted(_body(response))
        if response.status_code >= 500:
            # Twilio may have made the message all the same.
            raise OutcomeUnknown(f"HTTP {response.status_code}")
        code = str(_body(response, otherwise={}).get("code") or f"HTTP {response.status_code}")
        raise NotSent(code, again=code not in _FINAL)

    async def find(self, text: TextOut, *, since: datetime, but: Collection[str]) -> Accepted | None:
        query = {"To": text.number, "From": text.clinic_number, "PageSize": str(_LISTED)}
        try:
            response = await self._client.get(self._messages, params=query)
        except httpx.TransportError as error:
            raise OutcomeUnknown(type(error).__name__) from error
        if not response.is_success:
            raise OutcomeUnknown(f"HTTP {response.status_code}")
        earliest = since - _CLOCKS_DIFFER
        for message in _body(response).get("messages", ()):
            if (
                message.get("body") == text.body
                and message.get("sid") not in but
                and _made(message) >= earliest
            ):
                return _accepted(message)
        return None

    async def close(self) -> None:
        await self._client.aclose()


def _body(response: httpx.Response, *, otherwise: dict[str, Any] | None = None) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError as error:
        if otherwise is not None:
            return otherwise
        raise OutcomeUnknown("an answer that is no JSON") from error
    return body if isinstance(body, dict) else {}


def _accepted(message: Mapping[str, Any]) -> Accepted:
    sid = message.get("sid")
    if not isinstance(sid, str):
        raise OutcomeUnknown("an answer without an id")
    status = str(message.get("status") or "queued")
    return Accepted(sid, status if status in _RANK else "queued")


def _made(message: Mapping[str, Any]) -> datetime:
    try:
        return parsedate_to_datetime(str(message.get("date_created")))
    except ValueError as error:
        raise OutcomeUnknown("a message without a date") from error
