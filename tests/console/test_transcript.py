"""One conversation: everything that is known of it, masked; what is revealed, changed and by whom; and that words stay words."""

import html
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import quote

import pytest
from sqlalchemy import insert

from needlewise import clock
from needlewise.console.roles import Role
from needlewise.db.tables import requests
from needlewise.wiring import Services
from tests.console.conftest import Time
from tests.console.conversations import Log, Talk
from tests.console.markup import acting
from tests.console.person import AddPerson, Browser
from tests.support.stored import rows

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"' {{7*7}}"
SECRET = "Dave Miller 410-555-0123"
MASKED = "[name] [phone]"


@pytest.fixture
def log(services: Services) -> Log:
    return Log(services)


@pytest.fixture
def other(services: Services) -> str:
    return sorted(set(services.library.clinics) - {"demo"})[0]


def path(talk: Talk, rest: str = "") -> str:
    return f"/staff/conversation/{talk.id}{rest}"


def messages(page: str) -> list[str]:
    """The text of each message's part of the page."""
    parts = html.unescape(page).split('<li class="utterance')[1:]
    return [
        " ".join(re.sub(r"<[^>]+>", " ", part.partition(">")[2].partition('<li id="tail"')[0]).split())
        for part in parts
    ]


def audited(services: Services, action: str) -> list[dict[str, object]]:
    return [row for row in rows(services.settings, "audit") if row["action"] == action]


def row_of(services: Services, talk: Talk) -> dict[str, object]:
    return next(row for row in rows(services.settings, "conversations") if row["id"] == talk.id)


READ = {
    "intent": "cost",
    "parts": [
        {"topic": "cost", "best": [["cost", 0.92], ["insurance", 0.05]]},
        {"topic": None, "best": [["locations", 0.4]]},
    ],
    "offered": [],
    "more": ["locations"],
    "behind": "does_it_hurt",
    "command": None,
    "form": "screening_form",
    "asked": "heel_pain",
}


async def test_a_message_shows_how_it_was_understood_and_what_was_answered(
    person: AddPerson, log: Log
) -> None:
    talk = await log.talk(
        understood=READ,
        topics=("cost", "insurance"),
        confidence=0.92,
        safety=("doctor", "R12"),
        answers=(("cost", 3),),
    )
    maria = await person("maria", Role.READER)
    await maria.browser.get(path(talk))
    theirs, answer = messages(maria.browser.page)
    assert "Understood as What does it cost?, Will insurance pay? , 92 %" in theirs
    for words in ("92 %", "5 %", "call a doctor, rule R12", "heel pain", "screening form", "12 ms"):
        assert words in theirs, words
    assert '<a href="/staff/content/cost">' in maria.browser.page
    assert "version 3" in answer


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"topics": (), "safety": ("crisis", "C1")}, "a sign of danger: crisis"),
        ({"topics": (), "act": "out_of_scope"}, "not ours to answer"),
        ({"topics": (), "act": "talk_to_human"}, "asks for a person"),
        ({"topics": (), "understood": {**READ, "offered": ["cost", "insurance"]}}, "not sure between"),
        ({"topics": (), "understood": {**READ, "command": "go_back"}}, "a word to the form: go back"),
        ({"topics": (), "understood": {**READ}}, "an answer to our question"),
        ({"topics": (), "understood": {"what": "an older version wrote"}}, "nothing of its own"),
        ({"topics": (), "is_answered": False}, "not answered"),
    ],
)
async def test_what_is_no_topic_is_named_as_what_it_is(
    person: AddPerson, log: Log, columns: dict[str, object], words: str
) -> None:
    talk = await log.talk()
    await log.hears(talk, "and?", **columns)  # type: ignore[arg-type]
    maria = await person("maria", Role.READER)
    await maria.browser.get(path(talk))
    assert f"Understood as {words}" in messages(maria.browser.page)[2]


async def test_small_markdown_of_ours_is_shown_and_patients_signs_are_not(
    person: AddPerson, log: Log
) -> None:
    talk = await log.talk(
        "**bold** [x](javascript:alert(1))", reply="Yes, **mostly**:\n- one\n- two\n\n[Call](tel:911)"
    )
    maria = await person("maria", Role.READER)
    page = (await maria.browser.get(path(talk))).text
    assert "<b>mostly</b>" in page
    assert "<ul><li>one</li><li>two</li></ul>" in page
    assert "<b>bold</b>" not in page
    assert acting(page) == []


