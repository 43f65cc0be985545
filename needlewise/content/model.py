"""The shapes of the files under content/. Field names are the files' keys; docs/content-guide.md explains them."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

Id = Annotated[str, Meta(pattern=r"^[a-z0-9_.-]+$")]


class Text(Struct, frozen=True, forbid_unknown_fields=True):
    """One text in its channel forms; a channel without its own form uses `web`."""

    web: str
    sms: str | None = None


Worded = str | Text
"""A text that is the same on every channel, or one by channel."""


class Unset(Struct, frozen=True, forbid_unknown_fields=True):
    unset: Text
    """What is said where the clinic has not set this."""


class AnswerText(Struct, frozen=True, forbid_unknown_fields=True):
    title: Annotated[str, Meta(min_length=4, max_length=40)]
    web: str
    sms: str
    more: str | None = None
    follow_ups: dict[Literal["why", "how_long"], str] = {}
    clinic: dict[str, Unset] = {}


class Allowed(Struct, frozen=True, forbid_unknown_fields=True):
    phrase: str
    reason: str


class Answer(Struct, frozen=True, forbid_unknown_fields=True):
    topic: Id
    version: int
    review_by: date
    sources: list[str]
    related: list[str]
    en: AnswerText
    allow: list[Allowed] = []


class PhraseChoice(Struct, frozen=True, forbid_unknown_fields=True):
    """A choice that comes with a phrase: what it leads to, and its label (a topic's own title if left out)."""

    topic: str | None = None
    act: str | None = None
    answer: str | None = None
    """A word that the waiting question takes as its answer: yes, no, unsure…"""
    label: dict[str, str] = {}


class Item(Struct, frozen=True, forbid_unknown_fields=True):
    """One line of a screening card that a patient may tick."""

    id: Id
    label: str
    conditions: list[str]


class PhraseText(Struct, frozen=True, forbid_unknown_fields=True):
    web: str
    sms: str | None = None
    items: list[Item] = []


Kind = Literal["answer", "question", "outcome", "urgent", "crisis", "handoff", "notice"]


class Phrase(Struct, frozen=True, forbid_unknown_fields=True):
    en: str | PhraseText
    es: str | PhraseText | None = None
    kind: Kind = "notice"
    choices: list[PhraseChoice] = []


class Source(Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    publisher: str
    address: str | None
    year: int | None


class Contact(Struct, frozen=True, forbid_unknown_fields=True):
    phone: str | None = None
    email: str | None = None
    website: str | None = None
    request_form: str | None = None


class Setting(Struct, frozen=True, forbid_unknown_fields=True):
    en: Worded


class Location(Struct, frozen=True, forbid_unknown_fields=True):
    id: Id
    name: str
    needling: Literal["yes", "ask", "no"]
    address: str | None = None
    phone: str | None = None
    parking: Setting | None = None


class Label(Struct, frozen=True, forbid_unknown_fields=True):
    en: str


class VisitKind(Struct, frozen=True, forbid_unknown_fields=True):
    id: Id
    label: Label
    needling: bool


class Booking(Struct, frozen=True, forbid_unknown_fields=True):
    way: Literal["inbox", "email"]
    visit_kinds: list[VisitKind]
    email: str | None = None
    reply_business_days: int | None = None
    confirms_times: bool = False


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""The fields of Hours, in the order of date.weekday()."""

Span = Annotated[str, Meta(pattern=r"^\d\d:\d\d-\d\d:\d\d$")]


class Hours(Struct, frozen=True, forbid_unknown_fields=True):
    """Opening hours of the front desk, in the clinic's own time zone; a day left out is closed."""

    mon: list[Span] = []
    tue: list[Span] = []
    wed: list[Span] = []
    thu: list[Span] = []
    fri: list[Span] = []
    sat: list[Span] = []
    sun: list[Span] = []
    closed: list[date] = []


class Clinic(Struct, frozen=True, forbid_unknown_fields=True):
    clinic: Id
    name: str
    profession: Literal["physical_therapy", "chiropractic"]
    provider_word: str
    timezone: str
    booking: Booking
    contact: Contact = field(default_factory=Contact)
    fictional: bool = False
    example: bool = False
    """Modelled on what a real clinic published; the clinic has nothing to do with it, and every page says so."""
    origins: list[str] = []
    hours: Hours | None = None
    locations: list[Location] = []
    settings: dict[str, Setting] = {}
    screening_policy: dict[str, Literal["BOOK", "TELL", "CALL"]] = {}
    text_kept_days: int = 90
