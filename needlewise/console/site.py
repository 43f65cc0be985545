"""The console as a whole: its sections, the guard before every route, and what every page has around it."""

import hmac
import logging
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from secrets import token_urlsafe
from urllib.parse import parse_qsl, quote, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import ImmutableMultiDict
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from needlewise.console.accounts import Account, Accounts
from needlewise.console.browsers import browser_name
from needlewise.console.pages import (
    account,
    audit,
    bookings,
    candidates,
    clinic,
    content,
    conversation,
    home,
    inbox,
    insights,
    live,
    people,
    privacy,
    sign_in,
    signing,
    teach,
)
from needlewise.console.passwords import Passwords
from needlewise.console.roles import Role
from needlewise.console.sessions import DEVICE_DAYS, Sessions, Stage
from needlewise.console.signing_in import Origin, SigningIn
from needlewise.console.throttle import Throttle
from needlewise.console.visit import PREFIX, Declared, Door, Refused, Visit, Waiting
from needlewise.conversations.demonstration import is_demonstration
from needlewise.db.audit import Entry
from needlewise.errors import NeedlewiseError
from needlewise.wiring import Services

logger = logging.getLogger(__name__)

SECTIONS = (
    home.section,
    inbox.section,
    conversation.section,
    bookings.section,
    teach.section,
    candidates.section,
    live.section,
    content.section,
    clinic.section,
    signing.section,
    insights.section,
    people.section,
    privacy.section,
    audit.section,
    account.section,
    sign_in.section,
)
"""Every page of the console; their order is the menu's."""

NOTICES: Mapping[str, str] = {
    **inbox.DONE,
    **conversation.DONE,
    "password": "Your password is changed. Other browsers are signed out.",
    "ended": "That browser is signed out.",
    "roles": "The roles are changed.",
    "disabled": "The account is disabled, and signed out everywhere.",
    "enabled": "The account can be used again.",
    "booking-called": "Noted: called.",
    "booking-no-answer": "Noted: no answer.",
    "booking-booked": "Noted: booked.",
    "booking-closed": "The request is closed.",
    "booking-new": "The request is open again.",
    "booking-taken": "It is yours now.",
    "booking-given-back": "It is nobody’s now.",
    "booking-handed-over": "It is handed over.",
    "booking-sent-again": "It is being sent again. Look here in a minute.",
    "stepped-in": "You are in: the patient is told, and the assistant is silent.",
    "written": "It is said.",
    "stepped-out": "You are out: the assistant is back, and the patient is told.",
    "signed-out": "You are signed out.",
    "signed": "Signed.",
    "signature-withdrawn": "The signature is withdrawn.",
    "held": "The conversation is held: nothing of it is taken away.",
    "released": "The hold is lifted. What is due goes with the next purge.",
    "correction-done": "Noted: somebody has seen to it.",
    "correction-undone": "The correction is taken back.",
    "example-accept": "Accepted. It is taught with the next model that is tried and published.",
    "example-reject": "Rejected. Nothing learns from it.",
    "published": "It is live. Within seconds every patient's next message is answered with it.",
    "went-back": "The model before it is live again, within seconds.",
    "candidate-cancelled": "It is cancelled. Nothing was changed.",
    "saved": "Saved. Patients read it within five seconds.",
    "restored": "The older text is back, as the newest version.",
    "withdrawn": "Withdrawn. What stood beneath it stands again.",
    "idle": "You were signed out after a time without use.",
    "begin-again": "That did not work: too many wrong codes, or it was done elsewhere. Please begin again.",
}
"""What a page says after a form was sent: `visit.back(…, done="password")`. Only these, so that no link can put words into a page."""

LARGEST_FORM = 256 * 1024
_HALFWAY = {
    Stage.CODE: "/sign-in/code",
    Stage.ENROL: "/set-up/second-factor",
    Stage.PASSWORD: "/set-up/password",
    Stage.FULL: "",
}
_SESSION, _DEVICE, _VISITOR = "session", "device", "visitor"
_LIFETIMES = {_DEVICE: DEVICE_DAYS * 24 * 3600}
_LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
_FOLDER = Path(__file__).parent

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Not no-referrer, with which browsers send "Origin: null" with a form.
    "Referrer-Policy": "same-origin",
}

