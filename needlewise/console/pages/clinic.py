"""A clinic's settings: what the assistant says of hours, phones, places, prices and the rest."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from starlette.responses import Response

from needlewise import clock
from needlewise.console.pages.content import names_of_colleagues
from needlewise.console.profile_form import (
    DAY_NAMES,
    GROUPS,
    NOTICES,
    SPANS,
    ProfileDraft,
    proofread_profile,
    read_profile_draft,
)
from needlewise.console.roles import Role
from needlewise.console.visit import PREFIX, Refused, Section, Visit
from needlewise.console.words import ours
from needlewise.content.difference import difference
from needlewise.content.files import to_yaml
from needlewise.content.live import Version, read_profile
from needlewise.content.model import Clinic
from needlewise.content.profile import Profile, profile_of, with_profile
from needlewise.content.proof import Remark
from needlewise.content.render import Place, Renderer, shown_phone
from needlewise.content.revisions import Conflict
from needlewise.errors import ContentError

section = Section()

WAYS = {
    "inbox": "They wait in the console",
    "email": "A mail tells you that one waits",
    "link": "Patients pick a time in your own scheduler",
    "webhook": "They are posted to your own program",
}
BLANK_LOCATIONS, BLANK_CLOSED = 1, 3


@section.get("/clinic", needs=Role.EDITOR, action="clinic/list")
async def clinics(visit: Visit) -> Response:
    if len(visit.clinics) == 1:
        return visit.back(f"/clinic/{next(iter(visit.clinics))}")
    standing = await visit.services.revisions.standing()
    changed = {key: one for (kind, key, _), one in standing.items() if kind == "clinic"}
    return visit.show("clinics.html", clinics=sorted(visit.clinics), changed=changed)


@section.get("/clinic/{clinic}", needs=Role.EDITOR, action="clinic/view")
async def clinic(visit: Visit) -> Response:
    name = _clinic(visit)
    standing, found = await _standing(visit, name)
    return await _page(visit, ProfileDraft(found, standing.version if standing else 0, ""))


@section.post("/clinic/{clinic}/preview", needs=Role.EDITOR, action="clinic/preview")
async def preview(visit: Visit) -> Response:
    """What the form would come to. Typing is use, so it is no background request; the page's own row says that it was open."""
    draft = await _draft(visit, _clinic(visit))
    visit.is_recorded = True
    if not visit.is_partial:
        return await _page(visit, draft)
    return visit.show("clinic_preview.html", draft=draft, **_looks(visit, draft))


@section.post("/clinic/{clinic}", needs=Role.EDITOR, action="clinic/edit")
async def save(visit: Visit) -> Response:
    name = _clinic(visit)
    draft = await _draft(visit, name)
    if draft.errors:
        return await _page(visit, draft, status=422)
    _, before = await _standing(visit, name)
    if not difference(profile_of(before), profile_of(draft.clinic)):
        nothing = Remark("", "Nothing was changed.")
        return await _page(visit, replace(draft, remarks=(nothing, *draft.remarks)), status=422)
    return await _kept(visit, draft)


@section.get("/clinic/{clinic}/versions/{id}", needs=Role.EDITOR, action="clinic/version")
async def version(visit: Visit) -> Response:
    name = _clinic(visit)
    versions = await visit.services.revisions.of("clinic", name, [name])
    found = _version(visit, versions)
    text = _readable(found)
    _, stands = await _standing(visit, name)
    standing = profile_of(stands)
    return visit.show(
        "version.html",
        what=f"{visit.services.library.clinic(name).name}: settings",
        back=f"{PREFIX}/clinic/{name}",
        action=f"{PREFIX}/clinic/{name}/restore",
        version=found,
        by=(await names_of_colleagues(visit)).get(found.by, "somebody"),
        changes=difference(_before(visit, found, versions), text) if text else [],
        is_standing=text == standing,
        against_standing=difference(standing, text) if text else [],
        is_readable=text is not None,
        may=True,
        zone=visit.services.zone(name),
    )


@section.post("/clinic/{clinic}/restore", needs=Role.EDITOR, action="clinic/restore")
async def restore(visit: Visit) -> Response:
    """Older settings as the newest version."""
    name = _clinic(visit)
    found = _version(visit, await visit.services.revisions.of("clinic", name, [name]))
    text = _readable(found)
    if text is None:
        raise Refused(409, "unreadable")
    standing, stands = await _standing(visit, name)
    based_on = standing.version if standing else 0
    draft = ProfileDraft(with_profile(stands, text), based_on, f"As in version {found.version}")
    draft = await asyncio.to_thread(proofread_profile, draft, visit.services.proofreader)
    if draft.errors:
        return await _page(visit, draft, status=422)
    return await _kept(visit, draft, done="restored")


