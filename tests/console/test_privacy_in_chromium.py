"""The page Privacy in a real browser: a patient is found, exported with a passphrase and erased; axe finds nothing."""

import json
from pathlib import Path

import pyotp
from playwright.async_api import Page, expect

from needlewise.console.roles import Role
from needlewise.console.site import Site
from needlewise.db.audit import COMMAND_LINE, Entry
from needlewise.privacy.locked import unlock
from needlewise.wiring import Services
from tests.console.conftest import Time
from tests.console.person import PASSWORD
from tests.console.test_in_chromium import check, page
from tests.privacy.kept import Patient, everything

__all__ = ["page"]

PASSPHRASE = "heron lamp quiet river"


async def _enters(page: Page, site: Site, time: Time) -> None:
    _, code = await site.accounts.add("adam", {"demo": [Role.ADMIN]}, Entry(COMMAND_LINE, "staff/add"))
    await page.goto("/staff/set-up")
    await page.fill("#name", "adam")
    await page.fill("#code", code)
    await page.click("main button")
    await page.fill("#password", PASSWORD)
    await page.fill("#again", PASSWORD)
    await page.click("main button")
    await page.click("summary")
    secret = (await page.inner_text(".key")).replace(" ", "")
    await page.fill("#code", pyotp.TOTP(secret).at(int(time.at.timestamp())))
    await page.click("main button")


async def test_an_admin_finds_exports_holds_erases_and_takes_out_the_log(
    page: Page, site: Site, services: Services, time: Time, tmp_path: Path
) -> None:
    patient = await everything(services, "brontosaurus")
    text = Patient(services, "triceratops")
    await text.texts()
    await text.says("hello")
    await text.texts(epoch=2)
    await _enters(page, site, time)
    await page.goto("/staff/privacy")
    await check(page)

    await page.fill("#conversation", text.conversation)
    await page.fill("#reason", "a letter from a court")
    await page.click("text=Hold >> nth=-1")
    await expect(page.locator(".notice")).to_contain_text("held")
    await check(page)

    await page.fill("#value", "(410) 555-0123")
    await page.click("button:has-text('Find')")
    await expect(page.locator("fieldset label")).to_have_count(5)
    await check(page)
    await page.fill("#reason", "she asked for it")
    await page.fill("#passphrase", PASSPHRASE)
    await page.fill("#again", PASSPHRASE)
    async with page.expect_download() as coming:
        await page.click("button:has-text('Export')")
    path = tmp_path / "export"
    await (await coming.value).save_as(path)
    exported = json.loads(unlock(path.read_bytes(), PASSPHRASE))
    assert patient.conversation in [one["id"] for one in exported["conversations"]]

    await page.check("[name=requests]")
    await page.check("[name=sure]")
    await page.click("button:has-text('Erase')")
    await expect(page.locator(".notice")).to_contain_text("Erased: 2 conversations")
    await check(page)

    await page.goto("/staff/audit")
    await check(page)
    async with page.expect_download() as coming:
        await page.click("button:has-text('JSON lines')")
    await (await coming.value).save_as(path)
    assert '"privacy/erase"' in path.read_text()
