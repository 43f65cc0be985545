"""The inbox shows, finds and marks conversations, of one's own clinics alone, and nobody's words become more than words."""

import html
import json
import re
from datetime import timedelta
from urllib.parse import quote, urlencode

import pytest

from needlewise import clock
from needlewise.console.roles import Role
from needlewise.console.site import Site
from needlewise.wiring import Services
from tests.console.conftest import Time
from tests.console.conversations import Log
from tests.console.markup import acting
from tests.console.person import AddPerson, OpenBrowser, Person, add_person
from tests.support.stored import rows

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"' {{7*7}}"


@pytest.fixture
def log(services: Services) -> Log:
    return Log(services)


@pytest.fixture
def other(services: Services) -> str:
    return sorted(set(services.library.clinics) - {"demo"})[0]


def listed(person: Person) -> list[str]:
    """The first words of the lines on the page, in order."""
    found = re.findall(r'class="first"[^>]*>(.*?)</a>', person.browser.page, re.S)
    return [re.sub(r"<[^>]+>|Not reviewed: ", "", one).strip() for one in found]


def audited(services: Services, action: str) -> list[dict[str, object]]:
    return [row for row in rows(services.settings, "audit") if row["action"] == action]


async def test_the_newest_conversation_stands_first_with_its_marks(person: AddPerson, log: Log) -> None:
    await log.talk("does it hurt", topics=("does_it_hurt",), channel="sms", tags=("call again",))
    await log.talk(
        "i cannot feel my foot",
        at=clock.now(),
        topics=(),
        safety=("urgent", "numbness"),
        declined=1,
        asked_person=True,
        request="visit",
        thumbs_down=1,
        flagged_at=clock.now(),
    )
    maria = await person("maria", Role.READER)
    await maria.browser.get("/staff/inbox")
    assert listed(maria) == ["i cannot feel my foot", "does it hurt"]
    first, second = maria.browser.page.split("data-row")[1:3]
    assert re.findall(r'<span class="tag [a-z]*">([^<]+)<', first) == [
        "urgent", "flagged", "asked for a person", "sent: visit", "thumbs down", "declined",
    ]  # fmt: skip
    assert "#call again" in second
    assert "text ·" in second


async def test_masks_stand_where_words_were(person: AddPerson, log: Log) -> None:
    await log.talk("i am Dave Miller", masked="i am [name]")
    maria = await person("maria", Role.READER)
    await maria.browser.get("/staff/inbox")
    assert listed(maria) == ["i am [name]"]
    assert "Miller" not in maria.browser.page


async def test_a_conversation_in_which_nobody_wrote_is_not_listed(person: AddPerson, log: Log) -> None:
    await log.talk("hello", heard=0)
    maria = await person("maria", Role.READER)
    await maria.browser.get("/staff/inbox")
    assert listed(maria) == []
    assert "Nobody has written yet." in maria.browser.page


FILTERS = [
    ("unreviewed=1", {"reviewed_at": None}, {"reviewed_at": "now"}),
    ("missed=1", {"unsure": 1}, {}),
    ("down=1", {"thumbs_down": 1}, {}),
    ("person=1", {"asked_person": True}, {}),
    ("requested=1", {"request": "visit"}, {}),
    ("flagged=1", {"flagged_at": "now"}, {}),
    ("live=1", {"live_by": "somebody"}, {}),
    ("stopped=1", {"opted_out": True}, {}),
    ("below=60", {"confidence": 0.4}, {}),
    ("channel=sms", {"channel": "sms"}, {}),
    ("outcome=CALL", {"outcome": "CALL"}, {}),
    ("safety=crisis", {"safety": ("crisis", "r")}, {"safety": ("urgent", "r")}),
    ("topic=insurance", {"topics": ("insurance",)}, {}),
    ("tag=parking", {"tags": ("parking",)}, {"tags": ("other",)}),
    ("assigned=nobody", {}, {"assigned_to": "somebody"}),
    ("q=wanted", {}, {"words": "nothing of the kind"}),
    ("from=2026-11-22", {}, {"at": -3}),
    ("to=2026-11-21", {"at": -3}, {}),
]


