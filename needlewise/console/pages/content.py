"""The answers: how patients read them, how they fare, and changing them. One's own clinics only, and everybody's only together."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from msgspec import structs
from starlette.responses import Response

from needlewise import clock
from needlewise.console.answer_form import (
    FOLLOW_UPS,
    MOST_RELATED,
    PARTS,
    Draft,
    parts_in_order,
    proofread,
    read_draft,
    with_draft,
)
from needlewise.console.roles import Role
from needlewise.console.visit import PREFIX, Refused, Section, Visit
from needlewise.console.words import ours
from needlewise.content.difference import difference
from needlewise.content.figures import Figures, figures
from needlewise.content.files import to_yaml
from needlewise.content.library import Library
from needlewise.content.live import Version, read_answer
from needlewise.content.model import Answer
from needlewise.content.proof import Remark
from needlewise.content.render import Place, Renderer
from needlewise.content.revisions import Conflict
from needlewise.content.signing import State
from needlewise.errors import ContentError
from needlewise.text.segments import segments

section = Section()

FIGURES_DAYS = 30
STALE_DAYS = 30
EVERYBODY = ""
"""The scope of a text that holds for every clinic."""

SORTS = ("title", "grade", "words", "segments", "shown", "up", "down", "review_by")
SHOWS = {
    "": "all answers",
    "here": "changed here",
    "stale": "to be read again",
    "unseen": f"not shown for {FIGURES_DAYS} days",
    "disliked": "badly rated",
    "unsigned": "not signed",
    "expired": "signature ended",
    "faulty": "not in use",
}


@dataclass(frozen=True)
class Line:
    """One answer in the list."""

    topic: str
    title: str
    version: int
    where: tuple[str, ...]
    """The scopes for which it was changed here: clinics, or EVERYBODY."""
    grade: float
    words: int
    segments: int
    figures: Figures
    review_by: date
    is_stale: bool
    faults: tuple[str, ...]
    signatures: Mapping[str, State]
    """How it stands with the clinician, by clinic."""

    @property
    def shown(self) -> int:
        return self.figures.shown

    @property
    def up(self) -> int:
        return self.figures.up

    @property
    def down(self) -> int:
        return self.figures.down


@dataclass(frozen=True)
class Reading:
    """An answer as the patients of a clinic read it: HTML for the website, plain words for texts."""

    clinic: str
    web: object
    words: int
    rest: tuple[tuple[str, object], ...]
    choices: tuple[str, ...]
    sms: str
    segments: int
    encoding: str
    is_own: bool
    version: int


@section.get("/content", needs=Role.EDITOR, action="content/list", menu="Content")
async def answers(visit: Visit) -> Response:
    show = visit.query.get("show", "")
    sort = visit.query.get("sort", "title")
    is_down = visit.query.get("down") == "1"
    lines = await _lines(visit)
    counts = {name: sum(_is_shown(line, name) for line in lines) for name in SHOWS}
    lines = [line for line in lines if _is_shown(line, show)]
    lines.sort(key=lambda line: line.title.casefold())
    if sort in SORTS and sort != "title":
        lines.sort(key=lambda line: getattr(line, sort), reverse=is_down)
    elif is_down:
        lines.reverse()
    return visit.show(
        "content.html",
        lines=lines,
        show=show,
        shows=SHOWS,
        counts=counts,
        sort=sort if sort in SORTS else "title",
        is_down=is_down,
        days=FIGURES_DAYS,
    )


@section.get("/content/{topic}", needs=Role.EDITOR, action="content/view")
async def answer(visit: Visit) -> Response:
    topic = _topic(visit)
    scope = _scope(visit, visit.query.get("clinic"))
    standing, found = await _standing(visit, topic, scope)
    return await _page(visit, Draft(found, scope, standing.version if standing else 0))


@section.post("/content/{topic}/preview", needs=Role.EDITOR, action="content/preview")
async def preview(visit: Visit) -> Response:
    """What the form would come to. Typing is use, so it is no background request; the page's own row says that it was open."""
    topic = _topic(visit)
    draft = await _draft(visit, topic)
    visit.is_recorded = True
    if not visit.is_partial:
        return await _page(visit, draft)
    return visit.show("answer_preview.html", **_looks(visit, draft))


@section.post("/content/{topic}", needs=Role.EDITOR, action="content/edit")
async def save(visit: Visit) -> Response:
    topic = _topic(visit)
    draft = await _draft(visit, topic)
    if draft.errors:
        return await _page(visit, draft, status=422)
    _, before = await _standing(visit, topic, draft.clinic)
    if not difference(before, draft.answer):
        return await _page(visit, _with(draft, Remark("", "Nothing was changed.")), status=422)
    return await _kept(visit, draft)


