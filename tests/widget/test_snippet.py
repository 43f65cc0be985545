"""The lines that a clinic pastes, and the command that prints them."""

from pathlib import Path

import msgspec
import pytest

from needlewise.content.render import Place
from needlewise.content.snippet import service_address, snippet
from needlewise.errors import NeedlewiseError
from needlewise.wiring import Services
from tests.support.service import run_command

SERVICE = "https://chat.example.com/"


def test_it_is_a_line_with_the_number_and_the_script(services: Services) -> None:
    assert snippet(services.place("demo", "web", "en"), services.renderer, SERVICE) == (
        '<p class="needlewise-phone">Questions? Call us: <a href="tel:+12025550140">(202) 555-0140</a> '
        "<noscript>The chat on this page needs JavaScript.</noscript></p>\n"
        '<script src="https://chat.example.com/widget.js" data-clinic="demo" data-accent="#0b5345" async></script>\n'
    )


def test_without_a_number_the_line_says_only_what_is_missing(services: Services) -> None:
    assert snippet(services.place("forever-fit", "web", "en"), services.renderer, SERVICE) == (
        "<noscript>The chat on this page needs JavaScript.</noscript>\n"
        '<script src="https://chat.example.com/widget.js" data-clinic="forever-fit" async></script>\n'
    )


def test_what_is_put_in_stays_text(services: Services) -> None:
    clinic = msgspec.structs.replace(services.library.clinic("demo"), clinic='"><script>')
    text = snippet(Place(clinic), services.renderer, 'https://x.example.com/"><b>/')
    assert text.count("<script") == 1
    assert "<b>" not in text


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("https://chat.example.com", "https://chat.example.com/"),
        ("https://chat.example.com/", "https://chat.example.com/"),
        ("http://localhost:8000/needlewise", "http://localhost:8000/needlewise/"),
    ],
)
def test_an_address_ends_in_a_slash(given: str, address: str) -> None:
    assert service_address(given) == address


@pytest.mark.parametrize(
    "given", ["chat.example.com", "ftp://x.example.com", "https://", "https://x.example.com/?a"]
)
def test_an_address_that_serves_no_script_is_refused(given: str) -> None:
    with pytest.raises(NeedlewiseError, match=r"write it as https://chat\.example\.com"):
        service_address(given)


def test_the_command_prints_it(root: Path, tmp_path: Path) -> None:
    done = run_command(
        root, "embed", "--clinic", "demo", "--host", "https://chat.example.com", NEEDLEWISE_VAR=str(tmp_path)
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1] == (
        '<script src="https://chat.example.com/widget.js" data-clinic="demo" data-accent="#0b5345" async></script>'
    )


def test_the_command_refuses_a_clinic_that_is_not_there(root: Path, tmp_path: Path) -> None:
    done = run_command(root, "embed", "--clinic", "nowhere", NEEDLEWISE_VAR=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "no clinic 'nowhere'" in done.stderr
