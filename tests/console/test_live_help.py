"""The bar of live help: who may step in, what each sees, and what the page is told while it stands open."""

import re

import pytest
from sqlalchemy import update

from needlewise.console.roles import Role
from needlewise.conversations.log import Claim, Conversation, Inbound, Verdict
from needlewise.conversations.state import State
from needlewise.db.tables import conversations
from needlewise.wiring import Services
from tests.console.conftest import Time
from tests.console.person import AddPerson, Person
from tests.support.stored import rows

HX = {"HX-Request": "true"}


async def a_chat(services: Services, *, clinic: str = "demo") -> Conversation:
    """A patient has written one message, which is answered."""
    conversation, _ = await services.log.open(clinic, "web", "en", state=State())
    await writes(services, conversation, "can I talk to somebody")
    return conversation


async def writes(
    services: Services, conversation: Conversation, words: str, *, verdict: Verdict | None = None
) -> Claim:
    claim = await services.log.claim(conversation, words, Inbound(words))
    await services.log.commit(
        conversation,
        claim,
        state=claim.state,
        outgoing=(),
        heard=None,
        verdict=verdict or Verdict(),
        latency_ms=1,
        redacted=words,
    )
    return claim


def address(conversation: Conversation, path: str = "") -> str:
    return f"/staff/conversation/{conversation.id}/live{path}"


async def opens(person: Person, conversation: Conversation) -> str:
    """Loads the bar as a conversation's page does; what it shows."""
    await person.browser.get("/staff")
    response = await person.browser.get(address(conversation), **HX)
    assert response.status_code == 200
    return person.browser.page


async def does(person: Person, conversation: Conversation, path: str, **form: str) -> str:
    await person.browser.get("/staff")
    response = await person.browser.post(address(conversation, path), form, **HX)
    assert response.status_code == 200, response.status_code
    return person.browser.page


def once(page: str) -> str:
    found = re.search(r'name="once" value="([0-9a-f]+)"', page)
    assert found is not None, page
    return found[1]


def said(services: Services) -> list[tuple[str, str | None]]:
    return [
        (row["kind"], row["author"])
        for row in rows(services.settings, "messages", "position")
        if row["direction"] == "out"
    ]


async def test_step_in_write_and_step_out(person: AddPerson, services: Services) -> None:
    maria, chat = await person("maria", Role.REVIEWER), await a_chat(services)
    assert "Step in" in await opens(maria, chat)
    page = await does(maria, chat, "/in")
    assert "You are in." in page
    page = await does(maria, chat, "/say", words="Good morning.", once=once(page))
    assert 'name="words"' in page
    assert "Good morning." not in page
    assert "Step in" in await does(maria, chat, "/out")
    assert said(services) == [("notice", None), ("staff", maria.account.id), ("notice", None)]


async def test_without_a_script_each_form_leads_back_to_the_conversation(
    person: AddPerson, services: Services
) -> None:
    maria, chat = await person("maria", Role.REVIEWER), await a_chat(services)
    await maria.browser.get(address(chat))
    assert "<h1>Live help</h1>" in maria.browser.page
    for path, form in (("/in", {}), ("/say", {"words": "Hello"}), ("/out", {})):
        response = await maria.browser.post(address(chat, path), form)
        assert response.status_code == 303
        assert response.headers["location"].startswith(f"/staff/conversation/{chat.id}?done=")
    assert said(services) == [("notice", None), ("staff", maria.account.id), ("notice", None)]


async def test_a_second_person_sees_who_is_in_and_may_take_over(
    person: AddPerson, services: Services
) -> None:
    maria, john = await person("maria", Role.REVIEWER), await person("john", Role.REVIEWER)
    chat = await a_chat(services)
    assert "Step in" in await opens(john, chat)
    await does(maria, chat, "/in")
    refused = await does(john, chat, "/in")
    assert "Maria is in this conversation now." in refused
    assert "Take over from maria" in refused
    assert "You are in." in await does(john, chat, "/in", over=maria.account.id)
    told = await does(maria, chat, "/say", words="Are you <b>there</b>?")
    assert "John is in this conversation now. Your words were not sent." in told
    assert "Are you <b>there</b>?" in told
    assert (
        "&lt;b&gt;there"
        in (await maria.browser.post(address(chat, "/say"), {"words": "<b>there"}, **HX)).text
    )
    assert said(services) == [("notice", None)]


async def test_a_reader_sees_who_is_in_and_no_more(person: AddPerson, services: Services) -> None:
    reader, maria = await person("rita", Role.READER), await person("maria", Role.REVIEWER)
    chat = await a_chat(services)
    assert "<form" not in await opens(reader, chat)
    await does(maria, chat, "/in")
    page = await opens(reader, chat)
    assert ("maria is in." in page, "<form" in page) == (True, False)
    assert (await reader.browser.post(address(chat, "/in"), {}, **HX)).status_code == 403


async def test_another_clinics_conversation_is_not_there(person: AddPerson, services: Services) -> None:
    other = sorted(set(services.library.clinics) - {"demo"})[0]
    maria, chat = await person("maria", *Role), await a_chat(services, clinic=other)
    before = rows(services.settings, "messages")
    assert (await maria.browser.get(address(chat), **HX)).status_code == 404
    for path in ("/in", "/say", "/out", "/parts"):
        await maria.browser.get("/staff")
        response = await maria.browser.post(address(chat, path), {"words": "hello"}, **HX)
        assert response.status_code == 404, path
    assert rows(services.settings, "messages") == before


