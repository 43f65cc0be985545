"""The whole visit in Chromium, on the website of a clinic that does everything to be in the way."""

import json
import re

import pytest
from playwright.async_api import expect

from tests.support.stored import rows
from tests.widget.visitor import DESKTOP_SIZE, PHONE_SIZE, Arrives, Visitor, Way
from tests.widget.website import PHONE, Deployment, Website

SIZES = pytest.mark.parametrize("size", [PHONE_SIZE, DESKTOP_SIZE], ids=["phone", "desktop"])
WAYS = pytest.mark.parametrize("way", ["mouse", "keyboard"])
REFERENCE = re.compile(r"\b[BCDFGHJKMPQRTVWXY34679]{6}\b")

_HEAR = "window.heard = []; addEventListener('message', ({ data }) => heard.push(data));"


@SIZES
@WAYS
async def test_a_patient_asks_is_screened_and_asks_for_a_visit(
    arrives: Arrives, website: Website, service: Deployment, way: Way, size: tuple[int, int]
) -> None:
    visitor = await arrives(way, size)
    page = visitor.page
    await page.add_init_script(_HEAR)
    await visitor.visits(website, "/hostile")
    await visitor.opens()

    await visitor.says("does it hurt")
    await visitor.shows("It can hurt, but the pain is mostly short.")
    await visitor.presses(visitor.chat.get_by_text("Where this comes from"))
    await expect(visitor.replies.last.locator("details a").first).to_be_visible()

    await visitor.says("i want to book a visit")
    await visitor.answers("None of these")
    card = await visitor.replies.last.locator("fieldset label").all_inner_texts()
    await visitor.says("does my insurance pay for this?")
    assert "We bill most large plans" in await visitor.replies.nth(-2).inner_text()
    assert await visitor.replies.last.locator("fieldset label").all_inner_texts() == card
    await visitor.answers("None of these")
    await visitor.answers("None of these")
    await visitor.answers("Mill Street")
    await visitor.answers("First visit with an exam")

    said = await visitor.words()
    await page.reload()
    await visitor.opens()
    await visitor.hears()
    assert await visitor.words() == said

    await visitor.presses(visitor.replies.get_by_role("button", name="Send"))
    await expect(visitor.chat.get_by_text("Please fill this in.")).to_be_visible()
    await visitor.fills("First name", f"Quenby {way}")
    await visitor.fills("Phone or email", "202-555-0148")
    await visitor.answers("Any time")
    await visitor.answers("Yes")
    await visitor.shows(f"Name: Quenby {way}")
    await visitor.answers("Yes, send it")
    reference = REFERENCE.search(await visitor.replies.last.inner_text())
    assert reference is not None
    assert [row["reference"] for row in rows(service.settings, "requests")].count(reference[0]) == 1

    heard = json.dumps(await page.evaluate("heard"))
    assert set(re.findall(r'"type": "(\w+)"', heard)) == {"ready", "message"}
    for words in ("hurt", "insurance", "Quenby", "555-0148"):
        assert words not in heard


@SIZES
async def test_the_button_and_the_panel_stand_where_they_should_whatever_the_pages_styles_say(
    arrives: Arrives, website: Website, size: tuple[int, int]
) -> None:
    visitor = await arrives("mouse", size)
    await visitor.visits(website, "/hostile")
    button = await visitor.launcher.bounding_box()
    assert button is not None
    assert button["x"] + button["width"] == pytest.approx(size[0] - 20, abs=1)
    assert button["y"] + button["height"] == pytest.approx(size[1] - 20, abs=1)
    assert button["height"] >= 44
    await visitor.opens()
    panel = await visitor.page.locator("iframe").bounding_box()
    wide, high = (390, 844) if size == PHONE_SIZE else (398, 698)
    assert panel is not None
    assert (panel["width"], panel["height"]) == (pytest.approx(wide, abs=1), pytest.approx(high, abs=1))
    assert await visitor.box.evaluate("box => getComputedStyle(box).fontSize") == "16px"


