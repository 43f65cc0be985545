"""When a clinic can be expected to answer, by its own opening hours."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from needlewise.content.model import DAYS, Clinic

_LONGEST_CLOSURE = 60


def answer_due(clinic: Clinic, asked_at: datetime) -> datetime | None:
    """The closing time of the business day by which the clinic aims to answer; None when it has set no aim or no hours.

    A request that comes after closing counts from the next open day.
    """
    days = clinic.booking.reply_business_days
    if days is None or clinic.hours is None:
        return None
    local = asked_at.astimezone(ZoneInfo(clinic.timezone))
    day = local.date()
    closes = _closing(clinic, day)
    if closes is None or local.time() >= closes:
        day = _next_open(clinic, day)
    for _ in range(days):
        day = _next_open(clinic, day)
    closes = _closing(clinic, day)
    return datetime.combine(day, closes, ZoneInfo(clinic.timezone)) if closes else None


def _closing(clinic: Clinic, day: date) -> time | None:
    assert clinic.hours is not None
    spans = [] if day in clinic.hours.closed else getattr(clinic.hours, DAYS[day.weekday()])
    return max((time.fromisoformat(span[6:]) for span in spans), default=None)


def _next_open(clinic: Clinic, day: date) -> date:
    for _ in range(_LONGEST_CLOSURE):
        day += timedelta(days=1)
        if _closing(clinic, day) is not None:
            return day
    return day
