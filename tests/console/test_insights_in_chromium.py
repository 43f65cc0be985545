"""The figures and the week's report in a real browser: nothing for axe, nothing wider than the screen, and two pages on paper."""

import re
from datetime import timedelta

from playwright.async_api import Page, expect

from needlewise import clock
from needlewise.console.roles import Role
from needlewise.console.site import Site
from needlewise.wiring import Services
from tests.console.conversations import Log
from tests.console.person import OpenBrowser
from tests.console.test_in_chromium import check, page
from tests.console.test_inbox_in_chromium import signed_in

__all__ = ["page"]


async def test_the_pages_are_readable_and_a_chart_has_its_table(
    page: Page, site: Site, services: Services, browser: OpenBrowser
) -> None:
    log = Log(services)
    for ago in range(20):
        at = clock.now() - timedelta(days=ago)
        await log.talk(
            at=at, channel="sms" if ago % 3 else "web", safety=("urgent", "R1") if ago % 5 == 0 else None
        )
    await signed_in(page, site, browser, Role.READER)
    for path in ("/staff/insights", "/staff/insights/week"):
        await page.goto(path)
        await check(page)
    paper = await page.pdf(format="Letter")
    assert len(re.findall(rb"/Type /Page\b", paper)) <= 2
    await page.goto("/staff/insights")
    await page.click("figure:has(#days-title) summary")
    await expect(page.locator("figure:has(#days-title) tbody tr")).to_have_count(28)