@SIZES
async def test_a_dialog_of_the_page_is_closed_without_closing_the_chat(
    arrives: Arrives, website: Website, size: tuple[int, int]
) -> None:
    visitor = await arrives("keyboard", size)
    await visitor.visits(website, "/hostile")
    await visitor.opens()
    await visitor.says("does it hurt")
    await visitor.page.evaluate("document.querySelector('#news').showModal()")
    await visitor.page.keyboard.press("Escape")
    await expect(visitor.page.locator("#news[open]")).to_have_count(0)
    await expect(visitor.page.locator("iframe")).to_be_visible()
    await visitor.box.focus()
    await visitor.says("what does it cost")


@SIZES
async def test_escape_closes_the_chat_and_gives_the_focus_back(
    arrives: Arrives, website: Website, size: tuple[int, int]
) -> None:
    visitor = await arrives("keyboard", size)
    await visitor.visits(website)
    await visitor.opens()
    await expect(visitor.box).to_be_focused()
    await visitor.page.keyboard.press("Escape")
    await expect(visitor.page.locator("iframe")).to_be_hidden()
    await expect(visitor.launcher).to_be_focused()


async def test_on_a_large_screen_the_keyboard_leaves_the_chat_for_the_page(
    arrives: Arrives, website: Website
) -> None:
    visitor = await arrives("keyboard")
    await visitor.visits(website)
    await visitor.opens()
    link = visitor.page.get_by_role("link", name="Read more")
    for _ in range(30):
        await visitor.page.keyboard.press("Shift+Tab")
        if await link.evaluate("link => link.matches(':focus')"):
            return
    raise AssertionError("the focus never left the chat")


async def test_on_a_phone_the_page_behind_the_chat_is_out_of_reach(
    arrives: Arrives, website: Website
) -> None:
    visitor = await arrives("keyboard", PHONE_SIZE)
    await visitor.visits(website)
    await visitor.opens()
    for _ in range(30):
        await visitor.page.keyboard.press("Tab")
        assert await visitor.page.evaluate("document.activeElement.matches('main *')") is False


async def test_a_chat_that_opens_with_the_page_leaves_the_focus_where_it_is(
    arrives: Arrives, website: Website
) -> None:
    visitor = await arrives()
    await visitor.page.add_init_script(
        "addEventListener('focusin', ({ target }) => (window.focused = target.id))"
    )
    await visitor.visits(website, "/open")
    await visitor.page.frame_locator("iframe").locator("#say").wait_for()
    assert await visitor.page.evaluate("document.activeElement === document.body") is True
    assert await visitor.chat.evaluate("window.focused ?? null") is None


async def test_messages_that_came_while_the_chat_was_closed_are_counted_until_it_is_opened(
    arrives: Arrives, website: Website
) -> None:
    visitor = await arrives()
    await visitor.visits(website)
    await visitor.opens()
    await visitor.says("does it hurt")
    other = Visitor(await visitor.page.context.new_page())
    await other.visits(website)
    await other.opens()
    await other.hears()
    await visitor.page.keyboard.press("Escape")
    await other.says("what does it cost")
    await expect(visitor.launcher).to_have_text(re.compile(r"Chat with us \(\d+ new\)"))
    await visitor.opens()
    await visitor.page.keyboard.press("Escape")
    await expect(visitor.launcher).to_have_text("Chat with us")


async def test_before_the_click_there_is_one_request_and_before_the_first_message_nothing_is_kept(
    arrives: Arrives, website: Website, service: Deployment
) -> None:
    visitor = await arrives()
    page, asked = visitor.page, []
    page.on("request", lambda request: asked.append(request.url))
    await visitor.visits(website)
    await expect(visitor.launcher).to_be_visible()
    assert [url for url in asked if not url.startswith(website.origin)] == [f"{service.address}/widget.js"]
    await visitor.opens()
    assert {url.partition("/chat/")[0] for url in asked[2:]} == {service.address}
    assert await page.context.cookies() == []
    for frame in page.frames:
        kept = await frame.evaluate("[localStorage.length, sessionStorage.length, document.cookie]")
        assert kept == [0, 0, ""]
        assert await frame.evaluate("indexedDB.databases()") == []


async def test_a_website_that_the_clinic_does_not_name_cannot_hold_the_chat(
    arrives: Arrives, website: Website
) -> None:
    visitor = await arrives()
    await visitor.page.goto(website.origin.replace("localhost", "127.0.0.1"))
    await visitor.launcher.click()
    await expect(visitor.page.get_by_role("link", name=PHONE)).to_be_visible()
    await expect(visitor.page.locator("iframe")).to_be_hidden()
