"""The inbox and a conversation in a real browser: by keyboard alone, with news that move nothing, and nothing for axe."""

import re
from datetime import timedelta

from playwright.async_api import Page, expect
from sqlalchemy import update

from needlewise import clock
from needlewise.console.roles import Role
from needlewise.console.site import Site
from needlewise.db.tables import conversations
from needlewise.wiring import Services
from tests.console.conftest import Time
from tests.console.conversations import Log
from tests.console.person import OpenBrowser, Person, add_person
from tests.console.test_in_chromium import check, page  # noqa: F401  (a fixture)
from tests.support.stored import rows

FOCUSED = "document.activeElement.textContent.replace('Not reviewed:', '').trim()"


async def signed_in(page: Page, site: Site, browser: OpenBrowser, *roles: Role) -> Person:  # noqa: F811
    """Somebody with these roles, in this page's browser."""
    await page.goto("/staff/sign-in")
    origin = page.url.removesuffix("/staff/sign-in")
    person = await add_person(site, browser(base=origin), "maria", {"demo": roles})
    jar = person.browser.client.cookies
    await page.context.add_cookies(
        [{"name": name, "value": value, "url": origin} for name, value in jar.items()]
    )
    return person


async def press(page: Page, *keys: str) -> None:  # noqa: F811
    for key in keys:
        await page.keyboard.press(key)


async def test_the_inbox_by_keyboard_alone(
    page: Page,  # noqa: F811
    site: Site,
    browser: OpenBrowser,
    services: Services,
) -> None:
    log = Log(services)
    for n in range(1, 7):
        await log.talk(f"question {n}", channel="sms" if n == 4 else "web")
    maria = await signed_in(page, site, browser, Role.REVIEWER)
    await page.goto("/staff/inbox")
    lines = page.locator("[data-row]")

    await press(page, "?")
    await expect(page.locator("#keys")).to_be_visible()
    await check(page)
    await press(page, "j", "Escape")
    await expect(page.locator("#keys")).to_be_hidden()

    await press(page, "j", "j", "k")
    assert await page.evaluate(FOCUSED) == "question 1"
    assert await page.evaluate("document.activeElement.matches(':focus-visible')")
    await press(page, "x", "j", "x")
    await expect(page.locator("[data-count]")).to_have_text("2 selected")
    await press(page, "e")
    await expect(page.locator(".notice")).to_have_text("It is marked as reviewed.")
    await expect(page.locator(".talk.fresh")).to_have_count(4)

    await press(page, "j", "j", "j", "a")
    await expect(lines.nth(2)).to_contain_text("maria")
    assert await page.evaluate(FOCUSED) == "question 3"
    await press(page, "t")
    await expect(page.locator("#tag-line")).to_be_visible()
    await check(page)
    await page.keyboard.type("parking")
    await press(page, "Enter")
    await expect(lines.nth(2)).to_contain_text("#parking")
    assert await page.evaluate(FOCUSED) == "question 3"
    await press(page, "e")
    await expect(page.locator(".talk.fresh")).to_have_count(3)
    assert await page.evaluate(FOCUSED) == "question 4"
    assert {row["reviewed_by"] for row in rows(services.settings, "conversations")[:3]} == {maria.account.id}

    await press(page, "/")
    await page.keyboard.type("jx 4")
    await expect(page.locator("#q")).to_have_value("jx 4")
    await page.locator("#q").fill("question 4")
    await press(page, "Enter")
    await page.wait_for_url("**/staff/inbox?q=question%204")
    await expect(lines).to_have_count(1)
    await expect(page.locator("#view-query")).to_have_value("q=question+4")
    searches = [row for row in rows(services.settings, "audit") if row["action"] == "conversation/search"]
    assert len(searches) == 1
    await check(page)

    await press(page, "Tab", "?")
    await expect(page.locator("#keys")).to_be_visible()
    await page.locator("[data-keys-on]").press(" ")
    await press(page, "Escape")
    await page.locator("#open-" + (await lines.first.get_attribute("id") or "").removeprefix("line-")).focus()
    await press(page, "x", "o")
    await expect(page.locator("[data-row] input:checked")).to_have_count(0)
    assert "/inbox" in page.url
    await press(page, "Enter")
    await page.wait_for_url("**/staff/conversation/*")


