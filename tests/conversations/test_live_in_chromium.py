"""Live help in a real browser: the patient's chat and the staff's page side by side, the assistant behind both."""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pyotp
import pytest
import pytest_asyncio
import uvicorn
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from starlette.applications import Starlette

from needlewise import clock, wiring
from needlewise.console.accounts import Accounts
from needlewise.console.roles import Role
from needlewise.db.audit import COMMAND_LINE, Entry
from tests.support.service import free_port

PASSWORD = "heron lamp quiet river"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
LOOKS = [(1280, "light"), (390, "light"), (1280, "dark"), (390, "dark")]
SHOTS = os.environ.get("LIVE_HELP_SHOTS")
"""A folder for pictures of both sides, for whoever wants to look at them."""

# A chat on a computer that is slow still hears within this.
SECONDS = 15_000


@dataclass
class Desk:
    """A member of staff at the console."""

    page: Page

    async def signs_in(self, name: str) -> None:
        """Set up a new account and come to the first page."""
        services = wiring.services()
        accounts = Accounts(services.engine, services.audit)
        _, code = await accounts.add(
            name, {"demo": frozenset({Role.REVIEWER})}, Entry(COMMAND_LINE, "staff/add")
        )
        page = self.page
        await page.goto("/staff/set-up")
        await page.fill("#name", name)
        await page.fill("#code", code)
        await page.click("main button")
        await page.fill("#password", PASSWORD)
        await page.fill("#again", PASSWORD)
        await page.click("main button")
        await page.click("summary")
        secret = (await page.inner_text(".key")).replace(" ", "")
        await page.fill("#code", pyotp.TOTP(secret).at(int(clock.now().timestamp())))
        await page.click("main button")
        await page.click("text=I have kept them")

    async def looks(self, name: str) -> None:
        """Nothing for axe, and nothing wider than the screen, in every look."""
        for width, scheme in LOOKS:
            await self.page.set_viewport_size({"width": width, "height": 800})
            await self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            await shot(self.page, f"{name}-{width}-{scheme}")
            assert await self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
            found = (await Axe().run(self.page, context="#live", options=RULES)).response["violations"]
            problems = [(one["id"], [node["html"] for node in one["nodes"]]) for one in found]
            assert problems == [], (width, scheme)
        await self.page.set_viewport_size({"width": 1280, "height": 800})


async def shot(page: Page, name: str) -> None:
    if SHOTS:
        # Hiding the caret would take a style that the pages do not allow.
        await page.screenshot(path=Path(SHOTS) / f"live-{name}.png", caret="initial")


@pytest_asyncio.fixture
async def address(app: Starlette) -> AsyncIterator[str]:
    """The running application on a port."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", ws="none", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    yield f"http://localhost:{port}"
    server.should_exit = True
    server.force_exit = True
    await serving


@pytest_asyncio.fixture
async def chromium() -> AsyncIterator[Browser]:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("Chromium is not installed")
    expect.set_options(timeout=SECONDS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        await browser.close()


async def opened(chromium: Browser, address: str, complaints: list[str], width: int = 1280) -> Page:
    """A page of a browser that nobody used before."""
    context: BrowserContext = await chromium.new_context(
        base_url=address, viewport={"width": width, "height": 800}
    )
    context.set_default_timeout(SECONDS)
    page = await context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    return page


async def test_a_patient_and_a_person_at_the_desk_talk_and_the_assistant_is_back(
    chromium: Browser, address: str, app: Starlette
) -> None:
    complaints: list[str] = []
    patient = await opened(chromium, address, complaints, 390)
    desk = Desk(await opened(chromium, address, complaints))
    staff = desk.page
    last = patient.locator("li.message").last
    heard = patient.locator("[aria-live=polite] p").last

    await patient.goto("/chat/frame?clinic=demo")
    await patient.get_by_role("button", name="Talk to a person").click()
    await expect(patient.locator("li.handoff")).to_have_count(1)
    await desk.signs_in("maria")
    await expect(staff.locator(".figures")).to_contain_text(re.compile(r"1\s+asking for a person now"))
    conversation = await patient.evaluate(
        "JSON.parse(sessionStorage.getItem('needlewise.demo')).session.conversation"
    )
    await staff.goto(f"/staff/conversation/{conversation}")
    await expect(staff.get_by_text("The assistant answers here.")).to_be_visible()
    await desk.looks("open")

    # The patient does nothing, and hears of each step.
    await staff.get_by_role("button", name="Step in").click()
    await expect(last).to_contain_text("A person will write to you")
    await expect(staff.locator("#live-words")).to_be_focused()
    await staff.select_option("#live-canned", index=1)
    await expect(staff.locator("#live-words")).to_have_value(re.compile("How can I help"))
    await staff.keyboard.press("Control+Enter")
    await expect(last).to_contain_text("How can I help?")
    await expect(last.locator(".who")).to_have_text("Clinic staff")
    await expect(heard).to_have_text(re.compile("^Clinic staff: Hello, I work at"))
    await expect(staff.locator("#live-words")).to_have_value("")
    await expect(staff.locator("#live-words")).to_be_focused()
    await expect(staff.locator("#messages li").nth(-2)).to_contain_text("How can I help?")
    await shot(patient, "patient")
    await desk.looks("mine")

    # What is being written stays while the page changes around it.
    await staff.fill("#live-words", "I am writing <b>this</b>")
    await patient.fill("#say", "does it hurt")
    await patient.keyboard.press("Enter")
    await expect(staff.locator("#messages")).to_contain_text("does it hurt")
    await patient.fill("#say", "I have crushing chest pain and I can't breathe")
    await patient.keyboard.press("Enter")
    await expect(patient.locator("li.message.urgent")).to_have_count(1)
    await expect(staff.get_by_role("alert").filter(has_text="Signs of an emergency")).to_be_visible()
    await expect(staff.locator("#live-words")).to_have_value("I am writing <b>this</b>")
    await expect(patient.locator("li.message.answer")).to_have_count(0)
    await desk.looks("alert")
    await staff.get_by_role("button", name="Send").click()
    await expect(last).to_contain_text("I am writing <b>this</b>")

    # A reload loses nothing, and the chat hears on.
    await patient.reload()
    await expect(last).to_contain_text("I am writing <b>this</b>")
    await staff.get_by_role("button", name="Step out").click()
    await expect(last).to_contain_text("I am the automated assistant, and I am back")
    await expect(staff.get_by_role("button", name="Step in")).to_be_visible()
    await shot(patient, "patient-back")
    await patient.fill("#say", "does it hurt")
    await patient.keyboard.press("Enter")
    await expect(patient.locator("li.message.answer")).to_have_count(1)
    assert complaints == []
    # The chats' lines would keep the server from ending.
    for page in (patient, staff):
        await page.context.close()
