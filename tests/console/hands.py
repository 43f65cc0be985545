"""A member of staff's hands on the console in Chromium: the mouse, or nothing but the keyboard."""

from dataclasses import dataclass

from playwright.async_api import Locator, Page, expect

from tests.widget.visitor import Way, tab_to

MOST_TABS = 400
"""The longest forms have a few hundred places to stop at."""
_MOST_LINES = 60

# Some of it lies on top: what sticks to an edge of the screen must not hide what has the focus (WCAG 2.4.11).
_IS_SEEN = """target => {
  const { left, right, top, bottom } = target.getBoundingClientRect();
  const across = [0.1, 0.5, 0.9].map(part => left + (right - left) * part);
  const down = [0.1, 0.5, 0.9].map(part => top + (bottom - top) * part);
  return across.some(x => down.some(y => {
    const seen = document.elementFromPoint(x, y);
    return seen !== null && (target.contains(seen) || seen.contains(target) && seen.matches("label, summary"));
  }));
}"""

# A page's keys work when its script has run, and a part that htmx puts in 20 ms after that.
_UNSETTLED = "[data-needs-script][hidden], .htmx-swapping, .htmx-settling, .htmx-added"
_LINE = "document.activeElement.matches('[data-line]') ? document.activeElement.textContent : ''"


@dataclass
class Hands:
    """Does what a person does. With the keyboard, what Tab does not get to cannot be used, and fails the test."""

    page: Page
    way: Way

    async def presses(self, target: Locator) -> None:
        """A button, a link, or the summary of what opens."""
        if self.way == "mouse":
            return await target.click()
        await self.goes_to(target)
        await self.page.keyboard.press("Enter")

    async def ticks(self, target: Locator) -> None:
        if self.way == "mouse":
            await target.check()
        else:
            await self.goes_to(target)
            await self.page.keyboard.press("Space")
        await expect(target).to_be_checked()

    async def writes(self, target: Locator, words: str) -> None:
        """Into a field, in place of what stands there."""
        if self.way == "mouse":
            return await target.fill(words)
        await self.goes_to(target)
        await self.page.keyboard.press("Control+A")
        await self.page.keyboard.insert_text(words)
        await expect(target).to_have_value(words)

    async def sets(self, target: Locator, time: str) -> None:
        """A field for a time of the day, given as "13:30"."""
        if self.way == "mouse":
            return await target.fill(time)
        await self.goes_to(target)
        hour, minute = (int(part) for part in time.split(":"))
        # The field of an American browser.
        await self.page.keyboard.type(f"{hour % 12 or 12:02}{minute:02}{'p' if hour >= 12 else 'a'}")
        await expect(target).to_have_value(time)

    async def sends(self, field: Locator, button: Locator) -> None:
        """What was written: by the button, or with Enter in its last field."""
        if self.way == "mouse":
            return await button.click()
        await self.goes_to(field)
        await self.page.keyboard.press("Enter")

    async def keys(self, *keys: str) -> None:
        for key in keys:
            await expect(self.page.locator(_UNSETTLED)).to_have_count(0)
            await self.page.keyboard.press(key)

    async def walks_to(self, words: str) -> None:
        """With j, from line to line, to the one that has these words."""
        for _ in range(_MOST_LINES):
            await self.keys("j")
            if words in await self.page.evaluate(_LINE):
                return
        raise AssertionError(f"j does not get to a line with {words!r}")

    async def goes_to(self, target: Locator) -> None:
        """Put the focus there with Tab, and nothing else."""
        await expect(target).to_be_visible()
        await tab_to(self.page, target, at_most=MOST_TABS)
        assert await target.evaluate(_IS_SEEN), f"{target} has the focus, and something covers it"
