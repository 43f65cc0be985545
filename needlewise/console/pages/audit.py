"""The audit log, for admins: what was done at their clinics, and by and to their staff."""

import json
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, or_, select, true
from starlette.responses import Response

from needlewise.console.roles import Role
from needlewise.console.visit import Section, Visit
from needlewise.db.audit import COMMAND_LINE, NOBODY, SERVICE
from needlewise.db.engine import reading
from needlewise.db.tables import audit

section = Section()

PAGE = 100
_NAMES = {NOBODY: "somebody not signed in", COMMAND_LINE: "the command line", SERVICE: "the service"}


@dataclass(frozen=True)
class Line:
    """A row, ready to be read."""

    seq: int
    at: datetime
    actor: str
    clinic: str
    action: str
    subject: str
    reason: str
    is_failure: bool
    details: str


@section.get("/audit", needs=Role.ADMIN, action="audit/view", menu="Audit log")
async def log(visit: Visit) -> Response:
    return await _page(visit)


@section.post("/audit/verify", needs=Role.ADMIN, action="audit/verify")
async def verify(visit: Visit) -> Response:
    found = await visit.services.audit.verify()
    await visit.record(outcome="failure" if found.broken else "success", details={"rows": found.rows})
    return await _page(visit, verified=found)


async def _page(visit: Visit, *, verified: object = None) -> Response:
    everywhere = visit.clinics >= visit.services.library.clinics.keys()
    names = {
        one.id: one.name
        for one in await visit.site.accounts.all()
        if everywhere or one.roles.keys() & visit.clinics
    }
    filters = {
        name: visit.query.get(name, "").strip()
        for name in ("who", "action", "clinic", "outcome", "from", "to")
    }
    zone = ZoneInfo("UTC")
    if len(visit.clinics) == 1:
        zone = visit.services.zone(next(iter(visit.clinics)))
    before = visit.query.get("before", "")
    query = select(audit).where(_visible(visit, names, everywhere=everywhere), *_wanted(filters, zone))
    if before.isascii() and before.isdigit():
        query = query.where(audit.c.seq < int(before[:9]))
    async with reading(visit.services.engine).connect() as connection:
        rows = (await connection.execute(query.order_by(audit.c.seq.desc()).limit(PAGE + 1))).all()
    lines = [_line(row, names, zone) for row in rows[:PAGE]]
    return visit.show(
        "audit_rows.html" if visit.is_partial else "audit.html",
        lines=lines,
        older=lines[-1].seq if len(rows) > PAGE else None,
        filters=filters,
        names=sorted(names.items(), key=lambda pair: pair[1]),
        clinics=sorted(visit.clinics),
        verified=verified,
        zone=zone.key,
    )


def _visible(visit: Visit, names: dict[str, str], *, everywhere: bool) -> Any:
    """Rows of the admin's clinics, and rows of no one clinic about or by their people; all of these to who is admin everywhere."""
    if everywhere:
        return true()
    people = or_(audit.c.actor.in_(names), audit.c.subject.in_(names))
    return or_(audit.c.clinic.in_(visit.clinics), and_(audit.c.clinic == "", people))


def _wanted(filters: dict[str, str], zone: ZoneInfo) -> list[Any]:
    where: list[Any] = []
    if who := filters["who"]:
        where.append(or_(audit.c.actor == who, audit.c.subject == who))
    if action := filters["action"]:
        where.append(audit.c.action.startswith(action, autoescape=True))
    if clinic := filters["clinic"]:
        where.append(audit.c.clinic == clinic)
    if outcome := filters["outcome"]:
        where.append(audit.c.outcome == outcome)
    if (first := _day(filters["from"])) is not None:
        where.append(audit.c.at >= datetime.combine(first, time(), zone))
    if (last := _day(filters["to"])) is not None:
        where.append(audit.c.at < datetime.combine(last + timedelta(days=1), time(), zone))
    return where


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _line(row: Any, names: dict[str, str], zone: ZoneInfo) -> Line:
    def named(identity: str) -> str:
        return names.get(identity) or _NAMES.get(identity, "somebody of another clinic")

    is_person = row.subject in names
    return Line(
        row.seq,
        row.at.astimezone(zone),
        named(row.actor),
        row.clinic,
        row.action,
        "" if row.subject == row.actor else names[row.subject] if is_person else row.subject,
        row.reason,
        row.outcome == "failure",
        "; ".join(f"{name}: {_plain(value)}" for name, value in json.loads(row.details).items()),
    )


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
