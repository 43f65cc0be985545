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
    quick_exit: bool = False
    """Someone near the patient may be a danger: the chat offers to leave the page at once."""


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


Link = Annotated[str, Meta(pattern=r"^https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[^\s()<>\"\\{}]*)?$")]
"""An address that patients are sent to. It stands in texts as it is, so it holds no bracket, and no name or password."""

Clock = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class Booking(Struct, frozen=True, forbid_unknown_fields=True):
    """How a wish for a visit reaches the clinic. Call-backs are requests whatever the way: they wait in the console."""

    way: Literal["inbox", "email", "link", "webhook"]
    visit_kinds: list[VisitKind]
    email: str | None = None
    link: Link | None = None
    """The clinic's own scheduler: patients pick their time there, and tell us nothing."""
    webhook: str | None = None
    """Where each request is posted, signed: docs/booking-webhook.md."""
    notify: str | None = None
    """A mailbox that gets a notice of each request, whatever the way."""
    digest_at: Clock | None = None
    """The clinic's own time at which `notify`, or `email`, is told how many requests are open, if any."""
    reply_business_days: int | None = None
    confirms_times: bool = False


Number = Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{6,14}$")]
"""A phone number in E.164, as carriers write it."""


class Texting(Struct, frozen=True, forbid_unknown_fields=True):
    """The clinic's numbers that patients may text; each belongs to one clinic."""

    numbers: list[Number] = []


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


class Notice(Struct, frozen=True, forbid_unknown_fields=True):
    """What everybody is told at the opening of a chat, from one day to another, both included: closed for the holiday."""

    starts: date
    ends: date
    en: Worded


Origin = Annotated[str, Meta(pattern=r"^https?://[a-z0-9-]+(\.[a-z0-9-]+)*(:\d{1,5})?$")]
"""A website as browsers name it: no path, no slash at the end. Each goes into a header as it stands."""


class Widget(Struct, frozen=True, forbid_unknown_fields=True):
    """How the website chat looks and behaves for this clinic."""

    accent: Annotated[str, Meta(pattern=r"^#[0-9a-f]{6}$")] | None = None
    """The clinic's own color. It is made darker or lighter where text would be hard to read on it."""
    shared_computer_minutes: Annotated[int, Meta(ge=2, le=240)] | None = None
    """Minutes without a touch or a key after which a browser forgets the chat; None keeps it while its tab is open."""


class Clinic(Struct, frozen=True, forbid_unknown_fields=True):
    clinic: Id
    name: str
    profession: Literal["physical_therapy", "chiropractic"]
    provider_word: str
    timezone: str
    booking: Booking
    contact: Contact = field(default_factory=Contact)
    texting: Texting = field(default_factory=Texting)
    fictional: bool = False
    example: bool = False
    """Modelled on what a real clinic published; the clinic has nothing to do with it, and every page says so."""
    origins: list[Origin] = []
    widget: Widget = field(default_factory=Widget)
    hours: Hours | None = None
    locations: list[Location] = []
    settings: dict[str, Setting] = {}
    screening_policy: dict[str, Literal["BOOK", "TELL", "CALL"]] = {}
    text_kept_days: Annotated[int, Meta(ge=1, le=3650)] = 90
    """Days after which what was written loses its words (privacy.retention)."""
    requests_kept_days: Annotated[int, Meta(ge=30, le=3650)] = 730
    """Days without a change after which a request loses name, contact and wishes."""
    notices: list[Notice] = []


class OptOutRules(Struct, frozen=True, forbid_unknown_fields=True):
    """The words that mean "no more texts", "texts again" and "help", and patterns of words; the file says how they are read."""

    words: dict[str, list[str]]
    """Whole messages that are an opt-out, by who demands it: carrier, fcc, ctia, spanish…"""
    start: list[str]
    start_after_stop: list[str]
    """Words that bring the texts back only where they were stopped: elsewhere they mean something else."""
    help: list[str]
    around: list[str]
    """Words that may stand before or after a whole message and change nothing: please, thanks."""
    written: dict[str, str]
    """How some words are typed in a hurry, and the word that is meant."""
    known: list[str]
    """Words that are near to one of these lists' words and mean something else."""
    groups: dict[str, list[str]]
    """Words that patterns name together: {texts}."""
    whole: dict[str, list[str]]
    """Patterns that must be the whole of a message that does not end in a question mark."""
    clause: dict[str, list[str]]
    """Patterns that must be one of its clauses."""
    anywhere: dict[str, list[str]]
    never: list[str]
    """Patterns that are no opt-out: their words are taken out before anything else is looked for."""
