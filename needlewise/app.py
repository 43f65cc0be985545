"""The service: one Starlette application with Rasa inside it."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from needlewise import clock, metrics, wiring
from needlewise.booking.mail import Mailer
from needlewise.channels.service import ChatService
from needlewise.channels.sms.channel import SmsChannel
from needlewise.channels.web.landing import Landing
from needlewise.channels.web.routes import WebChannel
from needlewise.channels.web.widget import Widget
from needlewise.console.site import Site
from needlewise.conversations.log import Conversation, Inbound
from needlewise.conversations.redaction import Redactor
from needlewise.conversations.state import State
from needlewise.db.engine import migrate, open_engine
from needlewise.db.sealing import Seal, check_key
from needlewise.dialogue.turn import Turns
from needlewise.errors import NeedlewiseError
from needlewise.language.pipeline import load_pipeline
from needlewise.settings import Settings
from needlewise.text.normalise import normalise
from needlewise.wiring import Services

logger = logging.getLogger(__name__)

SELF_TEST = "does dry needling hurt"
SELF_TEST_SECONDS = 10
"""How long a self-test that passed answers /readyz; that the database can be written is seen each time."""
MAIL_SECONDS = 15
POST_SECONDS = 5
"""How often requests for clinics' own systems are looked for."""
LULL_SECONDS = 0.5
"""Redaction begins when no turn has ended for so long."""
REDACTED_WITHIN_SECONDS = 10
"""However busy it is, redaction begins after so long."""
REDACTION_SECONDS = 5
"""How long redaction waits after the database failed."""
LIVE_HELP_SECONDS = 10
"""How often it is seen whether staff have left a patient without a word for too long."""
PURGE_SECONDS = 3600
"""How often it is seen what has been kept long enough."""
STOP_SECONDS = 5
"""How long the end of the service waits for what is under way beside the requests."""

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def create_app(settings: Settings) -> Starlette:
    """The application, its database ready. It answers /healthz at once and /readyz when a turn works.

    Raises NeedlewiseError on a key that is not the database's, a database that cannot be opened, and an odd mail server.
    """
    services = wiring.build(settings)
    wiring.use(services)
    with ThreadPoolExecutor(1) as thread:
        # In a thread of its own, because the caller may have an event loop already.
        thread.submit(_prepare, settings.database_url, services.seal).result()
    _ = services.mailer, services.webhooks  # an odd mail server or secret is told of now
    chat = ChatService(services)
    web = WebChannel(services, chat)
    sms = SmsChannel(services, chat) if settings.sms_provider else None
    health = _Health(services, chat)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with _at_work(services, chat, sms, sends=not settings.worker, serves=True) as loading:
            health.loading = loading
            yield

    routes = [
        Route("/healthz", health.alive),
        Route("/readyz", health.ready),
        Route("/metrics", _metrics),
        *web.routes(),
        *Widget(services).routes(),
        *(sms.routes() if sms else ()),
        *Site(services).routes(),
        *Landing(services).routes(),
    ]
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[Middleware(_Observed)],
        exception_handlers={HTTPException: web.no_such_page},
    )
    app.state.chat = chat
    return app


async def work(settings: Settings, stopping: asyncio.Event) -> None:
    """What a web process leaves to `needlewise worker`: answer text messages, and send texts and mail, until `stopping` is set.

    Raises NeedlewiseError like create_app.
    """
    services = wiring.build(settings)
    wiring.use(services)
    await asyncio.to_thread(_prepare, settings.database_url, services.seal)
    chat = ChatService(services)
    sms = SmsChannel(services, chat) if settings.sms_provider else None
    async with _at_work(services, chat, sms, sends=True, serves=False) as loading:
        await loading
        logger.info("the worker is ready")
        await stopping.wait()