@section.get("/content/{topic}/versions/{id}", needs=Role.EDITOR, action="content/version")
async def version(visit: Visit) -> Response:
    """One version, what it changed, and how to have it back."""
    topic = _topic(visit)
    versions = await visit.services.revisions.of("answer", topic, _scopes(visit))
    found = _version(visit, versions)
    before, shipped = _before(visit, found, versions), visit.services.live_content.shipped.answers[topic]
    text = _readable(found)
    _, standing = await _standing(visit, topic, found.clinic)
    return visit.show(
        "version.html",
        what=shipped.en.title,
        back=f"{PREFIX}/content/{topic}" + (f"?clinic={found.clinic}" if found.clinic else ""),
        action=f"{PREFIX}/content/{topic}/restore",
        version=found,
        by=(await names_of_colleagues(visit)).get(found.by, "somebody"),
        changes=difference(before, text) if text else [],
        is_standing=text == standing,
        against_standing=difference(standing, text) if text else [],
        is_readable=text is not None,
        may=_may(visit, found.clinic),
        zone=_zone(visit),
    )


@section.post("/content/{topic}/restore", needs=Role.EDITOR, action="content/restore")
async def restore(visit: Visit) -> Response:
    """An older text as the newest version; what stands stays among the versions."""
    topic = _topic(visit)
    versions = await visit.services.revisions.of("answer", topic, _scopes(visit))
    found = _version(visit, versions)
    _must(visit, found.clinic)
    text = _readable(found)
    if text is None:
        raise Refused(409, "unreadable")
    standing, _ = await _standing(visit, topic, found.clinic)
    draft = Draft(text, found.clinic, standing.version if standing else 0, f"As in version {found.version}")
    draft = await _proofread(visit, draft)
    if draft.errors:
        return await _page(visit, draft, status=422)
    return await _kept(visit, draft, done="restored")


@section.post("/content/{topic}/withdraw", needs=Role.EDITOR, action="content/withdraw")
async def withdraw(visit: Visit) -> Response:
    """Back to the text of the files."""
    topic = _topic(visit)
    scope = _must(visit, visit.form.get("clinic", EVERYBODY))
    standing, _ = await _standing(visit, topic, scope)
    based_on = visit.form.get("based_on", "")
    if standing is None or based_on != str(standing.version):
        raise Refused(409, "changed meanwhile")
    try:
        await visit.services.revisions.withdraw(
            "answer", topic, scope, based_on=standing.version, entry=visit.entry(clinic=scope)
        )
    except Conflict:
        visit.is_recorded = False
        raise Refused(409, "changed meanwhile") from None
    return visit.back(_path(topic, scope), done="withdrawn")


async def _kept(visit: Visit, draft: Draft, *, done: str = "saved") -> Response:
    topic, revisions = draft.answer.topic, visit.services.revisions
    try:
        await revisions.save(
            "answer",
            topic,
            draft.clinic,
            to_yaml(draft.answer),
            based_on=draft.based_on,
            note=draft.note,
            entry=visit.entry(clinic=draft.clinic),
        )
    except Conflict as conflict:
        visit.is_recorded = False
        return await _conflict(visit, draft, conflict)
    return visit.back(_path(topic, draft.clinic), done=done)


async def _conflict(visit: Visit, draft: Draft, conflict: Conflict) -> Response:
    """Both texts. The form goes on from theirs: who saves again has seen it."""
    topic, theirs = draft.answer.topic, conflict.standing
    text = _readable(theirs) if theirs else _beneath(visit, topic, draft.clinic)
    again = replace(draft, based_on=theirs.version if theirs else 0)
    by = (await names_of_colleagues(visit)).get(theirs.by, "somebody") if theirs else ""
    changes = difference(text, draft.answer) if text else []
    return await _page(visit, again, status=409, conflict={"by": by, "changes": changes, "theirs": theirs})


