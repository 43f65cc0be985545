"""The service away, the network slow or gone, JavaScript off, two tabs at once: nothing is lost, doubled, or left unsaid."""

import asyncio

from playwright.async_api import Frame, Route, expect

from tests.support.stored import rows
from tests.widget.visitor import PHONE_SIZE, Arrives, Visitor
from tests.widget.website import PHONE, Deployment, Website

_CONVERSATION = "JSON.parse(sessionStorage.getItem('needlewise.demo')).session.conversation"


async def conversation(chat: Frame) -> str:
    """The id of the conversation that the tab remembers."""
    return str(await chat.evaluate(_CONVERSATION))


def said(service: Deployment, conversation: str) -> list[str]:
    """The log of the conversation: who spoke, with the id that the browser gave the patient's messages."""
    return [
        f"in {row['client_id']}" if row["direction"] == "in" else "out"
        for row in rows(service.settings, "messages", "position")
        if row["conversation"] == conversation
    ]


async def test_a_message_under_way_when_the_service_dies_arrives_once(
    arrives: Arrives, website: Website, service: Deployment
) -> None:
    visitor = await arrives()
    await visitor.visits(website)
    await visitor.opens()
    await visitor.says("does it hurt")
    before = said(service, await conversation(visitor.chat))
    sent: list[str] = []

    async def take_and_die(route: Route) -> None:
        """The service answers, and dies before the browser hears of it."""
        if route.request.method != "POST":
            return await route.continue_()
        sent.append(route.request.post_data_json["id"])
        if len(sent) == 1:
            await route.fetch()
            await asyncio.to_thread(service.kill)
            return await route.abort()
        return await route.continue_()

    await visitor.page.route("**/chat/v1/messages", take_and_die)
    await visitor.box.fill("what does it cost")
    await visitor.box.press("Enter")
    await expect(visitor.chat.locator(".state", has_text="Not sent yet. We keep trying.")).to_be_visible()
    await expect(visitor.chat.get_by_role("link", name=PHONE)).to_be_visible()
    await asyncio.to_thread(service.start)
    await visitor.hears(await visitor.replies.count())

    await visitor.shows("A first visit with an exam costs $120.")
    await expect(visitor.own).to_have_text(["You: does it hurt", "You: what does it cost"])
    assert set(sent[1:]) == {sent[0]}
    after = said(service, await conversation(visitor.chat))
    assert after[: len(before)] == before
    assert [line for line in after[len(before) :] if line != "out"] == [f"in {sent[0]}"]
    await visitor.says("does it work")


async def test_on_a_slow_network_the_message_says_that_it_is_being_sent(
    arrives: Arrives, website: Website
) -> None:
    visitor = await arrives("mouse", PHONE_SIZE)
    await visitor.visits(website)
    await visitor.opens()
    await visitor.says("does it hurt")
    network = await visitor.page.context.new_cdp_session(visitor.chat)
    await network.send("Network.enable")
    slow = {"offline": False, "latency": 3000, "downloadThroughput": 5_000, "uploadThroughput": 5_000}
    await network.send("Network.emulateNetworkConditions", slow)
    heard = await visitor.replies.count()
    await visitor.box.fill("what does it cost")
    await visitor.box.press("Enter")
    await expect(visitor.chat.get_by_text("Sending")).to_be_visible()
    await expect(visitor.chat.locator(".typing")).to_contain_text("The assistant is writing.")
    await visitor.hears(heard)
    await visitor.shows("A first visit with an exam costs $120.")
    await expect(visitor.own).to_have_count(2)


async def test_what_is_written_without_a_network_is_sent_when_it_is_back_in_order_and_once(
    arrives: Arrives, website: Website, service: Deployment
) -> None:
    visitor = await arrives()
    await visitor.visits(website)
    await visitor.opens()
    await visitor.says("does it hurt")
    await visitor.page.context.set_offline(True)
    for text in ("what does it cost", "does it work"):
        await visitor.box.fill(text)
        await visitor.box.press("Enter")
    await expect(visitor.chat.locator(".state", has_text="Not sent yet. We keep trying.")).to_have_count(2)
    await visitor.page.context.set_offline(False)
    await visitor.hears(await visitor.replies.count() + 1)
    await expect(visitor.own).to_have_text(
        ["You: does it hurt", "You: what does it cost", "You: does it work"]
    )
    log = said(service, await conversation(visitor.chat))
    assert sum(line != "out" for line in log) == 3