@asynccontextmanager
async def _at_work(
    services: Services, chat: ChatService, sms: SmsChannel | None, *, sends: bool, serves: bool
) -> AsyncIterator["asyncio.Task[None]"]:
    """Everything that a process does beside requests, while the block runs; gives the task that loads the model."""
    stopping = asyncio.Event()
    loading = asyncio.create_task(_load(services, chat))
    with suppress(SQLAlchemyError, OSError):
        # Before the first request is answered: nobody reads what staff have changed since.
        await services.live_content.refresh()
    work = [
        _redact(services, chat, after=loading, stopping=stopping),
        _follow_model(services, chat, after=loading, stopping=stopping),
        services.live_content.follow(stopping),
        services.news.listen(stopping),
        _purge(services, after=loading, stopping=stopping),
    ]
    if serves:
        # Not in a worker: beside SQLite it has no way to tell the chats that are open here.
        work.append(_end_live_help(services, stopping=stopping))
    if sends:
        work.append(_post_requests(services, stopping=stopping))
    if sends and services.mailer is not None:
        work.append(_send_mail(services, services.mailer, stopping=stopping))
    if sends and sms is not None:
        work.append(sms.work(stopping))
    tasks = [loading, *(asyncio.create_task(each) for each in work)]
    try:
        yield loading
    finally:
        # Cancelled in the middle of a statement, a task would leave a connection open that keeps the process alive: each
        # ends by itself, at the next place where nothing is half done.
        stopping.set()
        chat.to_redact.set()
        services.live_content.wake()
        services.candidates.changed.set()
        if sms is not None:
            sms.wake()
        loading.cancel()
        _, late = await asyncio.wait(tasks, timeout=STOP_SECONDS)
        await _stopped(late)
        await services.trier.close()
        await services.locks.close()
        await services.reading.dispose()
        await services.engine.dispose()


