"""Requests posted to a clinic's own system. The other side here is a double: a small HTTP server on loopback that does as it is told.

Signatures are checked by an implementation of this file's own, after the text of the Standard Webhooks specification.
"""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from needlewise import clock, wiring
from needlewise.booking import webhook
from needlewise.booking.queue import State, Wanted
from needlewise.booking.requests import Details, Kept, Request
from needlewise.booking.webhook import BACKOFF, is_public, parse_secret, signature
from needlewise.content.addresses import is_webhook
from needlewise.content.model import Clinic
from needlewise.db.audit import Entry
from needlewise.errors import NeedlewiseError
from needlewise.wiring import Services
from tests.booking.test_mail import Time, entries

BEGAN = datetime(2026, 6, 16, 14, 0, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes....").decode()
OLD_SECRET = "whsec_" + base64.b64encode(b"the secret that was there before").decode()


@dataclass
class Arrived:
    """What the double was sent."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class System:
    """A double of a clinic's own system, on loopback."""

    answers: list[str] = field(default_factory=list)
    """Status lines of the next answers, with headers; 204 when there is none left; "wait" says nothing at all."""
    arrived: list[Arrived] = field(default_factory=list)
    port: int = 0
    is_over: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        written = dict(line.split(": ", 1) for line in head[1:] if line)
        headers["webhook-signature"] = next(
            value for name, value in written.items() if name.lower() == "webhook-signature"
        )
        body = await reader.readexactly(int(headers["content-length"]))
        self.arrived.append(Arrived(head[0].split()[1], headers, body))
        answer = self.answers.pop(0) if self.answers else "204 No Content"
        if answer == "wait":
            await self.is_over.wait()
        else:
            writer.write(f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        writer.close()


@asynccontextmanager
async def listening(system: System) -> AsyncIterator[System]:
    server = await asyncio.start_server(system.serve, "127.0.0.1", system.port)
    system.port = server.sockets[0].getsockname()[1]
    async with server:
        yield system
        system.is_over.set()


def verified(arrived: Arrived, secret: str) -> bool:
    """As the specification has the other side do it: HMAC-SHA256 over "id.timestamp.body", any of the signatures."""
    key = base64.b64decode(secret[len("whsec_") :])
    signed = b".".join(
        [
            arrived.headers["webhook-id"].encode(),
            arrived.headers["webhook-timestamp"].encode(),
            arrived.body,
        ]
    )
    mine = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = [part.partition(",") for part in arrived.headers["webhook-signature"].split(" ")]
    return any(version == "v1" and hmac.compare_digest(mine, value) for version, _, value in given)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time(BEGAN)
    monkeypatch.setattr(clock, "now", lambda: time.now)
    return time


@pytest_asyncio.fixture
async def desk(services: Services, time: Time) -> AsyncIterator[Services]:
    yield services
    await services.reading.dispose()
    await services.engine.dispose()


@pytest_asyncio.fixture
async def system() -> AsyncIterator[System]:
    async with listening(System()) as system:
        yield system


def request(draft: str = "draft-1", contact: str = "+12025550143") -> Request:
    details = Details("Jenny Park", contact, "mornings", ("screening.tell.diabetes",))
    return Request("demo", draft, "conversation-1", "visit", details, "TELL", "oak-park", "assessment")


def posted_to(services: Services, address: str) -> Clinic:
    profile = services.library.clinic("demo")
    booking = msgspec.structs.replace(profile.booking, way="webhook", webhook=address)
    return msgspec.structs.replace(profile, booking=booking)


def started(desk: Services, address: str, *, private: bool = True, secrets: Any = None) -> Services:
    """A process of the service over the same database, whose clinic has a system at this address."""
    secrets = (("demo", SECRET),) if secrets is None else secrets
    services = wiring.build(replace(desk.settings, webhook_secrets=secrets, webhook_private=private))
    clinic = posted_to(desk, address)
    services.webhooks._clinic = lambda id: clinic
    return services


async def submitted(desk: Services, address: str, **more: str) -> Kept:
    return await desk.requests.submit(request(**more), posted_to(desk, address))


def at(system: System) -> str:
    return f"http://127.0.0.1:{system.port}/needlewise?clinic=7"


async def test_a_request_is_posted_with_what_the_clinic_needs(desk: Services, system: System) -> None:
    kept = await submitted(desk, at(system))
    assert await started(desk, at(system)).webhooks.deliver_due() == 1
    (arrived,) = system.arrived
    assert arrived.path == "/needlewise?clinic=7"
    assert arrived.headers["content-type"] == "application/json"
    assert arrived.headers["host"] == f"127.0.0.1:{system.port}"
    assert arrived.json == {
        "type": "request.created",
        "timestamp": "2026-06-16T14:00:00Z",
        "data": {
            "version": 1,
            "reference": kept.reference,
            "clinic": "demo",
            "kind": "visit",
            "location": {"id": "oak-park", "name": "Oak Park"},
            "visit_kind": {"id": "assessment", "name": "First visit with an exam"},
            "patient": {"name": "Jenny Park", "phone": "+12025550143", "email": None},
            "times": "mornings",
            "tell_therapist": True,
            "answer_by": "2026-06-17T22:00:00Z",
            "consent": {"to_contact": True, "at": "2026-06-16T14:00:00Z"},
        },
    }


async def test_it_names_no_condition_and_no_outcome(desk: Services, system: System) -> None:
    await submitted(desk, at(system), contact="jen@example.com")
    await started(desk, at(system)).webhooks.deliver_due()
    (arrived,) = system.arrived
    assert arrived.json["data"]["patient"] == {
        "name": "Jenny Park",
        "phone": None,
        "email": "jen@example.com",
    }
    for word in (b"diabetes", b"TELL", b"conversation-1"):
        assert word not in arrived.body


async def test_it_is_signed_as_the_specification_says(desk: Services, system: System) -> None:
    await submitted(desk, at(system))
    await started(desk, at(system)).webhooks.deliver_due()
    (arrived,) = system.arrived
    assert verified(arrived, SECRET)
    assert not verified(arrived, OLD_SECRET)
    assert arrived.headers["webhook-timestamp"] == str(int(BEGAN.timestamp()))
    arrived.body = arrived.body.replace(b"Jenny", b"Jonny")
    assert not verified(arrived, SECRET)


async def test_while_a_secret_is_changed_both_sign(desk: Services, system: System) -> None:
    await submitted(desk, at(system))
    process = started(desk, at(system), secrets=(("demo", SECRET), ("demo", OLD_SECRET), ("other", SECRET)))
    await process.webhooks.deliver_due()
    assert [verified(system.arrived[0], secret) for secret in (SECRET, OLD_SECRET)] == [True, True]


def test_the_signature_of_the_specifications_own_libraries() -> None:
    """The example of their test suites."""
    key = parse_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    given = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert given == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_what_was_taken_is_not_sent_again(desk: Services, system: System, time: Time) -> None:
    await submitted(desk, at(system))
    process = started(desk, at(system))
    assert [await process.webhooks.deliver_due() for _ in range(2)] == [1, 0]
    time.passes(timedelta(days=3))
    assert await process.webhooks.deliver_due() == 0
    assert len(system.arrived) == 1


@pytest.mark.parametrize("status", ["500 Oops", "503 Busy", "400 What", "401 Who", "404 Where", "429 Slowly"])
async def test_what_was_not_taken_comes_again_under_the_same_id(
    desk: Services, system: System, time: Time, status: str
) -> None:
    await submitted(desk, at(system))
    system.answers = [status, status]
    process = started(desk, at(system))
    taken = [await process.webhooks.deliver_due()]
    (entry,) = await entries(desk)
    assert (entry["last_error"], entry["next_try_at"]) == (f"HTTP {status[:3]}", BEGAN + BACKOFF[0])
    for wait in BACKOFF[:2]:
        time.passes(wait)
        taken.append(await process.webhooks.deliver_due())
    assert taken == [0, 0, 1]
    assert len({arrived.headers["webhook-id"] for arrived in system.arrived}) == 1
    assert len({arrived.body for arrived in system.arrived}) == 1
    assert len({arrived.headers["webhook-timestamp"] for arrived in system.arrived}) == 3
    assert all(verified(arrived, SECRET) for arrived in system.arrived)


async def test_gone_is_for_good_and_shows_in_the_queue(desk: Services, system: System, time: Time) -> None:
    kept = await submitted(desk, at(system))
    system.answers = ["410 Gone"]
    process = started(desk, at(system))
    await process.webhooks.deliver_due()
    time.passes(timedelta(days=9))
    await process.webhooks.deliver_due()
    assert len(system.arrived) == 1
    found = await desk.bookings.show(kept.reference)
    assert found is not None
    assert (found.is_stuck, found.trouble) == (True, "HTTP 410")
    assert (await desk.bookings.figures({"demo"})).stuck == 1


async def test_after_the_last_try_it_shows_in_the_queue_and_can_be_sent_again(
    desk: Services, system: System, time: Time
) -> None:
    kept = await submitted(desk, at(system))
    system.answers = ["500 Oops"] * (len(BACKOFF) + 1)
    process = started(desk, at(system))
    for wait in (*BACKOFF, timedelta(days=1)):
        listed, _ = await desk.bookings.listed({"demo"}, Wanted(stuck=True))
        assert listed == []
        await process.webhooks.deliver_due()
        time.passes(wait)
    listed, _ = await desk.bookings.listed({"demo"}, Wanted(stuck=True))
    assert [one.kept.reference for one in listed] == [kept.reference]
    await desk.bookings.send_again(kept, Entry("maria", "request/send-again", "demo"))
    assert await process.webhooks.deliver_due() == 1
    assert (await desk.bookings.figures({"demo"})).stuck == 0


async def test_what_is_on_its_way_is_not_sent_again_by_hand(desk: Services, system: System) -> None:
    kept = await submitted(desk, at(system))
    with pytest.raises(NeedlewiseError, match="on its way"):
        await desk.bookings.send_again(kept, Entry("maria", "request/send-again", "demo"))


async def test_a_settled_request_that_did_not_arrive_asks_for_nothing_more(
    desk: Services, system: System
) -> None:
    kept = await submitted(desk, at(system))
    system.answers = ["410 Gone"]
    await started(desk, at(system)).webhooks.deliver_due()
    await desk.bookings.move(kept, State.BOOKED, Entry("maria", "request/state", "demo"))
    assert (await desk.bookings.figures({"demo"})).stuck == 0


async def test_a_slow_system_keeps_no_other_waiting(
    desk: Services, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "SECONDS", 0.3)
    await submitted(desk, at(system), draft="1")
    await submitted(desk, at(system), draft="2")
    system.answers = ["wait"]
    assert await started(desk, at(system)).webhooks.deliver_due() == 1
    errors = {entry["last_error"] for entry in await entries(desk)}
    assert errors == {None, "no answer in time"}


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
async def test_a_redirect_is_not_followed(desk: Services, system: System, status: str) -> None:
    async with listening(System()) as elsewhere:
        await submitted(desk, at(system))
        system.answers = [f"{status}\r\nLocation: {at(elsewhere)}"]
        assert await started(desk, at(system)).webhooks.deliver_due() == 0
        assert elsewhere.arrived == []
    (entry,) = await entries(desk)
    assert entry["last_error"] == f"HTTP {status[:3]}"


async def test_a_system_that_is_down_is_tried_again(desk: Services, time: Time) -> None:
    async with listening(System()) as system:
        address = at(system)
    await submitted(desk, address)
    process = started(desk, address)
    assert await process.webhooks.deliver_due() == 0
    time.passes(BACKOFF[0])
    async with listening(system):
        assert await process.webhooks.deliver_due() == 1


async def test_a_crash_between_posting_and_noting_it_posts_the_same_id(
    desk: Services, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    await submitted(desk, at(system))
    process = started(desk, at(system))

    async def crash(parcel: object) -> None:
        raise SystemError("power cut")

    with monkeypatch.context() as broken:
        broken.setattr(process.outbox, "sent", crash)
        with pytest.raises(SystemError, match="power cut"):
            await process.webhooks.deliver_due()
    assert await started(desk, at(system)).webhooks.deliver_due() == 1
    first, second = system.arrived
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)


async def test_without_a_secret_nothing_is_posted(desk: Services, system: System) -> None:
    await submitted(desk, at(system))
    assert await started(desk, at(system), secrets=()).webhooks.deliver_due() == 0
    assert system.arrived == []
    (entry,) = await entries(desk)
    assert entry["last_error"] == "no secret is set for this clinic"


async def test_a_clinic_that_took_its_webhook_away_gets_nothing_more(desk: Services, system: System) -> None:
    await submitted(desk, at(system))
    process = started(desk, at(system))
    process.webhooks._clinic = desk.library.clinic
    assert await process.webhooks.deliver_due() == 0
    assert system.arrived == []


async def test_nothing_of_the_patient_waits_in_the_outbox(desk: Services, system: System) -> None:
    kept = await submitted(desk, at(system))
    (parcel,) = await desk.outbox.due("webhook")
    assert parcel.payload == {"reference": kept.reference}


# -- where it may go -----------------------------------------------------------------------------------------------------------


async def test_this_machine_is_posted_to_only_where_the_deployment_allows(
    desk: Services, system: System
) -> None:
    await submitted(desk, at(system))
    assert await started(desk, at(system), private=False).webhooks.deliver_due() == 0
    assert system.arrived == []
    (entry,) = await entries(desk)
    assert entry["last_error"] == "the address is inside a private network"


async def test_a_name_is_judged_by_every_address_it_has(
    desk: Services, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look_up(host: str, port: int, **more: Any) -> list[Any]:
        return [(0, 0, 0, "", (address, port)) for address in ("93.184.215.14", "10.0.0.7")]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
    address = "https://rebinding.example.com/in"
    await submitted(desk, address)
    assert await started(desk, address, private=False).webhooks.deliver_due() == 0
    (entry,) = await entries(desk)
    assert entry["last_error"] == "the address is inside a private network"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 (nothing is bound)
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:169.254.169.254", False),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::", False),
    ],
)
def test_public_addresses(address: str, public: bool) -> None:
    assert is_public(ip_address(address)) is public


@pytest.mark.parametrize(
    ("address", "may_be"),
    [
        ("https://ehr.example.org/in", True),
        ("https://ehr.example.org:8443/in?x=1", True),
        ("http://localhost:8080/in", True),
        ("http://127.0.0.1:8080/in", True),
        ("http://[::1]:8080/in", True),
        ("http://ehr.example.org/in", False),
        ("ftp://ehr.example.org", False),
        ("https://user:pass@ehr.example.org", False),
        ("https://", False),
        ("https://ehr.example.org:port", False),
        ("https://ehr.example.org/a b", False),
        ("file:///etc/passwd", False),
        ("", False),
    ],
)
def test_addresses_that_may_be_posted_to(address: str, may_be: bool) -> None:
    assert is_webhook(address) is may_be


@pytest.mark.parametrize("text", ["", "secret", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64", SECRET[6:]])
def test_what_is_no_secret_is_refused(text: str) -> None:
    with pytest.raises(NeedlewiseError, match="whsec_"):
        parse_secret(text)
