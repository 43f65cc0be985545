"""The page at / is whole, and the browser is told to run nothing else."""

import re
from html.parser import HTMLParser

import httpx
import pytest
from markupsafe import escape

from needlewise.content.snippet import snippet
from needlewise.wiring import Services

HEADERS = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


class Page(HTMLParser):
    """What a page asks a browser to load or to run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.assets: list[str] = []
        self.inline: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.inline += [name for name in given if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)
        if tag == "script" and given.get("src"):
            self.assets.append(str(given["src"]))
        if tag == "link":
            self.assets.append(str(given["href"]))


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/widget.js",
        "/page/page.js",
        "/page/page.css",
        "/healthz",
        "/metrics",
        "/chat/v1/clinics",
        "/chat/assets/nothing",
        "/nowhere",
    ],
)
async def test_every_answer_carries_the_security_headers(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert {name: response.headers[name] for name in HEADERS} == HEADERS
    assert "server" not in response.headers


async def test_the_frame_alone_may_be_held_by_other_pages(client: httpx.AsyncClient) -> None:
    response = await client.get("/chat/frame?clinic=demo")
    policy = response.headers["content-security-policy"]
    assert policy.rpartition("; ")[2].startswith("frame-ancestors 'self'")
    assert {name: response.headers[name] for name in HEADERS if name != "content-security-policy"} == {
        name: value for name, value in HEADERS.items() if name != "content-security-policy"
    }


async def test_the_page_loads_its_own_files_only_and_runs_nothing_inline(client: httpx.AsyncClient) -> None:
    page = Page((await client.get("/")).text)
    assert page.inline == []
    assert len(page.assets) >= 4
    for asset in page.assets:
        assert re.fullmatch(r"page/[a-z]+\.(css|js|svg)|widget\.js", asset)
        response = await client.get(f"/{asset}")
        assert response.status_code == 200
        assert response.headers["content-type"].split(";")[0] == TYPES[asset.rpartition(".")[2]]


async def test_the_page_has_the_chat_by_the_lines_that_any_website_pastes(
    client: httpx.AsyncClient, services: Services
) -> None:
    text = (await client.get("/")).text
    place = services.place("demo", "web", "en")
    lines = snippet(place, services.renderer, "", is_open=True)
    assert lines in text
    assert escape(snippet(place, services.renderer, "http://test/")) in text


@pytest.mark.parametrize(
    ("query", "chosen"), [("", "demo"), ("?clinic=forever-fit", "forever-fit"), ("?clinic=nowhere", "demo")]
)
async def test_the_page_can_show_another_clinics_chat(
    client: httpx.AsyncClient, query: str, chosen: str
) -> None:
    text = (await client.get(f"/{query}")).text
    assert re.findall(r'<script src="widget.js" data-clinic="([a-z-]+)"', text) == [chosen]
    assert re.findall(r'href="\?clinic=([a-z-]+)" aria-current="page"', text) == [chosen]


async def test_the_page_says_which_clinics_are_made_up_or_examples(
    client: httpx.AsyncClient, services: Services
) -> None:
    text = (await client.get("/")).text
    clinics = services.library.clinics.values()
    assert text.count("No one will call you back.") == sum(clinic.fictional for clinic in clinics)
    assert text.count("It has no part in this chat.") == sum(clinic.example for clinic in clinics)


@pytest.mark.parametrize(
    "path",
    ["/page/../routes.py", "/page/%2e%2e/routes.py", "/page//etc/passwd", "/page/", "/page/landing.html"],
)
async def test_files_beside_the_page_are_not_served(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


async def test_the_clinics_are_listed_with_the_default_one_first(client: httpx.AsyncClient) -> None:
    clinics = (await client.get("/chat/v1/clinics")).json()
    assert clinics[0] == {
        "id": "demo",
        "name": "Riverbend Heel & Foot",
        "fictional": True,
        "example": False,
    }
    assert [set(clinic) for clinic in clinics] == [{"id", "name", "fictional", "example"}] * len(clinics)
