"""The first pages in a real browser: they work under their own content security policy, and axe finds nothing, at a desk and on a phone."""

import asyncio
import shutil
from collections.abc import AsyncIterator

import pyotp
import pytest
import pytest_asyncio
import uvicorn
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, async_playwright, expect
from starlette.applications import Starlette

from needlewise.console.roles import Role
from needlewise.console.site import Site
from needlewise.db.audit import COMMAND_LINE, Entry
from tests.console.conftest import Time
from tests.console.person import PASSWORD
from tests.support.service import free_port

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
LOOKS = [(1280, "light"), (390, "dark")]


@pytest_asyncio.fixture
async def page(console: Starlette) -> AsyncIterator[Page]:
    """A page of Chromium on the console. What the browser complains of fails the test."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(console, port=port, log_level="error", ws="none", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await browser.new_page(base_url=f"http://localhost:{port}")
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console", lambda message: complaints.append(message.text) if message.type == "error" else None
        )
        yield page
        await browser.close()
    server.should_exit = True
    await serving
    assert complaints == []


async def check(page: Page) -> None:
    """Nothing for axe, and nothing wider than the screen, in every look."""
    for width, scheme in LOOKS:
        await page.set_viewport_size({"width": width, "height": 800})
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (page.url, width)
        found = (await Axe().run(page, options=RULES)).response["violations"]
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == [], (
            page.url,
            width,
            scheme,
        )


async def test_from_the_one_time_code_to_the_audit_log(page: Page, site: Site, time: Time) -> None:
    _, code = await site.accounts.add("maria", {"demo": frozenset(Role)}, Entry(COMMAND_LINE, "staff/add"))
    await page.goto("/staff/set-up")
    await check(page)
    await page.fill("#name", "maria")
    await page.fill("#code", code)
    await page.click("main button")
    await page.fill("#password", PASSWORD)
    await page.fill("#again", PASSWORD)
    await check(page)
    await page.click("main button")
    await page.click("summary")
    secret = (await page.inner_text(".key")).replace(" ", "")
    await check(page)
    await page.fill("#code", pyotp.TOTP(secret).at(int(time.at.timestamp())))
    await page.click("main button")
    await check(page)
    await page.click("text=I have kept them")
    for path in ("/staff", "/staff/account", "/staff/people", "/staff/audit"):
        await page.goto(path)
        await check(page)
    await page.select_option("#action", "staff/")
    await page.wait_for_url("**action=staff%2F**")
    await expect(page.locator("tbody tr")).to_have_count(2)
    await page.evaluate("document.getElementById('idle').showModal()")
    await check(page)
    await page.click("text=Stay signed in")
    await expect(page.locator("#idle")).to_be_hidden()
    await page.click("text=Sign out")
    await page.wait_for_url("**/staff/sign-in?done=signed-out")
    await check(page)
