"""The service: one Starlette application with Rasa inside it."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from needlewise import clock, metrics, wiring
from needlewise.channels.service import ChatService
from needlewise.channels.web.routes import WebChannel
from needlewise.conversations.log import Conversation, Inbound
from needlewise.conversations.redaction import Redactor
from needlewise.conversations.state import State
from needlewise.db.engine import migrate
from needlewise.db.sealing import check_key
from needlewise.dialogue.turn import Turns
from needlewise.errors import NeedlewiseError
from needlewise.language.pipeline import load_pipeline
from needlewise.settings import Settings
from needlewise.wiring import Services

logger = logging.getLogger(__name__)

PAGE = Path(__file__).parent / "channels" / "web" / "page"
SELF_TEST = "does dry needling hurt"
SELF_TEST_SECONDS = 10
"""How long the result of the last self-test answers /readyz."""
MAIL_SECONDS = 15

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def create_app(settings: Settings) -> Starlette:
    """The application. It answers /healthz at once and /readyz when a turn works. Raises NeedlewiseError on a wrong key."""
    services = wiring.build(settings)
    wiring.use(services)
    chat = ChatService(services)
    health = _Health(services, chat)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await asyncio.to_thread(migrate, settings.database_url)
        await check_key(services.engine, services.seal)
        tasks = [
            asyncio.create_task(_load(services, chat)),
            asyncio.create_task(_redact(services, chat)),
            asyncio.create_task(_send_mail(services)),
        ]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await services.engine.dispose()

    routes = [
        Route("/healthz", health.alive),
        Route("/readyz", health.ready),
        Route("/metrics", _metrics),
        *WebChannel(services, chat).routes(),
        Route("/", lambda request: FileResponse(PAGE / "index.html")),
        Mount("/page", StaticFiles(directory=PAGE)),
    ]
    return Starlette(routes=routes, lifespan=lifespan, middleware=[Middleware(_Observed)])


async def _load(services: Services, chat: ChatService) -> None:
    """Load the model beside the running server, so that /healthz and the page answer meanwhile."""
    try:
        chat.turns = await asyncio.to_thread(services.load_turns)
    except Exception:
        logger.exception("the model could not be loaded")
        raise


async def _redact(services: Services, chat: ChatService) -> None:
    """Redact what is stored, after the reply is sent; also what a crash left over. Nobody reads a message before."""
    while chat.turns is None:
        await asyncio.sleep(0.2)
    while True:
        try:
            while waiting := await services.log.unredacted():
                texts = []
                for message, words in waiting:
                    texts.append((message, _redacted(services.redactor, words)))
                    await asyncio.sleep(0)
                await services.log.keep_redacted(texts)
        except (SQLAlchemyError, NeedlewiseError) as error:
            logger.error("redaction waits: %s", type(error).__name__)
            await asyncio.sleep(5)
            continue
        await chat.to_redact.wait()
        chat.to_redact.clear()


def _redacted(redactor: Redactor, words: str) -> str:
    return redactor.redact(load_pipeline()(words)).text


async def _send_mail(services: Services) -> None:
    """Deliver the outbox's mail now and again; every failure waits for its next try."""
    if services.mailer is None:
        return
    while True:
        try:
            await services.mailer.deliver_due()
        except (SQLAlchemyError, NeedlewiseError) as error:
            logger.error("mail waits: %s", type(error).__name__)
        await asyncio.sleep(MAIL_SECONDS)


class _Health:
    """Alive: the process answers. Ready: a message would be understood, answered and stored."""

    def __init__(self, services: Services, chat: ChatService) -> None:
        self._services = services
        self._chat = chat
        self._checked: tuple[float, str | None] | None = None

    async def alive(self, request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def ready(self, request: Request) -> Response:
        if (
            self._checked is None
            or self._checked[1]
            or time.monotonic() - self._checked[0] > SELF_TEST_SECONDS
        ):
            self._checked = (time.monotonic(), await self._wrong())
        wrong = self._checked[1]
        metrics.ready.set(0 if wrong else 1)
        if wrong:
            return JSONResponse({"status": "not ready", "why": wrong}, status_code=503)
        return JSONResponse({"status": "ready"})

    async def _wrong(self) -> str | None:
        if self._chat.turns is None:
            return "the model is being loaded"
        try:
            # A write lock is taken and given back: a locked database or a full disk is not ready.
            async with self._services.engine.begin() as connection:
                await connection.execute(text("UPDATE key_check SET id = id"))
        except (SQLAlchemyError, OSError):
            return "the database cannot be written"
        return await self._self_test(self._chat.turns)

    async def _self_test(self, turns: Turns) -> str | None:
        clinic = self._services.library.clinic(self._services.settings.default_clinic)
        conversation = Conversation("self-test", clinic.clinic, "web", "en")
        turn = await turns.take(conversation, clinic, Inbound(SELF_TEST), State(), at=clock.now())
        return None if turn.outcome == "answered" else "a test question was not answered"


async def _metrics(request: Request) -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


class _Observed:
    """Security headers, one log line and one figure for every request; paths only, no query and no body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                present = {name for name, _ in message["headers"]}
                extra = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]
                message["headers"] = [
                    *message["headers"],
                    *(pair for pair in extra if pair[0] not in present),
                ]
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            seconds = time.perf_counter() - started
            route = scope.get("route")
            path = getattr(route, "path", None) or "other"
            metrics.requests_seconds.labels(scope["method"], path, str(status)).observe(seconds)
            logger.info("%s %s %d %.1f ms", scope["method"], path, status, seconds * 1000)
