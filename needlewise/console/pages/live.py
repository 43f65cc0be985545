"""Live help: the bar under a conversation with which staff step in, write to the patient, and step out."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from starlette.responses import Response

from needlewise import clock
from needlewise.console.roles import Role
from needlewise.console.visit import PREFIX, Refused, Section, Visit
from needlewise.conversations.live import LONGEST, OutOfReach, Scene, SomebodyElse, parts_of, texts_of
from needlewise.db.tables import conversations
from needlewise.wiring import Services

section = Section()

ASKING = timedelta(hours=1)
"""How long somebody who asked for a person is likely to be there still."""
_HEEDED = timedelta(hours=24)
"""How long a sign that safety found is told of in the bar."""
_CANNED = "canned."

_OUT_OF_REACH: Mapping[str, str] = {
    "ended": "The patient's chat has ended: nothing that is written here would get to them.",
    "stopped": "This number asked for no more texts (STOP). Nothing may be sent to it.",
    "gone": "This conversation was deleted.",
}
_SIGNS: Mapping[str, str] = {
    "emergency": "Signs of an emergency. The patient was told at once what to do.",
    "urgent": "Urgent signs. The patient was told at once what to do.",
    "crisis": "Signs of a crisis. The patient was given help lines at once.",
    "violence": "Signs of violence. The patient was given help lines at once.",
    "poison": "Signs of a poisoning. The patient was told at once what to do.",
    "ask": "A sign that may be grave. The patient was asked about it.",
    "doctor": "A sign that a doctor should look at.",
}


@dataclass(frozen=True)
class Bar:
    """What the bar shows."""

    scene: Scene
    state: str
    """mine, theirs, open or closed: who is in, or whether one may step in."""
    who: str
    """The name of whoever is in."""
    reason: str
    sign: str
    sign_at: datetime | None
    seen: str
    """What a page that shows this need not be told again."""


@section.get(
    "/conversation/{id}/live", needs=Role.READER, action="conversation/live-help", is_background=True
)
async def bar(visit: Visit) -> Response:
    """The bar; where the page has it already, only what has changed since, or nothing."""
    found = await _bar(visit)
    seen = visit.query.get("seen")
    if seen is None or not visit.is_partial:
        return _show(visit, found)
    if seen == found.seen:
        return Response(status_code=204)
    if seen.partition(" ")[0] == found.seen.partition(" ")[0]:
        return visit.show("live_sign.html", bar=found)
    response = _show(visit, found)
    response.headers.update({"HX-Retarget": "#live", "HX-Reswap": "outerHTML"})
    return response


@section.post("/conversation/{id}/live/in", needs=Role.REVIEWER, action="conversation/step-in")
async def step_in(visit: Visit) -> Response:
    scene = await _scene(visit)
    help_ = visit.services.live_help
    try:
        over = visit.form.get("over", "")
        await help_.step_in(scene.conversation, visit.account.id, visit.entry(), over=over)
    except (SomebodyElse, OutOfReach) as fault:
        return await _again(visit, await _fault(visit, fault))
    return await _done(visit, "stepped-in")


@section.post("/conversation/{id}/live/say", needs=Role.REVIEWER, action="conversation/write")
async def say(visit: Visit) -> Response:
    scene = await _scene(visit)
    words = visit.form.get("words", "").replace("\r\n", "\n").strip()
    if not words or len(words) > LONGEST:
        return await _again(visit, f"A message has 1 to {LONGEST} characters.", words=words)
    try:
        once = visit.form.get("once", "")[:50] or uuid.uuid4().hex
        await visit.services.live_help.speak(
            scene.conversation, visit.account.id, words, visit.entry(), once=once
        )
    except (SomebodyElse, OutOfReach) as fault:
        return await _again(visit, f"{await _fault(visit, fault)} Your words were not sent.", words=words)
    return await _done(visit, "written")


@section.post("/conversation/{id}/live/out", needs=Role.REVIEWER, action="conversation/step-out")
async def step_out(visit: Visit) -> Response:
    scene = await _scene(visit)
    try:
        await visit.services.live_help.step_out(scene.conversation, visit.account.id, visit.entry())
    except SomebodyElse as fault:
        return await _again(visit, await _fault(visit, fault))
    return await _done(visit, "stepped-out")


@section.post(
    "/conversation/{id}/live/parts", needs=Role.REVIEWER, action="conversation/parts", is_background=True
)
async def parts(visit: Visit) -> Response:
    """How many texts what is being written will be."""
    await _scene(visit)
    words = visit.form.get("words", "").replace("\r\n", "\n").strip()[:LONGEST]
    return visit.show("live_parts.html", texts=len(texts_of(words)), parts=parts_of(words))


@section.waits("asking for a person now", needs=Role.READER, path="/inbox?person=1&unreviewed=1")
async def asking_now(services: Services, clinics: frozenset[str]) -> int:
    """Conversations of the last hour in which a person was asked for, that nobody has reviewed and nobody is in."""
    query = select(func.count()).where(
        conversations.c.clinic.in_(clinics),
        conversations.c.asked_person.is_(True),
        conversations.c.reviewed_at.is_(None),
        conversations.c.live_by.is_(None),
        conversations.c.last_at >= clock.now() - ASKING,
    )
    async with services.reading.connect() as connection:
        return int(await connection.scalar(query))


# -- what is around it -------------------------------------------------------------------------------------------------


async def _scene(visit: Visit) -> Scene:
    """The conversation of the address, at a clinic of this person's. Raises Refused."""
    scene = await visit.services.live_help.look(visit.request.path_params["id"])
    if scene is None:
        raise Refused(404, "no such conversation")
    visit.at(scene.clinic, scene.conversation)
    return scene