@section.post("/clinic/{clinic}/withdraw", needs=Role.EDITOR, action="clinic/withdraw")
async def withdraw(visit: Visit) -> Response:
    """Back to the settings of the file."""
    name = _clinic(visit)
    standing, _ = await _standing(visit, name)
    if standing is None or visit.form.get("based_on", "") != str(standing.version):
        raise Refused(409, "changed meanwhile")
    try:
        await visit.services.revisions.withdraw(
            "clinic", name, name, based_on=standing.version, entry=visit.entry()
        )
    except Conflict:
        visit.is_recorded = False
        raise Refused(409, "changed meanwhile") from None
    return visit.back(f"/clinic/{name}", done="withdrawn")


async def _kept(visit: Visit, draft: ProfileDraft, *, done: str = "saved") -> Response:
    name = draft.clinic.clinic
    profile = profile_of(draft.clinic)
    try:
        await visit.services.revisions.save(
            "clinic",
            name,
            name,
            to_yaml(profile),
            based_on=draft.based_on,
            note=draft.note,
            entry=visit.entry(),
        )
    except Conflict as conflict:
        visit.is_recorded = False
        theirs = conflict.standing
        shipped = profile_of(visit.services.live_content.shipped.clinic(name))
        text = (_readable(theirs) if theirs else None) or shipped
        shown = {
            "by": (await names_of_colleagues(visit)).get(theirs.by, "somebody") if theirs else "",
            "changes": difference(text, profile),
            "theirs": theirs,
        }
        again = replace(draft, based_on=theirs.version if theirs else 0)
        return await _page(visit, again, status=409, conflict=shown)
    return visit.back(f"/clinic/{name}", done=done)


async def _page(visit: Visit, draft: ProfileDraft, *, status: int = 200, conflict: object = None) -> Response:
    services, name = visit.services, draft.clinic.clinic
    standing, _ = await _standing(visit, name)
    ways = [way for way in WAYS if way != "webhook" or draft.clinic.booking.webhook]
    return visit.show(
        "clinic.html",
        status=status,
        draft=draft,
        profile=profile_of(draft.clinic),
        versions=await services.revisions.of("clinic", name, [name]),
        standing=standing,
        standing_ids={standing.id} if standing else set(),
        names=await names_of_colleagues(visit),
        zone=services.zone(name),
        conflict=conflict,
        groups=GROUPS,
        days=DAY_NAMES,
        spans=range(SPANS),
        notices=range(NOTICES),
        locations=range(len(draft.clinic.locations) + BLANK_LOCATIONS),
        blank_closed=range(BLANK_CLOSED),
        today=clock.now().astimezone(services.zone(name)).date(),
        phone=_as_written,
        ways={way: WAYS[way] for way in ways},
        faults=[one for one in services.live_content.faults if (one.kind, one.key) == ("clinic", name)],
        **_looks(visit, draft),
    )


def _looks(visit: Visit, draft: ProfileDraft) -> Mapping[str, Any]:
    """How patients would be told what changes most often."""
    renderer, told = Renderer(replace(visit.services.library, signed=None)), []
    for topic in ("hours_contact", "locations", "cost"):
        try:
            rendered = renderer.answer(topic, Place(draft.clinic))
        except Exception:  # noqa: S112 - what was typed so far cannot be told; the remarks say why
            continue
        told.append((renderer.title(topic), ours(rendered.text)))
    at = clock.now()
    return {"told": told, "opening": [ours(one.text) for one in renderer.notices(Place(draft.clinic), at)]}


def _as_written(number: str | None) -> str:
    """A number as people write it, for the form reads it back."""
    return shown_phone(number, "sms") if number else ""


async def _draft(visit: Visit, name: str) -> ProfileDraft:
    _, before = await _standing(visit, name)
    draft = read_profile_draft(visit.form, before)
    return await asyncio.to_thread(proofread_profile, draft, visit.services.proofreader)


async def _standing(visit: Visit, name: str) -> tuple[Version | None, Clinic]:
    """The version that stands, if any, and the clinic as it is with it."""
    versions = await visit.services.revisions.of("clinic", name, [name])
    standing = versions[0] if versions and versions[0].withdrawn_at is None else None
    shipped = visit.services.live_content.shipped.clinic(name)
    text = _readable(standing) if standing else None
    return standing, with_profile(shipped, text) if text else shipped


def _readable(version: Version) -> Profile | None:
    try:
        return read_profile(version)
    except ContentError:
        return None


def _before(visit: Visit, version: Version, versions: Iterable[Version]) -> Profile:
    older = (one for one in versions if one.version < version.version)
    text = next((text for one in older if (text := _readable(one))), None)
    return text or profile_of(visit.services.live_content.shipped.clinic(version.key))


def _version(visit: Visit, versions: Iterable[Version]) -> Version:
    wanted = visit.request.path_params.get("id") or visit.form.get("version", "")
    found = next((one for one in versions if one.id == wanted), None)
    if found is None:
        raise Refused(404, "no such version")
    return found


def _clinic(visit: Visit) -> str:
    name = str(visit.request.path_params["clinic"])
    return visit.at(name, name)
