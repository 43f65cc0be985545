"""A day at the desk in real Chromium, on the real service with a real assistant: once by mouse, and once by keyboard alone.

With NEEDLEWISE_SHOTS naming a folder, pictures of the pages are put there, as they look on a desk and on a phone. A candidate is trained
with a few examples of each intent, which takes seconds; with NEEDLEWISE_WHOLE=1 with all of them, so that its replay looks as in a clinic.
"""

import asyncio
import os
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pyotp
import pytest
import pytest_asyncio
import yaml
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Locator, Page, async_playwright, expect
from sqlalchemy import create_engine, update

from needlewise.console.roles import Role
from needlewise.db.tables import conversations, messages
from needlewise.settings import Settings
from tests.console.hands import Hands
from tests.console.person import PASSWORD
from tests.console.test_in_chromium import RULES
from tests.support.patient import Patient
from tests.support.project import small_project
from tests.support.service import run_command, wait_until
from tests.support.stored import rows
from tests.support.visit import PATIENT as VISIT
from tests.widget.chromium import CHROMIUM, CHROMIUM_OPTIONS
from tests.widget.visitor import DESKTOP_SIZE, MILLISECONDS, PHONE_SIZE, Visitor, Way
from tests.widget.website import Deployment

SHOTS = os.environ.get("NEEDLEWISE_SHOTS", "")
LOOKS = ((DESKTOP_SIZE, "light"), (PHONE_SIZE, "dark"))
IS_WHOLE = os.environ.get("NEEDLEWISE_WHOLE") == "1"
MOST_HIGH = 2400
"""Pictures of longer pages show their beginning."""
TRAINED_WITHIN = 3_600_000 if IS_WHOLE else 600_000
LIVE_WITHIN = 5
"""Seconds until patients read what staff changed."""
LONG = pytest.mark.skipif(
    os.environ.get("NEEDLEWISE_WALKS") != "all", reason="minutes long: walked with NEEDLEWISE_WALKS=all"
)
OLD = timedelta(days=120)
"""Longer than the demo clinic keeps what was written."""
EVERY = timedelta(minutes=23)
"""So often somebody wrote before the day began."""
TO_CALL, TO_BOOK = "They asked us to call back", "To agree on a time"
SIGNED_AS = "A made-up name, no licence"

DEEDS = {
    "sign-in/password": 1,
    "sign-in/code": 1,
    "conversation/search": 4,
    "conversation/tag": 1,
    "conversation/review": 1,
    "conversation/reveal": 1,
    "message/correct": 3,
    "example/accept": 3,
    "candidate/try": 1,
    "candidate/publish": 1,
    "candidate/back": 1,
    "content/edit": 1,
    "signing/sign": 1,
    "clinic/edit": 1,
    "request/reveal": 1,
    "request/state": 2,
    "conversation/step-in": 1,
    "conversation/write": 1,
    "conversation/step-out": 1,
    "privacy/purge": 1,
    "audit/verify": 1,
}
"""What somebody does in such a day, and so how many rows of the audit log at least say that they did."""


@dataclass(frozen=True)
class Correction:
    """A message, a word that finds it, and what it should have been: a topic's title, or nothing that we answer."""

    asked: str
    word: str
    meant: str = ""


@dataclass(frozen=True)
class Day:
    """Who works, how, and what the day brings."""

    way: Way
    name: str
    introduced: str
    """A message with a name in it, which is masked until it is revealed."""
    secret: str
    word: str
    corrections: Sequence[Correction]
    taught: str
    topic: str
    """A message of these that was answered with nothing, and the topic it is answered with once that is taught."""
    answer: str
    """The title of the answer that is edited and signed."""
    words: str
    question: str
    closes: tuple[str, str]
    """When the desk closes on Saturdays from today on: as it is typed, and as patients read it."""
    asked_first: str
    phone: str
    """What the patient asked first who waits to be called back, and their number."""
    forgotten: str
    """What somebody asked long ago."""