@pytest.mark.parametrize(("query", "fits", "does_not"), FILTERS, ids=[row[0] for row in FILTERS])
async def test_a_filter_leaves_what_fits_and_stands_as_a_chip_that_takes_it_away(
    person: AddPerson, log: Log, query: str, fits: dict[str, object], does_not: dict[str, object]
) -> None:
    for words, columns in (("wanted", fits), ("not this one", does_not)):
        given = {name: clock.now() if value == "now" else value for name, value in columns.items()}
        if "at" in given:
            given["at"] = clock.now() + timedelta(days=int(str(given["at"])))
        await log.talk(**{"words": words, **given})  # type: ignore[arg-type]
    maria = await person("maria", Role.READER)
    await maria.browser.get(f"/staff/inbox?{query}")
    assert listed(maria) == ["wanted"]
    chips = maria.browser.page.partition('class="chips"')[2].partition("</ul>")[0]
    assert re.findall(r'href="([^"]+)"', chips) == ["/staff/inbox"]


async def test_filters_hold_together_and_each_chip_leaves_the_others(person: AddPerson, log: Log) -> None:
    await log.talk("both", channel="sms", unsure=1)
    await log.talk("one", channel="sms")
    maria = await person("maria", Role.READER)
    await maria.browser.get("/staff/inbox?channel=sms&missed=1")
    assert listed(maria) == ["both"]
    chips = maria.browser.page.partition('class="chips"')[2].partition("</ul>")[0]
    assert re.findall(r'href="([^"]+)"', chips) == [
        "/staff/inbox?missed=1",
        "/staff/inbox?channel=sms",
        "/staff/inbox",
    ]


async def test_what_is_no_filter_is_said_and_filters_nothing(person: AddPerson, log: Log) -> None:
    await log.talk("hello")
    maria = await person("maria", Role.READER)
    response = await maria.browser.get("/staff/inbox?from=yesterday&channel=fax&nonsense=1&after=x")
    assert (response.status_code, listed(maria)) == (200, ["hello"])
    assert "A day reads like 2026-11-24." in maria.browser.page


async def test_the_list_goes_on_a_page_at_a_time_with_its_filters(person: AddPerson, log: Log) -> None:
    for n in range(53):
        await log.talk(f"number {n}", channel="sms")
    await log.talk("by chat")
    maria = await person("maria", Role.READER)
    await maria.browser.get("/staff/inbox?channel=sms")
    shown = listed(maria)
    older = re.search(r'id="older" href="([^"]+)"', maria.browser.page)
    assert older is not None
    await maria.browser.get(older[1])
    whole = listed(maria)
    part = await maria.browser.get(older[1], **{"HX-Request": "true"})
    assert "<html" not in part.text
    assert shown + whole == [f"number {n}" for n in range(53)] == shown + listed(maria)


async def test_a_search_leaves_its_words_in_no_audit_row(
    person: AddPerson, log: Log, services: Services
) -> None:
    await log.talk("my neighbour Zebulon drove me")
    maria = await person("maria", Role.READER)
    await maria.browser.get("/staff/inbox?q=zebulon&channel=web")
    assert listed(maria) == ["my neighbour Zebulon drove me"]
    [row] = audited(services, "conversation/search")
    assert json.loads(str(row["details"])) == {"channel": "web", "words": 1}
    assert (row["actor"], row["clinic"], row["outcome"]) == (maria.account.id, "demo", "success")
    assert "zebulon" not in str(rows(services.settings, "audit")).casefold()


@pytest.mark.parametrize(
    "words",
    ["' OR 1=1 --", '"', "a* OR b", 'NEAR("a" "b")', "-x", "words:secret", ") AND (", "%", "\x00", "🦶", "*"],
)
async def test_a_search_is_words_and_no_language(person: AddPerson, log: Log, words: str) -> None:
    await log.talk("hello")
    maria = await person("maria", Role.READER)
    response = await maria.browser.get(f"/staff/inbox?q={quote(words)}")
    assert (response.status_code, listed(maria)) == (200, [] if words.strip("\x00") else ["hello"])


