"""Brings queued requests to a clinic's mailbox over SMTP. The mail names the reference and nothing of the patient."""

import logging
from collections.abc import Callable
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import aiosmtplib

from needlewise.db.outbox import Outbox, Parcel
from needlewise.errors import NeedlewiseError

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 20

Compose = Callable[[Parcel], tuple[str, str]]
"""Subject and body of a parcel, in the clinic's words."""


# What a server says of this mail. A refused login or greeting is a fault in the set-up: the mail waits until it is mended.
_FINAL = (
    aiosmtplib.SMTPSenderRefused,
    aiosmtplib.SMTPRecipientRefused,
    aiosmtplib.SMTPRecipientsRefused,
    aiosmtplib.SMTPDataError,
)


def _code(error: aiosmtplib.SMTPResponseException | aiosmtplib.SMTPRecipientsRefused) -> int:
    """The reply code. Each mail has one recipient."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return int(error.recipients[0].code)
    return int(error.code)


class Mailer:
    """Sends what the outbox holds for e-mail; what cannot be sent now is tried again later."""

    def __init__(self, outbox: Outbox, smtp_url: str, sender: str, compose: Compose) -> None:
        address = urlsplit(smtp_url)
        if address.scheme not in ("smtp", "smtps") or not address.hostname:
            raise NeedlewiseError("NEEDLEWISE_SMTP_URL must look like smtp://user:password@host:587")
        self._outbox = outbox
        self._sender = sender
        self._compose = compose
        self._server = aiosmtplib.SMTP(
            hostname=address.hostname,
            port=address.port,
            username=unquote(address.username) if address.username else None,
            password=unquote(address.password) if address.password else None,
            use_tls=address.scheme == "smtps",
            timeout=TIMEOUT_SECONDS,
        )

    async def deliver_due(self) -> int:
        """Send every mail whose time has come; how many went out."""
        sent = 0
        for parcel in await self._outbox.due("email"):
            sent += await self._deliver(parcel)
        return sent

    async def _deliver(self, parcel: Parcel) -> bool:
        subject, body = self._compose(parcel)
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = self._sender, parcel.payload["to"], subject
        # The same id at every try, so that a mailbox can drop a copy sent twice around a crash.
        mail["Message-ID"] = f"<{parcel.id}@needlewise>"
        mail.set_content(body)
        try:
            async with self._server:
                await self._server.send_message(mail)
        except (aiosmtplib.SMTPResponseException, aiosmtplib.SMTPRecipientsRefused) as error:
            code = _code(error)
            logger.warning("mail %s refused: %s", parcel.id, code)
            await self._outbox.failed(
                parcel, f"SMTP {code}", permanent=code >= 500 and isinstance(error, _FINAL)
            )
            return False
        except (aiosmtplib.SMTPException, OSError) as error:
            logger.warning("mail %s not sent: %s", parcel.id, type(error).__name__)
            await self._outbox.failed(parcel, type(error).__name__)
            return False
        await self._outbox.sent(parcel)
        return True
