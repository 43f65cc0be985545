"""One conversation: what was said, how it was understood, and what staff do with it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from needlewise.console.lists import GRAVE, OUTCOMES, REQUESTS, SAFETY, marks, titled, when
from needlewise.console.pages.inbox import line_of
from needlewise.console.roles import Role
from needlewise.console.visit import PREFIX, Refused, Section, Visit
from needlewise.console.words import masked, ours
from needlewise.conversations.filters import ME, parse_query
from needlewise.conversations.listing import Listed
from needlewise.conversations.review import LONGEST_NOTE, LONGEST_TAG
from needlewise.conversations.sent import load_sent
from needlewise.conversations.transcripts import Correction, NotThere, Revealed, Said, Transcript
from needlewise.errors import NeedlewiseError
from needlewise.wiring import Services

section = Section()

DONE: Mapping[str, str] = {
    "reviewed": "It is marked as reviewed.",
    "reviewed-last": "It is marked as reviewed. The list goes no further.",
    "not-reviewed": "It counts as not reviewed again.",
    "wrote-on": "The patient has written on since you opened it: read on before you mark it as reviewed.",
    "flagged": "It is flagged.",
    "unflagged": "The flag is gone.",
    "assigned": "It is assigned.",
    "unassigned": "It is nobody’s now.",
    "tagged": "The tag is added.",
    "untagged": "The tag is gone.",
    "noted": "The note is added.",
}
"""What is said after each deed."""

_HIDES = re.compile(r"\[[a-z_ ]{1,20}\]")
"""A mask, or what stands for a message that could not be masked."""
_KINDS = {
    "answer": "answer",
    "question": "question",
    "outcome": "outcome of the screening",
    "urgent": "urgent notice",
    "crisis": "crisis notice",
    "handoff": "hand-over",
    "notice": "notice",
    "staff": "",
}
_TITLES = {"web": "Website chat", "sms": "Text messages"}
_VERDICTS = {
    "topics": "should have been",
    "out_of_scope": "should have been declined",
    "urgent": "should have been taken as urgent",
    "wrong_answer": "the answer was wrong",
    "unclear_answer": "the answer was unclear",
}
_KEYS = (
    ("j k", "the next message, the one before"),
    ("o", "how the message was understood"),
    ("u", "back to the inbox"),
    ("?", "this list"),
)
_REVIEW_KEYS = (
    ("e", "mark it reviewed, and go on to the next"),
    ("a", "assign it to me"),
    ("f", "flag it, or take the flag away"),
    ("t", "add a tag"),
    ("n", "add a note"),
)
_REVEAL_KEYS = (("r", "reveal the full words of the message"),)


@dataclass(frozen=True)
class Answer:
    """An answer that a message of ours showed."""

    topic: str
    title: str
    version: int


@dataclass(frozen=True)
class Message:
    """A message, ready to be read. What `correct.html` and others include get it as `message`."""

    id: str
    clinic: str
    by: str
    at: datetime
    when: str
    is_ours: bool
    """Said by the assistant or by staff."""
    is_grave: bool
    words: str
    """As HTML that is safe to show."""
    is_masked: bool
    """Something in it can be revealed."""
    is_revealed: bool
    kind: str
    topics: tuple[str, ...]
    answers: Sequence[Answer]
    understood: str
    """In a few words; empty for what we said ourselves."""
    confidence: str
    details: Sequence[tuple[str, Sequence[str]]]
    thumb: str
    thumb_reason: str
    corrections: Sequence[str]
    fault: str = ""
    """Why it was not revealed."""


@section.get("/conversation/{id}", needs=Role.READER, action="conversation/view")
async def conversation(visit: Visit) -> Response:
    return await _page(visit, await _open(visit))


@section.get("/conversation/{id}/news", needs=Role.READER, action="conversation/news", is_background=True)
async def news(visit: Visit) -> Response:
    """What was said after the last message on the page; 204 while nothing was."""
    transcript = await _open(visit)
    after = visit.query.get("after", "")
    fresh, pending = _finished(transcript, after)
    if not fresh and str(pending) == visit.query.get("pending", ""):
        return Response(status_code=204)
    return visit.show(
        "conversation_news.html",
        **await _about(visit, transcript),
        **_messages(visit, transcript, fresh, pending, after=after),
    )


@section.post("/conversation/{id}/reveal", needs=Role.READER, action="conversation/reveal")
async def reveal(visit: Visit) -> Response:
    """The full words, of one message or of all, in the page that answers and nowhere else."""
    transcript = await _open(visit)
    if not _may_reveal(visit, transcript.listed.clinic):
        raise Refused(403, "no role")
    one = visit.form.get("message", "")
    if one and one not in {said.id for said in transcript.messages}:
        raise Refused(404, "no such message")
    fault, revealed = "", Revealed({}, {})
    try:
        revealed = await visit.services.transcripts.reveal(
            transcript.listed.id,
            [transcript.listed.clinic],
            visit.entry(reason=visit.form.get("reason", "")),
            message=one or None,
        )
    except NotThere as gone:
        raise Refused(404, "gone meanwhile") from gone
    except NeedlewiseError as error:
        visit.is_recorded = False
        fault = f"{str(error)[:1].upper()}{str(error)[1:]}."
    if one and visit.is_partial:
        said = next(said for said in transcript.messages if said.id == one)
        message = replace(_message(visit, transcript.listed, said, revealed), fault=fault)
        return visit.show(
            "conversation_message.html",
            status=422 if fault else 200,
            **await _about(visit, transcript),
            message=message,
        )
    return await _page(visit, transcript, revealed=revealed, is_revealed=not (fault or one), fault=fault)


@section.post("/conversation/{id}/reviewed", needs=Role.REVIEWER, action="conversation/review")
async def mark_reviewed(visit: Visit) -> Response:
    """Mark it, or take that back; then the same page, the next one of the list, or the line in the list."""
    listed = (await _open(visit)).listed
    heard = visit.form.get("heard", "")
    if visit.form.get("undo") == "yes":
        await visit.services.review.mark_unreviewed(listed.id, visit.clinics, visit.entry())
        return await _after(visit, done="not-reviewed")
    done = await visit.services.review.mark_reviewed(
        listed.id,
        visit.clinics,
        visit.entry(),
        by=visit.account.id,
        heard=int(heard) if heard.isascii() and heard.isdigit() else None,
    )
    if not done:
        return await _after(visit, done="wrote-on")
    if visit.form.get("then") != "next":
        return await _after(visit, done="reviewed")
    query = parse_query(visit.form.get("back", "")).query()
    following = await _next(visit, listed, only_unreviewed=True)
    if following is None:
        return visit.back("/inbox" + (f"?{query}" if query else ""), done="reviewed-last")
    return visit.back(f"/conversation/{following}{_back(query)}", done="reviewed")


@section.post("/conversation/{id}/flagged", needs=Role.REVIEWER, action="conversation/flag")
async def flag(visit: Visit) -> Response:
    listed, is_on = (await _open(visit)).listed, visit.form.get("undo") != "yes"
    await visit.services.review.flag(listed.id, visit.clinics, visit.entry(), on=is_on)
    return await _after(visit, done="flagged" if is_on else "unflagged")


@section.post("/conversation/{id}/assigned", needs=Role.REVIEWER, action="conversation/assign")
async def assign(visit: Visit) -> Response:
    listed, to = (await _open(visit)).listed, visit.form.get("to", "")
    person = visit.account.id if to == ME else to or None
    try:
        await visit.services.review.assign(listed.id, visit.clinics, visit.entry(), to=person)
    except NeedlewiseError as fault:
        return await _failed(visit, fault)
    return await _after(visit, done="assigned" if person else "unassigned")


@section.post("/conversation/{id}/tags", needs=Role.REVIEWER, action="conversation/tag")
async def tag(visit: Visit) -> Response:
    listed = (await _open(visit)).listed
    try:
        await visit.services.review.tag(
            listed.id, visit.clinics, visit.entry(), tag=visit.form.get("tag", "")
        )
    except NeedlewiseError as fault:
        return await _failed(visit, fault)
    return await _after(visit, done="tagged")


@section.post("/conversation/{id}/tags/remove", needs=Role.REVIEWER, action="conversation/untag")
async def untag(visit: Visit) -> Response:
    listed = (await _open(visit)).listed
    if visit.form.get("tag", "") not in listed.tags:
        return await _after(visit, done="untagged")
    await visit.services.review.untag(listed.id, visit.clinics, visit.entry(), tag=visit.form.get("tag", ""))
    return await _after(visit, done="untagged")


@section.post("/conversation/{id}/notes", needs=Role.REVIEWER, action="conversation/note")
async def note(visit: Visit) -> Response:
    listed = (await _open(visit)).listed
    try:
        await visit.services.review.note(
            listed.id,
            visit.clinics,
            visit.entry(),
            author=visit.account.id,
            body=visit.form.get("body", ""),
        )
    except NeedlewiseError as fault:
        return await _failed(visit, fault)
    return await _after(visit, done="noted")


# -- reading ----------------------------------------------------------------------------------------------------------


async def _open(visit: Visit) -> Transcript:
    """The conversation of the address, if it is at a clinic where this person has the route's role; the audit row is about it."""
    try:
        transcript = await visit.services.transcripts.open(visit.request.path_params["id"], visit.clinics)
    except NotThere as fault:
        raise Refused(404, "other clinic, or none") from fault
    visit.at(transcript.listed.clinic, transcript.listed.id)
    return transcript


