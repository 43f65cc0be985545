"""Tables as files for a spreadsheet. What a cell says stays text, whatever it begins with."""

import csv
import io
from collections.abc import Iterable

_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A spreadsheet takes what begins with one of these for a formula, also one that calls programs (CWE-1236)."""


def safe(value: object) -> str:
    """A cell that no spreadsheet computes: an apostrophe stands before what looks like a formula. None is empty."""
    text = "" if value is None else str(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"'{text}" if text.startswith(_FORMULAS) and not is_number else text


def csv_lines(rows: Iterable[Iterable[object]]) -> str:
    """Rows as CSV (RFC 4180), every cell safe."""
    out = io.StringIO()
    csv.writer(out).writerows([safe(cell) for cell in row] for row in rows)
    return out.getvalue()