async def _page(visit: Visit, draft: Draft, *, status: int = 200, conflict: object = None) -> Response:
    services, topic = visit.services, draft.answer.topic
    versions = await services.revisions.of("answer", topic, _scopes(visit))
    standing, stands = await _standing(visit, topic, draft.clinic)
    async with services.reading.connect() as connection:
        since = clock.now() - timedelta(days=FIGURES_DAYS)
        counted = (await figures(connection, visit.clinics, since=since)).get(topic, Figures())
    shipped = services.live_content.shipped.answers[topic]
    return visit.show(
        "answer.html",
        status=status,
        topic=topic,
        title=services.library.answers[topic].en.title,
        scopes=_editable(visit),
        everybody=_may(visit, EVERYBODY),
        standing=standing,
        is_file_newer=standing is not None
        and shipped.version >= standing.version
        and bool(difference(shipped, stands)),
        versions=versions,
        standing_ids={one.id for one in (await services.revisions.standing()).values()},
        names=await names_of_colleagues(visit),
        zone=_zone(visit),
        figures=counted,
        days=FIGURES_DAYS,
        conflict=conflict,
        parts=PARTS,
        follow_ups=FOLLOW_UPS,
        related=[*draft.answer.related, *[""] * MOST_RELATED][:MOST_RELATED],
        titles=sorted(
            ((name, one.en.title) for name, one in services.library.answers.items() if name != topic),
            key=lambda pair: pair[1].casefold(),
        ),
        sources=sorted(services.library.sources.items(), key=lambda pair: pair[1].title.casefold()),
        faults=[one for one in services.live_content.faults if one.kind == "answer" and one.key == topic],
        **_looks(visit, draft),
    )


def _looks(visit: Visit, draft: Draft) -> Mapping[str, Any]:
    """How the draft would be read at each of one's clinics that it concerns."""
    services = visit.services
    library = with_draft(draft, services.library)
    served = [draft.clinic] if draft.clinic else sorted(visit.clinics)
    readings = [one for clinic in served if (one := _reading(library, draft.answer.topic, clinic))]
    settings = frozenset(draft.answer.en.clinic)
    return {
        "draft": draft,
        "readings": readings,
        "grade": services.proofreader.grade(draft.answer.en.web, settings),
        "cited": [(name, library.sources[name]) for name in draft.answer.sources if name in library.sources],
    }


def _reading(library: Library, topic: str, clinic: str) -> Reading | None:
    renderer, profile = Renderer(replace(library, signed=None)), library.clinic(clinic)
    try:
        web = renderer.answer(topic, Place(profile))
        sms = renderer.answer(topic, Place(profile, "sms")).text
        found = library.answer(topic, clinic)
        rest = [(part, renderer.answer(topic, Place(profile), part=part)) for part in parts_in_order(found)]
    except ContentError:
        return None
    counted = segments(sms)
    return Reading(
        clinic,
        ours(web.text),
        len(web.text.split()),
        tuple((part, ours(one.text)) for part, one in rest),
        tuple(choice.label for choice in web.choices),
        sms,
        counted.count,
        counted.encoding,
        (clinic, topic) in library.own_answers,
        found.version,
    )


async def _lines(visit: Visit) -> list[Line]:
    services, library = visit.services, visit.services.library
    async with services.reading.connect() as connection:
        since = clock.now() - timedelta(days=FIGURES_DAYS)
        counted = await figures(connection, visit.clinics, since=since)
    standing = await services.revisions.standing()
    today = clock.now().date()
    signed = {
        clinic: await services.signatures.of_answers(library, clinic, services.zone(clinic))
        for clinic in visit.clinics
    }

    def line(topic: str, answer: Answer) -> Line:
        readings = [_reading(library, topic, clinic) for clinic in visit.clinics]
        where = [
            clinic
            for kind, key, clinic in standing
            if (kind, key) == ("answer", topic) and clinic in {EVERYBODY, *visit.clinics}
        ]
        faults = [
            fault.why
            for fault in services.live_content.faults
            if (fault.kind, fault.key) == ("answer", topic) and fault.clinic in {EVERYBODY, *visit.clinics}
        ]
        return Line(
            topic,
            answer.en.title,
            answer.version,
            tuple(sorted(where)),
            services.proofreader.grade(answer.en.web, frozenset(answer.en.clinic)),
            max((one.words for one in readings if one), default=0),
            max((one.segments for one in readings if one), default=0),
            counted.get(topic, Figures()),
            answer.review_by,
            answer.review_by <= today + timedelta(days=STALE_DAYS),
            tuple(faults),
            {clinic: states[topic] for clinic, states in signed.items()},
        )

    # Grading reads a dictionary of syllables the first time.
    return await asyncio.to_thread(lambda: [line(*pair) for pair in library.answers.items()])


def _is_shown(line: Line, show: str) -> bool:
    return {
        "here": bool(line.where),
        "stale": line.is_stale,
        "unseen": line.figures.shown == 0,
        "disliked": line.figures.is_badly_rated,
        "faulty": bool(line.faults),
        "unsigned": not all(state.holds for state in line.signatures.values()),
        "expired": State.EXPIRED in line.signatures.values(),
    }.get(show, True)


