"""Posts requests to a clinic's own system, signed as Standard Webhooks (standardwebhooks.com) does it. docs/booking-webhook.md is the other side's guide.

A request may arrive more than once, around a crash or a lost answer, always with the same webhook-id: who takes it in drops what it has.
The address comes from the clinic's profile, which people edit. So it is looked up here, each address that it has must be a public one, and
exactly that one is spoken to: neither a redirect nor a second look-up leads anywhere else.
"""

import asyncio
import hmac
import logging
import socket
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import httpx
import msgspec

from needlewise import clock
from needlewise.booking.requests import Kept, Requests
from needlewise.content.addresses import is_webhook
from needlewise.content.model import Clinic
from needlewise.content.render import labelled
from needlewise.db.outbox import Outbox, Parcel
from needlewise.errors import NeedlewiseError

logger = logging.getLogger(__name__)

VERSION = 1
"""Of the body. It is raised only when something that stands in it changes its meaning or goes."""

SECONDS = 15.0
"""How long one try may take as a whole, whatever the other side does meanwhile."""

BACKOFF = (
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=24),
)
"""Waits between tries. After the last one the request stands in the console as one that did not arrive."""

_GONE = 410
_NAT64 = ip_network("64:ff9b::/96")

Secrets = Mapping[str, Sequence[bytes]]
"""By clinic: the keys that sign, all of them while one takes the place of another."""


class _NotTaken(Exception):
    """The other side did not take it. The words hold nothing of a patient."""

    def __init__(self, why: str, *, for_good: bool = False) -> None:
        super().__init__(why)
        self.for_good = for_good


def signature(key: bytes, id: str, at: int, body: bytes) -> str:
    """The value of webhook-signature under one key; `at` is in Unix seconds."""
    return "v1," + b64encode(hmac.digest(key, f"{id}.{at}.".encode() + body, "sha256")).decode()