DAYS = (
    Day(
        "mouse",
        "maria",
        "hi this is Dave Miller, my number is 202-555-0143. do you take Medicare?",
        "Dave Miller",
        "medicare",
        (
            Correction("my boss needs a note that i was there", "boss"),
            Correction("can my mom sit in the room with me", "mom", "What happens at a visit?"),
            Correction("would i be ok for zumba on saturday", "zumba", "Can I keep walking or running?"),
        ),
        "would i be ok for zumba on saturday",
        "activity_with_pf",
        "Does it hurt?",
        "It can hurt, but the pain is mostly short. You may feel a quick pinch, and then a twitch or a cramp. You can ask to stop at any time.",
        "does it hurt",
        ("13:00", "9 am to 1 pm"),
        VISIT[0],
        VISIT[10],
        "do i need an x-ray of my heel first",
    ),
    Day(
        "keyboard",
        "omar",
        "my name is Ana Torres, call me on 202-555-0111. do you have a bike rack?",
        "Ana Torres",
        "bike",
        (
            Correction("will u guys send me a reminder the day before", "reminder"),
            Correction("do i have to shave my legs for this", "shave", "What happens at a visit?"),
            Correction("shots freak me out just saying", "freak", "I am afraid of needles"),
        ),
        "shots freak me out just saying",
        "fear_of_needles",
        "What are the side effects?",
        "Mild side effects are common. You may be sore for a day or two, get a small bruise or a spot of blood, or feel tired. Serious harm is rare, but it can happen.",
        "what are the side effects",
        ("14:30", "9 am to 2:30 pm"),
        "is it very painful in the heel",
        "202-555-0164",
        "how long does the first visit take",
    ),
)

OTHERS: Sequence[Sequence[str]] = (
    ("why does my heel hurt most with the first steps in the morning", "how long does that last"),
    ("does dry needling work for heel pain", "and how many visits would i need"),
    ("I have crushing chest pain and I can't breathe",),
    ("do you do cupping for tennis elbow", "can you look at my dog's paw"),
    ("how much is it", "do you take blue cross"),
    ("i'm on blood thinners, can i still get it done",),
    ("i want to talk to a real person",),
    ("my calf is still sore two days after, is that ok", "can i run a 10k on sunday"),
)
RATED = OTHERS[4][0]


# -- the clinic, and who wrote to it before the day began ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def clinic(
    root: Path, base_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """The running service, over a project that a candidate is trained from in seconds."""
    small = small_project(root, tmp_path_factory.mktemp("day") / "project", each=100_000 if IS_WHOLE else 6)
    _copy_tests(root, small.root, each=None if IS_WHOLE else 2)
    service = Deployment(small.root, small.var)
    service.start()
    yield service
    service.stop()


def _copy_tests(root: Path, to: Path, *, each: int | None) -> None:
    """So many test sentences of each intent, for the replay."""
    name = Path("tests/nlu/test_topics.yml")
    blocks = yaml.safe_load((root / name).read_text())["nlu"]
    for block in blocks:
        block["examples"] = "".join(block["examples"].splitlines(keepends=True)[:each])
    (to / name).parent.mkdir(parents=True)
    (to / name).write_text(yaml.safe_dump({"nlu": blocks}))


@pytest_asyncio.fixture(scope="module")
async def written(clinic: Deployment) -> Mapping[str, str]:
    """The ids of conversations by what was asked first, or by the phone number of who asked for a visit."""
    talks: dict[str, Sequence[str]] = {day.forgotten: [day.forgotten] for day in DAYS}
    talks |= {said[0]: said for said in OTHERS}
    for day in DAYS:
        talks |= {asked: [asked] for asked in (day.introduced, *(one.asked for one in day.corrections))}
    talks |= {day.phone: [day.asked_first, *VISIT[1:10], day.phone, *VISIT[11:]] for day in DAYS}
    found = {}
    async with httpx.AsyncClient(base_url=clinic.address, timeout=60) as client:
        for name, said in talks.items():
            patient = await Patient.arrives(client)
            for words in said:
                await patient.says(words)
            found[name] = patient.conversation
            if name == RATED:
                thumb = {"message": patient.last[-1]["id"], "verdict": "down", "reason": "which plans?"}
                rated = await client.post("/chat/v1/feedback", json=thumb, headers=patient.headers)
                assert rated.status_code == 204
    wait_until(lambda: _all_masked(clinic), seconds=120, otherwise="redaction did not get to its end")
    _spread(clinic, found)
    return found


def _spread(clinic: Deployment, found: Mapping[str, str]) -> None:
    """Put the conversations, which were made within a minute, where a day would have them; those who wait for a visit came last."""
    for number, conversation in enumerate(reversed(list(found.values()))):
        happened(clinic, conversation, ago=EVERY * max(number - len(DAYS), 0))


