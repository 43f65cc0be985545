"""Trying and publishing in a real browser: the list keeps itself up to date, and axe finds nothing."""

import pytest
from playwright.async_api import Page, expect

from needlewise.console.roles import Role
from needlewise.console.site import Site
from needlewise.teaching.replay import Decision, Right
from needlewise.wiring import Services
from tests.console.person import OpenBrowser, add_person
from tests.console.test_candidates import accept, line, ready, started
from tests.console.test_in_chromium import check, page

__all__ = ["page", "started"]

LINES = (
    line("will it help if my heel hurts most in the morning", right=Right(("does_it_hurt",))),
    line("I am [name], what do you charge per visit", right=Right(("cost",))),
    line("is it the same as what my sister had", new=Decision(offered=("does_it_hurt", "is_it_acupuncture"))),
    line("can I run after", new=Decision(act="out_of_scope")),
    line("how much", new=Decision(("cost",))),
)


@pytest.fixture
async def signed_in(page: Page, site: Site, browser: OpenBrowser) -> Page:
    """An editor who also reads conversations."""
    known = browser(base="http://localhost")
    await add_person(site, known, "edith", {"demo": [Role.EDITOR, Role.READER]})
    cookies = [{"name": name, "value": value} for name, value in known.client.cookies.items()]
    await page.goto("/staff/sign-in")
    await page.context.add_cookies([{**cookie, "url": page.url} for cookie in cookies])  # type: ignore[list-item]
    return page


async def test_from_a_candidate_to_a_live_model_and_back(signed_in: Page, services: Services) -> None:
    page = signed_in
    await page.goto("/staff/teach/candidates")
    await check(page)
    await accept(services)
    await page.reload()
    await page.click("text=Train a candidate")
    await check(page)
    (candidate,) = await services.candidates.all()
    await services.candidates.beat(candidate.id, "training", 0.4)
    await expect(page.locator("progress")).to_have_attribute("value", "40")
    await services.candidates.failed(candidate.id, "Training failed: it was only a test.")
    await expect(page.locator("tbody")).to_contain_text("it was only a test")
    await check(page)

    made = await ready(services, *LINES, example="two")
    await page.reload()
    await page.click("text=See the replay")
    await check(page)
    await page.click("nav >> text=Worse")
    await expect(page.locator(".sides tbody tr")).to_have_count(1)
    await page.click("text=Put it live")
    await expect(page.locator(".notice")).to_contain_text("It is live")
    await check(page)
    await services.candidates.could_not_load(made, "It is not in use: its model file is not on this machine.")
    await page.reload()
    await check(page)
    await page.click("text=Go back to")
    await expect(page.locator("#use-title + p")).to_contain_text("The model of the installed files")
    assert (await services.candidates.live()).previous == made
