"""The inbox: conversations, newest first. Filters live in the URL; a search's words too, but in no log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from needlewise import clock
from needlewise.console.lists import CHANNELS, OUTCOMES, Badge, marks, titled, when
from needlewise.console.roles import Role
from needlewise.console.visit import Refused, Section, Visit
from needlewise.console.words import masked
from needlewise.conversations.filters import (
    ME,
    NOBODY,
    Filters,
    ParsedFilters,
    parse_filters,
    parse_query,
)
from needlewise.conversations.listing import Listed
from needlewise.conversations.review import count_unreviewed
from needlewise.conversations.transcripts import NotThere
from needlewise.errors import NeedlewiseError
from needlewise.wiring import Services

section = Section()

PAGE = 50

DONE: Mapping[str, str] = {
    "some-reviewed": "Those are marked as reviewed in which the patient has not written on since you saw them.",
    "view-saved": "The view is saved.",
    "view-deleted": "The view is deleted.",
}
"""What is said after each deed."""

_TICKS = {
    "unreviewed": "Not reviewed",
    "missed": "Declined or unsure",
    "down": "Thumbs down",
    "person": "Asked for a person",
    "requested": "Sent a request",
    "flagged": "Flagged",
    "live": "Live",
    "stopped": "Opted out",
}
_SAFETY = {"any": "any sign", "urgent": "urgent", "crisis": "crisis", "doctor": "doctor or asked"}
_BELOW = ("50", "60", "70", "80", "90")
_LABELS = {
    "q": "Words",
    "safety": "Safety",
    "channel": "Channel",
    "clinic": "Clinic",
    "topic": "Topic",
    "outcome": "Screening",
    "below": "Confidence",
    "assigned": "Assigned to",
    "tag": "Tag",
    "from": "From",
    "to": "To",
}
_VIEWS = (
    ("Everything", Filters()),
    ("To review", Filters(unreviewed=True)),
    ("Urgent", Filters(safety="urgent")),
    ("Crisis", Filters(safety="crisis")),
    ("Mine", Filters(assigned=ME)),
)
_KEYS = (
    ("j k", "the next, the one before"),
    ("o", "open it (so does Enter)"),
    ("/", "search"),
    ("?", "this list"),
)
_REVIEW_KEYS = (
    ("x", "select it, or not"),
    ("e", "mark it reviewed, or those selected, and go on"),
    ("a", "assign it to me"),
    ("t", "tag it"),
)


@dataclass(frozen=True)
class Line:
    """A conversation, ready to be read in the list."""

    id: str
    words: str
    topics: Sequence[str]
    tags: Sequence[str]
    badges: Sequence[Badge]
    channel: str
    clinic: str
    """Its name, where the list holds several clinics."""
    at: datetime
    when: str
    assigned: str
    heard: int
    is_reviewed: bool
    may_review: bool


@dataclass(frozen=True)
class Choice:
    """A select of the filter form."""

    name: str
    label: str
    values: Sequence[tuple[str, str]]


@section.get("/inbox", needs=Role.READER, action="inbox/view", menu="Inbox")
async def inbox(visit: Visit) -> Response:
    """The whole page; the results alone, or older lines, for htmx."""
    parsed = parse_filters(visit.query)
    filters, after = parsed.filters, visit.query.get("after")
    page = await visit.services.listing.rows(
        filters, visit.clinics, me=visit.account.id, after=after, limit=PAGE
    )
    await _note(visit, filters)
    older = _joined(filters, after=page.older) if page.older else ""
    shown: dict[str, Any] = {
        "lines": [line_of(visit, row) for row in page.rows],
        "older": older,
        "query": filters.query(),
    }
    if visit.is_partial and after:
        return visit.show("inbox_lines.html", **shown)
    top = page.rows[0].cursor if page.rows and not after else f"{clock.now().isoformat()}~"
    # The first page was counted on its way; only an address in the middle of the list asks anew.
    count = page.count or await visit.services.listing.count(filters, visit.clinics, me=visit.account.id)
    choices = await _choices(visit)
    shown |= {
        "count": str(count),
        "is_one": str(count) == "1",
        "faults": parsed.errors,
        "chips": _chips(filters, choices),
        "news": _joined(filters, than=top),
        "views": [(name, one.query()) for name, one in _VIEWS],
        "kept": await visit.services.saved_views.of(visit.account.id),
        "may_review": bool(visit.site.at(visit.account, Role.REVIEWER)),
    }
    if visit.is_partial:
        return visit.show("inbox_filtered.html", **shown)
    return await _whole(visit, parsed, choices, shown)


async def _whole(
    visit: Visit, parsed: ParsedFilters, choices: Sequence[Choice], shown: Mapping[str, Any]
) -> Response:
    may_review = bool(shown["may_review"])
    values = parsed.filters.values()
    return visit.show(
        "inbox.html",
        **shown,
        filters=parsed.filters,
        values=values,
        ticks=_TICKS.items(),
        selects=choices,
        is_open=any(name in values for name in ("from", "to", *(choice.name for choice in choices))),
        keys=(*_KEYS[:2], *(_REVIEW_KEYS if may_review else ()), *_KEYS[2:]),
        tags=await visit.services.listing.tags(visit.clinics),
    )


@section.get("/inbox/news", needs=Role.READER, action="inbox/news", is_background=True)
async def news(visit: Visit) -> Response:
    """How many came on top since the list was loaded; 204 while that is as it was when asked last."""
    filters, than = parse_filters(visit.query).filters, visit.query.get("than", "")
    fresh = await visit.services.listing.newer(
        filters, visit.clinics, than=than, me=visit.account.id, limit=PAGE + 1
    )
    if str(len(fresh)) == visit.query.get("known", "0"):
        return Response(status_code=204)
    return visit.show("inbox_news.html", number=len(fresh), most=PAGE, news=_joined(filters, than=than))


@section.get("/inbox/newer", needs=Role.READER, action="inbox/view")
async def newer(visit: Visit) -> Response:
    """The lines that came on top, for htmx; without it, and when they are more than a page, the list anew."""
    filters = parse_filters(visit.query).filters
    if not visit.is_partial:
        return visit.back("/inbox" + (f"?{filters.query()}" if filters.query() else ""))
    rows = await visit.services.listing.newer(
        filters, visit.clinics, than=visit.query.get("than", ""), me=visit.account.id, limit=PAGE + 1
    )
    await _note(visit, filters)
    if len(rows) > PAGE:
        return Response(status_code=204, headers={"HX-Refresh": "true"})
    top = rows[0].cursor if rows else visit.query.get("than", "")
    return visit.show(
        "inbox_newer.html",
        lines=[line_of(visit, row) for row in rows],
        older="",
        query=filters.query(),
        news=_joined(filters, than=top),
    )


@section.post("/inbox/reviewed", needs=Role.REVIEWER, action="conversation/review")
async def mark_reviewed(visit: Visit) -> Response:
    """Mark what was ticked; what its patient has gone on with since it was shown stays to be read."""
    query = parse_query(visit.form.get("back", "")).query()
    back = "/inbox" + (f"?{query}" if query else "")
    chosen = visit.form.getlist("id")[:PAGE]
    if not chosen:
        raise Refused(400, "nothing selected")
    missed = 0
    for one in chosen:
        identity, _, heard = one.partition(":")
        try:
            done = await visit.services.review.mark_reviewed(
                identity,
                visit.clinics,
                visit.entry(),
                by=visit.account.id,
                heard=int(heard) if heard.isascii() and heard.isdigit() else None,
            )
        except NotThere as fault:
            raise Refused(404, "other clinic") from fault
        missed += not done
    return visit.back(back, done="some-reviewed" if missed else "reviewed")


@section.post("/inbox/views", needs=Role.READER, action="inbox/save-view")
async def save_view(visit: Visit) -> Response:
    try:
        view = await visit.services.saved_views.save(
            visit.account.id, visit.form.get("name", ""), visit.form.get("back", ""), visit.entry()
        )
    except NeedlewiseError as fault:
        visit.is_recorded = False
        return visit.show("error.html", status=422, heading="That was not saved", words=str(fault))
    return visit.back("/inbox" + (f"?{view.query}" if view.query else ""), done="view-saved")


@section.post("/inbox/views/{id}/delete", needs=Role.READER, action="inbox/delete-view")
async def delete_view(visit: Visit) -> Response:
    await visit.services.saved_views.delete(visit.account.id, visit.request.path_params["id"], visit.entry())
    return visit.back("/inbox", done="view-deleted")


@section.waits("conversations not reviewed", needs=Role.READER, path="/inbox?unreviewed=1")
async def to_review(services: Services, clinics: frozenset[str]) -> int:
    return await count_unreviewed(services.reading, clinics)


def line_of(visit: Visit, row: Listed) -> Line:
    """A row of the list, for inbox_line.html."""
    if row.first_words is not None:
        words = masked(row.first_words) or "(nothing written)"
    else:
        words = "Its words are erased" if row.is_erased else "Names and numbers are being masked…"
    return Line(
        id=row.id,
        words=words,
        topics=[titled(visit.services, topic) for topic in row.topics],
        tags=row.tags,
        badges=marks(row),
        channel=CHANNELS.get(row.channel, row.channel),
        clinic=visit.services.library.clinic(row.clinic).name if len(visit.clinics) > 1 else "",
        at=row.last_at,
        when=when(row.last_at, visit.services.zone(row.clinic)),
        assigned=row.assigned_to.name if row.assigned_to else "",
        heard=row.heard,
        is_reviewed=row.reviewed_at is not None,
        may_review=row.clinic in visit.site.at(visit.account, Role.REVIEWER),
    )


async def _note(visit: Visit, filters: Filters) -> None:
    """The audit row: what was filtered by, and that there was a search, without its words."""
    clinics = {filters.clinic} & visit.clinics or visit.clinics
    await visit.record(
        "conversation/search" if filters.words else "",
        clinic=next(iter(clinics)) if len(clinics) == 1 else "",
        details=filters.for_audit(),
    )


async def _choices(visit: Visit) -> list[Choice]:
    services = visit.services
    topics = sorted(
        ((topic, answer.en.title) for topic, answer in services.library.answers.items()),
        key=lambda pair: pair[1],
    )
    people = [(one.id, one.name) for one in await services.listing.people(visit.clinics)]
    clinics = [(one, services.library.clinic(one).name) for one in sorted(visit.clinics)]
    return [
        Choice("safety", _LABELS["safety"], tuple(_SAFETY.items())),
        Choice("topic", _LABELS["topic"], topics),
        Choice("outcome", _LABELS["outcome"], tuple(OUTCOMES.items())),
        Choice("below", _LABELS["below"], [(value, f"below {value} %") for value in _BELOW]),
        Choice("channel", _LABELS["channel"], tuple(CHANNELS.items())),
        *([Choice("clinic", _LABELS["clinic"], clinics)] if len(clinics) > 1 else ()),
        Choice("assigned", _LABELS["assigned"], [(ME, "me"), (NOBODY, "nobody"), *people]),
        Choice(
            "tag",
            _LABELS["tag"],
            [(tag, tag) for tag in await services.listing.tags(visit.clinics)],
        ),
    ]


def _chips(filters: Filters, choices: Sequence[Choice]) -> list[tuple[str, str]]:
    """The filters in use in words, each with the query that is left without it."""
    named = {choice.name: dict(choice.values) for choice in choices}
    return [
        (
            _TICKS[name] if name in _TICKS else f"{_LABELS[name]}: {named.get(name, {}).get(value, value)}",
            filters.without(name).query(),
        )
        for name, value in filters.values().items()
    ]


def _joined(filters: Filters, **more: str) -> str:
    return urlencode({**filters.values(), **more})