def happened(clinic: Deployment, conversation: str, *, ago: timedelta) -> None:
    """Make a conversation one of that time."""
    at = datetime.now(UTC) - ago
    its, theirs = conversations.c.id == conversation, messages.c.conversation == conversation
    engine = create_engine(clinic.settings.database_url)
    with engine.begin() as connection:
        connection.execute(update(conversations).where(its).values(started_at=at, last_at=at))
        connection.execute(update(messages).where(theirs).values(at=at))
    engine.dispose()


def _all_masked(clinic: Deployment) -> bool:
    return all(
        row["redacted"] is not None for row in rows(clinic.settings, "messages") if row["direction"] == "in"
    )


# -- the desk -----------------------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module")
async def chromium() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("needs chromium")
    # Long for a machine that is busy, as while a candidate is trained.
    expect.set_options(timeout=MILLISECONDS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        yield browser
        await browser.close()


async def opened(chromium: Browser, clinic: Deployment, complaints: list[str]) -> Page:
    """A page of a browser that nobody used before."""
    width, height = DESKTOP_SIZE
    context: BrowserContext = await chromium.new_context(
        base_url=clinic.address, viewport={"width": width, "height": height}, locale="en-US"
    )
    context.set_default_timeout(MILLISECONDS)
    page = await context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    return page


@dataclass
class Desk:
    """Somebody at the console. The steps of a day, each of which is a few presses."""

    page: Page
    hands: Hands
    day: Day
    seen: set[str] = field(default_factory=set)

    async def looks(self, name: str) -> None:
        """A page is fit to be looked at: nothing for axe, nothing wider than the screen. Once for each page and way."""
        if name in self.seen:
            return
        self.seen.add(name)
        page = self.page
        for (width, height), scheme in LOOKS:
            await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            if SHOTS:
                await self._is_pictured(f"{name}-{width}", width)
            await page.set_viewport_size({"width": width, "height": height})
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (name, width)
            found = (await Axe().run(page, options=RULES)).response["violations"]
            assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == [], (
                name,
                width,
            )
        (width, height), scheme = LOOKS[0]
        await page.set_viewport_size({"width": width, "height": height})
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        # Nobody's screen changes while they write, and what has the focus would still be in sight.
        await page.evaluate("document.activeElement.scrollIntoView({ block: 'nearest' })")

    async def _is_pictured(self, name: str, width: int) -> None:
        """On a screen as high as the page, so that what sticks to the screen's edges is at the page's."""
        await self.page.set_viewport_size({"width": width, "height": LOOKS[0][0][1]})
        high = await self.page.evaluate("document.documentElement.scrollHeight")
        await self.page.set_viewport_size({"width": width, "height": min(high, MOST_HIGH)})
        path = Path(SHOTS) / f"{self.day.way}-{name}.png"
        # Hiding the caret would take a style that the pages do not allow.
        await self.page.screenshot(path=path, caret="initial")

    def button(self, name: str, *, within: Locator | None = None) -> Locator:
        return (within or self.page).get_by_role("button", name=name, exact=True)

    def link(self, name: str, *, within: Locator | None = None) -> Locator:
        return (within or self.page).get_by_role("link", name=name, exact=True)

    async def goes(self, *names: str) -> None:
        """Through the menu, and the links of these names after it."""
        await self.hands.presses(self.link(names[0], within=self.page.get_by_role("navigation", name="Main")))
        await expect(self.page.get_by_role("heading", level=1)).to_be_visible()
        for name in names[1:]:
            await self.hands.presses(self.link(name))

    async def is_told(self, words: str | re.Pattern[str]) -> None:
        await expect(self.page.locator("main > .notice")).to_contain_text(words)

    # -- signing in ---------------------------------------------------------------------------------------------------------

    async def sets_up(self, code: str) -> str:
        """Password and second factor; gives its secret."""
        page, hands = self.page, self.hands
        await page.goto("/staff")
        await hands.presses(self.link("I have a one-time code"))
        await hands.writes(page.get_by_label("Name"), self.day.name)
        await hands.writes(page.get_by_label("One-time code"), code)
        await hands.presses(self.button("Go on"))
        await hands.writes(page.locator("#password"), PASSWORD)
        await hands.writes(page.locator("#again"), PASSWORD)
        await self.looks("new-password")
        await hands.presses(page.locator("main button"))
        await hands.presses(page.get_by_text("I cannot scan it"))
        secret = (await page.locator(".key").inner_text()).replace(" ", "")
        await hands.writes(page.get_by_label("Code"), pyotp.TOTP(secret).now())
        await hands.presses(self.button("Set up and sign in"))
        await self.looks("recovery-codes")
        await hands.presses(page.get_by_text("I have kept them"))
        await hands.presses(self.button("Sign out"))
        return secret

    async def signs_in(self, secret: str) -> None:
        page, hands = self.page, self.hands
        await self.looks("sign-in")
        await hands.writes(page.get_by_label("Name"), self.day.name)
        await hands.writes(page.get_by_label("Password"), PASSWORD)
        await hands.sends(page.get_by_label("Password"), self.button("Go on"))
        await expect(page.get_by_label("Code")).to_be_focused()
        await self.looks("code")
        # A code is good once: this is the next, half a minute early.
        await hands.writes(page.get_by_label("Code"), pyotp.TOTP(secret).at(int(time.time()) + 30))
        await hands.sends(page.get_by_label("Code"), self.button("Sign in"))
        await expect(page.get_by_role("heading", name="Today")).to_be_visible()
        await self.looks("home")

    # -- the inbox ------------------------------------------------------------------------------------------------------------

    async def searches(self, word: str) -> None:
        """For the one conversation with this word."""
        page = self.page
        await self.goes("Inbox")
        box = page.get_by_role("searchbox", name="Words that patients wrote")
        if self.hands.way == "keyboard":
            await self.hands.keys("/")
            await expect(box).to_be_focused()
        await self.hands.writes(box, word)
        await self.hands.sends(box, self.button("Search"))
        await expect(page.locator("#results [role=status]").first).to_have_text("1 conversation")
        if self.hands.way == "keyboard":
            await self.goes_out_of(box)

    async def opens(self, asked: str) -> None:
        """The conversation of the list that began with these words."""
        if self.hands.way == "mouse":
            await self.page.locator("[data-line]", has_text=asked).first.click()
        else:
            await self.hands.walks_to(asked)
            await self.hands.keys("o")
        await expect(self.page).to_have_url(re.compile("/staff/conversation/"))
        await expect(self.button("Step in")).to_be_visible()
        await expect(self.page.locator("#messages")).to_contain_text(asked)

    async def triages(self) -> None:
        """Filters, tags one, marks it, and goes on to the next."""
        page, hands = self.page, self.hands
        await self.goes("Inbox")
        await self.looks("inbox")
        if hands.way == "keyboard":
            await hands.keys("?")
            await expect(page.locator("#keys")).to_be_visible()
            await self.looks("keys")
            await hands.keys("Escape")
        await hands.ticks(page.get_by_label("Not reviewed", exact=True))
        await expect(page).to_have_url(re.compile(r"\?unreviewed=1$"))
        await expect(page.locator(".chips")).to_contain_text("Not reviewed")
        fresh = await page.locator(".talk.fresh").count()
        first, second = OTHERS[6][0], OTHERS[5][0]
        if hands.way == "keyboard":
            await hands.presses(self.link("Urgent"))
            await expect(page.locator("[data-row]")).to_have_count(1)
            await hands.keys("j", "t")
            await page.keyboard.insert_text("call today")
            await hands.keys("Enter")
            await expect(page.locator("[data-row]")).to_contain_text("#call today")
            await hands.keys("e")
            await expect(page.locator(".talk.fresh")).to_have_count(0)
            await hands.presses(self.link("To review"))
            await expect(page.locator(".talk.fresh")).to_have_count(fresh - 1)
            first, second = OTHERS[0][0], ""
        await self.opens(first)
        await self.looks("conversation")
        tag = page.get_by_label("Add a tag")
        if hands.way == "keyboard":
            await hands.keys("t")
            await expect(tag).to_be_focused()
        await hands.writes(tag, "follow up")
        await hands.sends(tag, self.button("Add").first)
        await expect(page.locator("#about")).to_contain_text("#follow up")
        here = page.url
        if hands.way == "mouse":
            await self.button("Reviewed, and next").click()
        else:
            await self.goes_out_of(tag)
            await hands.keys("e")
        await self.is_told("It is marked as reviewed.")
        assert page.url != here
        assert second == "" or second in await page.locator("#messages").inner_text()

    async def goes_out_of(self, field: Locator) -> None:
        """Single keys are letters in a field."""
        await self.hands.keys("Tab")
        await expect(field).not_to_be_focused()

    async def reveals(self) -> None:
        """A masked message, with a reason."""
        page, hands, day = self.page, self.hands, self.day
        await self.searches(day.word)
        await page.locator("[data-line]").first.wait_for()
        await self.looks("found")
        await self.opens("[name]")
        message = page.locator(".utterance:not(.ours)").first
        await expect(message).not_to_contain_text(day.secret)
        await hands.presses(message.locator("summary", has_text="Reveal"))
        why = message.get_by_label("Why?")
        await hands.writes(why, TO_CALL)
        await hands.sends(why, self.button("Reveal", within=message))
        await expect(message).to_contain_text(day.secret)
        await self.looks("revealed")

    async def corrects(self, correction: Correction) -> None:
        page, hands = self.page, self.hands
        await self.searches(correction.word)
        await self.opens(correction.asked)
        message = page.locator(".utterance:not(.ours)").first
        form = message.locator(".correct")
        if hands.way == "mouse":
            await form.locator("summary").first.click()
        else:
            await hands.walks_to(correction.asked)
            await hands.keys("c")
        await expect(self.button("Nothing that we answer", within=form)).to_be_visible()
        if correction.meant:
            await hands.presses(form.get_by_text("Something else, several things, or a comment"))
            asked = form.get_by_label("It asked", exact=True)
            await hands.writes(asked, correction.meant)
            await self.looks("correct")
            await hands.sends(asked, self.button("Keep", within=form))
        else:
            await hands.presses(self.button("Nothing that we answer", within=form))
        await expect(form.get_by_role("status")).to_contain_text("An example is proposed")
        await self.looks("corrected")

    # -- teaching -------------------------------------------------------------------------------------------------------------

    async def accepts_examples(self) -> None:
        page, hands = self.page, self.hands
        await self.goes("Teach")
        await self.looks("teach")
        await hands.presses(self.link("Examples"))
        await expect(page.locator(".proposal")).to_have_count(len(self.day.corrections))
        await self.looks("examples")
        for left in reversed(range(len(self.day.corrections))):
            await hands.presses(self.button("Accept").first)
            await expect(page.locator(".proposal")).to_have_count(left)
        await self.looks("accepted")

    async def begins_to_train(self) -> None:
        page, hands = self.page, self.hands
        await hands.presses(self.link("Try and publish"))
        await hands.presses(self.button("Train a candidate"))
        await expect(page.get_by_role("progressbar")).to_be_visible()
        await self.looks("training")

    async def publishes(self) -> None:
        page, hands = self.page, self.hands
        await self.goes("Teach", "Unanswered questions")
        await self.looks("questions")
        await hands.presses(self.link("Try and publish"))
        await expect(page.get_by_role("progressbar")).to_be_hidden(timeout=TRAINED_WITHIN)
        await expect(page.locator("tbody tr").first).to_contain_text("ready")
        await self.looks("ready")
        await hands.presses(page.get_by_role("link", name="See the replay").first)
        await expect(page.get_by_role("heading", name="Side by side")).to_be_visible()
        await self.looks("replay")
        await hands.presses(page.get_by_role("link", name=re.compile("^Better")))
        await expect(page).to_have_url(re.compile("show=better"))
        taught = "|".join(correction.asked for correction in self.day.corrections)
        await expect(page.locator(".sides tbody tr").first).to_contain_text(re.compile(taught))
        await hands.presses(self.button("Put it live"))
        await self.is_told("It is live.")
        await self.goes("Teach", "Try and publish")
        await expect(page.locator("#use-title + p")).to_contain_text("The candidate of")

    async def goes_back(self) -> None:
        page, hands = self.page, self.hands
        await self.goes("Teach", "Try and publish")
        await expect(page.get_by_text("The model in use knows every accepted example.")).to_be_visible()
        await expect(page.locator("main .fault")).to_have_count(0)
        await self.looks("published")
        await hands.presses(self.button("Go back to the model of the files"))
        await self.is_told("The model before it is live again")
        await expect(page.locator("#use-title + p")).to_contain_text("The model of the installed files")

    # -- content --------------------------------------------------------------------------------------------------------------

    async def edits_and_signs(self) -> None:
        page, hands, day = self.page, self.hands, self.day
        await self.goes("Content")
        await self.looks("content")
        await hands.presses(self.link(day.answer))
        await hands.writes(page.get_by_label("On the website", exact=True), day.words)
        await expect(page.locator("#preview .said").first).to_contain_text(day.words)
        await expect(page.locator("#preview .verdict")).to_contain_text("It can be saved")
        await self.looks("answer")
        note = page.get_by_label("What you changed, and why")
        await hands.writes(note, "Shorter, after two patients asked again")
        await hands.presses(self.button("Save"))
        await self.is_told("within five seconds")

        await self.goes("Sign-off")
        await self.looks("signing")
        paper = page.locator(".papers > li", has=page.get_by_text(day.answer, exact=True))
        await hands.presses(paper.locator("summary"))
        await expect(paper).to_contain_text(day.words)
        await hands.ticks(paper.get_by_role("checkbox"))
        await hands.writes(page.get_by_label("Your name and licence"), SIGNED_AS)
        await hands.writes(page.get_by_label("Your password"), PASSWORD)
        await hands.presses(self.button("Sign"))
        await self.is_told("Signed.")
        await expect(page.get_by_role("region", name="Signatures given")).to_contain_text(day.answer)
        await self.looks("signed")

    async def changes_hours(self) -> None:
        page, hands = self.page, self.hands
        await self.goes("Content", "Clinic settings")
        until, read = self.day.closes
        await hands.sets(page.get_by_label("Saturday, to", exact=True), until)
        await expect(page.locator("#preview")).to_contain_text(f"Saturday: {read}")
        await self.looks("clinic")
        await hands.presses(self.button("Save"))
        await self.is_told("within five seconds")

    # -- people ---------------------------------------------------------------------------------------------------------------

    async def calls_back(self, reference: str) -> None:
        page, hands = self.page, self.hands
        await self.goes("Bookings")
        await self.looks("bookings")
        await hands.presses(self.link(reference))
        await self.looks("booking")
        why = page.get_by_label("Why do you need them?")
        await hands.writes(why, TO_BOOK)
        await hands.sends(why, self.button("Show name and contact"))
        await expect(page.locator("a[href^='tel:']")).to_have_attribute(
            "href", f"tel:+1{self.day.phone.replace('-', '')}"
        )
        await self.looks("contact")
        await hands.presses(self.button("Called"))
        await self.is_told("Noted: called.")
        await hands.presses(self.button("Booked"))
        await self.is_told("Noted: booked.")
        await self.looks("booked")

    async def helps(self, patient: Visitor) -> None:
        """Steps into a chat, answers, and steps out."""
        page, hands = self.page, self.hands
        await patient.says("are there stairs, i am on crutches")
        await patient.says("can i talk to a person")
        await self.goes("Home")
        await hands.presses(page.get_by_role("link", name="asking for a person now"))
        await self.opens(self.day.question)
        if hands.way == "mouse":
            await self.button("Step in").click()
        else:
            await hands.keys("i")
        await patient.shows("A person will write to you")
        words = page.get_by_label("Write to the patient")
        await expect(words).to_be_focused()
        await hands.writes(words, "Hello, this is the front desk. There are no stairs: the door has a ramp.")
        if hands.way == "mouse":
            await self.button("Send").click()
        else:
            await hands.keys("Control+Enter")
        await patient.shows("the door has a ramp")
        await patient.goes_to(patient.box)
        await patient.page.keyboard.insert_text("great, thank you")
        await patient.page.keyboard.press("Enter")
        await expect(page.locator("#messages")).to_contain_text("great, thank you")
        await self.looks("live")
        await hands.presses(self.button("Step out"))
        await patient.shows("I am back")
        await expect(self.button("Step in")).to_be_visible()

    # -- privacy, and what was done ---------------------------------------------------------------------------------------------

    async def purges(self) -> None:
        page = self.page
        await self.goes("Privacy")
        await expect(page.locator("main")).to_contain_text("Due now: 1 conversation")
        await self.looks("privacy")
        await self.hands.presses(self.button("Purge now"))
        await self.is_told(re.compile(r"Taken away: 1 conversation, \d+ messages"))
        await self.looks("purged")

    async def verifies(self) -> None:
        await self.goes("Audit log")
        await self.looks("audit")
        await self.hands.presses(self.button("Check that it is whole"))
        await self.is_told("The log is whole")
        await self.looks("verified")

    async def looks_at_the_rest(self) -> None:
        """Pages that the day led past."""
        await self.goes("Staff")
        await self.looks("staff")
        await self.hands.presses(self.link(self.day.name, within=self.page.locator("main")))
        await self.looks("person")
        insights = self.link("Insights")
        if await insights.count():
            await self.hands.presses(insights)
            await self.looks("insights")


# -- the day ------------------------------------------------------------------------------------------------------------------


def account_of(clinic: Deployment, name: str) -> str:
    """The one-time code of a new account with every role."""
    roles = [part for role in Role for part in ("--role", role.value)]
    added = run_command(clinic.root, "staff", "add", name, *roles, **clinic.environ)
    found = re.search(r"\b[A-Z0-9]{4}(?:-[A-Z0-9]{4}){3}\b", added.stdout)
    assert found is not None, added.stderr
    return found[0]


def reference_of(clinic: Deployment, conversation: str) -> str:
    (reference,) = (
        one["reference"] for one in rows(clinic.settings, "requests") if one["conversation"] == conversation
    )
    return str(reference)


async def is_told_soon(patient: Visitor, question: str, words: str) -> None:
    """The assistant says it, at once or within the seconds that it may take."""
    ends = time.monotonic() + LIVE_WITHIN
    while True:
        is_late = time.monotonic() > ends
        await patient.says(question)
        if words in await patient.replies.last.inner_text():
            return
        assert not is_late, await patient.replies.last.inner_text()


async def is_answered(browser: httpx.AsyncClient, question: str, *, with_topics: Sequence[str]) -> None:
    """Patients who come from now on are soon answered with these topics: the model is loaded meanwhile."""
    async with asyncio.timeout(MILLISECONDS / 1000):
        while True:
            patient = await Patient.arrives(browser)
            await patient.says(question)
            if patient.topics == with_topics:
                return
            await asyncio.sleep(0.2)


@pytest.mark.parametrize(
    "day",
    [pytest.param(day, marks=LONG, id=day.way) for day in DAYS],
)
async def test_a_day_at_the_desk(
    day: Day, chromium: Browser, clinic: Deployment, written: Mapping[str, str]
) -> None:
    complaints: list[str] = []
    page = await opened(chromium, clinic, complaints)
    patient = Visitor(await opened(chromium, clinic, complaints), day.way)
    desk = Desk(page, Hands(page, day.way), day)
    await desk.signs_in(await desk.sets_up(account_of(clinic, day.name)))

    await desk.triages()
    await desk.reveals()
    for correction in day.corrections:
        await desk.corrects(correction)
    await desk.accepts_examples()
    await desk.begins_to_train()

    await patient.page.goto("/")
    await patient.page.frame_locator("iframe").locator("#say").wait_for()
    await desk.edits_and_signs()
    await is_told_soon(patient, day.question, day.words)
    await desk.changes_hours()
    await is_told_soon(patient, "what are your hours", f"Saturday: {day.closes[1]}")
    await desk.helps(patient)
    await desk.calls_back(reference_of(clinic, written[day.phone]))
    async with httpx.AsyncClient(base_url=clinic.address, timeout=60) as browser:
        await desk.publishes()
        await is_answered(browser, day.taught, with_topics=[day.topic])
        await desk.goes_back()
        await is_answered(browser, day.taught, with_topics=[])

    happened(clinic, written[day.forgotten], ago=OLD)
    await desk.purges()
    await desk.verifies()
    await desk.looks_at_the_rest()
    await desk.hands.presses(desk.button("Sign out"))
    await desk.is_told("You are signed out.")
    assert complaints == []

    (account,) = (row["id"] for row in rows(clinic.settings, "staff") if row["name"] == day.name)
    log = [row for row in rows(clinic.settings, "audit") if row["actor"] == account]
    done = Counter(row["action"] for row in log if row["outcome"] == "success")
    assert {action: times for action, times in DEEDS.items() if done[action] < times} == {}
    assert [row["reason"] for row in log if row["action"].endswith("/reveal")] == [TO_CALL, TO_BOOK]
    verified = run_command(clinic.root, "audit", "verify", **clinic.environ)
    assert verified.returncode == 0, verified.stderr
    for one in (patient.page, page):
        await one.context.close()