def parse_secret(text: str) -> bytes:
    """The key in "whsec_…": 24 to 64 bytes in base64. Raises NeedlewiseError on anything else."""
    try:
        key = b64decode(text.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not text.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise NeedlewiseError("a webhook's secret reads whsec_ and 24 to 64 bytes in base64")
    return key


def body(kept: Kept, clinic: Clinic) -> bytes:
    """What is posted: JSON, docs/booking-webhook.md. Neither conditions nor the screening's outcome are in it."""
    request, details = kept.request, kept.request.details
    places = {place.id: place.name for place in clinic.locations}
    kinds = {kind.id: labelled(kind.label, "en") for kind in clinic.booking.visit_kinds}
    is_phone = details.contact.startswith("+")
    return msgspec.json.encode(
        {
            "type": "request.created",
            "timestamp": _moment(kept.created_at),
            "data": {
                "version": VERSION,
                "reference": kept.reference,
                "clinic": request.clinic,
                "kind": request.kind,
                "location": _named(request.location, places),
                "visit_kind": _named(request.visit_kind, kinds),
                "patient": {
                    "name": details.first_name,
                    "phone": details.contact if is_phone else None,
                    "email": None if is_phone else details.contact,
                },
                "times": details.times,
                "tell_therapist": bool(details.tell),
                "answer_by": _moment(kept.expected_by) if kept.expected_by else None,
                "consent": {"to_contact": True, "at": _moment(kept.created_at)},
            },
        }
    )


class Webhooks:
    """Posts what the outbox holds for clinics' systems; what cannot be posted now is tried again later."""

    def __init__(
        self,
        outbox: Outbox,
        requests: Requests,
        secrets: Secrets,
        clinic: Callable[[str], Clinic],
        *,
        may_be_private: bool = False,
    ) -> None:
        """`may_be_private` lets it speak to addresses inside the deployment's own network, and to this machine."""
        self._outbox = outbox
        self._requests = requests
        self._secrets = secrets
        self._clinic = clinic
        self._may_be_private = may_be_private

    async def deliver_due(self) -> int:
        """Post every request whose time has come, side by side, so that a slow clinic keeps no other waiting; how many were taken."""
        due = await self._outbox.due("webhook")
        ended = await asyncio.gather(*map(self._deliver, due), return_exceptions=True)
        for one in ended:
            if isinstance(one, BaseException):
                raise one
        return ended.count(True)

    async def _deliver(self, parcel: Parcel) -> bool:
        try:
            clinic = self._clinic(parcel.clinic)
        except NeedlewiseError:
            await self._outbox.failed(parcel, "the clinic is not served", backoff=BACKOFF)
            return False
        address, keys = clinic.booking.webhook, self._secrets.get(parcel.clinic, ())
        if clinic.booking.way != "webhook" or address is None:
            await self._outbox.taken_back(parcel, "the clinic has no webhook any more")
            return False
        try:
            kept = await self._requests.show(str(parcel.payload["reference"]))
        except NeedlewiseError:
            await self._outbox.taken_back(parcel, "the request was removed")
            return False
        if kept.is_erased:
            await self._outbox.taken_back(parcel, "the request was erased")
            return False
        try:
            if not keys:
                raise _NotTaken("no secret is set for this clinic")
            await self._post(address, keys, parcel.id, body(kept, clinic))
        except _NotTaken as error:
            logger.warning("webhook %s: %s", parcel.id, error)
            await self._outbox.failed(parcel, str(error), permanent=error.for_good, backoff=BACKOFF)
            return False
        await self._outbox.sent(parcel)
        return True

    async def _post(self, address: str, keys: Sequence[bytes], id: str, content: bytes) -> None:
        at = int(clock.now().timestamp())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Needlewise",
            "webhook-id": id,
            "webhook-timestamp": str(at),
            "webhook-signature": " ".join(signature(key, id, at, content) for key in keys),
        }
        try:
            # httpx's own limits are for each read alone: one that answers byte by byte would keep us for ever.
            async with asyncio.timeout(SECONDS):
                status = await self._status(address, headers, content)
        except TimeoutError:
            raise _NotTaken("no answer in time") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            raise _NotTaken(type(error).__name__) from None
        if not 200 <= status < 300:
            raise _NotTaken(f"HTTP {status}", for_good=status == _GONE)

    async def _status(self, address: str, headers: Mapping[str, str], content: bytes) -> int:
        """The status of the answer; its body is not read."""
        if not is_webhook(address):
            raise _NotTaken("the address is none that may be posted to")
        url = httpx.URL(address)
        refused: httpx.HTTPError | None = None
        for host in await self._addresses(url):
            request = httpx.Request(
                "POST",
                url.copy_with(host=str(host)),
                headers={**headers, "Host": url.netloc.decode("ascii")},
                content=content,
                # The certificate must be that of the name, though we connect to its address.
                extensions={
                    "sni_hostname": url.raw_host.decode("ascii"),
                    "timeout": httpx.Timeout(SECONDS).as_dict(),
                },
            )
            try:
                async with httpx.AsyncClient(trust_env=False, follow_redirects=False) as client:
                    response = await client.send(request, stream=True)
                    await response.aclose()
                    return response.status_code
            except httpx.ConnectError as error:
                # Nothing was sent yet: the host may answer at another of its addresses.
                refused = error
        assert refused is not None
        raise refused

    async def _addresses(self, url: httpx.URL) -> Sequence[IPv4Address | IPv6Address]:
        """Where the host is. Each place must be one that we may speak to."""
        found = await asyncio.get_running_loop().getaddrinfo(
            url.raw_host.decode("ascii"), url.port or 443, type=socket.SOCK_STREAM
        )
        addresses = list(dict.fromkeys(ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))
        if not self._may_be_private and not all(map(is_public, addresses)):
            raise _NotTaken("the address is inside a private network")
        return addresses


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the internet's, and no way round to one that is not."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if inner is None and address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _named(id: str | None, names: Mapping[str, str]) -> dict[str, Any] | None:
    return None if id is None else {"id": id, "name": names.get(id, id)}


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
