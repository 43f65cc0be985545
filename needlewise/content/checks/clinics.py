"""Clinic profiles: names, settings, times and numbers; and, for production, what patients cannot do without."""

from collections.abc import Iterator
from zoneinfo import available_timezones

import phonenumbers

from needlewise.content.addresses import is_webhook
from needlewise.content.checks.answers import only_filled
from needlewise.content.checks.finding import Finding
from needlewise.content.checks.shapes import SETTINGS
from needlewise.content.checks.shown import shown_texts
from needlewise.content.checks.tree import Doc, Tree
from needlewise.content.model import DAYS, Clinic
from needlewise.errors import ContentError
from needlewise.screening.rules import Outcome

_NEEDED_SETTINGS = ("price", "insurance", "who", "aftercare")


def check(tree: Tree) -> Iterator[Finding]:
    for name, doc in tree.clinics.items():
        clinic = doc.value
        if clinic.clinic != name:
            yield doc.finding(f"the clinic is {clinic.clinic}, the file's name says {name}", "clinic")
        if clinic.timezone not in available_timezones():
            yield doc.finding(f"there is no timezone {clinic.timezone}", "timezone")
        for setting in clinic.settings:
            if setting not in SETTINGS:
                yield doc.finding(
                    f"{setting} is no setting: docs/content-guide.md lists them", "settings", setting
                )
        yield from _repeated(doc)
        yield from _numbers(doc)
        yield from _hours(doc)
        yield from _booking(doc)
        yield from _policy(tree, doc)
    for shown in shown_texts(tree):
        if isinstance(shown.doc.value, Clinic):
            yield from only_filled(shown.doc, shown.text, frozenset(), *shown.steps)


def check_production(tree: Tree, clinic: str | None) -> Iterator[Finding]:
    """What the chosen clinic's profile, or every profile, lacks before patients may meet it."""
    for name, doc in tree.clinics.items():
        if clinic in (None, name):
            yield from _gaps(doc)


def _repeated(doc: Doc[Clinic]) -> Iterator[Finding]:
    for what, ids in (
        (("locations",), [location.id for location in doc.value.locations]),
        (("booking", "visit_kinds"), [kind.id for kind in doc.value.booking.visit_kinds]),
    ):
        for index, one in enumerate(ids):
            if one in ids[:index]:
                yield doc.finding(f"{one} is the id of two entries", *what, index)


def _numbers(doc: Doc[Clinic]) -> Iterator[Finding]:
    numbers = {("contact", "phone"): doc.value.contact.phone} | {
        ("locations", index, "phone"): location.phone for index, location in enumerate(doc.value.locations)
    }
    for steps, number in numbers.items():
        if number is not None and not _is_number(number):
            yield doc.finding(f'{number} is no phone number: write it as "+12025550140"', *steps)


def _is_number(number: str) -> bool:
    try:
        return number.startswith("+") and phonenumbers.is_possible_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False


def _hours(doc: Doc[Clinic]) -> Iterator[Finding]:
    for day in DAYS:
        spans: list[str] = getattr(doc.value.hours, day, [])
        ends = [time for span in spans for time in (span[:5], span[6:])]
        if ends != sorted(set(ends)) or any(time > "24:00" or time[3:] > "59" for time in ends):
            yield doc.finding("times must follow one another, from 00:00 to 24:00", "hours", day)


def _booking(doc: Doc[Clinic]) -> Iterator[Finding]:
    booking = doc.value.booking
    if booking.way == "link" and not booking.link:
        yield doc.finding(
            "patients are sent to the clinic's scheduler, but to no address: link", "booking", "way"
        )
    if booking.way == "webhook" and not booking.webhook:
        yield doc.finding("requests are posted, but to no address: webhook", "booking", "way")
    if booking.webhook and not is_webhook(booking.webhook):
        yield doc.finding(
            "a webhook's address begins with https://, and holds no name or password", "booking", "webhook"
        )
    if booking.digest_at and not (booking.notify or booking.email):
        yield doc.finding("the digest goes to no mailbox: notify", "booking", "digest_at")


def _policy(tree: Tree, doc: Doc[Clinic]) -> Iterator[Finding]:
    if tree.screening is None:
        return
    for condition, outcome in doc.value.screening_policy.items():
        try:
            tree.screening.check_policy({condition: Outcome(outcome)})
        except ContentError as error:
            yield doc.finding(str(error), "screening_policy", condition)


def _gaps(doc: Doc[Clinic]) -> Iterator[Finding]:
    clinic = doc.value
    if clinic.fictional:
        yield doc.finding("a made-up clinic, with numbers that reach no one", "fictional")
    if clinic.example:
        yield doc.finding("an example written from an article, not by the clinic", "example")
    if not (clinic.contact.phone or clinic.contact.request_form):
        yield doc.finding("patients need a phone number or a request form to reach the clinic", "contact")
    if clinic.hours is None:
        yield doc.finding("the opening hours are not set", "hours")
    if not any(location.address for location in clinic.locations):
        yield doc.finding("no location has an address", "locations")
    for setting in _NEEDED_SETTINGS:
        if setting not in clinic.settings:
            yield doc.finding(f"the setting {setting} is not set, and patients ask for it", "settings")
    if clinic.booking.way == "email" and not clinic.booking.email:
        yield doc.finding("requests go by email, but to no address", "booking", "way")
    if clinic.booking.reply_business_days is None:
        yield doc.finding(
            "patients are not told how soon a request is answered: reply_business_days", "booking"
        )