async def _bar(visit: Visit) -> Bar:
    scene = await _scene(visit)
    may = scene.clinic in visit.site.at(visit.account, Role.REVIEWER)
    if scene.by and scene.by == visit.account.id:
        state = "mine"
    elif scene.by:
        state = "theirs"
    else:
        state = "open" if may and not scene.out_of_reach else "closed"
    is_heeded = scene.alert_at is not None and clock.now() - scene.alert_at < _HEEDED
    is_told = bool(scene.by) and is_heeded
    zone = visit.services.zone(scene.clinic)
    return Bar(
        scene,
        state,
        await _name(visit, scene.by),
        _OUT_OF_REACH.get(scene.out_of_reach, ""),
        _SIGNS.get(scene.level, "") if is_told else "",
        scene.alert_at.astimezone(zone) if is_told and scene.alert_at else None,
        f"{state}{scene.by}{scene.out_of_reach} {scene.alert if is_told else ''}",
    )


async def _name(visit: Visit, account: str) -> str:
    found = await visit.site.accounts.get(account) if account else None
    return found.name if found else "a colleague"


async def _fault(visit: Visit, fault: SomebodyElse | OutOfReach) -> str:
    if isinstance(fault, OutOfReach):
        return _OUT_OF_REACH[fault.why]
    if not fault.by:
        return "You are not in this conversation any more: the assistant is back."
    return f"{(await _name(visit, fault.by)).capitalize()} is in this conversation now."


async def _done(visit: Visit, done: str) -> Response:
    """The bar anew, and word to the page that there is something to read; without a script the conversation's own page."""
    if not visit.is_partial:
        return visit.back(f"/conversation/{visit.request.path_params['id']}", done=done)
    response = _show(visit, await _bar(visit), is_new=True)
    response.headers["HX-Trigger-After-Settle"] = "said"
    return response


async def _again(visit: Visit, fault: str, *, words: str = "") -> Response:
    visit.is_recorded = False
    try:
        found = await _bar(visit)
    except Refused:
        return visit.show("error.html", status=404, heading="It is gone", words=fault)
    return _show(visit, found, fault=fault, words=words, is_new=True)


def _show(visit: Visit, found: Bar, *, fault: str = "", words: str = "", is_new: bool = False) -> Response:
    place = visit.services.place(found.scene.clinic, found.scene.channel, "en")
    phrases = visit.services.library.phrases
    return visit.show(
        "live_part.html" if visit.is_partial else "live.html",
        status=200 if visit.is_partial or not fault else 409,
        bar=found,
        may=found.scene.clinic in visit.site.at(visit.account, Role.REVIEWER),
        canned=[visit.services.renderer.words(key, place) for key in phrases if key.startswith(_CANNED)],
        fault=fault,
        words=words,
        once=uuid.uuid4().hex,
        longest=LONGEST,
        is_new=is_new,
        address=f"{PREFIX}/conversation/{found.scene.conversation}",
    )
