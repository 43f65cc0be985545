"""Texts that we begin wait for the recipient's morning: 8 am to 9 pm, in every zone that the number may be in."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from phonenumbers import timezone

from needlewise.channels.sms.quiet_hours import quiet_until

EASTERN = "+14105550123"  # Maryland
DAKOTA = "+16055550123"  # South Dakota, half in Mountain and half in Central time
ALASKA = "+19075550123"
TOLL_FREE = "+18005550123"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "at", "until"),
    [
        # Summer, New York is four hours behind.
        (EASTERN, "2026-07-07T11:59", "2026-07-07T12:00"),
        (EASTERN, "2026-07-07T12:00", None),
        (EASTERN, "2026-07-08T00:59", None),
        (EASTERN, "2026-07-08T01:00", "2026-07-08T12:00"),
        (EASTERN, "2026-07-08T03:59", "2026-07-08T12:00"),
        (EASTERN, "2026-07-08T04:00", "2026-07-08T12:00"),
        # Winter, five hours behind.
        (EASTERN, "2026-12-08T12:30", "2026-12-08T13:00"),
        (EASTERN, "2026-12-08T13:00", None),
        # The night that the clocks change: eight by the new time.
        (EASTERN, "2026-03-08T04:00", "2026-03-08T12:00"),
        (EASTERN, "2026-11-01T03:00", "2026-11-01T13:00"),
        # Two zones: the later one's morning, the earlier one's evening.
        (DAKOTA, "2026-07-07T13:30", "2026-07-07T14:00"),
        (DAKOTA, "2026-07-07T14:00", None),
        (DAKOTA, "2026-07-08T01:59", None),
        (DAKOTA, "2026-07-08T02:00", "2026-07-08T14:00"),
        (ALASKA, "2026-07-07T12:00", "2026-07-07T17:00"),
    ],
)
def test_a_text_that_nobody_asked_for_waits_for_the_morning(number: str, at: str, until: str | None) -> None:
    assert quiet_until(number, utc(at)) == (utc(until) if until else None)


def test_a_number_of_no_place_waits_for_every_place_it_may_be_in() -> None:
    for hour in range(48):
        at = utc("2026-07-07T00:00") + timedelta(hours=hour)
        leaves = quiet_until(TOLL_FREE, at) or at
        for name in timezone.time_zones_for_number(phonenumbers.parse(TOLL_FREE)):
            assert time(8) <= leaves.astimezone(ZoneInfo(name)).time() < time(21), name


def test_the_clinics_own_zone_counts_too() -> None:
    """A patient of a clinic in California may have a number from Maryland."""
    at = utc("2026-07-07T12:00")
    assert quiet_until(EASTERN, at, also=[ZoneInfo("America/Los_Angeles")]) == utc("2026-07-07T15:00")


def test_a_state_may_be_stricter() -> None:
    """Florida: until 8 pm."""
    at = utc("2026-07-08T00:30")
    assert quiet_until(EASTERN, at) is None
    assert quiet_until(EASTERN, at, closes=time(20)) == utc("2026-07-08T12:00")


def test_it_answers_in_the_zone_of_the_question() -> None:
    paris = ZoneInfo("Europe/Paris")
    until = quiet_until(EASTERN, datetime(2026, 7, 7, 8, 0, tzinfo=paris))
    assert until is not None
    assert until.isoformat() == "2026-07-07T14:00:00+02:00"


@pytest.mark.parametrize("number", ["", "hello", "+1", "12345"])
def test_what_is_no_number_waits_for_the_whole_country(number: str) -> None:
    assert quiet_until(number, utc("2026-07-07T15:00")) == utc("2026-07-07T18:00")