async def test_words_are_masked_and_the_thumbs_reason_too(
    person: AddPerson, log: Log, services: Services
) -> None:
    talk = await log.talk(
        f"i am {SECRET}", masked=f"i am {MASKED}", thumb="down", thumb_reason="call me 410-555-0199"
    )
    maria = await person("maria", Role.READER)
    page = (await maria.browser.get(path(talk))).text
    assert "410-555" not in page
    assert "Miller" not in page
    assert "thumbs down" in page
    assert "[phone]" in html.unescape(page).partition("thumbs down")[2]


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.CLINICIAN])
async def test_who_may_reveals_one_message_with_a_reason_and_once(
    person: AddPerson, log: Log, services: Services, role: Role
) -> None:
    talk = await log.talk(f"i am {SECRET}", masked=f"i am {MASKED}")
    await log.hears(talk, "and Eve Stone", masked="and [name]")
    maria = await person("maria", role)
    data = {"message": talk.said[0], "reason": "calling back"}
    response = await maria.browser.form(path(talk), data, to=path(talk, "/reveal"))
    assert response.status_code == 200
    assert (SECRET in response.text, "Eve Stone" in response.text) == (True, False)
    [row] = audited(services, "conversation/reveal")
    assert (row["actor"], row["clinic"], row["subject"], row["reason"], row["outcome"]) == (
        maria.account.id, "demo", talk.id, "calling back", "success",
    )  # fmt: skip
    assert json.loads(str(row["details"])) == {"message": talk.said[0]}
    assert SECRET not in (await maria.browser.get(path(talk))).text


async def test_the_whole_conversation_is_revealed_with_one_reason(
    person: AddPerson, log: Log, services: Services
) -> None:
    talk = await log.talk(
        f"i am {SECRET}", masked=f"i am {MASKED}", thumb="down", thumb_reason="ask Eve Stone"
    )
    maria = await person("maria", Role.REVIEWER)
    response = await maria.browser.form(path(talk), {"reason": "calling back"}, to=path(talk, "/reveal"))
    assert SECRET in response.text
    assert "ask Eve Stone" in response.text
    assert "shown until you leave this page" in response.text
    assert json.loads(str(audited(services, "conversation/reveal")[0]["details"])) == {"all": 2}


@pytest.mark.parametrize("reason", ["", "  ", "ab", " a "])
@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
async def test_without_a_reason_nothing_is_revealed(
    person: AddPerson, log: Log, services: Services, reason: str, headers: dict[str, str]
) -> None:
    talk = await log.talk(f"i am {SECRET}", masked=f"i am {MASKED}")
    maria = await person("maria", Role.REVIEWER)
    await maria.browser.get(path(talk))
    data = {"message": talk.said[0], "reason": reason}
    response = await maria.browser.post(path(talk, "/reveal"), data, **headers)
    assert (response.status_code, SECRET in response.text) == (422, False)
    assert "Say why you need to see it" in response.text
    assert [row["outcome"] for row in audited(services, "conversation/reveal")] == ["failure"]


async def test_a_reader_reveals_nothing(person: AddPerson, log: Log, services: Services) -> None:
    talk = await log.talk(f"i am {SECRET}", masked=f"i am {MASKED}")
    maria = await person("maria", Role.READER)
    response = await maria.browser.form(path(talk), {"reason": "curious"}, to=path(talk, "/reveal"))
    assert (response.status_code, SECRET in response.text) == (403, False)
    assert [row["outcome"] for row in audited(services, "conversation/reveal")] == ["failure"]


async def test_a_message_of_another_conversation_is_not_revealed(person: AddPerson, log: Log) -> None:
    talk, second = await log.talk(), await log.talk(f"i am {SECRET}", masked=MASKED)
    maria = await person("maria", Role.REVIEWER)
    data = {"message": second.said[0], "reason": "calling back"}
    response = await maria.browser.form(path(talk), data, to=path(talk, "/reveal"))
    assert (response.status_code, SECRET in response.text) == (404, False)


