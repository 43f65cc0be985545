"""The demo page in a real browser, at phone and desktop width."""

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright

from needlewise.content.library import load_library
from needlewise.dialogue.turn import Turns
from needlewise.settings import Settings
from needlewise.wiring import Services

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
]
SIZES = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 800}}

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def address(base_settings: Settings, turns: Turns, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The service on a loopback port, with the shared model."""
    from needlewise.app import create_app

    database = tmp_path_factory.mktemp("page") / "page.db"
    settings = replace(base_settings, database_url=f"sqlite:///{database}")
    with socket.socket() as listener, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Services, "load_turns", lambda self: turns)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(create_app(settings), ws="none", log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        deadline = time.monotonic() + 30
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(params=SIZES)
def page(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Page]:
    """The page, opened; a script error or a blocked request fails the test."""
    context = browser.new_context(viewport=SIZES[request.param])
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(address)
    yield page
    context.close()
    assert wrong == []


def say(page: Page, text: str) -> None:
    """Type a message and send it with the keyboard."""
    box = page.get_by_role("textbox").last
    box.fill(text)
    box.press("Enter")


def test_notice_stands_in_sight_before_the_first_text_box(page: Page) -> None:
    notice = page.get_by_text("Not for emergencies").first
    expect(notice).to_be_in_viewport()
    box = page.get_by_role("textbox").first
    expect(box).to_be_in_viewport()
    assert notice.bounding_box()["y"] < box.bounding_box()["y"]  # type: ignore[index]


def test_nothing_is_stored_before_the_first_message(page: Page) -> None:
    assert page.evaluate("sessionStorage.length + localStorage.length") == 0
    assert page.context.cookies() == []


def test_a_question_is_answered_with_its_sources(page: Page, root: Path) -> None:
    library = load_library(root / "content")
    first = library.answers["does_it_hurt"].sources[0]
    say(page, "does it hurt?")
    expect(page.get_by_text("It can hurt, but the pain is mostly short.").first).to_be_visible()
    page.get_by_text("Where this comes from").first.click()
    expect(page.get_by_text(library.sources[first].title).first).to_be_visible()


def test_a_screening_card_is_ticked_and_sent(page: Page) -> None:
    say(page, "I want to book a visit")
    page.get_by_label("Chest pain, or trouble breathing").check()
    page.get_by_role("button", name="Send", exact=False).first.click()
    expect(page.get_by_role("link", name="Call 911").first).to_be_visible()


def test_reload_goes_on_with_the_conversation(page: Page) -> None:
    say(page, "does it hurt?")
    expect(page.get_by_text("It can hurt, but the pain is mostly short.").first).to_be_visible()
    page.reload()
    expect(page.get_by_text("It can hurt, but the pain is mostly short.").first).to_be_visible()


def test_patients_words_are_text_and_never_markup(page: Page) -> None:
    say(page, "<img src=x onerror=document.title='owned'> does it hurt?")
    expect(page.get_by_text("<img src=x", exact=False).first).to_be_visible()
    assert page.title() != "owned"


def test_clinic_can_be_picked(page: Page) -> None:
    page.get_by_role("combobox").select_option("accesshealth")
    expect(page.get_by_text("The clinic does not use this chat and has no part in it.")).to_be_visible()
    say(page, "how much does it cost?")
    expect(page.get_by_text("I do not know the price.").first).to_be_visible()
