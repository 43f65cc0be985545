"""Editing what patients are told: who may, what is refused, and that nobody's work is lost."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser

import httpx
import pytest
from msgspec import structs
from starlette.applications import Starlette

from needlewise.channels.web.widget import Widget
from needlewise.console.roles import Role
from needlewise.content.files import to_yaml
from needlewise.content.render import Place, Renderer
from needlewise.db.audit import Entry
from needlewise.wiring import Services
from tests.console.person import AddPerson, Person
from tests.support.stored import rows

TOPIC = "does_it_hurt"
PLAIN = "It may hurt a bit, but not for long. You can stop at any time."
HOSTILE = "<script>alert(1)</script> may hurt. **You** can stop."


def answer_form(services: Services, topic: str = TOPIC, **changed: object) -> dict[str, object]:
    """The fields as the page shows them, with some changed."""
    answer = services.library.answers[topic]
    words = answer.en
    fields: dict[str, object] = {
        "clinic": "",
        "based_on": "0",
        "title": words.title,
        "web": words.web,
        "more": words.more or "",
        "sms": words.sms,
        **words.follow_ups,
        "sources": answer.sources,
        "related": answer.related,
        "review_by": answer.review_by.isoformat(),
        "note": "plainer",
    }
    for name, entry in words.clinic.items():
        fields |= {f"unset-{name}-web": entry.unset.web, f"unset-{name}-sms": entry.unset.sms or ""}
    return fields | changed


def told(services: Services, clinic: str = "demo", topic: str = TOPIC, channel: str = "web") -> str:
    library = services.library
    return Renderer(library).answer(topic, Place(library.clinic(clinic), channel)).text


@pytest.fixture
async def everywhere(person: AddPerson, services: Services) -> Person:
    """An editor of every clinic."""
    maria = await person("maria", Role.EDITOR)
    for clinic in services.library.clinics:
        await _let(maria, services, clinic)
    await maria.browser.get("/staff/content")
    return maria


async def _let(somebody: Person, services: Services, clinic: str) -> None:
    from needlewise.console.accounts import Accounts

    accounts = Accounts(services.engine, services.audit)
    account = await accounts.get(somebody.account.id)
    assert account is not None
    await accounts.set_roles(account, clinic, frozenset({Role.EDITOR}), Entry("command-line", "staff/roles"))


async def save(who: Person, data: Mapping[str, object], topic: str = TOPIC) -> int:
    await who.browser.get("/staff/content")
    return (await who.browser.post(f"/staff/content/{topic}", data)).status_code


async def test_the_list_names_every_answer_with_its_figures(person: AddPerson, services: Services) -> None:
    edith = await person("edith", Role.EDITOR)
    await edith.browser.get("/staff/content")
    for answer in services.library.answers.values():
        assert answer.en.title in edith.browser.page
    assert len(re.findall(r'<th scope="row">', edith.browser.page)) == len(services.library.answers)


@pytest.mark.parametrize(
    "sort", ["title", "grade", "words", "segments", "shown", "up", "down", "review_by", "x"]
)
async def test_the_list_is_sorted_by_each_column(person: AddPerson, sort: str) -> None:
    edith = await person("edith", Role.EDITOR)
    for down in ("", "&down=1"):
        assert (await edith.browser.get(f"/staff/content?sort={sort}{down}")).status_code == 200


async def test_a_saved_answer_is_what_patients_read_at_every_clinic(
    everywhere: Person, services: Services
) -> None:
    assert await save(everywhere, answer_form(services, web=PLAIN)) == 303
    assert {told(services, clinic) for clinic in services.library.clinics} == {PLAIN}
    assert services.library.answers[TOPIC].version == 2
    await everywhere.browser.get(f"/staff/content/{TOPIC}")
    assert "plainer" in everywhere.browser.page
    assert "Version 2" in everywhere.browser.page


async def test_who_edits_one_clinic_changes_the_words_of_that_clinic_alone(
    person: AddPerson, services: Services
) -> None:
    edith = await person("edith", Role.EDITOR)
    before = told(services, "forever-fit")
    assert await save(edith, answer_form(services, web=PLAIN)) == 403
    assert await save(edith, answer_form(services, web=PLAIN, clinic="forever-fit")) == 404
    assert rows(services.settings, "content_versions") == []
    assert await save(edith, answer_form(services, web=PLAIN, clinic="demo")) == 303
    assert (told(services), told(services, "forever-fit")) == (PLAIN, before)


async def test_a_clinic_cannot_change_the_words_on_everybodys_button(
    person: AddPerson, services: Services
) -> None:
    edith = await person("edith", Role.EDITOR)
    await save(edith, answer_form(services, web=PLAIN, title="Ouch ouch ouch", clinic="demo"))
    title = services.library.answers[TOPIC].en.title
    assert services.library.answer(TOPIC, "demo").en.title == title


async def test_nothing_of_another_clinics_own_words_is_shown(
    everywhere: Person, person: AddPerson, services: Services
) -> None:
    await save(everywhere, answer_form(services, web=PLAIN, clinic="forever-fit", note="only for us"))
    (version,) = rows(services.settings, "content_versions")
    edith = await person("edith", Role.EDITOR)
    for path in ("", f"/{TOPIC}"):
        await edith.browser.get(f"/staff/content{path}")
        assert PLAIN not in edith.browser.page
        assert "only for us" not in edith.browser.page
    for path in ("?clinic=forever-fit", f"/versions/{version['id']}"):
        assert (await edith.browser.get(f"/staff/content/{TOPIC}{path}")).status_code == 404
    for verb, data in (("restore", {"version": version["id"]}), ("withdraw", {"clinic": "forever-fit"})):
        await edith.browser.get("/staff/content")
        status = (await edith.browser.post(f"/staff/content/{TOPIC}/{verb}", data)).status_code
        assert status == 404, verb


REFUSED = [
    ({"web": "It is a guaranteed cure."}, "web", "promises too much"),
    (
        {"web": "Multisyllabic terminological incomprehensibility characterizes unnecessarily " * 3},
        "web",
        "grade",
    ),
    ({"sms": "You may feel a pinch. " * 20}, "sms", "a text message of 3 parts"),
    ({"web": ""}, "web", "write what patients are told"),
    ({"web": "It can hurt. See {zzz}."}, "web", "{zzz} stands for nothing"),
    ({"web": "It can hurt. See [this](javascript:alert(1))."}, "web", "a link leads to"),
    ({"title": "Oh"}, "title", "4 to 40 letters"),
    ({"title": "What does it cost?"}, "title", "has this title too"),
    ({"sources": []}, "sources", "an answer about health needs a source"),
    ({"sources": ["nowhere"]}, "sources", "has no nowhere"),
    ({"related": ["nowhere"]}, "related", "no answer has the topic nowhere"),
    ({"related": [TOPIC]}, "related", "not related to itself"),
    ({"review_by": "soon"}, "review_by", "choose the day"),
    ({"web": "{parking}"}, "unset-parking-web", "where a clinic has not set {parking}"),
]


@pytest.mark.parametrize(("changed", "field", "words"), REFUSED, ids=[f"{f}: {w}" for _, f, w in REFUSED])
async def test_what_may_not_be_told_is_refused_beside_its_field(
    everywhere: Person, services: Services, changed: dict[str, object], field: str, words: str
) -> None:
    before = told(services)
    assert await save(everywhere, answer_form(services, **changed)) == 422
    beside = re.findall(rf'id="remark-{field}-\d+">(.*?)</p>', everywhere.browser.page)
    assert any(words in one for one in beside), beside
    assert (told(services), rows(services.settings, "content_versions")) == (before, [])


async def test_nothing_is_kept_where_nothing_was_changed(everywhere: Person, services: Services) -> None:
    assert await save(everywhere, answer_form(services)) == 422
    assert "Nothing was changed" in everywhere.browser.page


async def test_the_preview_shows_the_words_that_are_being_typed_and_keeps_nothing(
    everywhere: Person, services: Services
) -> None:
    noted = len(rows(services.settings, "audit"))
    response = await everywhere.browser.post(
        f"/staff/content/{TOPIC}/preview",
        answer_form(services, web="It is a guaranteed cure."),
        **{"HX-Request": "true"},
    )
    assert response.status_code == 200
    assert "<html" not in response.text
    assert "guaranteed cure" in response.text
    assert "to mend before it can be saved" in response.text
    assert len(rows(services.settings, "audit")) == noted
    assert rows(services.settings, "content_versions") == []


async def test_settings_that_a_clinic_has_not_set_are_previewed_as_they_are_said(
    person: AddPerson, services: Services
) -> None:
    alex = await person("alex", Role.EDITOR, clinic="accesshealth")
    await alex.browser.get("/staff/content/cost")
    assert "I do not know the price." in alex.browser.page
    assert "$120" not in alex.browser.page


async def test_hostile_words_stay_words(everywhere: Person, services: Services) -> None:
    await save(everywhere, answer_form(services, web=HOSTILE, note="<img src=x onerror=alert(1)>"))
    (version,) = rows(services.settings, "content_versions")
    for path in (TOPIC, f"{TOPIC}/versions/{version['id']}"):
        response = await everywhere.browser.get(f"/staff/content/{path}")
        assert "<script>alert" not in response.text
        assert "<img" not in response.text
        assert "&lt;script&gt;alert" in response.text


async def test_who_saves_over_a_newer_text_is_shown_both_and_loses_nothing(
    everywhere: Person, person: AddPerson, services: Services
) -> None:
    await save(everywhere, answer_form(services, web=PLAIN))
    mine = "It can hurt for a short time. Tell us, and we stop."
    assert await save(everywhere, answer_form(services, web=mine, based_on="0")) == 409
    page = everywhere.browser.page
    assert "maria saved version 2 meanwhile" in page
    assert "<del>" in page
    assert "<ins>" in page
    assert "It may hurt a bit, but not for long." in page
    assert mine in page
    assert told(services) == PLAIN
    # The form goes on from theirs: who has seen it may save.
    assert 'name="based_on" value="2"' in page
    assert await save(everywhere, answer_form(services, web=mine, based_on="2")) == 303
    assert told(services) == mine


async def test_an_older_text_comes_back_as_a_new_version(everywhere: Person, services: Services) -> None:
    await save(everywhere, answer_form(services, web=PLAIN))
    await save(everywhere, answer_form(services, web="It can hurt. Tell us.", based_on="2"))
    first = next(row for row in rows(services.settings, "content_versions") if row["version"] == 2)
    await everywhere.browser.get(f"/staff/content/{TOPIC}/versions/{first['id']}")
    assert "Have it back" in everywhere.browser.page
    response = await everywhere.browser.post(f"/staff/content/{TOPIC}/restore", {"version": first["id"]})
    assert (response.status_code, told(services)) == (303, PLAIN)
    assert services.library.answers[TOPIC].version == 4


async def test_withdrawing_goes_back_to_the_file(everywhere: Person, services: Services) -> None:
    file = told(services)
    await save(everywhere, answer_form(services, web=PLAIN))
    for based_on, status in (("1", 409), ("2", 303)):
        await everywhere.browser.get("/staff/content")
        data = {"clinic": "", "based_on": based_on}
        response = await everywhere.browser.post(f"/staff/content/{TOPIC}/withdraw", data)
        assert response.status_code == status
    assert told(services) == file


async def test_a_version_that_cannot_be_used_is_told_of(everywhere: Person, services: Services) -> None:
    answer = services.library.answers[TOPIC]
    body = to_yaml(structs.replace(answer, sources=["nowhere"]))
    entry = Entry("command-line", "content/edit")
    await services.revisions.save("answer", TOPIC, "", body, based_on=0, note="", entry=entry)
    for path in ("/staff/content", f"/staff/content/{TOPIC}", "/staff/content?show=faulty"):
        await everywhere.browser.get(path)
        assert re.search("not in use|cannot be used", everywhere.browser.page), path


def clinic_form(services: Services, **changed: object) -> dict[str, object]:
    """The settings page's fields of the demo clinic, as a browser would send a few of them, with some changed."""
    fields: dict[str, object] = {
        "based_on": "0",
        "phone": "(202) 555-0140",
        "booking-way": "inbox",
        "text_kept_days": "90",
        "requests_kept_days": "730",
        "hours-mon-0-from": "09:00",
        "hours-mon-0-to": "17:30",
        "location-0-id": "mill-street",
        "location-0-name": "Mill Street",
        "location-0-needling": "yes",
        "note": "new hours",
    }
    return fields | changed


