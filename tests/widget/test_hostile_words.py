"""Whatever is typed or pasted: nothing of it runs, nothing of it leaves its place, and it is shown as it was written."""

import pytest
from playwright.async_api import expect

from tests.widget.visitor import Arrives
from tests.widget.website import Deployment

NARROW = (320, 568)

_RAN = "window.ran = 0; for (const name of ['alert', 'confirm', 'prompt']) window[name] = () => (ran += 1);"
_OVERFLOWS = """() => [document.documentElement, document.querySelector("main"), ...document.querySelectorAll("li *")]
  .filter(one => !one.closest(".unseen") && one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== "inline")
  .map(one => one.outerHTML.slice(0, 80))"""
_OUTSIDE = """() => [...document.querySelectorAll("li .bubble, li article")]
  .filter(one => one.getBoundingClientRect().right > innerWidth || one.getBoundingClientRect().left < 0).length"""
_HANDS_OVER = """type => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(9)], "foot.png", { type: "image/png" }));
  const given = type === "paste" ? { clipboardData: data } : { dataTransfer: data };
  const made = new (type === "paste" ? ClipboardEvent : DragEvent)(type, { ...given, bubbles: true, cancelable: true });
  document.querySelector("#say").dispatchEvent(made);
  return made.defaultPrevented;
}"""


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)><svg onload=alert(1)>",
        "</script></li></ol><iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
        "[a link](javascript:alert(1)) **bold** [another](data:text/html,<script>alert(1)</script>)",
        "javascript:alert(1)",
        "{{constructor.constructor('alert(1)')()}} ${alert(1)} #{alert(1)}",
        "x" * 3900,
        f"https://example.com/{'a' * 800}",
        "line\n" * 60 + "last",
        "هل تؤلم الإبر في الكعب؟ 123 <b>نعم</b>",
        "\u202eolleh\u202c and \u200f\u200e marks",
        "👩🏽‍⚕️🦶🔥" * 60,
        "Z\u0351\u036b\u0343\u036a\u0302" * 200,
        "\x00\x01\ufffe zero",
    ],
    ids=[
        "script",
        "handlers",
        "closing tags",
        "markdown links",
        "javascript address",
        "templates",
        "one long word",
        "long address",
        "many lines",
        "right to left",
        "direction marks",
        "emoji",
        "stacked accents",
        "control characters",
    ],
)
async def test_words_stay_words(arrives: Arrives, service: Deployment, text: str) -> None:
    visitor = await arrives("mouse", NARROW)
    await visitor.page.add_init_script(_RAN)
    await visitor.visits_the_chat_alone(service)
    await visitor.box.fill(text)
    await visitor.box.press("Enter")
    await visitor.hears()
    shown = await visitor.own.evaluate(
        "bubble => [...bubble.childNodes].slice(1).map(n => n.textContent || '\\n').join('')"
    )
    assert shown == text.strip()
    assert await visitor.own.evaluate("bubble => bubble.querySelectorAll(':not(br, .unseen)').length") == 0
    assert await visitor.chat.evaluate("ran") == 0
    assert (
        await visitor.chat.locator(
            "main :is(script, img, iframe, [href^='javascript'], [href^=data])"
        ).count()
        == 0
    )
    assert await visitor.chat.evaluate(_OVERFLOWS) == []
    assert await visitor.chat.evaluate(_OUTSIDE) == 0

    await visitor.page.reload()
    await visitor.hears()
    assert await visitor.chat.evaluate("ran") == 0
    assert await visitor.chat.evaluate(_OVERFLOWS) == []


async def test_ten_thousand_characters_stay_in_the_box_with_how_many_are_too_many(
    arrives: Arrives, service: Deployment
) -> None:
    visitor = await arrives("mouse", NARROW)
    await visitor.visits_the_chat_alone(service)
    await visitor.box.fill("a" * 10_000)
    await visitor.box.press("Enter")
    await expect(visitor.chat.locator("#said")).to_have_text(
        "That is too long to send at once. Letters to take out: 6000"
    )
    await expect(visitor.box).to_have_value("a" * 10_000)
    await expect(visitor.box).to_have_attribute("aria-invalid", "true")
    await expect(visitor.own).to_have_count(0)
    assert await visitor.chat.evaluate(_OVERFLOWS) == []
    await expect(visitor.chat.get_by_role("button", name="Send")).to_be_in_viewport()
    await visitor.box.fill("does it hurt")
    await visitor.box.press("Enter")
    await visitor.hears()


@pytest.mark.parametrize(("way", "is_kept_off"), [("paste", False), ("drop", True)])
async def test_a_picture_is_not_taken_and_the_chat_says_so(
    arrives: Arrives, service: Deployment, way: str, is_kept_off: bool
) -> None:
    visitor = await arrives("mouse", NARROW)
    await visitor.visits_the_chat_alone(service)
    assert await visitor.chat.evaluate(_HANDS_OVER, way) is is_kept_off
    await expect(visitor.chat.locator("#said")).to_have_text(
        "You can only send words here, no pictures or files."
    )
    await expect(visitor.own).to_have_count(0)
    assert await visitor.chat.evaluate("sessionStorage.length") == 0


async def test_words_from_right_to_left_are_set_so(arrives: Arrives, service: Deployment) -> None:
    visitor = await arrives("mouse", NARROW)
    await visitor.visits_the_chat_alone(service)
    await visitor.says("هل تؤلم الإبر؟")
    assert await visitor.own.evaluate("bubble => getComputedStyle(bubble).direction") == "rtl"
