"""axe-core finds nothing in any state of the chat, in light and in dark: WCAG 2.2 A and AA, contrast of 7:1, good practice."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.widget.visitor import PHONE_SIZE, Arrives, Visitor
from tests.widget.website import Deployment, Website

_RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag2aaa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
_THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

Goes = Callable[[Visitor], Awaitable[Any]]


async def violations(page: Page) -> list[tuple[str, list[str]]]:
    """What axe finds: the rule and where."""
    found = (await Axe().run(page, options=_RULES)).response["violations"]
    return [(one["help"], [node["html"][:120] for node in one["nodes"]]) for one in found]


async def _start(visitor: Visitor) -> None:
    await expect(visitor.chat.get_by_role("button", name="Does it hurt?")).to_be_visible()


async def _sources(visitor: Visitor) -> None:
    await visitor.says("does it hurt")
    await visitor.chat.get_by_text("Where this comes from").click()
    await visitor.chat.get_by_role("button", name="No, this did not help").click()
    await expect(visitor.chat.get_by_label("What was missing?")).to_be_visible()


async def _person(visitor: Visitor) -> None:
    await visitor.chat.get_by_role("button", name="Talk to a person").click()
    await visitor.hears()


async def _urgent(visitor: Visitor) -> None:
    await visitor.says("I have crushing chest pain")
    await expect(visitor.chat.locator("li.urgent")).to_have_count(1)


async def _crisis(visitor: Visitor) -> None:
    await visitor.says("i want to kill myself")
    await expect(visitor.chat.locator("li.crisis")).to_have_count(1)


async def _violence(visitor: Visitor) -> None:
    await visitor.says("my husband hits me")
    await expect(visitor.chat.get_by_role("button", name="Leave this page now")).to_be_visible()


async def _card(visitor: Visitor) -> None:
    await visitor.says("i want to book a visit")
    await visitor.chat.get_by_role("checkbox").nth(1).check()


async def _card_with_error(visitor: Visitor) -> None:
    await visitor.says("i want to book a visit")
    await visitor.chat.get_by_role("button", name="Send what I ticked").click()
    await expect(visitor.chat.get_by_text("Tick at least one, or pick a button.")).to_be_visible()


async def _screened(visitor: Visitor) -> None:
    await visitor.says("i want to book a visit")
    for _ in range(3):
        await visitor.answers("None of these")


async def _form_with_error(visitor: Visitor) -> None:
    await _screened(visitor)
    await visitor.answers("Mill Street")
    await visitor.answers("First visit with an exam")
    await visitor.replies.get_by_role("button", name="Send").click()
    await expect(visitor.chat.get_by_text("Please fill this in.")).to_be_visible()


async def _summary(visitor: Visitor) -> None:
    await _form_with_error(visitor)
    await visitor.fills("First name", "Quenby")
    await visitor.fills("Phone or email", "202-555-0148")
    await visitor.answers("Any time")
    await visitor.answers("Yes")


async def _sent(visitor: Visitor) -> None:
    await _summary(visitor)
    await visitor.answers("Yes, send it")


async def _menu(visitor: Visitor) -> None:
    await visitor.says("does it hurt")
    await visitor.chat.get_by_role("button", name="Menu").click()


async def _forget(visitor: Visitor) -> None:
    await _menu(visitor)
    await visitor.chat.get_by_role("button", name="Forget this chat").click()
    await expect(visitor.chat.get_by_text("Forget this chat?")).to_be_visible()


async def _offline(visitor: Visitor) -> None:
    await visitor.says("does it hurt")
    await visitor.page.route("**/chat/v1/messages", lambda route: route.abort())
    await visitor.box.fill("what does it cost")
    await visitor.box.press("Enter")
    await expect(visitor.chat.get_by_text("We can't reach the chat right now.")).to_be_visible()


async def _too_long(visitor: Visitor) -> None:
    await visitor.box.fill("a" * 4001)
    await expect(visitor.chat.get_by_text("That is too long to send at once.")).to_be_visible()


_STATES: dict[str, Goes] = {
    "start": _start,
    "sources": _sources,
    "person": _person,
    "urgent": _urgent,
    "crisis": _crisis,
    "violence": _violence,
    "card": _card,
    "card with error": _card_with_error,
    "screened": _screened,
    "form with error": _form_with_error,
    "summary": _summary,
    "sent": _sent,
    "menu": _menu,
    "forget": _forget,
    "offline": _offline,
    "too long": _too_long,
}


@pytest.mark.parametrize("goes", _STATES.values(), ids=_STATES)
async def test_a_state_of_the_chat(arrives: Arrives, service: Deployment, goes: Goes) -> None:
    visitor = await arrives("mouse", PHONE_SIZE)
    await visitor.visits_the_chat_alone(service)
    await goes(visitor)
    for theme in _THEMES:
        await visitor.page.emulate_media(color_scheme=theme)
        assert (theme, await violations(visitor.page)) == (theme, [])


@pytest.mark.parametrize("state", ["closed", "open", "not there"])
async def test_the_page_around_it(arrives: Arrives, website: Website, state: str) -> None:
    visitor = await arrives()
    if state == "not there":
        await visitor.page.route("**/chat/frame?**", lambda route: route.abort())
    await visitor.visits(website)
    await expect(visitor.launcher).to_be_visible()
    if state == "open":
        await visitor.opens()
    if state == "not there":
        await visitor.launcher.click()
        await expect(visitor.page.get_by_role("link", name="(202) 555-0140")).to_be_visible()
    for theme in _THEMES:
        await visitor.page.emulate_media(color_scheme=theme)
        assert (theme, await violations(visitor.page)) == (theme, [])