async def test_what_waits_is_sent_after_a_reload(arrives: Arrives, website: Website) -> None:
    visitor = await arrives()
    await visitor.visits(website)
    await visitor.opens()
    await visitor.says("does it hurt")
    await visitor.page.route("**/chat/v1/messages", lambda route: route.abort())
    await visitor.box.fill("what does it cost")
    await visitor.box.press("Enter")
    await expect(visitor.chat.locator(".state", has_text="Not sent yet. We keep trying.")).to_be_visible()
    await visitor.page.unroute("**/chat/v1/messages")
    await visitor.page.reload()
    await visitor.opens()
    await expect(visitor.own).to_have_count(2)
    await expect(visitor.replies.last).to_contain_text("A first visit with an exam costs $120.")


async def test_two_tabs_show_one_chat_and_both_may_write_at_once(
    arrives: Arrives, website: Website, service: Deployment
) -> None:
    first = await arrives()
    await first.visits(website)
    await first.opens()
    await first.says("does it hurt")
    second = Visitor(await first.page.context.new_page())
    await second.visits(website)
    await second.opens()
    await expect(second.own).to_have_text(["You: does it hurt"])

    for tab, text in ((first, "what does it cost"), (second, "does it work")):
        await tab.box.fill(text)
    await asyncio.gather(first.box.press("Enter"), second.box.press("Enter"))
    for tab in (first, second):
        await expect(tab.own).to_have_count(3)
        await expect(tab.replies.filter(has_text="A first visit with an exam costs $120.")).to_have_count(1)
    await expect(second.replies).to_have_count(await first.replies.count())
    assert sorted(await first.words()) == sorted(await second.words())
    log = said(service, await conversation(first.chat))
    assert await conversation(second.chat) == await conversation(first.chat)
    assert sum(line != "out" for line in log) == 3


async def test_what_is_forgotten_in_one_tab_is_gone_from_the_other(
    arrives: Arrives, website: Website
) -> None:
    first = await arrives()
    await first.visits(website)
    await first.opens()
    await first.says("does it hurt")
    second = Visitor(await first.page.context.new_page())
    await second.visits(website)
    await second.opens()
    await expect(second.own).to_have_count(1)
    await second.chat.get_by_role("button", name="Menu").click()
    await second.chat.get_by_role("button", name="Forget this chat").click()
    await second.chat.get_by_role("dialog").get_by_role("button", name="Forget this chat").click()
    for tab in (first, second):
        await expect(tab.chat.locator("li.message")).to_have_count(0)
        assert await tab.chat.evaluate("sessionStorage.length") == 0


async def test_where_the_browser_keeps_nothing_for_frames_the_chat_works(
    arrives: Arrives, website: Website
) -> None:
    visitor = await arrives()
    await visitor.page.add_init_script(
        "Object.defineProperty(window, 'sessionStorage', { get() { throw new DOMException('', 'SecurityError') } });"
        "window.BroadcastChannel = class { constructor() { throw new DOMException('', 'SecurityError') } };"
    )
    await visitor.visits(website)
    await visitor.opens()
    await visitor.says("does it hurt")
    await visitor.shows("It can hurt, but the pain is mostly short.")


async def test_without_javascript_the_page_shows_the_clinics_number(
    arrives: Arrives, website: Website
) -> None:
    visitor = await arrives(java_script_enabled=False)
    await visitor.visits(website)
    await expect(visitor.page.get_by_role("link", name=PHONE)).to_be_visible()


async def test_where_the_script_cannot_be_loaded_the_page_shows_the_clinics_number(
    arrives: Arrives, website: Website
) -> None:
    visitor = await arrives()
    await visitor.visits(website, "/service-down")
    await expect(visitor.page.get_by_role("link", name=PHONE)).to_be_visible()
    await expect(visitor.page.get_by_role("button")).to_have_count(0)


async def test_a_chat_that_does_not_come_leaves_the_number_in_its_place_and_is_asked_for_again(
    arrives: Arrives, website: Website
) -> None:
    visitor = await arrives()
    link = visitor.page.get_by_role("link", name=PHONE)
    await visitor.page.route("**/chat/frame?**", lambda route: route.abort())
    await visitor.visits(website)
    await visitor.launcher.click()
    await expect(link).to_be_visible()
    await expect(visitor.page.get_by_role("button", name="Close")).to_be_focused()
    await visitor.page.keyboard.press("Escape")
    await expect(visitor.launcher).to_be_focused()
    await visitor.page.unroute("**/chat/frame?**")
    await visitor.opens()
    await expect(link).to_be_hidden()
