"""Requests as a table for a spreadsheet."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from needlewise.booking.queue import Listed
from needlewise.content.model import Clinic
from needlewise.content.render import labelled

COLUMNS = (
    "reference",
    "clinic",
    "kind",
    "state",
    "asked",
    "answer by",
    "overdue",
    "state since",
    "owner",
    "office",
    "visit",
    "tell the therapist",
)
PERSONAL = ("name", "contact", "times")

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


def table(
    listed: Iterable[Listed],
    *,
    clinic: Callable[[str], Clinic],
    name: Callable[[str], str],
    local: Callable[[str, datetime], datetime],
    personal: bool,
) -> str:
    """CSV with a head, one row a request. `name` gives an owner's name, `local` a moment in a clinic's zone; both take an id first.

    With `personal` there are name, contact and times too. What a spreadsheet would take for a formula begins with an apostrophe.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([*COLUMNS, *(PERSONAL if personal else ())])
    for one in listed:
        kept, request = one.kept, one.kept.request
        where = clinic(request.clinic)

        def shown(at: datetime | None, of: str = request.clinic) -> str:
            return f"{local(of, at):%Y-%m-%d %H:%M}" if at else ""

        cells = [
            kept.reference,
            request.clinic,
            request.kind,
            kept.state.replace("_", " "),
            shown(kept.created_at),
            shown(kept.expected_by),
            "yes" if one.is_overdue else "",
            shown(kept.state_at),
            name(kept.owner) if kept.owner else "",
            next((place.name for place in where.locations if place.id == request.location), ""),
            next(
                (
                    labelled(kind.label, "en")
                    for kind in where.booking.visit_kinds
                    if kind.id == request.visit_kind
                ),
                "",
            ),
            "yes" if tells(one) else "",
        ]
        details = request.details
        extra = (details.first_name, details.contact, details.times) if personal else ()
        writer.writerow(_row([*cells, *extra]))
    return out.getvalue()


def tells(one: Listed) -> bool:
    """Whether the patient was asked to tell the therapist something before any needles."""
    return bool(one.kept.request.details.tell) or one.kept.request.outcome == "TELL"


def _row(cells: Sequence[str]) -> list[str]:
    return [f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell for cell in cells]