async def test_words_of_patients_tags_and_names_stay_words(person: AddPerson, log: Log) -> None:
    maria = await person("maria", Role.REVIEWER)
    await log.talk(HOSTILE, topics=(HOSTILE[:60],), tags=(HOSTILE[:40],), request=HOSTILE[:16])
    await maria.browser.form("/staff/inbox", {"name": HOSTILE[:60]}, to="/staff/inbox/views")
    response = await maria.browser.get(f"/staff/inbox?{urlencode({'q': HOSTILE, 'tag': HOSTILE})}")
    assert acting(response.text) == []
    response = await maria.browser.get("/staff/inbox")
    assert acting(response.text) == []
    assert HOSTILE in maria.browser.page
    assert "49" not in listed(maria)[0]


async def test_what_came_meanwhile_is_counted_and_then_put_on_top(
    person: AddPerson, log: Log, time: Time, services: Services
) -> None:
    await log.talk("old")
    maria = await person("maria", Role.READER)
    await maria.browser.get("/staff/inbox?channel=web")
    asked = re.search(r'hx-get="(/staff/inbox/news\?[^"]+)"', maria.browser.page)
    assert asked is not None
    before = len(rows(services.settings, "audit"))
    assert (await maria.browser.get(asked[1])).status_code == 204
    time.pass_(minutes=5)
    await log.talk("new by text", channel="sms")
    await log.talk("new by chat")
    shown = await maria.browser.get(asked[1])
    assert re.sub(r"<[^>]+>", " ", shown.text).split() == ["1", "new", ":", "show"]
    assert (await maria.browser.get(f"{asked[1]}&known=1")).status_code == 204
    assert len(rows(services.settings, "audit")) == before
    show = re.search(r'hx-get="([^"]+)"', html.unescape(shown.text))
    assert show is not None
    part = await maria.browser.get(show[1], **{"HX-Request": "true"})
    assert listed(maria) == ["new by chat"]
    again = re.search(r'hx-get="(/staff/inbox/news\?[^"]+)"', html.unescape(part.text))
    assert again is not None
    assert (await maria.browser.get(again[1])).status_code == 204
    whole = await maria.browser.get(show[1])
    assert whole.headers["location"] == "/staff/inbox?channel=web"


async def test_asking_for_news_keeps_nobody_signed_in(person: AddPerson, log: Log, time: Time) -> None:
    maria = await person("maria", Role.READER)
    for _ in range(8):
        time.pass_(minutes=4)
        response = await maria.browser.get("/staff/inbox/news?than=x", **{"HX-Request": "true"})
    assert (response.status_code, response.headers["hx-redirect"]) == (401, "/staff/sign-in?done=idle")


async def test_more_news_than_a_page_loads_the_list_anew(person: AddPerson, log: Log, time: Time) -> None:
    maria = await person("maria", Role.READER)
    than = quote(f"{clock.now().isoformat()}~")
    time.pass_(minutes=20)
    for n in range(51):
        await log.talk("new", at=clock.now() - timedelta(seconds=n))
    shown = await maria.browser.get(f"/staff/inbox/news?than={than}")
    assert "more than 50 new" in shown.text
    response = await maria.browser.get(f"/staff/inbox/newer?than={than}", **{"HX-Request": "true"})
    assert (response.status_code, response.headers["hx-refresh"]) == (204, "true")


async def test_a_view_is_saved_opened_and_deleted_and_keeps_no_words(
    person: AddPerson, log: Log, services: Services
) -> None:
    maria = await person("maria", Role.READER)
    data = {"name": "Texts to read", "back": "channel=sms&q=secret&unreviewed=1&evil=1"}
    saved = await maria.browser.form("/staff/inbox", data, to="/staff/inbox/views")
    query = "channel=sms&unreviewed=1"
    assert saved.headers["location"] == f"/staff/inbox?{query}&done=view-saved"
    await maria.browser.get(f"/staff/inbox?{query}")
    assert f'<a href="/staff/inbox?{query}" aria-current="page">Texts to read</a>' in maria.browser.page
    assert "secret" not in str(rows(services.settings, "saved_views"))
    [view] = rows(services.settings, "saved_views")
    noor = await person("noor", Role.READER)
    await noor.browser.get("/staff/inbox")
    assert "Texts to read" not in noor.browser.page
    await noor.browser.post(f"/staff/inbox/views/{view['id']}/delete")
    assert len(rows(services.settings, "saved_views")) == 1
    await maria.browser.post(f"/staff/inbox/views/{view['id']}/delete")
    assert rows(services.settings, "saved_views") == []


