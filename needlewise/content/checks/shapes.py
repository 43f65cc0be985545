"""The shapes of the files under content/ that only the checker reads, and the names that content may use."""

from typing import Literal

from msgspec import Struct

from needlewise.content.render import MADE_SETTINGS

SETTINGS = (
    "price",
    "payment",
    "packages",
    "insurance",
    "medicare",
    "hsa_fsa",
    "referral",
    "telehealth",
    "visit_length",
    "first_visit",
    "visits_needed",
    "prepare",
    "aftercare",
    "who",
    "training",
    "needles",
    "treatments",
    "combined_visit",
    "ages",
    "pregnancy",
    "electric",
    "other_areas",
    "cancellation",
    "languages",
    "access",
    "companion",
    "products",
    "xray",
    "fear",
    "reach",
)
"""What a clinic's profile may set in its own words; docs/content-guide.md lists them."""

ALL_SETTINGS = frozenset({*SETTINGS, *MADE_SETTINGS})

ALWAYS_FILLED = frozenset({"clinic", "contact", "provider"})
"""Placeholders that stand for something in every text."""

PRACTICE_TOPICS = frozenset(
    {
        "who_performs_it",
        "locations",
        "hours_contact",
        "cost",
        "insurance",
        "referral_needed",
        "telehealth",
    }
)
"""Topics about the clinic itself: their facts are its own, so they may do without a source."""

FILL_IN = "FILL-IN"
"""Marks what `needlewise content new-topic` leaves to be written."""


class Fact(Struct, frozen=True, forbid_unknown_fields=True):
    """One row of content/facts.yml: the topic or topics that tell it, or why it is not told."""

    topic: str | None = None
    topics: list[str] = []
    clinic: str | None = None
    left_out: str | None = None


class Claim(Struct, frozen=True, forbid_unknown_fields=True):
    """One row of content/claims.yml."""

    pattern: str
    use: str
    why: str
    source: str


class FollowUp(Struct, frozen=True, forbid_unknown_fields=True):
    """One row of content/follow_ups.yml: a part that answers have, and the messages that ask for it."""

    asks: Literal["why", "how_long", "more"]
    says: list[str]
    elsewhere: dict[str, str] = {}


class Term(Struct, frozen=True, forbid_unknown_fields=True):
    """One row of content/glossary.yml."""

    word: str
    means: str
