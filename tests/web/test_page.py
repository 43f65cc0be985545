"""The page at / is whole, and the browser is told to run nothing else."""

import re
from html.parser import HTMLParser

import httpx
import pytest

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
    "path", ["/", "/page/page.js", "/page/page.css", "/healthz", "/metrics", "/chat/v1/clinics", "/nowhere"]
)
async def test_every_answer_carries_the_security_headers(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert {name: response.headers[name] for name in HEADERS} == HEADERS
    assert "server" not in response.headers


async def test_the_page_loads_its_own_files_only_and_runs_nothing_inline(client: httpx.AsyncClient) -> None:
    page = Page((await client.get("/")).text)
    assert page.inline == []
    assert len(page.assets) >= 3
    for asset in page.assets:
        assert re.fullmatch(r"page/[a-z]+\.(css|js|svg)", asset)
        response = await client.get(f"/{asset}")
        assert response.status_code == 200
        assert response.headers["content-type"].split(";")[0] == TYPES[asset.rpartition(".")[2]]


@pytest.mark.parametrize(
    "path", ["/page/../routes.py", "/page/%2e%2e/routes.py", "/page//etc/passwd", "/page/"]
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