_ERRORS = {
    400: ("That did not work", "The form could not be read. Go back, load the page again and try once more."),
    403: (
        "This is not open to you",
        "Your account has no role for this page. An admin of the clinic can give you one.",
    ),
    404: ("There is no such page", "The address may be wrong, or what was here is gone."),
    409: ("That did not work", "It was changed meanwhile. Go back and load the page again."),
    413: ("That is too much", "The form is larger than we take."),
    419: (
        "This form is too old",
        "You may have signed in or out since it was loaded. Go back, load the page again and try once more.",
    ),
    500: ("Something went wrong", "It is our mistake, and it was noted. Try again in a moment."),
    503: ("Not now", "The database cannot be reached or is busy. Try again in a moment."),
}


class Site:
    """What the pages share. Made once for a service; it opens the database only when asked for something."""

    def __init__(self, services: Services, *, passwords: Passwords | None = None) -> None:
        self.services = services
        engine, settings = services.engine, services.settings
        self.accounts = Accounts(engine, services.audit)
        self.sessions = Sessions(
            engine, idle=settings.staff_idle_minutes, absolute=settings.staff_session_minutes
        )
        self.signing_in = SigningIn(
            engine,
            services.seal,
            services.audit,
            sessions=self.sessions,
            passwords=passwords or Passwords(),
            throttle=Throttle(engine, services.seal),
        )
        self.declared = [one for section in SECTIONS for one in section.declared]
        self.waiting: list[Waiting] = [one for section in SECTIONS for one in section.waiting]
        self.is_demonstration = False
        self._templates = Environment(
            loader=FileSystemLoader(_FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(prefix=PREFIX, Role=Role, Stage=Stage, clinic_name=self._clinic_name)

    def routes(self) -> list[BaseRoute]:
        """Everything under /staff."""
        nowhere = Declared("GET", f"{PREFIX}/{{rest:path}}", Door.ANYONE, _nowhere, "")
        return [
            *(Route(one.path, _Guarded(self, one), methods=[one.method]) for one in self.declared),
            Mount(f"{PREFIX}/files", _Files(directory=_FOLDER / "files")),
            Route(nowhere.path, _Guarded(self, nowhere), methods=None),
        ]

    # -- what a page has around it -----------------------------------------------------------------------------------

    def render(self, visit: Visit, template: str, values: Mapping[str, object]) -> str:
        """A template with what every page knows."""
        known = visit.known if visit.session and visit.session.stage is Stage.FULL else None
        here = visit.request.url.path
        menu: dict[str, tuple[str, str, bool]] = {}
        for one in self.declared:
            if one.menu and known and self.admits(known, one):
                is_here = here == one.path or (one.path != PREFIX and here.startswith(f"{one.path}/"))
                # Pages of one name: the first that this person may open stands for them.
                menu.setdefault(one.menu, (one.menu, one.path, is_here))
        return self._templates.get_template(template).render(
            visit=visit,
            known=known,
            menu=menu.values(),
            csrf=visit.csrf,
            is_demonstration=self.is_demonstration,
            notice=NOTICES.get(visit.query.get("done", "")),
            idle_seconds=int(self.sessions.idle.total_seconds()),
            **values,
        )

    def admits(self, account: Account, declared: Declared) -> bool:
        """Whether this person may go there."""
        if isinstance(declared.needs, Role):
            return bool(self.at(account, declared.needs))
        return declared.needs is Door.SIGNED_IN

    def origin(self, visit: Visit) -> Origin:
        """Where a visit comes from."""
        request = visit.request
        return Origin(
            request.client.host if request.client else "",
            browser_name(request.headers.get("user-agent", "")),
            self._cookie(request, _DEVICE),
        )

    def came(self, visit: Visit, token: str, device: str | None = None) -> None:
        """Give the browser its new session, and what we know it by."""
        visit.cookies[_SESSION] = token
        visit.cookies[_VISITOR] = None
        if device is not None:
            visit.cookies[_DEVICE] = device

    def gone(self, visit: Visit) -> None:
        """Take the session from the browser; it stays a known one."""
        visit.cookies[_SESSION] = None

    def way(self, stage: Stage) -> str:
        """The page that somebody at this stage must go to."""
        return PREFIX + _HALFWAY[stage]

    def _clinic_name(self, clinic: str) -> str:
        profile = self.services.library.clinics.get(clinic)
        return profile.name if profile else clinic

    def at(self, account: Account, role: Role) -> frozenset[str]:
        """The clinics at which somebody has a role, of those that are served."""
        return account.may(role) & self.services.library.clinics.keys()

    # -- the guard ------------------------------------------------------------------------------------------------------

    async def admit(self, visit: Visit) -> Response | None:
        """Let a visit in, or say where it must go first. Raises Refused."""
        request, needs = visit.request, visit.declared.needs
        if not self.is_demonstration and not visit.declared.is_background:
            # Asked each time: the data may come while this process runs, and they never turn into real ones.
            self.is_demonstration = await is_demonstration(self.services.reading)
        token = self._cookie(request, _SESSION)
        visit.session, was_over = await self.sessions.find(token)
        account = await self.accounts.get(visit.session.staff) if visit.session else None
        if account is None or account.is_disabled:
            visit.session = account = None
        if account is not None:
            role = needs if isinstance(needs, Role) else None
            visit.admit(account, self.at(account, role) if role else frozenset())
        self._know_form(visit, token if visit.session else None)
        if needs is not Door.ANYONE:
            if visit.session is None:
                return self._to_sign_in(visit, "idle" if was_over else "")
            if visit.session.stage is not (needs if isinstance(needs, Stage) else Stage.FULL):
                return self._away(visit, self.way(visit.session.stage))
            if isinstance(needs, Role) and not visit.clinics:
                raise Refused(403, "no role")
        if request.method not in ("GET", "HEAD"):
            await self._read_form(visit)
        if visit.session and visit.session.stage is Stage.FULL and not visit.declared.is_background:
            await self.sessions.seen(visit.session)
        return None

    def _know_form(self, visit: Visit, token: str | None) -> None:
        """The token that our forms carry: made from the session's, or from that of a visitor who is not signed in."""
        if token is None:
            token = self._cookie(visit.request, _VISITOR)
        if token is None and visit.request.method == "GET":
            token = visit.cookies[_VISITOR] = token_urlsafe(32)
        if token is not None:
            visit.csrf = hmac.digest(token.encode(), b"form", "sha256").hex()

    async def _read_form(self, visit: Visit) -> None:
        request = visit.request
        if not _is_ours(request):
            raise Refused(419, "other origin")
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            raise Refused(400, "not a form")
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_FORM:
                raise Refused(413, "too large")
        try:
            pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=1000)
        except ValueError:
            raise Refused(400, "not a form") from None
        visit.form = ImmutableMultiDict(pairs)
        given = request.headers.get("x-csrf-token") or visit.form.get("csrf", "")
        if not visit.csrf or not hmac.compare_digest(given.encode(), visit.csrf.encode()):
            raise Refused(419, "forged form")

    def _to_sign_in(self, visit: Visit, done: str) -> Response:
        request = visit.request
        query = [f"done={done}"] if done else []
        if request.method == "GET" and not visit.is_partial and request.url.path != PREFIX:
            query.append(f"next={quote(request.url.path)}")
        return self._away(visit, f"{PREFIX}/sign-in" + (f"?{'&'.join(query)}" if query else ""))

    def _away(self, visit: Visit, address: str) -> Response:
        if visit.request.headers.get("hx-request") == "true":
            # A redirect would put the whole sign-in page into a part of this one.
            return Response(status_code=401, headers={"HX-Redirect": address})
        return RedirectResponse(address, status_code=303)

    def error(self, visit: Visit, status: int) -> Response:
        """The page that says what is wrong."""
        heading, words = _ERRORS.get(status, _ERRORS[500])
        return visit.show("error.html", status=403 if status == 419 else status, heading=heading, words=words)

    # -- cookies --------------------------------------------------------------------------------------------------------

    def _cookie(self, request: Request, name: str) -> str | None:
        return request.cookies.get(_cookie_name(request, name))

    def set_cookies(self, visit: Visit, response: Response) -> None:
        """Cookies that only this host reads, and no script. __Host- keeps a neighbouring host from setting them (fixation)."""
        is_secure = _is_secure(visit.request)
        for name, value in visit.cookies.items():
            response.set_cookie(
                _cookie_name(visit.request, name),
                value or "",
                max_age=_LIFETIMES.get(name) if value else 0,
                path="/",
                secure=is_secure,
                httponly=True,
                samesite="lax",
            )


class _Guarded:
    """An endpoint behind the guard."""

    def __init__(self, site: Site, declared: Declared) -> None:
        self._site = site
        self.declared = declared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.answer(Request(scope, receive, send))
        await response(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        visit = Visit(self._site, request, self.declared)
        try:
            response = await self._handled(visit)
        except ClientDisconnect:
            return Response(status_code=400)
        except (SQLAlchemyError, OSError) as error:
            # The statement's parameters may hold a patient's words: only the type is logged.
            logger.error("the database failed: %s", type(getattr(error, "orig", None) or error).__name__)
            response = self._site.error(visit, 503)
        except Exception as error:
            where = "".join(traceback.format_tb(error.__traceback__))
            logger.error("a request failed: %s\n%s", type(error).__name__, where)
            response = self._site.error(visit, 500)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        self._site.set_cookies(visit, response)
        return response

    async def _handled(self, visit: Visit) -> Response:
        try:
            response = await self._site.admit(visit)
            if response is not None:
                return response
            response = await self.declared.handler(visit)
        except Refused as refused:
            await self._note_failure(visit, refused.why or str(refused.status))
            return self._site.error(visit, refused.status)
        except Exception as error:
            # Whatever the handler has noted may have been undone with its transaction.
            with suppress(SQLAlchemyError, OSError):
                await self._note_failure(visit, type(error).__name__)
            raise
        if self.declared.action and not visit.is_recorded:
            failed = response.status_code >= 400
            if failed or not self.declared.is_background:
                await visit.record(outcome="failure" if failed else "success")
        return response

    async def _note_failure(self, visit: Visit, why: str) -> None:
        """Of somebody who is known. Strangers knock on every door of the internet; the log of requests has them."""
        if visit.known is None:
            return
        action = self.declared.action or "console/refused"
        details = {"path": self.declared.path, "why": why}
        entry = Entry(visit.known.id, action, outcome="failure", details=details)
        await self._site.services.audit.record(entry)


class _Files(StaticFiles):
    """Style sheet and scripts: asked for again each time, and sent only when they changed."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "no-cache"
        return response


async def _nowhere(visit: Visit) -> Response:
    if not visit.request.path_params["rest"]:
        return RedirectResponse(PREFIX, status_code=303)
    raise Refused(404, "no such page")


def _is_ours(request: Request) -> bool:
    """Whether a form comes from our own pages, as far as the browser says. The form's token decides where it does not."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    try:
        return origin is None or urlsplit(origin).netloc == request.headers.get("host")
    except ValueError:
        return False


def _is_secure(request: Request) -> bool:
    """Cookies travel by https only, except to a browser on this machine that speaks plain http."""
    return request.url.scheme == "https" or request.url.hostname not in _LOCAL


def _cookie_name(request: Request, name: str) -> str:
    return f"{'__Host-' if _is_secure(request) else ''}needlewise-{name}"


def declared_of(route: BaseRoute) -> Declared | None:
    """What a route of the console demands; None for the style sheet and the scripts.

    Raises NeedlewiseError on a route that is not behind the guard: a test walks them all.
    """
    if isinstance(route, Mount) and isinstance(route.app, _Files):
        return None
    if not isinstance(route, Route) or not isinstance(route.endpoint, _Guarded):
        raise NeedlewiseError(f"{route} is not behind the console's guard")
    return route.endpoint.declared