async def _next(visit: Visit, listed: Listed, *, only_unreviewed: bool) -> str | None:
    """The id of what comes after it in the list that `back` stands for."""
    back = visit.form.get("back") if visit.request.method == "POST" else visit.query.get("back")
    filters = parse_query(back or "")
    if only_unreviewed:
        filters = replace(filters, unreviewed=True)
    clinics = visit.site.at(visit.account, Role.READER)
    page = await visit.services.listing.rows(
        filters, clinics, me=visit.account.id, after=listed.cursor, limit=1
    )
    return page.rows[0].id if page.rows else None


def _may_reveal(visit: Visit, clinic: str) -> bool:
    return any(clinic in visit.site.at(visit.account, role) for role in (Role.REVIEWER, Role.CLINICIAN))


# -- answers ----------------------------------------------------------------------------------------------------------


async def _page(
    visit: Visit,
    transcript: Transcript,
    *,
    revealed: Revealed | None = None,
    is_revealed: bool = False,
    fault: str = "",
) -> Response:
    fresh, pending = _finished(transcript, "")
    values = await _about(visit, transcript) | {"is_revealed": is_revealed, "fault": fault}
    return visit.show(
        "conversation.html",
        status=422 if fault else 200,
        **values,
        **_messages(visit, transcript, fresh, pending, revealed=revealed),
        next=await _next(visit, transcript.listed, only_unreviewed=False),
        keys=(
            *_KEYS[:2],
            *(_REVEAL_KEYS if values["may_reveal"] else ()),
            *(_REVIEW_KEYS if values["may_review"] else ()),
            *_KEYS[2:],
        ),
    )