async def test_what_comes_in_waits_until_it_is_asked_for(
    page: Page,  # noqa: F811
    site: Site,
    browser: OpenBrowser,
    services: Services,
    time: Time,
) -> None:
    log = Log(services)
    first = await log.talk("question 1")
    await log.talk("question 2")
    await signed_in(page, site, browser, Role.REVIEWER)
    await page.goto("/staff/inbox")
    await press(page, "j", "j")
    time.pass_(minutes=5)
    await log.talk("question 3", at=clock.now())
    async with services.engine.begin() as connection:
        await connection.execute(
            update(conversations)
            .where(conversations.c.id == first.id)
            .values(last_at=clock.now() - timedelta(seconds=1))
        )
    await expect(page.locator("#news-said")).to_contain_text("2 new", timeout=15_000)
    assert await page.evaluate(FOCUSED) == "question 2"
    words = page.locator(".first")
    assert [re.sub("Not reviewed: ", "", one) for one in await words.all_text_contents()] == [
        "question 1",
        "question 2",
    ]
    await page.focus("#news-show")
    await press(page, "Enter")
    await expect(page.locator("[data-row]")).to_have_count(3)
    assert [re.sub("Not reviewed: ", "", one) for one in await words.all_text_contents()] == [
        "question 3",
        "question 1",
        "question 2",
    ]
    assert await page.evaluate(FOCUSED) == "question 3"


async def test_a_conversation_by_keyboard_alone(
    page: Page,  # noqa: F811
    site: Site,
    browser: OpenBrowser,
    services: Services,
) -> None:
    log = Log(services)
    talk = await log.talk("i am Dave Miller", masked="i am [name]", tags=("insurance",), thumb="down")
    await log.hears(talk, "and Eve Stone", masked="and [name]")
    last = await log.talk("another", channel="web")
    await signed_in(page, site, browser, Role.REVIEWER)
    await page.goto(f"/staff/conversation/{talk.id}?back=channel%3Dweb")
    await check(page)
    await press(page, "j", "o")
    await expect(page.locator(".how").first).to_have_attribute("open", "")
    await press(page, "k", "r")
    await page.keyboard.type("calling back")
    await check(page)
    await press(page, "Enter")
    await expect(page.locator(".utterance").first).to_contain_text("Dave Miller")
    await expect(page.locator(".utterance").last).to_contain_text("and [name]")
    await check(page)

    await press(page, "k", "n")
    await page.keyboard.type("Call her in the morning.")
    await press(page, "Tab", "Enter")
    await expect(page.locator(".notes")).to_contain_text("Call her in the morning.")
    assert await page.evaluate("document.activeElement.id") == "add-note"
    await press(page, "t")
    await page.keyboard.type("Parking")
    await press(page, "Enter")
    await expect(page.locator("#about")).to_contain_text("#parking")
    assert await page.evaluate("document.activeElement.id") == "tag"
    await expect(page.locator("#spoken")).to_have_text("The tag is added.")
    await press(page, "Tab", "f")
    await expect(page.locator("#deeds")).to_contain_text("flagged")
    await press(page, "a")
    await expect(page.locator("#to")).to_have_value(re.compile("[0-9a-f]{32}"))

    await log.says(talk, "One thing more.", kind="notice")
    await expect(page.locator(".utterance").last).to_contain_text("One thing more.", timeout=15_000)
    await press(page, "e")
    await page.wait_for_url(f"**/staff/conversation/{last.id}?back=channel%3Dweb&done=reviewed")
    await press(page, "u")
    await page.wait_for_url("**/staff/inbox?channel=web")
