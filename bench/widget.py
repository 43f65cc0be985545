"""Opens the website chat for the first time, again and again, in Chromium on another site's page: how long from the click until
the box to write in has the focus and is painted, how much the page shifts, and which tasks keep a thread for more than 50 ms.

Each opening has a browser profile of its own, with nothing cached. The service is warm: it answered before.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from needlewise.settings import read_settings  # noqa: E402
from tests.widget.chromium import CHROMIUM, CHROMIUM_OPTIONS  # noqa: E402
from tests.widget.website import Website, deploy  # noqa: E402

SECONDS_TO_OPEN = 1.2
SIZE = {"width": 1280, "height": 800}

# In the page and in the frame alike, whose clocks begin at times that timeOrigin tells.
_OBSERVE = """
  window.shift = 0; window.long = [];
  new PerformanceObserver(list => { for (const one of list.getEntries()) shift += one.value }).observe({ type: "layout-shift", buffered: true });
  new PerformanceObserver(list => { for (const one of list.getEntries()) long.push(one.duration) }).observe({ type: "longtask", buffered: true });
  const at = time => performance.timeOrigin + time;
  for (const event of ["click", "pointerover", "keydown"])
    addEventListener(event, ({ timeStamp }) => (window[event] ??= at(timeStamp)), { capture: true, passive: true });
  addEventListener("focusin", ({ target }) => {
    if (target.id === "say") requestAnimationFrame(() => setTimeout(() => (window.usable = at(performance.now()))));
  });
"""


Way = Callable[[Page, tuple[float, float]], None]
"""Opens the chat with the button that stands there."""


@dataclass(frozen=True)
class Opening:
    milliseconds: float
    shift: float
    long_in_page: list[float]
    long_in_frame: list[float]


def pointer_clicks_at_once(page: Page, at: tuple[float, float]) -> None:
    """No time between coming to the button and the click: faster than a hand."""
    page.mouse.click(*at)


def pointer_rests_first(page: Page, at: tuple[float, float]) -> None:
    """A fifth of a second over the button, as hands do."""
    page.mouse.move(*at)
    page.wait_for_timeout(200)
    page.mouse.click(*at)


def key(page: Page, at: tuple[float, float]) -> None:
    """Tab from the last link of the page to the button, and Enter a tenth of a second later."""
    page.get_by_role("link").last.focus()
    page.keyboard.press("Tab")
    page.wait_for_timeout(100)
    page.keyboard.press("Enter")


WAYS: dict[str, Way] = {
    "a click with no pointer over the button before": pointer_clicks_at_once,
    "a click 200 ms after the pointer came": pointer_rests_first,
    "Enter 100 ms after the focus came": key,
}


def open_once(browser: Browser, website: Website, way: Way) -> Opening:
    context = browser.new_context(viewport=SIZE)  # type: ignore[arg-type]
    try:
        context.add_init_script(_OBSERVE)
        page = context.new_page()
        page.goto(website.origin)
        box = page.get_by_role("button").bounding_box()
        assert box is not None
        page.evaluate("long = []")
        way(page, (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2))
        # To look now would be to keep the page busy: Playwright's own questions are tasks of the page too.
        page.wait_for_timeout(SECONDS_TO_OPEN * 1000)
        frame = next(frame for frame in page.frames if "/chat/frame" in frame.url)
        frame.wait_for_function("window.usable")
        began = page.evaluate("window.click")
        return Opening(
            frame.evaluate("usable") - began,
            page.evaluate("shift"),
            page.evaluate("long"),
            frame.evaluate("long"),
        )
    finally:
        context.close()


def measure(times: int, folder: Path) -> tuple[str, dict[str, list[Opening]]]:
    """The browser's version, and the openings by the way they were done."""
    website = Website("")
    service = deploy(ROOT, read_settings({}).models, folder, website.origin)
    website.service = service.address
    with website.running(), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        try:
            service.start()
            found: dict[str, list[Opening]] = {}
            for name, way in WAYS.items():
                open_once(browser, website, way)
                found[name] = [open_once(browser, website, way) for _ in range(times)]
            return browser.version, found
        finally:
            service.stop()
            browser.close()


def table(found: dict[str, list[Opening]]) -> list[str]:
    lines = [
        "| opened by | median | fastest to slowest | layout shift | tasks over 50 ms in the page | in the frame |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, openings in found.items():
        took = [opening.milliseconds for opening in openings]
        lines.append(
            f"| {name} | {statistics.median(took):.0f} ms | {min(took):.0f} to {max(took):.0f} ms "
            f"| {max(opening.shift for opening in openings):g} "
            f"| {long_tasks([opening.long_in_page for opening in openings])} "
            f"| {long_tasks([opening.long_in_frame for opening in openings])} |"
        )
    return lines


def long_tasks(openings: list[list[float]]) -> str:
    """How many of the openings had such a task, and the longest of all."""
    had = [max(tasks) for tasks in openings if tasks]
    return f"{len(had)} of {len(openings)}" + (f", up to {max(had):.0f} ms" if had else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=15, help="Openings of each way.")
    times = parser.parse_args().times
    if CHROMIUM is None:
        raise SystemExit("bench: chromium is needed")
    with tempfile.TemporaryDirectory(prefix="needlewise-bench-") as folder:
        before = os.getloadavg()[0]
        version, found = measure(times, Path(folder))
    print("\n".join(table(found)))
    print(
        f"\n{times} openings each, Chromium {version} (headless), Python {platform.python_version()}, {os.cpu_count()} cores,"
        f" load average {before:.1f} before and {os.getloadavg()[0]:.1f} after."
    )


if __name__ == "__main__":
    main()
