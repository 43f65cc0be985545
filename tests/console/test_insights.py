"""The page of figures, its charts and file, and the week's report."""

import csv
import io
import re
from datetime import datetime

import pytest

from needlewise.console.charts import bars, columns
from needlewise.console.roles import Role
from needlewise.conversations.demonstration import mark_demonstration
from needlewise.conversations.figures import MEASURES
from needlewise.wiring import Services
from tests.console.conftest import Time
from tests.console.conversations import Log
from tests.console.person import AddPerson
from tests.support.stored import rows

HEAD = "by,which,figure,value,unit,counted,out of,before,before out of,note,definition"


@pytest.fixture
def log(services: Services) -> Log:
    return Log(services)


@pytest.fixture
def other(services: Services) -> str:
    return sorted(set(services.library.clinics) - {"demo"})[0]


def export_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


async def test_the_page_says_each_figure_with_its_definition(person: AddPerson, log: Log) -> None:
    await log.talk()
    maria = await person("maria", Role.READER)
    assert (await maria.browser.get("/staff/insights")).status_code == 200
    missing = [one.id for one in MEASURES if one.definition not in maria.browser.page]
    assert missing == []


async def test_a_share_of_few_is_shown_with_that_it_is_few(person: AddPerson, log: Log) -> None:
    await log.talk()
    maria = await person("maria", Role.READER)
    await maria.browser.get("/staff/insights")
    assert "1 of 1 questions; too few to say much" in maria.browser.page


async def test_another_clinics_conversations_are_in_no_figure(
    person: AddPerson, log: Log, other: str
) -> None:
    await log.talk()
    for _ in range(3):
        await log.talk(clinic=other, safety=("urgent", "R1"))
    maria = await person("maria", Role.READER)
    await maria.browser.get("/staff/insights")
    found = export_of((await maria.browser.post("/staff/insights/export", {})).text)
    assert {row["counted"] for row in found if row["figure"] == "Conversations"} == {"1"}
    assert "not reviewed" not in (await maria.browser.get("/staff/insights/week?from=2026-11-23")).text


@pytest.mark.parametrize("path", ["/staff/insights", "/staff/insights/week"])
async def test_another_clinic_cannot_be_asked_for(person: AddPerson, other: str, path: str) -> None:
    maria = await person("maria", Role.READER)
    assert (await maria.browser.get(f"{path}?clinic={other}")).status_code == 404


async def test_another_clinic_cannot_be_exported(person: AddPerson, other: str) -> None:
    maria = await person("maria", Role.READER)
    await maria.browser.get("/staff/insights")
    assert (await maria.browser.post("/staff/insights/export", {"clinic": other})).status_code == 404


async def test_an_admin_alone_sees_no_figures(person: AddPerson) -> None:
    ada = await person("ada", Role.ADMIN)
    assert (await ada.browser.get("/staff/insights")).status_code == 403


async def test_the_file_has_every_figure_with_its_definition_and_is_noted(
    person: AddPerson, log: Log, services: Services
) -> None:
    await log.talk()
    maria = await person("maria", Role.READER)
    await maria.browser.get("/staff/insights")
    response = await maria.browser.post("/staff/insights/export", {"from": "2026-11-01", "to": "2026-11-23"})
    assert response.headers["content-type"].startswith("text/csv")
    assert response.text.splitlines()[0] == HEAD
    found = export_of(response.text)
    assert {row["figure"] for row in found if row["by"] == "all"} == {one.title for one in MEASURES}
    assert [row for row in found if not row["definition"]] == []
    noted = [row for row in rows(services.settings, "audit") if row["action"] == "export/insights"]
    assert [
        (row["outcome"], '"from": "2026-11-01"' in row["details"] or "2026-11-01" in row["details"])
        for row in noted
    ] == [("success", True)]


async def test_a_name_that_looks_like_a_formula_stays_text_in_the_file(
    person: AddPerson, log: Log, services: Services
) -> None:
    talk = await log.talk()
    from sqlalchemy import insert

    from needlewise import clock
    from needlewise.db.tables import answers_shown

    async with services.engine.begin() as connection:
        await connection.execute(
            insert(answers_shown).values(
                message=talk.said[1],
                topic="=cmd|' /C calc'!A0",
                clinic="demo",
                channel="web",
                version=1,
                at=clock.now(),
            )
        )
    maria = await person("maria", Role.READER)
    await maria.browser.get("/staff/insights")
    text = (await maria.browser.post("/staff/insights/export", {})).text
    assert {row["which"][:5] for row in export_of(text) if row["by"] == "topic"} == {"'=cmd"}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("from=2026-11-20&to=2026-11-10", "The first day is after the last day"),
        ("from=0001-01-01&to=0001-02-01", "a day cannot be meant"),
        ("from=2020-01-01&to=2026-11-01", "At most 366 days"),
        ("from=nonsense", "Oct 27, 2026 to Nov 23, 2026, 28 days"),
        ("channel=%3Cscript%3E&topic=nothing", "Oct 27, 2026 to Nov 23, 2026, 28 days"),
    ],
)
async def test_days_that_cannot_be_meant_are_said_to_be_so(person: AddPerson, query: str, said: str) -> None:
    maria = await person("maria", Role.READER)
    assert (await maria.browser.get(f"/staff/insights?{query}")).status_code == 200
    assert said in maria.browser.page
    assert "<script>" not in maria.browser.page.replace("<script src", "")


