"""One request to the console, and how a route declares what it demands.

    section = Section()

    @section.get("/inbox", needs=Role.READER, action="inbox/view", menu="Inbox")
    async def inbox(visit: Visit) -> Response:
        return visit.show("inbox.html", rows=await visit.services.log.of(visit.clinics))

Before the handler runs, `site` has seen that the person is signed in and has the role at some clinic; that a POST comes from one of our own
pages; and it has read the form. Afterwards it has written the audit row, unless the handler did. The handler must ask only for
`visit.clinics`, those at which this person has the role, and calls `visit.at(clinic)` before it touches one thing of one clinic.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import ImmutableMultiDict
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from needlewise.console.accounts import Account
from needlewise.console.roles import Role
from needlewise.console.sessions import Session, Stage
from needlewise.db.audit import Entry, Outcome

if TYPE_CHECKING:
    from needlewise.console.site import Site
    from needlewise.wiring import Services

PREFIX = "/staff"


class Door(StrEnum):
    """What a route demands when it is no role."""

    ANYONE = "anyone"
    """Nothing. Only what leads to signing in."""
    SIGNED_IN = "signed in"
    """An account, whatever its roles."""


Needs = Role | Door | Stage
"""A stage is for the pages on the way in: the session must stand exactly there."""

Handler = Callable[["Visit"], Awaitable[Response]]
Count = Callable[["Services", frozenset[str]], Awaitable[int]]


@dataclass(frozen=True)
class Declared:
    """Everything about a route, said once."""

    method: str
    path: str
    needs: Needs
    handler: Handler
    action: str
    """What the audit log calls it; empty where the handler writes its own row, or nobody is known yet."""
    menu: str = ""
    """Its name in the menu; empty for what is reached from another page."""
    is_background: bool = False
    """Whether the browser asks by itself. Such a request keeps nobody signed in, and a success of it is not noted."""


@dataclass(frozen=True)
class Waiting:
    """A figure on the home page: something that waits for somebody with this role."""

    words: str
    needs: Role
    count: Count
    path: str


@dataclass
class Section:
    """Pages that belong together."""

    declared: list[Declared] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)

    def get(
        self, path: str, *, needs: Needs, action: str = "", menu: str = "", is_background: bool = False
    ) -> Callable[[Handler], Handler]:
        """Declare a page. It changes nothing: browsers load pages by themselves."""
        return self._declare("GET", path, needs, action, menu, is_background)

    def post(
        self, path: str, *, needs: Needs, action: str = "", is_background: bool = False
    ) -> Callable[[Handler], Handler]:
        """Declare what a form does."""
        return self._declare("POST", path, needs, action, "", is_background)

    def waits(self, words: str, *, needs: Role, path: str) -> Callable[[Count], Count]:
        """Declare a figure for the home page: `words` follow the number, `path` leads to what waits."""

        def declare(count: Count) -> Count:
            self.waiting.append(Waiting(words, needs, count, PREFIX + path))
            return count

        return declare

    def _declare(
        self, method: str, path: str, needs: Needs, action: str, menu: str, is_background: bool
    ) -> Callable[[Handler], Handler]:
        def declare(handler: Handler) -> Handler:
            self.declared.append(Declared(method, PREFIX + path, needs, handler, action, menu, is_background))
            return handler

        return declare


class Refused(Exception):
    """A page that is not shown; `status` picks the words."""

    def __init__(self, status: int, why: str = "") -> None:
        super().__init__(why)
        self.status = status
        self.why = why
        """For the audit log."""


class Visit:
    """What a handler is given."""

    def __init__(self, site: "Site", request: Request, declared: Declared) -> None:
        self.site = site
        self.services = site.services
        self.request = request
        self.declared = declared
        self.session: Session | None = None
        self.form: ImmutableMultiDict[str, str] = ImmutableMultiDict()
        self.csrf = ""
        self.cookies: dict[str, str | None] = {}
        """To be set with the answer, by their plain names; None removes one."""
        self.is_recorded = False
        self._account: Account | None = None
        self._clinics: frozenset[str] = frozenset()
        self._about: dict[str, str] = {}

    @property
    def account(self) -> Account:
        """Who this is. Only where somebody is signed in."""
        assert self._account is not None, "this route lets anyone in"
        return self._account

    @property
    def known(self) -> Account | None:
        """Who this is, if anyone."""
        return self._account

    @property
    def clinics(self) -> frozenset[str]:
        """The clinics at which this person has the role that the route demands. Ask for nothing of any other."""
        return self._clinics

    def admit(self, account: Account, clinics: frozenset[str]) -> None:
        """Called by the site, once the person is known."""
        self._account, self._clinics = account, clinics

    def at(self, clinic: str, subject: str = "") -> str:
        """The clinic, if this person has the role there; the audit row is then about it.

        Raises Refused as for something that does not exist: that it does is none of their business.
        """
        if clinic not in self._clinics:
            raise Refused(404, "other clinic")
        self.about(clinic=clinic, subject=subject)
        return clinic

    def about(self, *, clinic: str = "", subject: str = "", reason: str = "") -> None:
        """What the audit row of this request shall say, where the handler writes none itself."""
        given = {"clinic": clinic, "subject": subject, "reason": reason}
        self._about.update({name: value for name, value in given.items() if value})

    def entry(self, action: str = "", *, outcome: Outcome = "success", **more: Any) -> Entry:
        """An audit row for a service that writes it in its own transaction; no further one is written for this request."""
        self.is_recorded = True
        actor = self._account.id if self._account else "nobody"
        return Entry(actor, action or self.declared.action, outcome=outcome, **{**self._about, **more})

    async def record(
        self, action: str = "", *, connection: AsyncConnection | None = None, **more: Any
    ) -> None:
        """Write an audit row now: see Entry for what it takes."""
        await self.services.audit.record(self.entry(action, **more), connection)

    def show(self, template: str, *, status: int = 200, **values: object) -> Response:
        """A page, or a part of one, from templates/. `values` are escaped there."""
        return HTMLResponse(self.site.render(self, template, values), status_code=status)

    def back(self, path: str, *, done: str = "") -> Response:
        """On to a page, after a form; `done` is a key of NOTICES in site.py, said there."""
        joint = "&" if "?" in path else "?"
        return RedirectResponse(f"{PREFIX}{path}" + (f"{joint}done={done}" if done else ""), status_code=303)

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query_params

    @property
    def is_partial(self) -> bool:
        """Whether htmx asks for a part of the page."""
        headers = self.request.headers
        is_restore = headers.get("hx-history-restore-request") == "true"
        return headers.get("hx-request") == "true" and not is_restore
