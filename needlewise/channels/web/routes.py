"""The website chat's HTTP interface. Tokens are ours, bound to one conversation, and never in a URL."""

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from needlewise.channels.limits import RateLimit
from needlewise.channels.service import ChatService, NotReady
from needlewise.channels.web.protocol import (
    LARGEST_BODY,
    OpenSession,
    Rate,
    SendMessage,
    bearer_token,
    spoken_language,
)
from needlewise.conversations.log import Conversation, Inbound, NotYours, UnknownChoice, UnknownToken
from needlewise.errors import NeedlewiseError
from needlewise.text.normalise import LONGEST, normalise
from needlewise.wiring import Services

logger = logging.getLogger(__name__)

T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Response]]

HEARTBEAT_SECONDS = 20


class Refused(Exception):
    """A request that gets an error status and the plain sentence of a phrase."""

    def __init__(self, status: int, key: str, *, retry_after: float = 0) -> None:
        super().__init__(key)
        self.status = status
        self.key = key
        self.retry_after = retry_after


class WebChannel:
    """The handlers of /chat/v1."""

    def __init__(self, services: Services, chat: ChatService) -> None:
        self._services = services
        self._chat = chat
        self._sessions = RateLimit(services.settings.sessions_per_minute)
        self._messages = RateLimit(services.settings.messages_per_minute)

    def routes(self) -> list[Route]:
        """The interface of docs/architecture.md, each handler behind the same guard."""
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/chat/v1/clinics", self.clinics),
            ("POST", "/chat/v1/sessions", self.open_session),
            ("DELETE", "/chat/v1/session", self.forget),
            ("POST", "/chat/v1/messages", self.send),
            ("GET", "/chat/v1/messages", self.history),
            ("GET", "/chat/v1/events", self.events),
            ("POST", "/chat/v1/feedback", self.feedback),
        ]
        by_path: dict[str, dict[str, Handler]] = {}
        for method, path, handler in table:
            by_path.setdefault(path, {})[method] = handler
        return [
            Route(path, self._guarded(handlers), methods=[*handlers, "OPTIONS"])
            for path, handlers in by_path.items()
        ]

    async def clinics(self, request: Request) -> Response:
        """Which clinics this deployment serves, the default one first."""
        default = self._services.settings.default_clinic
        ordered = sorted(
            self._services.library.clinics.values(),
            key=lambda clinic: (clinic.clinic != default, clinic.name),
        )
        return JSONResponse(
            [
                {"id": c.clinic, "name": c.name, "fictional": c.fictional, "example": c.example}
                for c in ordered
            ]
        )

    async def open_session(self, request: Request) -> Response:
        self._limit(self._sessions, request.client.host if request.client else "unknown")
        body = await self._body(request, OpenSession)
        if body.clinic not in self._services.library.clinics:
            raise Refused(404, "conversation.unknown_clinic")
        self._check_origin(request, body.clinic)
        conversation, token, messages = await self._chat.open(
            body.clinic, "web", spoken_language(body.language)
        )
        return JSONResponse(
            {"token": token, "conversation": conversation.id, "messages": messages}, status_code=201
        )

    async def send(self, request: Request) -> Response:
        conversation = await self._conversation(request)
        self._limit(self._messages, conversation.id)
        body = await self._body(request, SendMessage)
        if body.text is not None:
            if len(body.text) > LONGEST:
                raise Refused(413, "conversation.too_long")
            if not normalise(body.text):
                raise Refused(422, "conversation.empty")
        inbound = Inbound(body.text or "", tuple(body.choices or ()), body.fields or {})
        messages = await self._chat.take(conversation, body.id.replace("-", "").lower(), inbound)
        return JSONResponse({"messages": messages})

    async def history(self, request: Request) -> Response:
        conversation = await self._conversation(request)
        messages = await self._services.log.history(conversation, after=request.query_params.get("after"))
        return JSONResponse({"messages": messages})

    async def events(self, request: Request) -> Response:
        """New messages of this conversation as server-sent events, for a client that keeps a second tab or waits for staff."""
        conversation = await self._conversation(request)
        return StreamingResponse(
            self._stream(conversation), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    async def feedback(self, request: Request) -> Response:
        conversation = await self._conversation(request)
        body = await self._body(request, Rate)
        reason = normalise(body.reason) if body.reason else None
        await self._services.log.rate(conversation, body.message, body.verdict, reason)
        return Response(status_code=204)

    async def forget(self, request: Request) -> Response:
        conversation = await self._conversation(request)
        await self._services.log.forget(conversation)
        return JSONResponse({"message": self._words("conversation.forgotten", conversation.clinic)})

    async def _stream(self, conversation: Conversation) -> AsyncIterator[bytes]:
        with self._chat.listen(conversation.id) as news:
            yield b": open\n\n"
            while True:
                try:
                    message = await asyncio.wait_for(news.get(), HEARTBEAT_SECONDS)
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                yield b"event: message\ndata: " + msgspec.json.encode(message) + b"\n\n"

    async def _conversation(self, request: Request) -> Conversation:
        token = bearer_token(request.headers.get("authorization"))
        if token is None:
            raise UnknownToken("no bearer token")
        conversation = await self._services.log.find(token)
        self._check_origin(request, conversation.clinic)
        return conversation

    async def _body(self, request: Request, shape: type[T]) -> T:
        data = bytearray()
        async for chunk in request.stream():
            data += chunk
            if len(data) > LARGEST_BODY:
                raise Refused(413, "conversation.too_long")
        try:
            return msgspec.json.decode(bytes(data), type=shape)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Refused(422, "conversation.bad_request") from error

    def _limit(self, limit: RateLimit, key: str) -> None:
        if wait := limit.wait(key):
            raise Refused(429, "conversation.too_many", retry_after=wait)

    def _check_origin(self, request: Request, clinic: str) -> None:
        """Pages of other websites may chat only for the clinics that named them. No Origin means no browser page."""
        origin = request.headers.get("origin")
        if (
            origin
            and not self._is_same(request, origin)
            and origin not in self._services.library.clinic(clinic).origins
        ):
            raise Refused(403, "conversation.not_here")

    def _is_same(self, request: Request, origin: str) -> bool:
        try:
            return urlsplit(origin).netloc == request.headers.get("host")
        except ValueError:
            return False

    def _words(self, key: str, clinic: str | None = None) -> str:
        return self._services.renderer.words(key, self._services.place(clinic, "web", "en"))

    def _guarded(self, handlers: dict[str, Handler]) -> Handler:
        """Turns what went wrong into a status and a plain sentence, and answers browsers' cross-origin questions."""

        async def endpoint(request: Request) -> Response:
            if request.method == "OPTIONS":
                return self._with_cors(request, Response(status_code=204))
            if request.method not in handlers:
                # Starlette adds HEAD to GET; other methods do not come here.
                raise HTTPException(405, headers={"Allow": ", ".join(handlers)})
            try:
                response = await handlers[request.method](request)
            except Refused as refused:
                response = self._error(refused.status, refused.key)
                if refused.retry_after:
                    response.headers["Retry-After"] = str(int(refused.retry_after) + 1)
            except UnknownToken:
                response = self._error(401, "conversation.session_over")
            except UnknownChoice:
                response = self._error(422, "conversation.unknown_choice")
            except NotYours:
                response = self._error(404, "conversation.bad_request")
            except NotReady:
                response = self._error(503, "conversation.busy")
            except (SQLAlchemyError, OSError) as error:
                # The statement's parameters may hold a patient's words: only the type is logged.
                logger.error("the database failed: %s", type(getattr(error, "orig", None) or error).__name__)
                response = self._error(503, "conversation.busy")
            except NeedlewiseError as error:
                logger.error("a request failed: %s", error)
                response = self._error(503, "conversation.busy")
            except ClientDisconnect:
                response = Response(status_code=400)
            except Exception as error:
                # The error's text may hold a patient's words: only its type and where it happened are logged.
                where = "".join(traceback.format_tb(error.__traceback__))
                logger.error("a request failed: %s\n%s", type(error).__name__, where)
                response = self._error(500, "conversation.sorry")
            response.headers.setdefault("Cache-Control", "no-store")
            return self._with_cors(request, response)

        return endpoint

    async def no_such_page(self, request: Request, error: Exception) -> Response:
        """The answer to an address or a method that nobody serves here."""
        assert isinstance(error, HTTPException)
        response = self._error(error.status_code, "conversation.bad_request")
        response.headers.update(error.headers or {})
        return self._with_cors(request, response)

    def _error(self, status: int, key: str) -> Response:
        return JSONResponse({"error": key.partition(".")[2], "message": self._words(key)}, status_code=status)

    def _with_cors(self, request: Request, response: Response) -> Response:
        """Cross-origin headers for pages that some clinic allows; which clinic's they may open is checked apart."""
        origin = request.headers.get("origin")
        if origin and any(origin in clinic.origins for clinic in self._services.library.clinics.values()):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Vary"] = "Origin"
            response.headers["Access-Control-Allow-Headers"] = "authorization, content-type"
            response.headers["Access-Control-Allow-Methods"] = "GET, POST, DELETE"
            response.headers["Access-Control-Expose-Headers"] = "retry-after"
        return response