async def _draft(visit: Visit, topic: str) -> Draft:
    scope = _must(visit, visit.form.get("clinic", EVERYBODY))
    _, before = await _standing(visit, topic, scope)
    draft = read_draft(visit.form, before)
    if scope:
        # A title stands on buttons, and is the same everywhere.
        title = visit.services.library.answers[topic].en.title
        words = _titled(draft.answer, title)
        draft = replace(
            draft, answer=words, remarks=tuple(one for one in draft.remarks if one.field != "title")
        )
    return await _proofread(visit, draft)


def _titled(answer: Answer, title: str) -> Answer:
    """The answer under another title."""
    return structs.replace(answer, en=structs.replace(answer.en, title=title))


async def _proofread(visit: Visit, draft: Draft) -> Draft:
    library = visit.services.library
    own = {clinic for clinic, topic in library.own_answers if topic == draft.answer.topic}
    served: Iterable[str] = [draft.clinic] if draft.clinic else [*(library.clinics.keys() - own)]
    proof = visit.services.proofreader
    return await asyncio.to_thread(proofread, draft, served, library, proof)


async def _standing(visit: Visit, topic: str, scope: str) -> tuple[Version | None, Answer]:
    """The version that stands for a scope, if any, and the text that patients of that scope get."""
    versions = await visit.services.revisions.of("answer", topic, [scope])
    standing = versions[0] if versions and versions[0].withdrawn_at is None else None
    text = _readable(standing) if standing else None
    return standing, text or _beneath(visit, topic, scope)


def _beneath(visit: Visit, topic: str, scope: str) -> Answer:
    """What stands where this scope has no words of its own: everybody's, and beneath them the file's."""
    library = visit.services.library
    return library.answers[topic] if scope else visit.services.live_content.shipped.answers[topic]


def _readable(version: Version) -> Answer | None:
    try:
        return read_answer(version)
    except ContentError:
        return None


def _before(visit: Visit, version: Version, versions: Iterable[Version]) -> Answer:
    """The text that a version was written over, as far as one can tell: the one before it, or the file's."""
    older = (one for one in versions if one.clinic == version.clinic and one.version < version.version)
    text = next((text for one in older if (text := _readable(one))), None)
    return text or visit.services.live_content.shipped.answers[version.key]


def _version(visit: Visit, versions: Iterable[Version]) -> Version:
    wanted = visit.request.path_params.get("id") or visit.form.get("version", "")
    found = next((one for one in versions if one.id == wanted), None)
    if found is None:
        raise Refused(404, "no such version")
    visit.about(clinic=found.clinic, subject=found.key)
    return found


def _with(draft: Draft, remark: Remark) -> Draft:
    return replace(draft, remarks=(remark, *draft.remarks))


def _topic(visit: Visit) -> str:
    topic = str(visit.request.path_params["topic"])
    if topic not in visit.services.library.answers:
        raise Refused(404, "no such topic")
    visit.about(subject=topic)
    return topic


def _scopes(visit: Visit) -> list[str]:
    """Whose versions one sees: everybody's, and those of one's own clinics."""
    return [EVERYBODY, *visit.clinics]


def _editable(visit: Visit) -> list[str]:
    """Whose words one may change."""
    return [*([EVERYBODY] if _may(visit, EVERYBODY) else []), *sorted(visit.clinics)]


def _may(visit: Visit, scope: str) -> bool:
    """What holds for every clinic is changed by those alone who are editors at every clinic."""
    if scope == EVERYBODY:
        return visit.clinics >= visit.services.library.clinics.keys()
    return scope in visit.clinics


def _must(visit: Visit, scope: str) -> str:
    if scope != EVERYBODY:
        return visit.at(scope)
    if not _may(visit, scope):
        raise Refused(403, "not editor everywhere")
    return scope


def _scope(visit: Visit, wanted: str | None) -> str:
    if wanted:
        return visit.at(wanted)
    return _editable(visit)[0]


def _path(topic: str, scope: str) -> str:
    return f"/content/{topic}" + (f"?clinic={scope}" if scope else "")


async def names_of_colleagues(visit: Visit) -> Mapping[str, str]:
    """Names of those who work at one's clinics; nobody else's are one's business."""
    return {one.id: one.name for one in await visit.site.accounts.all() if one.roles.keys() & visit.clinics}


def _zone(visit: Visit) -> object:
    clinics = sorted(visit.clinics)
    return visit.services.zone(clinics[0])
