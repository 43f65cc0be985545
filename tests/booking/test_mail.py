"""A request to a clinic that is told by e-mail: stored first, sent when the mailbox takes it, and never with personal data."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from email.policy import default

import msgspec
import pytest
import pytest_asyncio
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import select

from needlewise import clock, wiring
from needlewise.booking.requests import Details, Request
from needlewise.content.model import Clinic
from needlewise.db.outbox import BACKOFF
from needlewise.db.tables import outbox
from needlewise.errors import NeedlewiseError
from needlewise.settings import Settings
from needlewise.wiring import Services

BEGAN = datetime(2026, 6, 16, 14, 0, tzinfo=UTC)
MAILBOX = "visits@riverbend.example.com"


@dataclass
class Mailbox:
    """A mail server that takes what it is told to take."""

    replies: list[str] = field(default_factory=list)
    """Replies to the next mails' DATA; 250 when there is none left."""
    rcpt_reply: str | None = None
    took: list[Message] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.rcpt_reply:
            return self.rcpt_reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.replies and not (reply := self.replies.pop(0)).startswith("250"):
            return reply
        self.took.append(message_from_bytes(envelope.content, policy=default))
        self.recipients.extend(envelope.rcpt_tos)
        return "250 OK"


@asynccontextmanager
async def listening(mailbox: Mailbox, port: int = 0) -> AsyncIterator[int]:
    """A real SMTP server on loopback; its port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(mailbox, hostname="localhost", loop=loop), "127.0.0.1", port
    )
    async with server:
        yield server.sockets[0].getsockname()[1]


@dataclass
class Time:
    """The clock of a test."""

    now: datetime = BEGAN

    def passes(self, by: timedelta) -> None:
        self.now += by


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(clock, "now", lambda: time.now)
    return time


@pytest_asyncio.fixture
async def desk(services: Services, time: Time) -> AsyncIterator[Services]:
    """The service of a clinic that is told of requests by e-mail."""
    yield services
    await services.engine.dispose()


def by_mail(services: Services) -> Clinic:
    profile = services.library.clinic("demo")
    booking = msgspec.structs.replace(profile.booking, way="email", email=MAILBOX)
    return msgspec.structs.replace(profile, booking=booking)


def request(draft: str = "draft-1") -> Request:
    details = Details("Jenny Park", "+12025550143", "mornings, my heel burns", ("screening.tell.diabetes",))
    return Request("demo", draft, "conversation-1", "visit", details, "TELL", "oak-park", "assessment")


def started(settings: Settings, port: int) -> Services:
    """A process of the service, over the same database and key, that knows a mail server."""
    services = wiring.build(
        replace(settings, smtp_url=f"smtp://127.0.0.1:{port}", mail_from="chat@example.com")
    )
    assert services.mailer is not None
    return services


async def entries(services: Services) -> list[dict[str, object]]:
    async with services.engine.connect() as connection:
        return [dict(row._mapping) for row in await connection.execute(select(outbox))]


async def delivered(services: Services) -> int:
    assert services.mailer is not None
    return await services.mailer.deliver_due()


async def test_a_request_is_stored_and_its_mail_delivered(desk: Services) -> None:
    kept = await desk.requests.submit(request(), by_mail(desk))
    mailbox = Mailbox()
    async with listening(mailbox) as port:
        process = started(desk.settings, port)
        assert await delivered(process) == 1
        assert await delivered(process) == 0
    assert mailbox.recipients == [MAILBOX]
    (mail,) = mailbox.took
    assert mail["Subject"] == f"New request {kept.reference}"
    assert mail["From"] == "chat@example.com"
    assert mail["To"] == MAILBOX
    (entry,) = await entries(desk)
    assert (entry["sent_at"], entry["next_try_at"], entry["tries"]) == (BEGAN, None, 1)


async def test_the_mail_holds_nothing_of_the_patient(desk: Services) -> None:
    kept = await desk.requests.submit(request(), by_mail(desk))
    mailbox = Mailbox()
    async with listening(mailbox) as port:
        await delivered(started(desk.settings, port))
    written = mailbox.took[0].as_string()
    assert kept.reference in written
    for secret in (
        "Jenny",
        "Park",
        "5550143",
        "555-0143",
        "mornings",
        "heel",
        "diabetes",
        "TELL",
        "oak",
        "conversation-1",
    ):
        assert secret not in written


async def test_the_outbox_holds_nothing_that_can_be_read(desk: Services) -> None:
    kept = await desk.requests.submit(request(), by_mail(desk))
    (entry,) = await entries(desk)
    assert MAILBOX.encode() not in entry["payload_sealed"]
    assert kept.reference.encode() not in entry["payload_sealed"]


async def test_an_inbox_clinic_gets_no_mail(desk: Services) -> None:
    await desk.requests.submit(request(), desk.library.clinic("demo"))
    assert await entries(desk) == []


async def test_the_same_draft_is_mailed_once(desk: Services) -> None:
    first = await desk.requests.submit(request(), by_mail(desk))
    again = await desk.requests.submit(request(), by_mail(desk))
    assert again.reference == first.reference
    assert len(await entries(desk)) == 1


async def test_mail_refused_for_now_is_delivered_by_a_later_try(desk: Services, time: Time) -> None:
    await desk.requests.submit(request(), by_mail(desk))
    mailbox = Mailbox(replies=["451 try again later"])
    async with listening(mailbox) as port:
        process = started(desk.settings, port)
        assert await delivered(process) == 0
        (entry,) = await entries(desk)
        assert (entry["last_error"], entry["tries"]) == ("SMTP 451", 1)
        assert entry["next_try_at"] == BEGAN + BACKOFF[0]
        time.passes(BACKOFF[0] - timedelta(seconds=1))
        assert await delivered(process) == 0
        time.passes(timedelta(seconds=1))
        assert await delivered(process) == 1
    assert len(mailbox.took) == 1
    (entry,) = await entries(desk)
    assert (entry["last_error"], entry["tries"], entry["next_try_at"]) == (None, 2, None)


@pytest.mark.parametrize("stage", ["recipient", "data"])
async def test_mail_refused_for_good_is_not_tried_again(desk: Services, time: Time, stage: str) -> None:
    await desk.requests.submit(request(), by_mail(desk))
    refusal = "550 no such mailbox"
    mailbox = Mailbox(rcpt_reply=refusal) if stage == "recipient" else Mailbox(replies=[refusal])
    async with listening(mailbox) as port:
        process = started(desk.settings, port)
        assert await delivered(process) == 0
        time.passes(timedelta(days=30))
        mailbox.rcpt_reply = None
        assert await delivered(process) == 0
    (entry,) = await entries(desk)
    assert (entry["last_error"], entry["next_try_at"], entry["sent_at"]) == ("SMTP 550", None, None)


async def test_a_recipient_refused_for_now_is_tried_again(desk: Services, time: Time) -> None:
    await desk.requests.submit(request(), by_mail(desk))
    mailbox = Mailbox(rcpt_reply="450 greylisted, come back")
    async with listening(mailbox) as port:
        process = started(desk.settings, port)
        assert await delivered(process) == 0
        mailbox.rcpt_reply = None
        time.passes(BACKOFF[0])
        assert await delivered(process) == 1


async def test_a_refused_login_keeps_the_mail_until_the_password_is_mended(
    desk: Services, time: Time
) -> None:
    await desk.requests.submit(request(), by_mail(desk))
    mailbox = Mailbox()
    async with listening(mailbox) as port:
        locked = wiring.build(replace(desk.settings, smtp_url=f"smtp://clinic:wrong@127.0.0.1:{port}"))
        assert await delivered(locked) == 0
        (entry,) = await entries(desk)
        assert entry["next_try_at"] == BEGAN + BACKOFF[0]
        time.passes(BACKOFF[0])
        assert await delivered(started(desk.settings, port)) == 1


async def test_mail_waits_while_the_server_is_down(desk: Services, time: Time) -> None:
    await desk.requests.submit(request(), by_mail(desk))
    mailbox = Mailbox()
    async with listening(mailbox) as port:
        pass
    process = started(desk.settings, port)
    assert await delivered(process) == 0
    (entry,) = await entries(desk)
    assert (entry["tries"], entry["next_try_at"]) == (1, BEGAN + BACKOFF[0])
    assert entry["last_error"] == "SMTPConnectError"
    time.passes(BACKOFF[0])
    async with listening(mailbox, port):
        assert await delivered(process) == 1
    assert len(mailbox.took) == 1


async def test_after_the_last_try_it_stays_with_its_error(desk: Services, time: Time) -> None:
    await desk.requests.submit(request(), by_mail(desk))
    mailbox = Mailbox(replies=["451 later"] * (len(BACKOFF) + 5))
    async with listening(mailbox) as port:
        process = started(desk.settings, port)
        for _ in range(len(BACKOFF) + 3):
            assert await delivered(process) == 0
            time.passes(timedelta(hours=5))
    (entry,) = await entries(desk)
    assert (entry["tries"], entry["next_try_at"], entry["last_error"]) == (len(BACKOFF) + 1, None, "SMTP 451")


async def test_a_crash_between_storing_and_sending_is_made_good_after_the_restart(desk: Services) -> None:
    kept = await desk.requests.submit(request(), by_mail(desk))
    await desk.engine.dispose()
    mailbox = Mailbox()
    async with listening(mailbox) as port:
        restarted = started(desk.settings, port)
        assert await delivered(restarted) == 1
        await restarted.engine.dispose()
    assert mailbox.took[0]["Subject"] == f"New request {kept.reference}"


async def test_a_crash_between_sending_and_noting_it_sends_the_same_message_id(desk: Services) -> None:
    await desk.requests.submit(request(), by_mail(desk))
    mailbox = Mailbox()
    async with listening(mailbox) as port:
        process = started(desk.settings, port)
        assert process.mailer is not None

        async def crash(parcel: object) -> None:
            raise SystemError("power cut")

        with pytest.MonkeyPatch.context() as broken:
            broken.setattr(process.mailer._outbox, "sent", crash)
            with pytest.raises(SystemError, match="power cut"):
                await delivered(process)
        assert await delivered(started(desk.settings, port)) == 1
    first, second = mailbox.took
    assert first["Message-ID"] == second["Message-ID"]


async def test_one_refused_mail_does_not_hold_up_the_next(desk: Services) -> None:
    await desk.requests.submit(request("draft-1"), by_mail(desk))
    second = await desk.requests.submit(request("draft-2"), by_mail(desk))
    mailbox = Mailbox(replies=["550 no", "250 OK"])
    async with listening(mailbox) as port:
        assert await delivered(started(desk.settings, port)) == 1
    assert [mail["Subject"] for mail in mailbox.took] == [f"New request {second.reference}"]


def test_without_a_mail_server_there_is_no_mailer(settings: Settings) -> None:
    assert wiring.build(settings).mailer is None


@pytest.mark.parametrize(
    "url", ["mail.example.com", "http://mail.example.com", "smtp://", "smtp:mail.example.com"]
)
def test_a_mail_address_that_cannot_be_meant_is_refused(settings: Settings, url: str) -> None:
    with pytest.raises(NeedlewiseError, match="NEEDLEWISE_SMTP_URL"):
        _ = wiring.build(replace(settings, smtp_url=url)).mailer
