"""Signing in a real browser: read, tick, sign with the password, and the sheet on paper."""

import os
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from needlewise.console.roles import Role
from needlewise.console.site import Site
from needlewise.db.audit import COMMAND_LINE, Entry
from needlewise.wiring import Services
from tests.console.conftest import Time
from tests.console.person import PASSWORD
from tests.console.test_content_in_chromium import sign_in
from tests.console.test_in_chromium import check, page

__all__ = ["page"]


@pytest.fixture
def roles(services: Services) -> dict[str, frozenset[Role]]:
    return {"demo": frozenset({Role.CLINICIAN})}


async def test_an_answer_is_read_and_signed(
    page: Page, site: Site, time: Time, roles: dict[str, frozenset[Role]]
) -> None:
    _, code = await site.accounts.add("edith", roles, Entry(COMMAND_LINE, "staff/add"))
    await sign_in(page, code, time)
    await page.click("text=Sign-off")
    await check(page)
    paper = page.locator(".papers > li", has_text="Does it hurt?")
    await paper.locator("summary").click()
    await expect(paper.locator(".said").first).to_contain_text("It can hurt")
    await paper.locator("input[type=checkbox]").check()
    await page.fill("#signed_as", "Edith Moor, PT, DPT")
    await page.fill("#password", PASSWORD)
    await check(page)
    await _picture(page, "signing")
    await page.click(".sign button")
    await expect(page.locator(".notice")).to_have_text("Signed.")
    await expect(paper).to_have_count(0)
    await expect(page.locator("table")).to_contain_text("Edith Moor, PT, DPT")
    await page.goto("/staff/signing?kind=red_flag")
    await page.locator(".papers summary").first.click()
    await check(page)
    await _picture(page, "rules")
    await page.goto("/staff/signing/sheet?show=all")
    await expect(page.locator(".paper").first).to_be_visible()
    await _picture(page, "sheet")


async def _picture(page: Page, name: str) -> None:
    """For whoever wants to look: NEEDLEWISE_SHOTS names a folder."""
    if folder := os.environ.get("NEEDLEWISE_SHOTS"):
        for width in (1280, 390):
            await page.set_viewport_size({"width": width, "height": 900})
            await page.screenshot(path=Path(folder) / f"{name}-{width}.png")
