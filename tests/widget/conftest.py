"""The widget's addresses, with no model behind them; and for whole visits the real service, a website, and Chromium."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, async_playwright
from starlette.applications import Starlette

from needlewise.channels.web.landing import Landing
from needlewise.channels.web.widget import Widget
from needlewise.settings import Settings
from needlewise.wiring import Services
from tests.widget.chromium import CHROMIUM, CHROMIUM_OPTIONS
from tests.widget.visitor import DESKTOP_SIZE, MILLISECONDS, Arrives, Visitor, Way
from tests.widget.website import Deployment, Website, deploy


@pytest.fixture
def widget(services: Services) -> Widget:
    return Widget(services)


@pytest_asyncio.fixture
async def browser(services: Services, widget: Widget) -> AsyncIterator[httpx.AsyncClient]:
    """Asks for files and takes no content coding unless a test says so."""
    app = Starlette(routes=[*widget.routes(), *Landing(services).routes()])
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://test", headers={"Accept-Encoding": "identity"}
    ) as client:
        yield client


@pytest.fixture(scope="session")
def website(
    root: Path, base_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Website]:
    """The clinic's website. Its address is known before the service's, whose clinic names it."""
    site = Website("")
    with site.running():
        yield site


@pytest.fixture(scope="session")
def service(
    root: Path, base_settings: Settings, website: Website, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """The running service that the website's pages load the chat from."""
    service = deploy(root, base_settings.models, tmp_path_factory.mktemp("clinic"), website.origin)
    website.service = service.address
    service.start()
    yield service
    service.stop()


@pytest_asyncio.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("needs chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture
async def arrives(chromium: Browser, service: Deployment) -> AsyncIterator[Arrives]:
    """Opens a browser that nobody used before, with these options of Playwright's."""
    contexts: list[BrowserContext] = []

    async def arrive(way: Way = "mouse", size: tuple[int, int] = DESKTOP_SIZE, **options: Any) -> Visitor:
        context = await chromium.new_context(viewport={"width": size[0], "height": size[1]}, **options)
        context.set_default_timeout(MILLISECONDS)
        contexts.append(context)
        return Visitor(await context.new_page(), way)

    yield arrive
    for context in contexts:
        await context.close()