async def test_words_of_patients_notes_tags_and_reasons_stay_words(person: AddPerson, log: Log) -> None:
    talk = await log.talk(
        HOSTILE,
        reply=HOSTILE,
        topics=(HOSTILE[:60],),
        safety=(HOSTILE[:16], HOSTILE[:60]),
        understood={**READ, "intent": HOSTILE, "parts": [{"topic": HOSTILE, "best": [[HOSTILE, 0.5]]}]},
        answers=((HOSTILE[:20], 1),),
        thumb="down",
        thumb_reason=HOSTILE,
    )
    maria = await person("maria", Role.REVIEWER)
    await maria.browser.form(path(talk), {"body": HOSTILE}, to=path(talk, "/notes"))
    await maria.browser.form(path(talk), {"tag": HOSTILE[:40]}, to=path(talk, "/tags"))
    shown = await maria.browser.get(f"{path(talk)}?back={quote(HOSTILE)}&done={quote(HOSTILE)}")
    assert acting(shown.text) == []
    assert maria.browser.page.count(HOSTILE) >= 3
    full = await maria.browser.post(path(talk, "/reveal"), {"reason": HOSTILE, "back": HOSTILE})
    assert acting(full.text) == []


DEEDS = [
    ("/flagged", {}, "conversation/flag"),
    ("/assigned", {"to": "me"}, "conversation/assign"),
    ("/tags", {"tag": "Parking!"}, "conversation/tag"),
    ("/tags/remove", {"tag": "insurance"}, "conversation/untag"),
    ("/notes", {"body": "Called her."}, "conversation/note"),
    ("/reviewed", {"heard": "1"}, "conversation/review"),
]


@pytest.mark.parametrize(("rest", "data", "action"), DEEDS, ids=[deed[0] for deed in DEEDS])
async def test_what_is_done_is_stored_audited_and_said(
    person: AddPerson, log: Log, services: Services, rest: str, data: dict[str, str], action: str
) -> None:
    talk = await log.talk(tags=("insurance",))
    maria = await person("maria", Role.REVIEWER)
    back = {"back": "channel=web&https://evil.example"}
    done = await maria.browser.form(path(talk), {**data, **back}, to=path(talk, rest))
    goal, _, said = done.headers["location"].partition("&done=")
    assert (done.status_code, goal) == (303, f"{path(talk)}?back=channel%3Dweb")
    await maria.browser.get(done.headers["location"])
    assert 'class="notice" role="status"' in maria.browser.page, said
    [row] = audited(services, action)
    assert (row["actor"], row["clinic"], row["subject"], row["outcome"]) == (
        maria.account.id, "demo", talk.id, "success",
    )  # fmt: skip
    its = row_of(services, talk)
    tags = {one["tag"] for one in rows(services.settings, "conversation_tags")}
    assert {
        "/flagged": its["flagged_at"] is not None,
        "/assigned": its["assigned_to"] == maria.account.id,
        "/tags": tags == {"insurance", "parking"},
        "/tags/remove": tags == set(),
        "/notes": "Called her." in maria.browser.page,
        "/reviewed": its["reviewed_by"] == maria.account.id,
    }[rest]


@pytest.mark.parametrize(("rest", "data", "action"), DEEDS, ids=[deed[0] for deed in DEEDS])
@pytest.mark.parametrize("role", [Role.READER, Role.CLINICIAN])
async def test_who_only_reads_changes_nothing(
    person: AddPerson,
    log: Log,
    services: Services,
    rest: str,
    data: dict[str, str],
    action: str,
    role: Role,
) -> None:
    talk = await log.talk(tags=("insurance",))
    maria = await person("maria", role)
    response = await maria.browser.form(path(talk), data, to=path(talk, rest))
    assert response.status_code == 403
    assert f'"{path(talk, rest)}"' not in maria.browser.page
    its = row_of(services, talk)
    assert {its[name] for name in ("flagged_at", "assigned_to", "reviewed_at")} == {None}
    assert len(rows(services.settings, "conversation_tags")) == 1
    assert rows(services.settings, "notes") == []


def every_route(talk: Talk) -> Iterator[tuple[str, str, dict[str, str]]]:
    yield "GET", path(talk), {}
    yield "GET", path(talk, "/news?after=&pending=0"), {}
    yield "POST", path(talk, "/reveal"), {"reason": "calling back"}
    for rest, data, _ in DEEDS:
        yield "POST", path(talk, rest), data


async def ask(browser: Browser, method: str, address: str, data: dict[str, str]) -> tuple[int, str]:
    await browser.get("/staff")
    response = await (browser.get(address) if method == "GET" else browser.post(address, data))
    return response.status_code, response.text


