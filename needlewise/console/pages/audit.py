"""The audit log, for admins: what was done at their clinics, and by and to their staff."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, or_, select, true
from starlette.responses import Response, StreamingResponse

from needlewise import clock
from needlewise.console.roles import Role
from needlewise.console.sheets import csv_lines
from needlewise.console.visit import Refused, Section, Visit
from needlewise.db.audit import COMMAND_LINE, NOBODY, SERVICE
from needlewise.db.engine import reading
from needlewise.db.tables import audit

section = Section()

PAGE = 100
_FILTERS = ("who", "action", "clinic", "outcome", "from", "to")
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


@section.post("/audit/export", needs=Role.ADMIN, action="audit/export")
async def export(visit: Visit) -> Response:
    """Every row that fits the filters, the oldest first, as a file. It is written down before the first row leaves."""
    kind = visit.form.get("format", "")
    if kind not in _KINDS:
        raise Refused(400, "no such format")
    scope = await _scope(visit, visit.form)
    used = sorted(name for name, value in scope.filters.items() if value)
    clinic = next(iter(visit.clinics)) if len(visit.clinics) == 1 else ""
    await visit.record(clinic=clinic, details={"format": kind, "filters": used})
    name = f"audit-{clock.now():%Y-%m-%d}.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_exported(visit, scope, kind), media_type=_KINDS[kind], headers=headers)


_KINDS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
_COLUMNS = ("seq", "at", "actor", "clinic", "action", "subject", "reason", "outcome", "details", "hash")
_AT_A_TIME = 1000


@dataclass(frozen=True)
class _Scope:
    """Which rows somebody asks for, of those they may see."""

    filters: dict[str, str]
    names: dict[str, str]
    """Of the people whose names they may read, by id."""
    zone: ZoneInfo
    where: tuple[Any, ...]


async def _exported(visit: Visit, scope: _Scope, kind: str) -> AsyncIterator[str]:
    """Some rows at a time. Times are in UTC; a person stands with their name where the reader may know it."""
    if kind == "csv":
        yield csv_lines([_COLUMNS])
    after = -1
    while True:
        query = select(audit).where(*scope.where, audit.c.seq > after).order_by(audit.c.seq)
        async with visit.services.reading.connect() as connection:
            rows = (await connection.execute(query.limit(_AT_A_TIME))).all()
        if not rows:
            return
        after = rows[-1].seq
        shown = [
            {
                **{name: row._mapping[name] for name in _COLUMNS},
                "at": row.at.astimezone(UTC).isoformat(),
                "actor": _named(row.actor, scope.names),
            }
            for row in rows
        ]
        if kind == "csv":
            yield csv_lines(one.values() for one in shown)
        else:
            yield "".join(
                json.dumps({**one, "details": json.loads(one["details"])}, ensure_ascii=False) + "\n"
                for one in shown
            )


async def _page(visit: Visit, *, verified: object = None) -> Response:
    scope = await _scope(visit, visit.query)
    names, zone, filters = scope.names, scope.zone, scope.filters
    before = visit.query.get("before", "")
    query = select(audit).where(*scope.where)
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


async def _scope(visit: Visit, given: Mapping[str, str]) -> _Scope:
    everywhere = visit.clinics >= visit.services.library.clinics.keys()
    names = {
        one.id: one.name
        for one in await visit.site.accounts.all()
        if everywhere or one.roles.keys() & visit.clinics
    }
    filters = {name: given.get(name, "").strip() for name in _FILTERS}
    zone = ZoneInfo("UTC")
    if len(visit.clinics) == 1:
        zone = visit.services.zone(next(iter(visit.clinics)))
    where = (_visible(visit, names, everywhere=everywhere), *_wanted(filters, zone))
    return _Scope(filters, names, zone, where)


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


def _named(identity: str, names: Mapping[str, str]) -> str:
    return names.get(identity) or _NAMES.get(identity, "somebody of another clinic")


def _line(row: Any, names: dict[str, str], zone: ZoneInfo) -> Line:
    is_person = row.subject in names
    return Line(
        row.seq,
        row.at.astimezone(zone),
        _named(row.actor, names),
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
