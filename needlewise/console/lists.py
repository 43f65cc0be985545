"""What the inbox and a conversation's page say alike: times, topics, and the marks of a conversation."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from needlewise import clock
from needlewise.conversations.listing import Listed
from needlewise.wiring import Services

CHANNELS = {"web": "website", "sms": "text"}
REQUESTS = {"visit": "visit", "exam": "exam", "callback": "call back"}
SAFETY = {
    "emergency": "emergency",
    "crisis": "crisis",
    "violence": "violence",
    "poison": "poison",
    "urgent": "urgent",
    "doctor": "call a doctor",
    "ask": "asked about a sign",
}
GRAVE = frozenset({"emergency", "crisis", "violence", "poison", "urgent"})
OUTCOMES = {
    "BOOK": "may book",
    "TELL": "may book, with something to tell",
    "CALL": "clinic calls first",
    "NOW": "needs care soon",
}
_ACTS = {
    "book_appointment": "wants to book",
    "change_appointment": "wants to change an appointment",
    "talk_to_human": "asks for a person",
    "diagnose_me": "asks for a diagnosis",
    "urgent_red_flag": "an urgent sign",
    "crisis": "a crisis",
    "opt_out": "wants no more messages",
    "privacy": "asks about privacy",
    "bot_identity": "asks who answers",
    "language": "another language",
    "greet": "a greeting",
    "goodbye": "a goodbye",
    "thanks": "thanks",
    "feedback_positive": "praise",
    "feedback_negative": "a complaint",
    "affirm": "yes",
    "deny": "no",
    "unsure": "not sure",
    "ask_why": "asks why",
    "start_over": "wants to start over",
    "out_of_scope": "not ours to answer",
    "nlu_fallback": "between topics",
    "choose": "an answer to our question",
}

Badge = tuple[str, str]
"""How a mark looks (bad, own or nothing) and its words."""


def when(at: datetime, zone: ZoneInfo) -> str:
    """A moment as a list shows it: the time today, the day before that, with the year where it is another."""
    there, now = at.astimezone(zone), clock.now().astimezone(zone)
    if there.date() == now.date():
        return f"{there:%H:%M}"
    return f"{there:%-d %b, %H:%M}" if there.year == now.year else f"{there:%-d %b %Y}"


def titled(services: Services, intent: str) -> str:
    """A topic's title, or what an act is, in words."""
    answer = services.library.answers.get(intent)
    return answer.en.title if answer else _ACTS.get(intent, intent.replace("_", " "))


def marks(listed: Listed) -> Sequence[Badge]:
    """What stands out of a conversation, the gravest first."""
    found: list[tuple[object, Badge]] = [
        (
            listed.safety,
            ("bad" if listed.safety in GRAVE else "", SAFETY.get(listed.safety or "", listed.safety or "")),
        ),
        (listed.live_by, ("own", f"live: {listed.live_by.name}" if listed.live_by else "")),
        (listed.flagged_at, ("own", "flagged")),
        (listed.asked_person, ("", "asked for a person")),
        (listed.request, ("", f"sent: {REQUESTS.get(listed.request or '', listed.request or '')}")),
        (listed.thumbs_down, ("", "thumbs down")),
        (listed.declined, ("", "declined")),
        (listed.unsure, ("", "unsure")),
        (listed.opted_out, ("", "opted out")),
        (listed.held_at, ("", "held")),
    ]
    return [badge for is_so, badge in found if is_so]
