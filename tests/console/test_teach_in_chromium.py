"""Correcting and teaching in real Chromium, by mouse: what htmx does, what axe finds, and that nothing is wider than a phone."""

import pytest
from playwright.async_api import Page, expect

from needlewise.console.roles import Role
from needlewise.console.site import Site
from needlewise.wiring import Services
from tests.console.person import OpenBrowser, add_person
from tests.console.test_in_chromium import check, page
from tests.support.stored import rows
from tests.teaching.messages import AT, wrote

__all__ = ["page"]

ASKS = "so do i hand you cash at the desk or swipe"
NEAREST = {"parts": [{"topic": "insurance", "best": [["insurance", 0.5], ["cost", 0.4]]}]}


@pytest.fixture
async def signed_in(page: Page, site: Site, browser: OpenBrowser) -> Page:
    """Somebody with every role."""
    known = browser(base="http://localhost")
    await add_person(site, known, "maria", {"demo": list(Role)})
    cookies = [{"name": name, "value": value} for name, value in known.client.cookies.items()]
    await page.goto("/staff/sign-in")
    await page.context.add_cookies([{**cookie, "url": page.url} for cookie in cookies])  # type: ignore[list-item]
    return page


async def test_from_a_message_in_its_transcript_to_an_accepted_example(
    signed_in: Page, services: Services
) -> None:
    page = signed_in
    message = await wrote(services, ASKS, answers=["insurance"], understood=NEAREST)
    for text in ("do you do cupping", "is cupping good for my calves", "is it snowing"):
        await wrote(services, text, act="out_of_scope", at=AT)
    said = await services.corrections.message(message)
    assert said is not None
    await page.goto(f"/staff/conversation/{said.conversation}")
    form = page.locator(f"#correct-{message}")
    await form.locator("summary").first.click()
    await form.get_by_role("button", name="Urgent").wait_for()
    await form.get_by_role("button", name="Unclear").click()
    await expect(form.get_by_role("status")).to_contain_text("on the list under Teach")
    await form.get_by_role("button", name="What does it cost?").click()
    await expect(form.get_by_role("status")).to_contain_text("An example is proposed")
    await check(page)
    await page.goto("/staff/teach")
    await expect(page.get_by_text("The answer was unclear")).to_be_visible()
    await check(page)
    await page.get_by_role("button", name="Seen to").click()
    await expect(page.get_by_text("The answer was unclear")).to_have_count(0)
    await page.goto("/staff/teach/examples")
    await page.get_by_label("A patient says").fill(f"pls: {ASKS}")
    await page.get_by_role("button", name="Accept", exact=True).click()
    await expect(page.locator("tbody tr")).to_contain_text(f"pls: {ASKS}")
    await check(page)
    assert [(row["intent"], row["state"]) for row in rows(services.settings, "examples")] == [
        ("cost", "accepted")
    ]
    await page.goto("/staff/teach/questions")
    await expect(page.locator(".clusters > li")).to_have_count(1)
    await page.click("text=2 messages")
    await check(page)