@pytest.mark.parametrize("name", ["", " ", "x" * 61])
async def test_a_view_without_a_name_is_not_saved(person: AddPerson, services: Services, name: str) -> None:
    maria = await person("maria", Role.READER)
    response = await maria.browser.form("/staff/inbox", {"name": name}, to="/staff/inbox/views")
    assert response.status_code == 422
    assert "the name of a view has 1 to 60 characters" in maria.browser.page
    assert [row["outcome"] for row in audited(services, "inbox/save-view")] == ["failure"]


async def test_what_is_selected_is_marked_reviewed_unless_its_patient_wrote_on(
    person: AddPerson, log: Log, services: Services
) -> None:
    first, second, third = [await log.talk(words) for words in ("a", "b", "c")]
    maria = await person("maria", Role.REVIEWER)
    data = {"id": [f"{first.id}:1", f"{second.id}:0"], "back": "unreviewed=1&next=//evil.example"}
    done = await maria.browser.form("/staff/inbox", data, to="/staff/inbox/reviewed")
    assert done.headers["location"] == "/staff/inbox?unreviewed=1&done=some-reviewed"
    await maria.browser.get("/staff/inbox?unreviewed=1")
    assert listed(maria) == ["b", "c"]
    assert {row["subject"] for row in audited(services, "conversation/review")} == {first.id, second.id}
    assert third.id not in str(audited(services, "conversation/review"))


async def test_a_reader_is_offered_nothing_to_change(person: AddPerson, log: Log) -> None:
    await log.talk("hello")
    maria = await person("maria", Role.READER)
    await maria.browser.get("/staff/inbox")
    main = maria.browser.page.partition("<main")[2].partition("</main>")[0]
    assert re.findall(r'(?:action|hx-post)="([^"]+)"', main) == ["/staff/inbox", "/staff/inbox/views"]


async def test_nothing_of_another_clinic_is_listed_found_counted_or_marked(
    person: AddPerson, log: Log, other: str, services: Services, time: Time
) -> None:
    theirs = await log.talk("theirs", clinic=other, tags=("their-tag",))
    maria = await person("maria", Role.REVIEWER)
    await person("their-person", Role.REVIEWER, clinic=other)
    for query in ("", "q=theirs", f"clinic={other}", "tag=their-tag", "topic=cost"):
        await maria.browser.get(f"/staff/inbox?{query}")
        assert listed(maria) == [], query
        assert "0 conversations" in maria.browser.page, query
    await maria.browser.get("/staff/inbox")
    assert "their-tag" not in maria.browser.page
    assert "their-person" not in maria.browser.page
    shown = await maria.browser.get(f"/staff/inbox/news?than={quote('2026-01-01T00:00:00+00:00~')}")
    assert shown.status_code == 204
    response = await maria.browser.post("/staff/inbox/reviewed", {"id": f"{theirs.id}:1"})
    assert response.status_code == 404
    assert rows(services.settings, "conversations")[0]["reviewed_at"] is None


async def test_a_role_at_two_clinics_shows_both_and_which(
    log: Log, other: str, site: Site, browser: OpenBrowser
) -> None:
    await log.talk("here")
    await log.talk("there", clinic=other)
    both = await add_person(site, browser(), "both", {"demo": [Role.REVIEWER], other: [Role.READER]})
    await both.browser.get("/staff/inbox")
    assert listed(both) == ["here", "there"]
    assert [('name="id"' in part) for part in both.browser.page.split("data-row")[1:3]] == [True, False]
    await both.browser.get(f"/staff/inbox?clinic={other}")
    assert listed(both) == ["there"]


async def test_the_first_page_leads_to_what_is_not_reviewed(person: AddPerson, log: Log) -> None:
    await log.talk("a", reviewed_at=clock.now())
    await log.talk("b")
    maria = await person("maria", Role.READER)
    await maria.browser.get("/staff")
    assert re.search(
        r'<a href="/staff/inbox\?unreviewed=1"><b>1</b> conversations not reviewed</a>', maria.browser.page
    )
