"""A member of staff with a browser and a phone, as the tests move them."""

import html
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pyotp
from starlette.applications import Starlette

from needlewise import clock
from needlewise.console.accounts import Account
from needlewise.console.roles import Role
from needlewise.console.site import Site
from needlewise.db.audit import COMMAND_LINE, Entry

PASSWORD = "heron lamp quiet river"
_TOKEN = re.compile(r'X-CSRF-Token": "([0-9a-f]*)"')


class Browser:
    """Keeps cookies, and sends the token of the page it is on with each form."""

    def __init__(self, app: Starlette, *, address: str, base: str) -> None:
        transport = httpx.ASGITransport(app, client=(address, 1234))
        self.client = httpx.AsyncClient(transport=transport, base_url=base)
        self.token = ""
        self.page = ""

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return self._seen(await self.client.get(path, headers=headers))

    async def post(self, path: str, data: Mapping[str, Any] | None = None, **headers: str) -> httpx.Response:
        """Send a form, with the token of the page that was loaded last, unless `data` has one."""
        return self._seen(
            await self.client.post(path, data={"csrf": self.token, **(data or {})}, headers=headers)
        )

    async def form(self, path: str, data: Mapping[str, Any], *, to: str = "") -> httpx.Response:
        """Load a page and send its form."""
        await self.get(path)
        return await self.post(to or path, data)

    @property
    def session(self) -> str | None:
        """The session's cookie, whatever its name is here."""
        return next((value for name, value in self.client.cookies.items() if name.endswith("-session")), None)

    def _seen(self, response: httpx.Response) -> httpx.Response:
        if found := _TOKEN.search(response.text):
            self.token = found[1]
        self.page = html.unescape(response.text)
        return response


@dataclass
class Person:
    """Somebody with an account."""

    account: Account
    browser: Browser
    secret: str
    recovery_codes: list[str] = field(default_factory=list)
    password: str = PASSWORD

    def code(self, *, steps: int = 0) -> str:
        """What the app shows now, or some half minutes from now."""
        return pyotp.TOTP(self.secret).at(int(clock.now().timestamp()) + 30 * steps)

    async def sign_in(self, browser: Browser | None = None, **wrong: str) -> httpx.Response:
        """Password and code, up to the first that is not taken; `wrong` gives others."""
        browser = browser or self.browser
        response = await browser.form(
            "/staff/sign-in",
            {"name": self.account.name, "password": wrong.get("password", self.password)},
        )
        if response.status_code != 303:
            return response
        return await browser.form("/staff/sign-in/code", {"code": wrong.get("code", self.code())})


async def add_person(site: Site, browser: Browser, name: str, roles: Mapping[str, Iterable[Role]]) -> Person:
    """Through the same pages as anybody: one-time code, password, second factor."""
    given = {clinic: frozenset(some) for clinic, some in roles.items()}
    account, code = await site.accounts.add(name, given, Entry(COMMAND_LINE, "staff/add"))
    person, _ = await set_up(browser, account, code)
    return person


async def set_up(browser: Browser, account: Account, code: str) -> tuple[Person, httpx.Response]:
    """What the owner of a one-time code does with it."""
    await browser.form("/staff/set-up", {"name": account.name, "code": code})
    await browser.form("/staff/set-up/password", {"password": PASSWORD, "again": PASSWORD})
    await browser.get("/staff/set-up/second-factor")
    shown = re.search(r'class="key">([A-Z2-7 ]+)<', browser.page)
    assert shown is not None, browser.page
    person = Person(account, browser, shown[1].replace(" ", ""))
    response = await browser.post("/staff/set-up/second-factor", {"code": person.code()})
    person.recovery_codes = re.findall(r"<code>([A-Z0-9-]{19})</code>", browser.page)
    await browser.get("/staff")
    return person, response


AddPerson = Callable[..., Awaitable[Person]]
OpenBrowser = Callable[..., Browser]
