"""The frame's page: who may hold it, what it may run, and what it is told of the clinic."""

import json
import re
from dataclasses import replace
from typing import Any

import httpx
import msgspec
import pytest

from needlewise.channels.web.widget import Widget, frame_policy
from needlewise.content.model import Clinic
from needlewise.wiring import Services

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


def _config(page: str) -> dict[str, Any]:
    block = re.search(r'<script type="application/json" id="needlewise">(.*?)</script>', page, re.DOTALL)
    assert block is not None
    return dict(json.loads(block[1]))


async def test_each_clinics_own_pages_may_hold_its_frame_and_no_others(
    browser: httpx.AsyncClient, services: Services
) -> None:
    assert len(services.library.clinics) > 1
    for name, clinic in services.library.clinics.items():
        response = await browser.get("/chat/frame", params={"clinic": name})
        assert response.headers["content-security-policy"] == " ".join([POLICY, *clinic.origins])


def test_a_clinic_with_websites_names_them_in_the_policy(services: Services) -> None:
    clinic = msgspec.structs.replace(
        services.library.clinic("demo"), origins=["https://a.example.com", "https://b.example.com:8443"]
    )
    assert frame_policy(clinic) == f"{POLICY} https://a.example.com https://b.example.com:8443"


@pytest.mark.parametrize(
    "origin",
    [
        "https://a.example.com/",
        "https://a.example.com/page",
        "https://a.example.com; script-src *",
        "https://a.example.com https://b.example.com",
        "https://*.example.com",
        "*",
        "a.example.com",
        "javascript:alert(1)",
    ],
)
def test_what_is_no_origin_cannot_stand_in_a_profile(services: Services, origin: str) -> None:
    profile = msgspec.to_builtins(services.library.clinic("demo")) | {"origins": [origin]}
    with pytest.raises(msgspec.ValidationError, match="origins"):
        msgspec.convert(profile, Clinic)


@pytest.mark.parametrize(
    "widget",
    [
        {"accent": "green"},
        {"accent": "#0b5"},
        {"accent": "#0b5345;background:url(//example.com)"},
        {"shared_computer_minutes": 1},
        {"shared_computer_minutes": 241},
        {"colour": "#0b5345"},
    ],
)
def test_what_the_widget_cannot_take_cannot_stand_in_a_profile(
    services: Services, widget: dict[str, object]
) -> None:
    profile = msgspec.to_builtins(services.library.clinic("demo")) | {"widget": widget}
    with pytest.raises(msgspec.ValidationError, match="widget"):
        msgspec.convert(profile, Clinic)


@pytest.mark.parametrize("query", ["?clinic=nowhere", "?clinic=", "", "?clinic=%3Cscript%3E"])
async def test_an_unknown_clinic_is_said_so_in_plain_words(browser: httpx.AsyncClient, query: str) -> None:
    response = await browser.get(f"/chat/frame{query}")
    assert response.status_code == 404
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "I do not know that clinic." in response.text
    assert "script" not in response.text


async def test_the_frame_runs_nothing_inline(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/chat/frame?clinic=demo")).text
    assert "<style" not in page
    assert re.search(r"\s(style|on\w+)=", page.partition("<body>")[0]) is None
    assert re.findall(r"<script(?! src=| type=\"module\"| type=\"application/json\")", page) == []


async def test_the_frame_is_told_of_the_clinic(browser: httpx.AsyncClient) -> None:
    config = _config((await browser.get("/chat/frame?clinic=demo")).text)
    strings, questions = config.pop("strings"), config.pop("questions")
    assert config == {
        "clinic": "demo",
        "language": "en",
        "name": "Riverbend Heel & Foot",
        "phone": {"shown": "(202) 555-0140", "url": "tel:+12025550140"},
        "accent": "#0b5345",
        "fictional": True,
        "example": False,
        "confirmsTimes": False,
        "idleMinutes": 30,
    }
    assert questions[0] == "Does it hurt?"
    assert strings["person"] == "Talk to a person"
    assert not [name for name in strings if name.startswith(("loader_", "page_"))]


async def test_a_clinic_that_gave_no_number_has_none(browser: httpx.AsyncClient) -> None:
    config = _config((await browser.get("/chat/frame?clinic=forever-fit")).text)
    assert config["phone"] is None
    assert config["accent"] is None
    assert config["idleMinutes"] is None


@pytest.mark.parametrize("asked", ["en", "en-US", "EN", "xx", "", "../../etc"])
async def test_a_language_that_we_do_not_speak_is_english(browser: httpx.AsyncClient, asked: str) -> None:
    page = (await browser.get("/chat/frame", params={"clinic": "demo", "lang": asked})).text
    assert '<html lang="en">' in page


async def test_markup_in_a_clinics_name_stays_text(services: Services) -> None:
    name = '</script><script>alert("1")</script>'
    clinic = msgspec.structs.replace(services.library.clinic("demo"), name=name)
    services.__dict__["library"] = replace(services.library, clinics={"demo": clinic})
    services.__dict__.pop("renderer", None)
    page = Widget(services).frame_page("demo", "en")
    assert "<script>alert" not in page
    assert _config(page)["name"] == name


async def test_nothing_is_set_in_the_browser(browser: httpx.AsyncClient) -> None:
    for path in ("/widget.js", "/chat/frame?clinic=demo", "/"):
        assert "set-cookie" not in (await browser.get(path)).headers