async def _after(visit: Visit, *, done: str) -> Response:
    """Where a form came from: the line of the list, the part of the page, or the page."""
    identity = visit.request.path_params["id"]
    query = parse_query(visit.form.get("back", "")).query()
    if not visit.is_partial:
        return visit.back(f"/conversation/{identity}{_back(query)}", done=done)
    transcript = await _open(visit)
    if visit.form.get("row") == "yes":
        line = line_of(visit, transcript.listed)
        return visit.show("inbox_line.html", line=line, query=query)
    return await _changed(visit, transcript, done=done)


async def _failed(visit: Visit, fault: NeedlewiseError) -> Response:
    """The page with what was wrong; its row in the audit log says failure."""
    visit.is_recorded = False
    transcript = await _open(visit)
    words = f"{str(fault)[:1].upper()}{str(fault)[1:]}."
    if visit.form.get("row") == "yes" and visit.is_partial:
        line = line_of(visit, transcript.listed)
        return visit.show("inbox_line.html", status=422, line=line, query="", fault=words)
    if visit.is_partial:
        return await _changed(visit, transcript, fault=words)
    return await _page(visit, transcript, fault=words)


async def _changed(visit: Visit, transcript: Transcript, *, done: str = "", fault: str = "") -> Response:
    return visit.show(
        "conversation_changed.html",
        status=422 if fault else 200,
        **await _about(visit, transcript),
        next=await _next(visit, transcript.listed, only_unreviewed=False),
        is_revealed=False,
        done=DONE.get(done, ""),
        fault=fault,
    )