@pytest.mark.parametrize("words", ["", "   ", "x" * 1601], ids=["nothing", "blank", "too long"])
async def test_words_that_cannot_be_sent_stay_in_the_box(
    person: AddPerson, services: Services, words: str
) -> None:
    maria, chat = await person("maria", Role.REVIEWER), await a_chat(services)
    await does(maria, chat, "/in")
    page = await does(maria, chat, "/say", words=words)
    assert "1 to 1600 characters" in page
    assert f">{words.strip()}</textarea>" in page
    assert said(services) == [("notice", None)]


async def test_a_form_sent_twice_is_said_once(person: AddPerson, services: Services) -> None:
    maria, chat = await person("maria", Role.REVIEWER), await a_chat(services)
    token = once(await does(maria, chat, "/in"))
    for _ in range(2):
        await does(maria, chat, "/say", words="Hello", once=token)
    assert said(services) == [("notice", None), ("staff", maria.account.id)]


async def test_where_nothing_gets_through_the_bar_says_why(
    person: AddPerson, services: Services, time: Time
) -> None:
    maria, chat = await person("maria", Role.REVIEWER), await a_chat(services)
    time.pass_(hours=services.settings.session_hours, minutes=1)
    await maria.sign_in()
    page = await opens(maria, chat)
    assert ("chat has ended" in page, "Step in" in page) == (True, False)


# -- while the page stands open ------------------------------------------------------------------------------------------


def watch(page: str) -> str:
    found = re.search(r'hx-get="([^"]*\?seen=[^"]*)"', page)
    assert found is not None, page
    return found[1]


async def test_a_page_is_told_only_what_it_does_not_show(person: AddPerson, services: Services) -> None:
    maria, john = await person("maria", Role.REVIEWER), await person("john", Role.REVIEWER)
    chat = await a_chat(services)
    page = await does(maria, chat, "/in")
    assert (await maria.browser.get(watch(page), **HX)).status_code == 204
    await does(john, chat, "/in", over=maria.account.id)
    response = await maria.browser.get(watch(page), **HX)
    assert (response.headers["HX-Retarget"], "john is in." in response.text) == ("#live", True)
    assert (await maria.browser.get(watch(response.text), **HX)).status_code == 204


async def test_a_sign_that_safety_found_is_announced_and_leaves_the_box_alone(
    person: AddPerson, services: Services
) -> None:
    maria, chat = await person("maria", Role.REVIEWER), await a_chat(services)
    page = await does(maria, chat, "/in")
    claim = await writes(services, chat, "chest pain", verdict=Verdict("emergency", "E1"))
    response = await maria.browser.get(watch(page), **HX)
    assert response.status_code == 200
    assert re.search(
        r'role="alert" hx-swap-oob="innerHTML"><p class="fault">Signs of an emergency', response.text
    )
    assert f'href="#m-{claim.message}"' in response.text
    assert "<textarea" not in response.text
    assert (await maria.browser.get(watch(response.text), **HX)).status_code == 204


async def test_watching_keeps_nobody_signed_in(person: AddPerson, services: Services, time: Time) -> None:
    maria, chat = await person("maria", Role.REVIEWER), await a_chat(services)
    page = await opens(maria, chat)
    for _ in range(31):
        time.pass_(minutes=1)
        response = await maria.browser.get(watch(page), **HX)
    assert (response.status_code, "sign-in" in response.headers["HX-Redirect"]) == (401, True)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("", ""),
        ("Hello.", "1 text, 1 part"),
        ("x" * 161, "1 text, 2 parts"),
        ("“We’re open – come in…”", "1 text, 1 part"),
        ("x" * 500, "2 texts, 4 parts"),
        ("😀" * 36, "1 text, 2 parts"),
    ],
)
async def test_the_parts_of_a_text_are_counted_as_they_are_sent(
    person: AddPerson, services: Services, words: str, shown: str
) -> None:
    maria, chat = await person("maria", Role.REVIEWER), await a_chat(services)
    assert (await does(maria, chat, "/parts", words=words)).strip() == shown


# -- the first page ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "minutes", "counted"),
    [
        ({"asked_person": True}, 59, 1),
        ({"asked_person": True}, 61, 0),
        ({"asked_person": False}, 1, 0),
        ({"asked_person": True, "reviewed_by": "x"}, 1, 0),
        ({"asked_person": True, "live_by": "x"}, 1, 0),
    ],
)
async def test_who_asks_for_a_person_now_is_counted(
    person: AddPerson,
    services: Services,
    time: Time,
    columns: dict[str, object],
    minutes: int,
    counted: int,
) -> None:
    chat = await a_chat(services)
    values = {**columns, **({"reviewed_at": time.at} if "reviewed_by" in columns else {})}
    async with services.engine.begin() as connection:
        await connection.execute(update(conversations).where(conversations.c.id == chat.id).values(**values))
    time.pass_(minutes=minutes)
    maria = await person("maria", Role.READER)
    await maria.browser.get("/staff")
    assert f"<b>{counted}</b> asking for a person now" in maria.browser.page


async def test_ready_sentences_are_of_the_clinic(person: AddPerson, services: Services) -> None:
    maria, chat = await person("maria", Role.REVIEWER), await a_chat(services)
    page = await does(maria, chat, "/in")
    name = services.library.clinic("demo").name
    assert f"<option>Hello, I work at {name}." in page
    assert "{" not in "".join(re.findall(r"<option>(.*?)</option>", page))