async def test_the_week_begins_with_sentences_made_of_its_figures(
    person: AddPerson, log: Log, time: Time
) -> None:
    time.at = datetime.fromisoformat("2026-11-30T15:00:00+00:00")
    tuesday = datetime.fromisoformat("2026-11-24T15:00:00+00:00")
    await log.talk(at=tuesday)
    await log.talk("are you hiring", at=tuesday, topics=(), safety=("crisis", "C1"))
    maria = await person("maria", Role.READER)
    await maria.browser.get("/staff/insights/week")
    page = maria.browser.page
    assert "Week 48: Nov 23, 2026 to Nov 29, 2026" in page
    assert "Patients held 2 conversations, 2 more than in the week before; 0 of them by text." in page
    assert "Of 1 question the assistant answered 1; 0 it declined" in page
    assert "Urgent signs were seen in 1 conversation, 1 not reviewed yet; no request came in." in page


async def test_a_week_without_anybody_says_so(person: AddPerson) -> None:
    maria = await person("maria", Role.READER)
    await maria.browser.get("/staff/insights/week")
    assert "No patient wrote in this week, so there is nothing to report." in maria.browser.page


async def test_what_a_patient_wrote_stays_words_in_the_report(
    person: AddPerson, log: Log, services: Services, time: Time
) -> None:
    from sqlalchemy import update

    from needlewise.db.tables import messages

    await log.talk("<script>alert(1)</script> hiring", topics=())
    async with services.engine.begin() as connection:
        await connection.execute(
            update(messages).where(messages.c.direction == "in").values(act="out_of_scope")
        )
    maria = await person("maria", Role.READER)
    page = (await maria.browser.get("/staff/insights/week?from=2026-11-23")).text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page


async def test_made_up_data_are_said_to_be_so_on_every_page(person: AddPerson, services: Services) -> None:
    maria = await person("maria", Role.READER)
    band = "Demonstration data: no real patients"
    assert band not in (await maria.browser.get("/staff")).text
    async with services.engine.begin() as connection:
        await mark_demonstration(connection, services.seal, b"")
    for path in ("/staff", "/staff/insights", "/staff/inbox", "/staff/no/such"):
        assert band in (await maria.browser.get(path)).text, path


def test_the_columns_of_a_chart_are_as_high_as_its_table_says() -> None:
    made = columns(
        "days",
        "Days",
        summary="",
        definition="",
        first="Day",
        series=["web", "text"],
        rows=[("Mon", [3, 1]), ("Tue", [8, 0])],
    )
    heights = [float(one) for one in re.findall(r'<rect class="s\d" [^>]*height="([\d.]+)"', str(made.svg))]
    cells = [cell for _, cells in made.rows for cell in cells if cell]
    assert [round(height / heights[0] * 3, 2) for height in heights] == cells
    assert re.findall(r"<g><title>(.*?)</title>", str(made.svg)) == [
        "Mon: web: 3, text: 1",
        "Tue: web: 8, text: 0",
    ]


def test_the_bars_of_a_chart_are_as_long_as_its_table_says() -> None:
    made = bars(
        "topics",
        "Topics",
        summary="",
        definition="",
        head=("Topic", "shown"),
        rows=[("a <b>", (10, 1)), ("c", (4, 9)), ("d", (0, 0))],
    )
    widths = [float(one) for one in re.findall(r'<rect class="s1" [^>]*width="([\d.]+)%"', str(made.svg))]
    assert widths == [100.0, 40.0]
    assert re.findall(r'class="value"[^>]*>(\d+)<', str(made.svg)) == ["10", "4", "0"]
    assert "a &lt;b&gt;" in str(made.svg)


def test_a_chart_names_itself_for_who_cannot_see_it() -> None:
    svg = str(
        bars(
            "topics",
            "Topics & more",
            summary="Most: a.",
            definition="",
            head=("Topic", "n"),
            rows=[("a", (1,))],
        ).svg
    )
    assert 'role="img" aria-labelledby="topics-name" aria-describedby="topics-said"' in svg
    assert '<title id="topics-name">Topics &amp; more</title><desc id="topics-said">Most: a.</desc>' in svg
    assert "style=" not in svg
