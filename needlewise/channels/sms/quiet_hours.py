"""When a text that nobody asked for may leave: a reminder waits for the morning of whoever gets it.

Only texts that we begin wait. A reply to a patient's own text does not, at any hour, and urgent words never do.
"""

from collections.abc import Collection
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import timezone

OPENS, CLOSES = time(8), time(21)
"""Local time. Some states are stricter: docs/sms-compliance.md lists them, and a clinic there gives its own hours."""

_UNKNOWN = "Etc/Unknown"
# Where a US number says nothing of its place, it may be anywhere between these.
_WIDEST = (ZoneInfo("America/New_York"), ZoneInfo("Pacific/Honolulu"))
_ROUNDS = 6


def quiet_until(
    number: str,
    at: datetime,
    *,
    also: Collection[ZoneInfo] = (),
    opens: time = OPENS,
    closes: time = CLOSES,
) -> datetime | None:
    """The moment, in the zone of `at`, from which this number may be texted unasked; None when that is now.

    It must be day, from `opens` until before `closes`, in every time zone that the number may be in, and in those of `also` (the clinic's own: people
    keep their number when they move). Area codes that span zones, and toll-free numbers, wait for the strictest. US law sets 8 am to
    9 pm at the called party's location for telephone solicitations (47 CFR 64.1200(c)(1)); we keep to it for every text that is not a reply.
    """
    zones = {*_zones(number), *also}
    moment = at
    for _ in range(_ROUNDS):
        later = max(_opening(moment, zone, opens, closes) for zone in zones)
        if later == moment:
            break
        moment = later
    return None if moment == at else moment.astimezone(at.tzinfo)


def _zones(number: str) -> Collection[ZoneInfo]:
    try:
        names = timezone.time_zones_for_number(phonenumbers.parse(number, "US"))
    except phonenumbers.NumberParseException:
        return _WIDEST
    return [ZoneInfo(name) for name in names if name != _UNKNOWN] or _WIDEST


def _opening(at: datetime, zone: ZoneInfo, opens: time, closes: time) -> datetime:
    """The moment itself by day, else the next opening in this zone."""
    local = at.astimezone(zone)
    if opens <= local.time() < closes:
        return at
    day = local.date() if local.time() < opens else local.date() + timedelta(days=1)
    return datetime.combine(day, opens, zone).astimezone(at.tzinfo)