async def _stopped(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks until they end: Python 3.11's wait_for, in the connection pool, can swallow a cancellation."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=1)


def _prepare(database_url: str, seal: Seal) -> None:
    """Bring the database to this version's tables and see that our key reads it, before anything else is begun."""

    async def check() -> None:
        engine = open_engine(database_url)
        try:
            await check_key(engine, seal)
        finally:
            await engine.dispose()

    try:
        migrate(database_url)
        asyncio.run(check())
    except (SQLAlchemyError, OSError) as error:
        why = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise NeedlewiseError(f"NEEDLEWISE_DATABASE_URL: the database cannot be used: {why}") from error


async def _load(services: Services, chat: ChatService) -> None:
    """Load the model beside the running server, so that /healthz and the page answer meanwhile."""
    try:
        chat.turns = await services.live_model.first(partial(_passes, services))
    except Exception:
        logger.exception("the model could not be loaded")
        raise


async def _follow_model(
    services: Services, chat: ChatService, *, after: "asyncio.Task[None]", stopping: asyncio.Event
) -> None:
    """Answer with the model that staff put live. A turn that runs ends with the one that it began with."""

    def swap(turns: Turns) -> None:
        chat.turns = turns

    await asyncio.wait([after])
    if chat.turns is not None:
        await services.live_model.follow(swap, partial(_passes, services), stopping=stopping)


async def _redact(
    services: Services, chat: ChatService, *, after: "asyncio.Task[None]", stopping: asyncio.Event
) -> None:
    """Redact what is stored, after the reply is sent; also what a crash left over. Nobody reads a message before."""
    await asyncio.wait([after])
    # Its lists take seconds to read: in a thread, so that nobody's message waits for them.
    redactor = await asyncio.to_thread(lambda: services.redactor)
    while not stopping.is_set():
        try:
            while waiting := await services.log.unredacted():
                texts = []
                for message, words in waiting:
                    if stopping.is_set():
                        break
                    texts.append((message, _redacted(redactor, words, message)))
                    await asyncio.sleep(0)
                await services.log.keep_redacted(texts)
                if stopping.is_set():
                    return
        except (SQLAlchemyError, OSError, NeedlewiseError) as error:
            logger.error("redaction waits: %s", type(error).__name__)
            await clock.is_set(stopping, within=REDACTION_SECONDS)
            continue
        await chat.to_redact.wait()
        await _lull(chat.to_redact, quiet=LULL_SECONDS, at_most=REDACTED_WITHIN_SECONDS)


async def _lull(stirred: asyncio.Event, *, quiet: float, at_most: float) -> None:
    """Return when nothing has stirred for `quiet` seconds, or after `at_most`: a patient who goes on at once comes first."""
    with suppress(TimeoutError):
        async with asyncio.timeout(at_most):
            stirred.clear()
            while await clock.is_set(stirred, within=quiet):
                stirred.clear()


def _redacted(redactor: Redactor, words: str, message: str) -> str:
    try:
        return redactor.redact(load_pipeline()(normalise(words))).text
    except Exception as error:
        # Words that redaction stumbles over are not shown, and do not keep the words of others from it.
        logger.error("message %s cannot be redacted: %s", message, type(error).__name__)
        return "[not readable]"


async def _end_live_help(services: Services, *, stopping: asyncio.Event) -> None:
    """Step out where staff have been silent too long, so that a patient who waits is told. Several processes may: one does."""
    while not stopping.is_set():
        try:
            await services.live_help.end_silent()
        except Exception as error:
            logger.error("live help is not ended: %s", type(error).__name__)
        await clock.is_set(stopping, within=LIVE_HELP_SECONDS)


async def _purge(services: Services, *, after: "asyncio.Task[None]", stopping: asyncio.Event) -> None:
    """Take away what has been kept long enough. Of several processes one does, a little at a time."""
    await asyncio.wait([after])
    while not stopping.is_set():
        try:
            await services.retention.run(stopping)
        except Exception as error:
            logger.error("the purge waits: %s", type(error).__name__)
        await clock.is_set(stopping, within=PURGE_SECONDS)


async def _send_mail(services: Services, mailer: Mailer, *, stopping: asyncio.Event) -> None:
    """Deliver the outbox's mail now and again; every failure waits for its next try. One process at a time does."""
    while not stopping.is_set():
        try:
            async with services.locks.tried("mail") as mine:
                if mine:
                    await services.digests.queue_due(list(services.library.clinics.values()))
                    await mailer.deliver_due()
        except Exception as error:
            # A server that is starting again refuses connections with errors of the driver's own.
            logger.error("mail waits: %s", type(error).__name__)
        await clock.is_set(stopping, within=MAIL_SECONDS)


async def _post_requests(services: Services, *, stopping: asyncio.Event) -> None:
    """Post requests to clinics' own systems; every failure waits for its next try. One process at a time does."""
    while not stopping.is_set():
        try:
            async with services.locks.tried("webhook") as mine:
                if mine:
                    await services.webhooks.deliver_due()
        except Exception as error:
            logger.error("webhooks wait: %s", type(error).__name__)
        await clock.is_set(stopping, within=POST_SECONDS)


async def _passes(services: Services, turns: Turns) -> bool:
    """Whether a question that everybody asks is answered."""
    clinic = services.library.clinic(services.settings.default_clinic)
    conversation = Conversation("self-test", clinic.clinic, "web", "en")
    try:
        turn = await turns.take(conversation, clinic, Inbound(SELF_TEST), State(), at=clock.now())
    except Exception:
        # Our own words: the traceback holds nothing of a patient's.
        logger.exception("the self-test failed")
        return False
    return turn.outcome == "answered"


class _Health:
    """Alive: the process answers. Ready: a message would be understood, answered and stored."""

    def __init__(self, services: Services, chat: ChatService) -> None:
        self._services = services
        self._chat = chat
        self._one_test = asyncio.Lock()
        self._tested_at: float | None = None
        """When the last self-test passed; None when it did not."""
        self.loading: asyncio.Task[None] | None = None

    async def alive(self, request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def ready(self, request: Request) -> Response:
        wrong = await self._wrong()
        metrics.ready.set(0 if wrong else 1)
        if wrong:
            return JSONResponse({"status": "not ready", "why": wrong}, status_code=503)
        return JSONResponse({"status": "ready"})

    async def _wrong(self) -> str | None:
        turns = self._chat.turns
        if turns is None:
            failed = self.loading is not None and self.loading.done()
            return "the model could not be loaded" if failed else "the model is being loaded"
        try:
            # A write lock is taken and given back: a locked database or a full disk is not ready.
            async with self._services.engine.begin() as connection:
                await connection.execute(text("UPDATE key_check SET id = id"))
        except (SQLAlchemyError, OSError):
            return "the database cannot be written"
        async with self._one_test:
            if self._tested_at is None or time.monotonic() - self._tested_at > SELF_TEST_SECONDS:
                self._tested_at = time.monotonic() if await _passes(self._services, turns) else None
        return None if self._tested_at is not None else "a test question was not answered"


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
            # A client may write anything for a method.
            method = scope["method"] if scope["method"] in _METHODS else "other"
            metrics.requests_seconds.labels(method, path, str(status)).observe(seconds)
            logger.info("%s %s %d %.1f ms", method, path, status, seconds * 1000)
