"""How long ago something was, in days, as far as a few words say it.

The nearest day that the words allow is taken: "in March" is the last day of March, "last year" its last day.
What must not count as long ago is then never taken for it.
"""

from collections.abc import Sequence
from datetime import date, timedelta

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("january", "jan"), ("february", "feb"), ("march", "mar"), ("april", "apr"), ("may",), ("june", "jun"),
            ("july", "jul"), ("august", "aug"), ("september", "sept", "sep"), ("october", "oct"),
            ("november", "nov"), ("december", "dec"),
        ),
        start=1,
    )
    for name in names
}  # fmt: skip
_SEASON_ENDS = {
    "spring": 5,
    "summer": 8,
    "fall": 11,
    "autumn": 11,
    "winter": 2,
    "christmas": 12,
    "thanksgiving": 11,
}
_UNIT_DAYS = {
    "day": 1, "days": 1, "night": 1, "nights": 1, "week": 7, "weeks": 7, "month": 30, "months": 30,
    "year": 365, "years": 365, "decade": 3650, "decades": 3650,
}  # fmt: skip
_AGO = {"ago", "back", "earlier", "prior"}
_SOME = {"a": 1, "an": 1, "1": 1, "couple": 2, "few": 3, "several": 4, "many": 5, "some": 3, "half": 0}
_JUST_NOW = {"today", "tonight", "yesterday", "recently", "lately"}
_LONG_AGO = 3650
_CHILDHOOD = {
    "kid", "child", "teen", "teenager", "childhood", "baby", "infant", "boy", "girl", "young", "little",
    "youth",
}  # fmt: skip
_MONTH_LEADS = {
    "in", "last", "this", "early", "late", "mid", "since", "of", "until", "til", "till", "back", "was",
}  # fmt: skip


def days_ago(words: Sequence[str], today: date) -> int | None:
    """The fewest days ago that the words allow; None when they say no time."""
    found = [days for index in range(len(words)) for days in (_at(words, index, today),) if days is not None]
    return min(found) if found else None


def _at(words: Sequence[str], index: int, today: date) -> int | None:
    word = words[index]
    before = words[index - 1] if index else ""
    after = words[index + 1] if index + 1 < len(words) else ""
    if word in _JUST_NOW:
        return 1
    if word in ("as", "when", "since") and any(later in _CHILDHOOD for later in words[index + 1 : index + 5]):
        return _LONG_AGO
    if word in ("ages", "forever") and after in _AGO:
        return _LONG_AGO
    if word in _UNIT_DAYS:
        return _counted(words, index, today)
    if word.isdigit() and len(word) == 4 and 1930 <= int(word) <= today.year:
        return _days_to(date(int(word), 12, 31), today)
    if word in _SEASON_ENDS and before in ("last", "this", "the", "in", "past", "over", "back"):
        return _days_to(_month_end(_SEASON_ENDS[word], today, None), today)
    if word in _MONTHS and (word != "may" or before in _MONTH_LEADS) and (word != "march" or before != "to"):
        year = int(after) if after.isdigit() and len(after) == 4 else None
        return _days_to(_month_end(_MONTHS[word], today, year), today)
    return None


def _counted(words: Sequence[str], index: int, today: date) -> int | None:
    unit = words[index]
    before = words[index - 1] if index else ""
    if before == "last":
        return _days_to(date(today.year - 1, 12, 31), today) if unit == "year" else _UNIT_DAYS[unit]
    if before in ("this", "other"):
        return None if unit == "year" else 1
    following = words[index + 1 : index + 3]
    if not any(word in _AGO for word in following):
        return None
    if before == "of" and index > 1:
        before = words[index - 2]
    if before.isdigit():
        count = int(before)
    elif before in _SOME:
        count = _SOME[before]
    else:
        # "years ago", "months ago": a number was not said; the least that the words allow.
        count = 2
    return count * _UNIT_DAYS[unit]


def _month_end(month: int, today: date, year: int | None) -> date:
    if year is None:
        year = today.year if month <= today.month else today.year - 1
    first_of_next = date(year + 1, 1, 1) if month == 12 else date(year, month + 1, 1)
    return first_of_next - timedelta(days=1)


def _days_to(day: date, today: date) -> int:
    return max((today - day).days, 0)
