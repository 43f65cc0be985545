"""A patient at a browser: reads what is on the screen, and uses the mouse or nothing but the keyboard."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from playwright.async_api import Frame, Locator, Page, expect

from tests.widget.website import Deployment, Website

Way = Literal["mouse", "keyboard"]

PHONE_SIZE, DESKTOP_SIZE = (390, 844), (1280, 800)
MILLISECONDS = 60_000
"""A busy machine takes its time to answer."""

_SETTLED = """heard => document.querySelectorAll("li.message:not(.own)").length > heard
  && !document.querySelector(".typing").hasChildNodes() && !document.querySelector("[data-state=sending],[data-state=waiting]")"""
_NEXT_KEY = """target => document.hasFocus() && document.activeElement === target ? ""
  : document.activeElement.compareDocumentPosition(target) & Node.DOCUMENT_POSITION_FOLLOWING ? "Tab" : "Shift+Tab" """
_MOST_TABS = 80


@dataclass
class Visitor:
    """One tab. `chat` is the frame in the page, or the page itself where it is the frame's own."""

    page: Page
    way: Way = "mouse"

    @property
    def chat(self) -> Frame:
        """The frame that holds the chat, which must have been asked for."""
        return next(frame for frame in self.page.frames if "/chat/frame" in frame.url)

    @property
    def replies(self) -> Locator:
        return self.chat.locator("li.message:not(.own)")

    @property
    def own(self) -> Locator:
        return self.chat.locator("li.own .bubble")

    async def words(self) -> list[str]:
        """What was said on both sides, as it stands there."""
        return await self.chat.locator(":is(li.message .text, li.own .bubble)").all_inner_texts()

    @property
    def box(self) -> Locator:
        return self.chat.locator("#say")

    @property
    def launcher(self) -> Locator:
        return self.page.get_by_role("button", name="Chat with us")

    async def visits(self, website: Website, path: str = "/") -> None:
        await self.page.goto(website.origin + path)

    async def visits_the_chat_alone(self, service: Deployment) -> None:
        """The frame's page by itself, without a website around it."""
        await self.page.goto(f"{service.address}/chat/frame?clinic=demo")
        await self.box.wait_for()

    async def opens(self) -> None:
        """Opens the chat from the page, and waits until it can be used."""
        if self.way == "mouse":
            await self.launcher.click()
        else:
            await expect(self.launcher).to_be_visible()
            for _ in range(_MOST_TABS):
                await self.page.keyboard.press("Tab")
                if await self.launcher.evaluate("launcher => launcher.matches(':focus')"):
                    break
            await self.page.keyboard.press("Enter")
        await self.page.frame_locator("iframe").locator("#say").wait_for()

    async def says(self, text: str) -> None:
        """Writes it into the box, sends it, and waits for what comes back."""
        heard = await self.replies.count()
        await self.goes_to(self.box)
        await self.page.keyboard.insert_text(text)
        await self.page.keyboard.press("Enter")
        await self.hears(heard)

    async def answers(self, name: str) -> None:
        """Presses a button of the newest message, and waits for what comes back."""
        heard = await self.replies.count()
        await self.presses(self.replies.get_by_role("button", name=name, exact=True).last)
        await self.hears(heard)

    async def fills(self, label: str, text: str) -> None:
        """Fills the one field of a form and sends it."""
        heard = await self.replies.count()
        await self.goes_to(self.chat.get_by_label(label))
        await self.page.keyboard.insert_text(text)
        await self.page.keyboard.press("Enter")
        await self.hears(heard)

    async def presses(self, target: Locator) -> None:
        if self.way == "mouse":
            await target.click()
        else:
            await self.goes_to(target)
            await self.page.keyboard.press("Enter")

    async def goes_to(self, target: Locator) -> None:
        """Puts the focus there."""
        if self.way == "mouse":
            return await target.click()
        await tab_to(self.page, target)

    async def hears(self, more_than: int = 0) -> None:
        """Waits until there are more replies than so many, and nothing is on its way."""
        await self.chat.wait_for_function(_SETTLED, arg=more_than, timeout=MILLISECONDS)

    async def shows(self, words: str) -> None:
        """The newest message has these words."""
        await expect(self.replies.last).to_contain_text(words)


async def tab_to(page: Page, target: Locator, *, at_most: int = _MOST_TABS) -> None:
    """Press Tab, or Shift and Tab, until the focus is there. Fails when the keyboard does not get there."""
    for _ in range(at_most):
        key = await target.evaluate(_NEXT_KEY)
        if not key:
            return
        await page.keyboard.press(key)
    raise AssertionError(f"the keyboard does not get to {target}")


Arrives = Callable[..., Awaitable[Visitor]]
"""`await arrives(way, size)`: a visitor with a browser of their own."""