async def settings(who: Person, data: Mapping[str, object], clinic: str = "demo") -> int:
    await who.browser.get("/staff")
    return (await who.browser.post(f"/staff/clinic/{clinic}", data)).status_code


async def test_new_hours_are_what_the_assistant_says(person: AddPerson, services: Services) -> None:
    edith = await person("edith", Role.EDITOR)
    assert await settings(edith, clinic_form(services)) == 303
    assert "Monday: 9 am to 5:30 pm" in told(services, topic="hours_contact")
    assert "(202) 555-0140" in told(services, topic="hours_contact")
    await edith.browser.get("/staff/clinic/demo")
    assert "new hours" in edith.browser.page
    (version,) = rows(services.settings, "content_versions")
    await edith.browser.get(f"/staff/clinic/demo/versions/{version['id']}")
    assert "hours, mon: 09:00-17:30" in edith.browser.page


@pytest.mark.parametrize("topic", ["does_it_hurt", "cost", "does_it_work"])
async def test_the_form_of_an_answer_sends_back_what_it_shows(everywhere: Person, topic: str) -> None:
    response = await everywhere.browser.get(f"/staff/content/{topic}")
    data = Fields.of(response.text.split('aria-label="The answer"')[1].split("</form>")[0])
    del data["csrf"]
    assert (await everywhere.browser.post(f"/staff/content/{topic}", data)).status_code == 422
    assert "Nothing was changed" in everywhere.browser.page