async def _about(visit: Visit, transcript: Transcript) -> dict[str, Any]:
    """What the page says beside the messages."""
    listed, services = transcript.listed, visit.services
    zone = services.zone(listed.clinic)
    given = visit.form if visit.request.method == "POST" else visit.query
    query = parse_query(given.get("back", "")).query()
    may_review = listed.clinic in visit.site.at(visit.account, Role.REVIEWER)
    title = f"{_TITLES.get(listed.channel, listed.channel)}, {listed.started_at.astimezone(zone):%-d %B %Y}"
    return {
        "conversation": listed,
        "title": title,
        "query": query,
        "back": _back(query),
        "badges": marks(listed),
        "facts": [*_facts(visit, listed)],
        "sent": [
            (one.reference, f"{REQUESTS.get(one.kind, one.kind)}, {one.state.replace('_', ' ')}")
            for one in await load_sent(services.reading, listed.id)
        ],
        "notes": [
            (one.body, one.author.name if one.author else "somebody", one.at, when(one.at, zone))
            for one in transcript.notes
        ],
        "permalink": f"{visit.request.url.scheme}://{visit.request.url.netloc}{PREFIX}/conversation/{listed.id}",
        "people": await services.listing.people([listed.clinic]) if may_review else (),
        "tags_known": await services.listing.tags([listed.clinic]) if may_review else (),
        "may_review": may_review,
        "may_reveal": _may_reveal(visit, listed.clinic) and not listed.is_erased,
        "longest_note": LONGEST_NOTE,
        "longest_tag": LONGEST_TAG,
    }


def _facts(visit: Visit, listed: Listed) -> Iterator[tuple[str, str]]:
    zone = visit.services.zone(listed.clinic)
    yield "Clinic", visit.services.library.clinic(listed.clinic).name
    yield "Began", f"{listed.started_at.astimezone(zone):%-d %b %Y, %H:%M}"
    yield "Last message", f"{listed.last_at.astimezone(zone):%-d %b %Y, %H:%M} ({zone.key})"
    if listed.topics:
        yield "Topics", ", ".join(titled(visit.services, one) for one in listed.topics)
    if listed.outcome:
        yield "Screening", f"{listed.outcome}: {OUTCOMES.get(listed.outcome, '')}"
    if listed.reviewed_at:
        by = f" by {listed.reviewed_by.name}" if listed.reviewed_by else ""
        yield "Reviewed", f"{listed.reviewed_at.astimezone(zone):%-d %b, %H:%M}{by}"
    else:
        yield "Reviewed", "not yet"


# -- messages ---------------------------------------------------------------------------------------------------------


def _finished(transcript: Transcript, after: str) -> tuple[Sequence[Said], int]:
    """The messages after one that may be shown, up to the first that may not yet; and how many wait behind them."""
    said = list(transcript.messages)
    begin = next((at + 1 for at, one in enumerate(said) if one.id == after), 0)
    waiting = next((at for at in range(begin, len(said)) if said[at].is_being_prepared), len(said))
    return said[begin:waiting], len(said) - waiting


def _messages(
    visit: Visit,
    transcript: Transcript,
    said: Sequence[Said],
    pending: int,
    *,
    after: str = "",
    revealed: Revealed | None = None,
) -> dict[str, Any]:
    return {
        "messages": [_message(visit, transcript.listed, one, revealed) for one in said],
        "corrected": {one.id: one.corrections for one in said if one.corrections},
        "last": said[-1].id if said else after,
        "pending": pending,
    }