async def test_a_conversation_of_another_clinic_is_not_there(
    person: AddPerson, log: Log, other: str, services: Services
) -> None:
    talk = await log.talk(f"i am {SECRET}", masked="their words", clinic=other, tags=("insurance",))
    maria = await person("maria", *Role)
    before = {name: rows(services.settings, name) for name in ("conversations", "conversation_tags", "notes")}
    for method, address, data in every_route(talk):
        status, text = await ask(maria.browser, method, address, data)
        assert (status, "their words" in text, SECRET in text) == (404, False, False), address
    assert {name: rows(services.settings, name) for name in before} == before
    await maria.browser.get("/staff/audit?action=conversation/")
    assert talk.id not in maria.browser.page


@pytest.mark.parametrize("role", [Role.EDITOR, Role.ADMIN])
async def test_who_reads_no_conversations_opens_none(person: AddPerson, log: Log, role: Role) -> None:
    talk = await log.talk("their words")
    somebody = await person("somebody", role)
    for method, address, data in every_route(talk):
        status, text = await ask(somebody.browser, method, address, data)
        assert (status, "their words" in text) == (403, False), address


async def test_every_opening_leaves_a_row(person: AddPerson, log: Log, services: Services) -> None:
    talk = await log.talk()
    maria = await person("maria", Role.READER)
    await maria.browser.get(path(talk))
    await maria.browser.get(path(talk, "/news?after=x&pending=0"))
    assert [(row["action"], row["subject"], row["clinic"]) for row in rows(services.settings, "audit")][
        -1
    ] == ("conversation/view", talk.id, "demo")


async def test_reviewed_and_next_goes_down_the_list_it_was_opened_from(
    person: AddPerson, log: Log, services: Services
) -> None:
    first = await log.talk("a", channel="sms")
    await log.talk("b")
    await log.talk("c", channel="sms", reviewed_at=clock.now())
    last = await log.talk("d", channel="sms")
    maria = await person("maria", Role.REVIEWER)
    data = {"then": "next", "heard": "1", "back": "channel=sms"}
    done = await maria.browser.form(path(first), data, to=path(first, "/reviewed"))
    assert done.headers["location"] == f"{path(last)}?back=channel%3Dsms&done=reviewed"
    done = await maria.browser.form(path(last), data, to=path(last, "/reviewed"))
    assert done.headers["location"] == "/staff/inbox?channel=sms&done=reviewed-last"


async def test_what_the_patient_went_on_with_is_not_marked_unread(
    person: AddPerson, log: Log, services: Services
) -> None:
    talk = await log.talk(heard=2)
    maria = await person("maria", Role.REVIEWER)
    done = await maria.browser.form(path(talk), {"heard": "1", "then": "next"}, to=path(talk, "/reviewed"))
    assert done.headers["location"] == f"{path(talk)}?done=wrote-on"
    assert row_of(services, talk)["reviewed_at"] is None


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example",
        "//evil.example",
        "/staff/sign-out",
        "javascript:alert(1)",
        "%0d%0aX: y",
        "a" * 5000,
    ],
)
async def test_the_way_back_leads_nowhere_but_to_the_list(person: AddPerson, log: Log, back: str) -> None:
    talk = await log.talk()
    maria = await person("maria", Role.REVIEWER)
    await maria.browser.get(f"{path(talk)}?back={quote(back)}")
    assert '<a href="/staff/inbox" data-key="u">' in maria.browser.page
    done = await maria.browser.post(path(talk, "/flagged"), {"back": back})
    assert done.headers["location"] == f"{path(talk)}?done=flagged"


