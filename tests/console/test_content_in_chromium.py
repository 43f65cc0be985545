"""Editing in a real browser: the preview follows the typing, and axe finds nothing at a desk and on a phone."""

import pyotp
import pytest
from playwright.async_api import Page, expect

from needlewise.console.roles import Role
from needlewise.console.site import Site
from needlewise.db.audit import COMMAND_LINE, Entry
from needlewise.wiring import Services
from tests.console.conftest import Time
from tests.console.person import PASSWORD
from tests.console.test_in_chromium import check, page

__all__ = ["page"]


@pytest.fixture
def roles(services: Services) -> dict[str, frozenset[Role]]:
    return {clinic: frozenset({Role.EDITOR}) for clinic in services.library.clinics}


async def sign_in(page: Page, code: str, time: Time) -> None:
    await page.goto("/staff/set-up")
    await page.fill("#name", "edith")
    await page.fill("#code", code)
    await page.click("main button")
    await page.fill("#password", PASSWORD)
    await page.fill("#again", PASSWORD)
    await page.click("main button")
    await page.click("summary")
    secret = (await page.inner_text(".key")).replace(" ", "")
    await page.fill("#code", pyotp.TOTP(secret).at(int(time.at.timestamp())))
    await page.click("main button")
    await page.click("text=I have kept them")


async def test_an_answer_and_the_hours_are_changed(
    page: Page,
    site: Site,
    services: Services,
    time: Time,
    roles: dict[str, frozenset[Role]],
) -> None:
    _, code = await site.accounts.add("edith", roles, Entry(COMMAND_LINE, "staff/add"))
    await sign_in(page, code, time)
    await page.click("text=Content")
    await check(page)
    await page.click("text=Does it hurt?")
    await page.fill("#web", "It is a guaranteed cure.")
    await expect(page.locator("#preview .remark.wrong")).to_have_count(2)
    await check(page)
    await page.fill("#web", "It may hurt a bit, but not for long. You can stop at any time.")
    await expect(page.locator("#preview .verdict")).to_contain_text("It can be saved")
    await page.fill("#note", "Shorter")
    await page.click("button:text-is('Save')")
    await expect(page.locator(".notice")).to_contain_text("within five seconds")
    await page.click(".versions a")
    await expect(page.locator("ins").first).to_contain_text("It may hurt a bit")
    await check(page)
    await page.goto("/staff/clinic")
    await check(page)
    await page.click("text=Riverbend")
    await page.fill("[name=hours-sun-0-from]", "10:00")
    await page.fill("[name=hours-sun-0-to]", "11:30")
    await expect(page.locator("#preview")).to_contain_text("Sunday: 10 am to 11:30 am")
    await check(page)
    await page.click("button:text-is('Save')")
    await expect(page.locator(".notice")).to_contain_text("within five seconds")
    assert services.library.clinic("demo").hours.sun == ["10:00-11:30"]  # type: ignore[union-attr]