def _message(visit: Visit, listed: Listed, said: Said, revealed: Revealed | None = None) -> Message:
    is_ours = said.speaker != "patient"
    full = revealed.words.get(said.id) if revealed else None
    reason = revealed.reasons.get(said.id) if revealed else None
    words = full if full is not None else said.words
    if words is None:
        shown = "This message is erased." if said.is_erased else "Being masked…"
    else:
        shown = ours(words) if said.speaker == "assistant" else masked(words)
    speaker = (
        said.author.name if said.author else {"assistant": "Assistant", "staff": "Staff"}.get(said.speaker)
    )
    thumb = said.thumb
    return Message(
        id=said.id,
        clinic=listed.clinic,
        by=speaker or "Patient",
        at=said.at,
        when=when(said.at, visit.services.zone(listed.clinic)),
        is_ours=is_ours,
        is_grave=said.safety_level in GRAVE,
        words=shown,
        is_masked=full is None and _HIDES.search(said.words or "") is not None,
        is_revealed=full is not None,
        kind=_KINDS.get(said.kind or "", said.kind or "") if is_ours else "",
        topics=said.topics,
        answers=[Answer(topic, titled(visit.services, topic), version) for topic, version in said.answers],
        understood="" if is_ours else _summary(visit.services, said),
        confidence=_percent(said.confidence) if said.topics or (said.act and not said.safety_level) else "",
        details=[] if is_ours else [*_details(visit.services, said)],
        thumb=thumb.verdict if thumb else "",
        thumb_reason=reason or (thumb.reason if thumb and thumb.reason else ""),
        corrections=[_corrected(visit.services, one) for one in said.corrections],
    )


def _summary(services: Services, said: Said) -> str:
    read = said.understood
    topics = ", ".join(titled(services, one) for one in said.topics)
    if not said.is_answered:
        return "not answered"
    if said.safety_level in GRAVE:
        return f"a sign of danger: {SAFETY.get(said.safety_level or '', said.safety_level or '')}"
    if topics:
        return topics
    if read and read.offered:
        return f"not sure between {', '.join(titled(services, one) for one in read.offered)}"
    if said.act:
        return titled(services, said.act)
    if read and read.command:
        return f"a word to the form: {read.command.replace('_', ' ')}"
    return (
        "an answer to our question"
        if read and (read.form or read.intent == "choose")
        else "nothing of its own"
    )


def _details(services: Services, said: Said) -> Iterator[tuple[str, Sequence[str]]]:
    """Everything that the log knows of how a message was read."""
    read = said.understood

    def names(intents: Sequence[str]) -> str:
        return ", ".join(titled(services, one) for one in intents)

    if said.safety_level:
        level = SAFETY.get(said.safety_level, said.safety_level)
        yield "Safety", [f"{level}, rule {said.safety_rule or 'not named'}"]
    else:
        yield "Safety", ["no sign found"]
    if said.act:
        yield "Act", [titled(services, said.act)]
    if read:
        for number, part in enumerate(read.parts, 1):
            ranked = [f"{titled(services, intent)} {_percent(share)}" for intent, share in part.best]
            taken = [f"taken: {titled(services, part.topic)}"] if part.topic and len(read.parts) > 1 else []
            yield (f"Question {number}" if len(read.parts) > 1 else "Ranking"), [*taken, *ranked]
        if read.offered:
            yield "Offered", [names(read.offered)]
        if read.more:
            yield "Left for later", [names(read.more)]
        if read.behind:
            yield "Read after", [f"the answer about {titled(services, read.behind)}"]
        if read.form:
            asked = f", which asked: {read.asked.replace('_', ' ')}" if read.asked else ""
            yield "Open form", [f"{read.form.replace('_', ' ')}{asked}"]
        if read.command:
            yield "Word to the form", [read.command.replace("_", " ")]
    if said.latency_ms is not None:
        yield "Answered in", [f"{said.latency_ms:.0f} ms"]


def _corrected(services: Services, one: Correction) -> str:
    verdict = _VERDICTS.get(one.verdict, one.verdict)
    topics = ", ".join(titled(services, topic) for topic in one.topics)
    by = one.by.name if one.by else "somebody"
    return f"{by}: {verdict} {topics}".rstrip()


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share * 100:.0f} %"


def _back(query: str) -> str:
    """The list that a page came from, as a part of its address; only filters are ever in it."""
    return f"?back={quote(query, safe='')}" if query else ""
