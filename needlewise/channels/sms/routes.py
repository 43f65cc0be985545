"""The webhooks that Twilio calls: a text that came in, and what became of one that went out."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl

from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from needlewise import clock, metrics
from needlewise.channels.sms.answering import INBOX, Answering
from needlewise.channels.sms.inbox import Inbox
from needlewise.channels.sms.protocol import OPTED_OUT, TextIn
from needlewise.channels.sms.sending import Sending
from needlewise.channels.sms.signature import Fields, is_signed
from needlewise.channels.sms.threads import Threads
from needlewise.channels.sms.twilio import is_status, lower, text_in
from needlewise.errors import NeedlewiseError
from needlewise.wiring import Services

logger = logging.getLogger(__name__)

LARGEST_BODY = 64 * 1024
"""Bytes. A text has at most 1600 characters; a form of Twilio's with ten pictures stays below 16 KiB."""
MOST_FIELDS = 200
WEBHOOK = "/sms/v1/twilio"
CALLBACK = "/sms/v1/twilio/status"

_FORM = "application/x-www-form-urlencoded"
_EMPTY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'

Handler = Callable[[Request, Mapping[str, str]], Awaitable[Response]]


class Webhooks:
    """The handlers under /sms/v1. A request without a valid signature learns nothing and changes nothing."""

    def __init__(
        self, services: Services, inbox: Inbox, threads: Threads, answering: Answering, sending: Sending
    ) -> None:
        self._services = services
        self._inbox = inbox
        self._threads = threads
        self._answering = answering
        self._sending = sending
        self._clinics = clinics_by_number(services)
        settings = services.settings
        self._tokens = [token for token in (settings.twilio_token, settings.twilio_old_token) if token]

    def routes(self) -> list[Route]:
        return [
            Route(WEBHOOK, self._signed(self.receive), methods=["POST"]),
            Route(CALLBACK, self._signed(self.status), methods=["POST"]),
        ]

    async def receive(self, request: Request, form: Mapping[str, str]) -> Response:
        """Claim a text, and answer at once: its turn and its reply come later. A repeat is taken like the first."""
        text = text_in(form)
        if text is None:
            logger.warning("a signed webhook was no text from a phone number")
            return _twiml()
        clinic = self._clinics.get(text.clinic_number)
        if clinic is None:
            logger.error("a text came for a number that no clinic's profile names under texting")
            return Response(status_code=404)
        is_new = await self.take(text, clinic)
        metrics.texts_in.labels("new" if is_new else "repeat").inc()
        return _twiml()

    async def take(self, text: TextIn, clinic: str) -> bool:
        """Claim a text for its turn; False for one that was claimed before."""
        thread = await self._threads.id_of(text.clinic_number, text.number)
        if not await self._inbox.claim(text, clinic=clinic, thread=thread, at=clock.now()):
            return False
        self._answering.woken.set()
        await self._services.news.tell(INBOX)
        return True

    async def status(self, request: Request, form: Mapping[str, str]) -> Response:
        """Move a sent text's status forward; one that is late or of a text that is not ours changes nothing."""
        status, sid = form.get("MessageStatus", ""), form.get("MessageSid", "")
        if not is_status(status) or not sid or len(sid) > 64:
            return Response(status_code=204)
        outbox = self._services.outbox
        parcel = request.query_params.get("parcel", "")
        if len(parcel) != 32 or not await outbox.recognise(parcel, sid):
            logger.warning("a status came for a text that is not known")
            return Response(status_code=204)
        error = form.get("ErrorCode", "")[:8]
        thread = await outbox.advance(sid, status, lower=lower(status), error=error or None)
        if thread is not None and error == OPTED_OUT:
            await self._sending.opted_out(thread)
        return Response(status_code=204)

    def _signed(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                fields = await _fields(request)
                given = request.headers.get("x-twilio-signature", "")
                if not is_signed(given, self._tokens, self._address(request), fields):
                    metrics.texts_in.labels("forged").inc()
                    return Response(status_code=403)
                return await handler(request, dict(fields))
            except HTTPException as refused:
                return Response(status_code=refused.status_code)
            except (SQLAlchemyError, OSError) as error:
                logger.error("the database failed: %s", type(getattr(error, "orig", None) or error).__name__)
                return Response(status_code=503, headers={"Retry-After": "5"})
            except ClientDisconnect:
                return Response(status_code=400)
            except Exception as error:
                # The error's text may hold a patient's words.
                logger.error("a webhook failed: %s", type(error).__name__)
                return Response(status_code=503, headers={"Retry-After": "5"})

        return endpoint

    def _address(self, request: Request) -> str:
        """The address that Twilio called: by the setting, or as the request (and a trusted proxy) tells it."""
        public = self._services.settings.public_address
        if public is None:
            return str(request.url)
        # The path and the query as they came: a signature covers every escape as it was written.
        path = request.scope.get("raw_path") or request.url.path.encode()
        query = request.scope.get("query_string", b"")
        return public.rstrip("/") + (path + (b"?" + query if query else b"")).decode("latin-1")


def clinics_by_number(services: Services) -> dict[str, str]:
    """Which clinic each number that can be texted belongs to. Raises NeedlewiseError when one belongs to two."""
    found: dict[str, str] = {}
    for name, clinic in services.library.clinics.items():
        for number in clinic.texting.numbers:
            if found.setdefault(number, name) != name:
                raise NeedlewiseError(
                    f"the number {number} is under texting of {found[number]} and of {name}"
                )
    return found


async def _fields(request: Request) -> Fields:
    """The form's fields, the blank ones too. Raises HTTPException with the status of what is wrong with it."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise HTTPException(415)
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > LARGEST_BODY:
            raise HTTPException(413)
    try:
        return parse_qsl(
            data.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
        )
    except ValueError:
        raise HTTPException(400) from None


def _twiml() -> Response:
    return Response(_EMPTY, media_type="text/xml")
