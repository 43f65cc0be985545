"""When a patient is told to expect an answer."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest

from needlewise.booking.hours import answer_due
from needlewise.content.model import Booking, Clinic, Hours

NEW_YORK = ZoneInfo("America/New_York")


def clinic(*, days: int | None = 1, hours: Hours | None = None, timezone: str = "America/New_York") -> Clinic:
    """A clinic that closes for lunch, is open on Saturday mornings, and has a holiday on Thursday 26 November 2026."""
    usual = Hours(
        mon=["08:00-12:00", "13:00-18:00"],
        tue=["08:00-12:00", "13:00-18:00"],
        wed=["08:00-12:00", "13:00-18:00"],
        thu=["08:00-12:00", "13:00-18:00"],
        fri=["08:00-12:00", "13:00-17:00"],
        sat=["09:00-12:00"],
        closed=[date(2026, 11, 26)],
    )
    booking = Booking("inbox", [], reply_business_days=days)
    return Clinic(
        "made-up", "Made up", "physical_therapy", "therapist", timezone, booking, hours=hours or usual
    )


def local(text: str, zone: ZoneInfo = NEW_YORK) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("asked", "due", "why"),
    [
        ("2026-06-15 10:00", "2026-06-16 18:00", "on a Monday: Tuesday's close"),
        ("2026-06-15 06:00", "2026-06-16 18:00", "before opening counts from the same day"),
        ("2026-06-15 12:30", "2026-06-16 18:00", "lunch is not the end of the day"),
        ("2026-06-15 17:59", "2026-06-16 18:00", "a minute before closing"),
        ("2026-06-15 18:00", "2026-06-17 18:00", "at closing the next day counts as the first"),
        ("2026-06-15 23:30", "2026-06-17 18:00", "late in the evening"),
        ("2026-06-18 10:00", "2026-06-19 17:00", "on a Thursday: Friday's earlier close"),
        ("2026-06-19 10:00", "2026-06-20 12:00", "on a Friday: Saturday is an open day here"),
        ("2026-06-19 20:00", "2026-06-22 18:00", "a Friday night counts from Saturday"),
        ("2026-06-20 10:00", "2026-06-22 18:00", "a Saturday morning"),
        ("2026-06-20 13:00", "2026-06-23 18:00", "a Saturday afternoon counts from Monday"),
        ("2026-06-21 10:00", "2026-06-23 18:00", "a Sunday counts from Monday"),
        ("2026-11-25 10:00", "2026-11-27 17:00", "the holiday is passed over"),
        ("2026-11-26 10:00", "2026-11-28 12:00", "on the holiday: from Friday"),
        ("2026-11-25 19:00", "2026-11-28 12:00", "the evening before the holiday"),
        ("2026-12-31 10:00", "2027-01-01 17:00", "over the end of the year"),
    ],
)
def test_one_business_day(asked: str, due: str, why: str) -> None:
    assert answer_due(clinic(), local(asked)) == local(due), why


@pytest.mark.parametrize(
    ("days", "due"),
    [
        (0, "2026-06-15 18:00"),
        (1, "2026-06-16 18:00"),
        (2, "2026-06-17 18:00"),
        (5, "2026-06-20 12:00"),
        (6, "2026-06-22 18:00"),
    ],
)
def test_the_aim_is_counted_in_open_days(days: int, due: str) -> None:
    assert answer_due(clinic(days=days), local("2026-06-15 10:00")) == local(due)


def test_the_hours_are_the_clinics_own() -> None:
    """11 in the evening in London is 6 in the evening in New York: too late there, early enough in Los Angeles."""
    asked = local("2026-06-15 23:30", ZoneInfo("Europe/London"))
    assert answer_due(clinic(), asked) == local("2026-06-17 18:00")
    angeles = ZoneInfo("America/Los_Angeles")
    assert answer_due(clinic(timezone="America/Los_Angeles"), asked) == local("2026-06-16 18:00", angeles)


def test_the_day_is_the_clinics_own() -> None:
    """Sunday 2 in the morning in UTC is still Saturday evening in New York."""
    assert answer_due(clinic(), local("2026-06-21 02:00", ZoneInfo("UTC"))) == local("2026-06-23 18:00")


@pytest.mark.parametrize(
    ("asked", "due"),
    [("2026-03-06 19:00", "2026-03-09 18:00"), ("2026-10-30 19:00", "2026-11-02 18:00")],
)
def test_closing_time_stays_when_the_clocks_change(asked: str, due: str) -> None:
    found = answer_due(clinic(), local(asked))
    assert found == local(due)
    assert found is not None
    assert f"{found:%H:%M %Z}" == ("18:00 EDT" if due.startswith("2026-03") else "18:00 EST")


def test_nothing_is_promised_without_an_aim() -> None:
    assert answer_due(clinic(days=None), local("2026-06-15 10:00")) is None


def test_nothing_is_promised_without_hours() -> None:
    assert answer_due(msgspec.structs.replace(clinic(), hours=None), local("2026-06-15 10:00")) is None


def test_nothing_is_promised_by_a_clinic_that_never_opens() -> None:
    assert answer_due(clinic(hours=Hours()), local("2026-06-15 10:00")) is None
