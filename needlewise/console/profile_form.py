"""The form of a clinic's settings: from the fields to a profile. The template makes the fields from the profile."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import phonenumbers
from starlette.datastructures import ImmutableMultiDict

from needlewise.content.checks.shapes import SETTINGS
from needlewise.content.live import checked
from needlewise.content.model import DAYS, Clinic, Contact, Hours, Location, Notice, Setting, Text, Worded
from needlewise.content.profile import Profile, Requests, profile_of, with_profile
from needlewise.content.proof import Proofreader, Remark
from needlewise.errors import ContentError

GROUPS: Mapping[str, Mapping[str, str]] = {
    "Reaching you": {"reach": "How to reach a person"},
    "Money": {
        "price": "Prices",
        "payment": "Ways to pay",
        "packages": "Packages",
        "insurance": "Insurance",
        "medicare": "Medicare",
        "hsa_fsa": "HSA and FSA",
        "cancellation": "Cancelling a visit",
    },
    "Before and at the visit": {
        "referral": "Referral",
        "xray": "X-rays",
        "first_visit": "The first visit",
        "visit_length": "How long a visit takes",
        "visits_needed": "How many visits",
        "prepare": "How to get ready",
        "companion": "Bringing somebody",
        "telehealth": "Video and home visits",
        "languages": "Languages",
        "access": "Steps, ramps and doors",
    },
    "The needling": {
        "who": "Who does it",
        "training": "Their training",
        "needles": "The needles",
        "electric": "Electric current",
        "aftercare": "After a visit",
        "fear": "Fear of needles",
        "ages": "Ages",
        "pregnancy": "Pregnancy",
    },
    "Other care": {
        "treatments": "Other treatments",
        "combined_visit": "Dry needling and acupuncture",
        "other_areas": "Other parts of the body",
        "products": "Products",
    },
}
"""Every setting by its group, with the words of its label."""

DAY_NAMES = dict(
    zip(DAYS, ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), strict=True)
)
SPANS = 2
MOST_LOCATIONS = 30
MOST_CLOSED = 60
NOTICES = 3
LONGEST = 1200


@dataclass(frozen=True)
class ProfileDraft:
    """What was typed, as a clinic, and what is wrong with it."""

    clinic: Clinic
    based_on: int
    note: str
    remarks: tuple[Remark, ...] = ()

    @property
    def errors(self) -> int:
        return sum(remark.is_error for remark in self.remarks)

    def at(self, name: str) -> list[Remark]:
        """The remarks beside a field."""
        return [remark for remark in self.remarks if remark.field == name]


def read_profile_draft(form: ImmutableMultiDict[str, str], before: Clinic) -> ProfileDraft:
    """The clinic with what the fields say. What cannot be read stands as it was, with a remark."""
    fields = _Fields(form)
    old = profile_of(before)
    profile = Profile(
        booking=Requests(
            way=fields.text("booking-way") or old.booking.way,
            email=fields.text("booking-email") or None,
            link=fields.text("booking-link") or None,
            notify=fields.text("booking-notify") or None,
            reply_business_days=fields.number("reply_business_days"),
        ),
        contact=Contact(
            phone=fields.phone("phone"),
            email=fields.text("email") or None,
            website=fields.text("website") or None,
            request_form=fields.text("request_form") or None,
        ),
        hours=fields.hours(),
        locations=fields.locations(),
        settings={
            name: Setting(words)
            for name in dict.fromkeys((*old.settings, *SETTINGS))
            if (words := fields.worded(f"setting-{name}")) is not None
        },
        notices=fields.notices(),
        text_kept_days=_or(fields.number("text_kept_days"), old.text_kept_days),
        requests_kept_days=_or(fields.number("requests_kept_days"), old.requests_kept_days),
    )
    return ProfileDraft(
        with_profile(before, profile),
        _or(fields.number("based_on"), 0),
        fields.text("note"),
        tuple(fields.remarks),
    )


def proofread_profile(draft: ProfileDraft, proof: Proofreader) -> ProfileDraft:
    """The draft with everything that the checker says of it. Slow at first: call it in a thread."""
    found = list(draft.remarks)
    known = {remark.field for remark in found}
    try:
        checked(draft.clinic)
    except ContentError as error:
        found.append(Remark("", f"This cannot be kept: {str(error).partition(': ')[2]}"))
    else:
        found += [remark for remark in proof.clinic(draft.clinic) if remark.field not in known]
    found.sort(key=lambda remark: not remark.is_error)
    return ProfileDraft(draft.clinic, draft.based_on, draft.note, tuple(found))


class _Fields:
    """Reads fields, and notes what cannot be read."""

    def __init__(self, form: ImmutableMultiDict[str, str]) -> None:
        self._form = form
        self.remarks: list[Remark] = []

    def text(self, name: str) -> str:
        text = self._form.get(name, "").replace("\r\n", "\n").replace("\x00", "").strip()
        if len(text) > LONGEST:
            self.remarks.append(Remark(name, f"at most {LONGEST} letters"))
        return text[:LONGEST]

    def number(self, name: str) -> int | None:
        text = self.text(name)
        if not text:
            return None
        if text.isascii() and text.isdigit() and len(text) < 9:
            return int(text)
        self.remarks.append(Remark(name, "write a whole number"))
        return None

    def day(self, name: str, text: str) -> date | None:
        try:
            return date.fromisoformat(text)
        except ValueError:
            self.remarks.append(Remark(name, "choose a day"))
            return None

    def phone(self, name: str) -> str | None:
        """As people write it in the US, or with + and the country."""
        text = self.text(name)
        if not text:
            return None
        try:
            parsed = phonenumbers.parse(text, "US")
        except phonenumbers.NumberParseException:
            parsed = None
        if parsed is None or not phonenumbers.is_possible_number(parsed):
            self.remarks.append(Remark(name, f"{text} is no phone number: write it as (202) 555-0140"))
            return None
        return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)

    def worded(self, name: str) -> Worded | None:
        web, sms = self.text(f"{name}-web"), self.text(f"{name}-sms")
        if sms and not web:
            self.remarks.append(Remark(f"{name}-web", "write it for the website, too"))
        if not web:
            return None
        return Text(web, sms) if sms else web

    def hours(self) -> Hours | None:
        """None where no day has times, as for a clinic that does not say its hours."""
        days: dict[str, Any] = {}
        for day in DAYS:
            spans = [self._span(day, number) for number in range(SPANS)]
            if found := [span for span in spans if span]:
                days[day] = found
        closed = sorted(
            {
                day_off
                for text in self._form.getlist("closed")[:MOST_CLOSED]
                if text and (day_off := self.day("closed", text))
            }
        )
        return Hours(closed=closed, **days) if days or closed else None

    def _span(self, day: str, number: int) -> str | None:
        start, end = (self.text(f"hours-{day}-{number}-{which}")[:5] for which in ("from", "to"))
        if bool(start) != bool(end):
            self.remarks.append(Remark(f"hours-{day}", "write both times, or none"))
        return f"{start}-{end}" if start and end else None

    def locations(self) -> list[Location]:
        found: list[Location] = []
        for index in range(MOST_LOCATIONS):
            at = f"location-{index}"
            if name := self.text(f"{at}-name"):
                parking = self.worded(f"{at}-parking")
                taken = {location.id for location in found}
                found.append(
                    Location(
                        self.text(f"{at}-id") or _id_of(name, taken),
                        name,
                        self.text(f"{at}-needling") or "ask",  # type: ignore[arg-type]
                        address=self.text(f"{at}-address") or None,
                        phone=self.phone(f"{at}-phone"),
                        parking=Setting(parking) if parking else None,
                    )
                )
        return found

    def notices(self) -> list[Notice]:
        found = []
        for index in range(NOTICES):
            at = f"notice-{index}"
            if words := self.worded(at):
                starts = self.day(f"{at}-starts", self.text(f"{at}-starts"))
                ends = self.day(f"{at}-ends", self.text(f"{at}-ends"))
                found.append(Notice(starts or date.min, ends or date.max, words))
        return found


def _id_of(name: str, taken: set[str]) -> str:
    """What the program calls a new location: small letters and dashes, and a number where there is one such."""
    letters = "".join(char if char.isascii() and char.isalnum() else "-" for char in name.casefold())
    base = "-".join(part for part in letters.split("-") if part)[:40] or "location"
    return next(one for one in (base, *(f"{base}-{n}" for n in range(2, 99))) if one not in taken)


def _or(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value
