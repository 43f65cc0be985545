"""The widget's files are small on the wire, kept by browsers for as long as they stay true, and never stale."""

import gzip
import re

import brotli
import httpx
import pytest

from needlewise.channels.web.packed import best_coding
from needlewise.channels.web.widget import BUILT, Widget

LOADER_LIMIT = 2 * 1024
WHOLE_LIMIT = 15 * 1024


def _assets(frame: str) -> list[str]:
    return re.findall(r'"(assets/[^"]+)"', frame)


async def _frame(browser: httpx.AsyncClient) -> str:
    return (await browser.get("/chat/frame?clinic=demo")).text


async def test_the_loader_may_be_kept_and_outlives_a_service_that_is_away(browser: httpx.AsyncClient) -> None:
    response = await browser.get("/widget.js")
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert response.headers["cache-control"] == (
        "public, max-age=300, stale-while-revalidate=86400, stale-if-error=604800"
    )
    assert response.headers["cross-origin-resource-policy"] == "cross-origin"


async def test_what_the_frame_loads_is_kept_for_a_year_under_a_name_of_its_own(
    browser: httpx.AsyncClient,
) -> None:
    assets = _assets(await _frame(browser))
    assert [asset.rpartition(".")[2] for asset in assets] == ["css", "js"]
    for asset in assets:
        assert re.fullmatch(r"assets/chat-[A-Z0-9]{8}\.(css|js)", asset)
        response = await browser.get(f"/chat/{asset}")
        assert response.status_code == 200
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_the_frame_is_asked_for_each_time_and_sent_only_when_it_changed(
    browser: httpx.AsyncClient,
) -> None:
    first = await browser.get("/chat/frame?clinic=demo")
    assert first.headers["cache-control"] == "no-cache"
    again = await browser.get("/chat/frame?clinic=demo", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["content-security-policy"] == first.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("sent", "status"),
    [("{tag}", 304), ("W/{tag}", 304), ('"other", {tag}', 304), ("*", 304), ('"other"', 200), ("", 200)],
)
async def test_a_browser_that_has_a_file_is_not_sent_it_again(
    browser: httpx.AsyncClient, sent: str, status: int
) -> None:
    tag = (await browser.get("/widget.js")).headers["etag"]
    response = await browser.get("/widget.js", headers={"If-None-Match": sent.format(tag=tag)})
    assert response.status_code == status
    assert response.headers["etag"] == tag


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate", "gzip"),
        ("BR", "br"),
        ("br;q=0, gzip", "gzip"),
        ("br;q=0.2, gzip;q=1.0", "br"),
        ("*", "br"),
        ("*;q=0", ""),
        ("gzip;q=0, *", "br"),
        ("gzip;q=odd", ""),
        ("identity", ""),
        ("", ""),
    ],
)
def test_the_coding_is_the_smallest_that_the_browser_takes(accepted: str, coding: str) -> None:
    assert best_coding(accepted) == coding


@pytest.mark.parametrize("coding", ["br", "gzip"])
@pytest.mark.parametrize("path", ["/widget.js", "/chat/frame?clinic=demo"])
async def test_a_coded_file_holds_the_same_bytes(browser: httpx.AsyncClient, path: str, coding: str) -> None:
    plain = await browser.get(path)
    async with browser.stream("GET", path, headers={"Accept-Encoding": coding}) as coded:
        raw = b"".join([part async for part in coded.aiter_raw()])
    assert coded.headers["content-encoding"] == coding
    assert coded.headers["vary"] == "Accept-Encoding"
    assert coded.headers["etag"] != plain.headers["etag"]
    assert (brotli.decompress(raw) if coding == "br" else gzip.decompress(raw)) == plain.content


async def test_the_loader_and_the_whole_chat_are_as_small_as_promised(browser: httpx.AsyncClient) -> None:
    frame = await _frame(browser)
    paths = ["/widget.js", "/chat/frame?clinic=demo", *(f"/chat/{asset}" for asset in _assets(frame))]
    sizes = [len(gzip.compress((await browser.get(path)).content, 9)) for path in paths]
    assert sizes[0] <= LOADER_LIMIT
    assert sum(sizes) <= WHOLE_LIMIT


@pytest.mark.parametrize(
    "path",
    [
        "/chat/assets/widget.js",
        "/chat/assets/manifest.json",
        "/chat/assets/frame.html",
        "/chat/assets/..%2Fwidget.py",
    ],
)
async def test_nothing_else_of_the_folder_is_served(browser: httpx.AsyncClient, path: str) -> None:
    assert (await browser.get(path)).status_code == 404


async def test_no_file_names_another_host(browser: httpx.AsyncClient) -> None:
    frame = await _frame(browser)
    for path in ("/widget.js", *(f"/chat/{asset}" for asset in _assets(frame))):
        hosts = set(
            re.findall(r"(?:https?:)?//([a-z0-9-]+(?:\.[a-z0-9-]+)+)", (await browser.get(path)).text)
        )
        assert hosts <= {"www.w3.org", "www.weather.gov"}


def test_the_built_files_are_those_that_the_manifest_names(widget: Widget) -> None:
    named = {widget.manifest.script, widget.manifest.style}
    assert {path.name for path in BUILT.iterdir()} == named | {"widget.js", "frame.html", "manifest.json"}