@pytest.mark.parametrize(
    ("rest", "data", "words"),
    [
        ("/tags", {"tag": "!!"}, "A tag is a word or two"),
        ("/tags", {"tag": "x" * 41}, "at most 40 characters"),
        ("/notes", {"body": "  "}, "A note has 1 to"),
        ("/assigned", {"to": "0" * 32}, "does not read conversations of this clinic"),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
async def test_what_cannot_be_done_says_why(
    person: AddPerson,
    log: Log,
    services: Services,
    rest: str,
    data: dict[str, str],
    words: str,
    headers: dict[str, str],
) -> None:
    talk = await log.talk()
    maria = await person("maria", Role.REVIEWER)
    await maria.browser.get(path(talk))
    response = await maria.browser.post(path(talk, rest), data, **headers)
    assert response.status_code == 422
    assert words in maria.browser.page
    assert rows(services.settings, "audit")[-1]["outcome"] == "failure"


async def test_htmx_gets_the_part_that_changed(person: AddPerson, log: Log) -> None:
    talk = await log.talk()
    maria = await person("maria", Role.REVIEWER)
    await maria.browser.get(path(talk))
    part = await maria.browser.post(path(talk, "/tags"), {"tag": "parking"}, **{"HX-Request": "true"})
    assert (part.status_code, "<html" in part.text, "#parking" in part.text) == (200, False, True)
    assert "The tag is added." in part.text
    line = await maria.browser.post(
        path(talk, "/reviewed"), {"row": "yes", "heard": "1", "back": "channel=web"}, **{"HX-Request": "true"}
    )
    assert line.text.startswith(f'<li class="talk" id="line-{talk.id}"')
    assert f"{path(talk)}?back=channel%3Dweb" in line.text


async def test_what_is_said_meanwhile_comes_once_it_is_masked(
    person: AddPerson, log: Log, services: Services
) -> None:
    talk = await log.talk()
    maria = await person("maria", Role.READER)

    async def news() -> tuple[int, str]:
        asked = re.search(r'id="tail"[^>]* hx-get="([^"]+)"', maria.browser.page)
        assert asked is not None
        page = maria.browser.page
        response = await maria.browser.get(asked[1])
        if response.status_code == 204:
            maria.browser.page = page
        return response.status_code, html.unescape(response.text)

    await maria.browser.get(f"{path(talk)}?back=channel%3Dweb")
    assert (await news())[0] == 204
    await log.says(talk, "One thing more.")
    status, text = await news()
    assert (status, messages(text)[0].startswith("Assistant")) == (200, True)
    assert "1 new message" in text
    await log.hears(talk, "i am Dave Miller", is_redacted=False)
    status, text = await news()
    assert (messages(text), "A message is on its way" in text, "Miller" in text) == ([], True, False)
    assert (await news())[0] == 204
    await services.log.keep_redacted([(talk.said[-1], "i am [name]")])
    status, text = await news()
    assert (len(messages(text)), "A message is on its way" in text) == (1, False)
    assert "i am [name]" in messages(text)[0]


async def test_an_erased_conversation_says_so_and_reveals_nothing(person: AddPerson, log: Log) -> None:
    talk = await log.talk("x", erased_at=clock.now())
    await log.hears(talk, "gone", is_redacted=False)
    maria = await person("maria", Role.REVIEWER)
    await maria.browser.get(path(talk))
    assert "This message is erased." in maria.browser.page
    assert path(talk, "/reveal") not in maria.browser.page


async def test_a_request_that_was_sent_is_linked(person: AddPerson, log: Log, services: Services) -> None:
    talk = await log.talk()
    async with services.engine.begin() as connection:
        await connection.execute(
            insert(requests).values(
                reference="BCDF-GHJ",
                clinic="demo",
                draft="d",
                conversation=talk.id,
                kind="callback",
                details_sealed=b"",
                consent_at=clock.now(),
                created_at=clock.now(),
            )
        )
    maria = await person("maria", Role.READER)
    await maria.browser.get(path(talk))
    assert '<a href="/staff/bookings/BCDF-GHJ">BCDF-GHJ</a> (call back, new)' in maria.browser.page


async def test_times_are_those_of_the_clinic(person: AddPerson, log: Log, time: Time) -> None:
    talk = await log.talk(at=clock.now() - timedelta(days=1))
    maria = await person("maria", Role.READER)
    await maria.browser.get(path(talk))
    assert "22 Nov, 04:00" in messages(maria.browser.page)[0]
    assert "America/New_York" in maria.browser.page


async def test_notes_are_sealed_and_name_their_author(
    person: AddPerson, log: Log, services: Services
) -> None:
    talk = await log.talk()
    maria = await person("maria", Role.REVIEWER)
    await maria.browser.form(path(talk), {"body": "Her sister calls."}, to=path(talk, "/notes"))
    noor = await person("noor", Role.READER)
    await noor.browser.get(path(talk))
    assert "Her sister calls." in noor.browser.page
    assert re.search(r'<p class="hint">maria, <time', noor.browser.page)
    assert "sister" not in str(rows(services.settings, "audit"))
    assert b"sister" not in rows(services.settings, "notes")[0]["body_sealed"]