async def test_the_page_sends_back_what_it_shows(person: AddPerson, services: Services) -> None:
    """Saving the form as it was loaded changes nothing: no field is lost on the way."""
    edith = await person("edith", Role.EDITOR)
    response = await edith.browser.get("/staff/clinic/demo")
    data = Fields.of(response.text.split('aria-label="Settings"')[1].split("</form>")[0])
    del data["csrf"]
    assert (await edith.browser.post("/staff/clinic/demo", data)).status_code == 422
    assert "Nothing was changed" in edith.browser.page


class Fields(HTMLParser):
    """What a browser would send of a form."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: dict[str, list[str]] = {}
        self._select = self._text = ""
        self._chosen: str | None = None

    @classmethod
    def of(cls, form: str) -> dict[str, list[str]]:
        reader = cls()
        reader.feed(form)
        return reader.sent

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name, value = given.get("name") or "", given.get("value") or ""
        if tag == "input" and (given.get("type") != "checkbox" or "checked" in given):
            self.sent.setdefault(name, []).append(value)
        elif tag == "select":
            self._select, self._chosen = name, None
        elif tag == "option" and ("selected" in given or self._chosen is None):
            self._chosen = value
        elif tag == "textarea":
            self._text = name
            self.sent[name] = [""]

    def handle_data(self, data: str) -> None:
        if self._text:
            self.sent[self._text] = [data.removeprefix("\n")]

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self.sent.setdefault(self._select, []).append(self._chosen or "")
        if tag == "textarea":
            self._text = ""


WRONG = [
    ({"phone": "call us"}, "phone", "is no phone number"),
    ({"email": "us@"}, "email", "no e-mail address"),
    ({"website": "javascript:alert(1)"}, "website", "no address of a page"),
    ({"hours-mon-0-to": ""}, "hours-mon", "both times"),
    ({"hours-mon-0-to": "08:00"}, "hours-mon", "times must follow one another"),
    ({"closed": ["2026-02-30"]}, "closed", "choose a day"),
    ({"text_kept_days": "0"}, "", "cannot be kept"),
    ({"text_kept_days": "long"}, "text_kept_days", "whole number"),
    ({"booking-way": "email"}, "booking-email", "to which address"),
    ({"setting-price-web": "A guaranteed cure for $99."}, "setting-price-web", "promises too much"),
    ({"setting-price-web": "It costs {phone}."}, "setting-price-web", "stands for nothing here"),
    ({"setting-price-web": "It costs $99. " * 40}, "", "With these settings"),
    ({"location-0-phone": "none"}, "location-0-phone", "is no phone number"),
    ({"notice-0-web": "We are closed."}, "notice-0-starts", "choose a day"),
    (
        {"notice-0-web": "We are closed.", "notice-0-starts": "2026-12-02", "notice-0-ends": "2026-12-01"},
        "notice-0-ends",
        "ends before it starts",
    ),
]


@pytest.mark.parametrize(("changed", "field", "words"), WRONG, ids=[f"{f}: {w}" for _, f, w in WRONG])
async def test_settings_that_cannot_be_meant_are_refused_beside_their_field(
    person: AddPerson, services: Services, changed: dict[str, object], field: str, words: str
) -> None:
    edith = await person("edith", Role.EDITOR)
    assert await settings(edith, clinic_form(services, **changed)) == 422
    beside = re.findall(rf'id="remark-{field}-\d+">(.*?)</p>', edith.browser.page)
    assert any(words in one for one in beside), (beside, re.findall(r'id="remark[^<]*<', edith.browser.page))
    assert rows(services.settings, "content_versions") == []


async def test_settings_of_another_clinic_are_not_there(person: AddPerson, services: Services) -> None:
    edith = await person("edith", Role.EDITOR)
    assert (await edith.browser.get("/staff/clinic/forever-fit")).status_code == 404
    assert await settings(edith, clinic_form(services), clinic="forever-fit") == 404
    for verb in ("preview", "withdraw", "restore"):
        await edith.browser.get("/staff")
        status = (await edith.browser.post(f"/staff/clinic/forever-fit/{verb}", {})).status_code
        assert status == 404, verb
    assert rows(services.settings, "content_versions") == []


async def test_a_notice_is_previewed_as_it_opens_the_chat_today(
    person: AddPerson, services: Services
) -> None:
    edith = await person("edith", Role.EDITOR)
    notice = {
        "notice-0-web": "We are closed for the holiday.",
        "notice-0-starts": "2026-11-23",
        "notice-0-ends": "2026-11-24",
    }
    response = await edith.browser.post(
        "/staff/clinic/demo/preview", clinic_form(services, **notice), **{"HX-Request": "true"}
    )
    assert re.search("At the opening, today.*We are closed for the holiday", response.text, re.DOTALL)


async def test_settings_are_withdrawn_and_come_back(person: AddPerson, services: Services) -> None:
    edith = await person("edith", Role.EDITOR)
    file = told(services, topic="hours_contact")
    await settings(edith, clinic_form(services))
    (version,) = rows(services.settings, "content_versions")
    await edith.browser.post("/staff/clinic/demo/withdraw", {"based_on": "1"})
    assert told(services, topic="hours_contact") == file
    await edith.browser.get("/staff")
    response = await edith.browser.post("/staff/clinic/demo/restore", {"version": version["id"]})
    assert response.status_code == 303
    assert "Monday: 9 am to 5:30 pm" in told(services, topic="hours_contact")


async def test_of_two_who_change_settings_the_second_is_shown_both(
    person: AddPerson, services: Services
) -> None:
    edith = await person("edith", Role.EDITOR)
    await settings(edith, clinic_form(services))
    later = {"hours-mon-0-to": "18:00", "based_on": "0"}
    assert await settings(edith, clinic_form(services, **later)) == 409
    assert "edith saved version 1 meanwhile" in edith.browser.page
    assert "hours, mon: 09:00-17:30" in edith.browser.page
    assert "hours, mon: 09:00-18:00" in edith.browser.page


async def test_the_chat_on_the_website_shows_a_new_number_though_its_page_was_kept(
    person: AddPerson, services: Services
) -> None:
    edith = await person("edith", Role.EDITOR)
    transport = httpx.ASGITransport(Starlette(routes=Widget(services).routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as patient:
        before = (await patient.get("/chat/frame?clinic=demo")).text
        await settings(edith, clinic_form(services, phone="(202) 555-0199"))
        after = (await patient.get("/chat/frame?clinic=demo")).text
    assert ("555-0140" in before, "555-0199" in after, "555-0140" in after) == (True, True, False)
