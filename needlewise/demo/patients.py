"""A made-up patient: when they write, what they want, and how they answer what they are asked. The same seed makes the same patient."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from needlewise.conversations.log import Inbound
from needlewise.demo import words

DAYS = 90
_SMS = 0.3
_MOST_TAPS = 26
"""Answers to our own questions; whoever is asked more than that leaves."""

# Wishes and how often each comes, out of 100.
_PLOTS: Mapping[str, int] = {
    "one question": 30,
    "questions": 24,
    "screening": 12,
    "visit": 14,
    "unknown": 8,
    "person": 5,
    "urgent": 3,
    "doctor": 2,
    "stop": 2,
}
_HOURS = (1, 1, 1, 0, 0, 1, 2, 5, 8, 9, 9, 8, 9, 8, 7, 7, 8, 9, 9, 9, 8, 6, 4, 2)
"""How many write in each hour of the day."""


@dataclass
class Patient:
    """Somebody who writes. `rng` is theirs alone: what they do depends on nothing but it and what is asked."""

    rng: random.Random
    channel: str
    begins_at: datetime
    plot: str
    is_healthy: bool
    wants_visit: bool
    leaves_early: bool
    taps: int = 0
    says: Sequence[str] = field(default_factory=tuple)
    """What they write of themselves, in this order, each once they were answered."""

    def pause(self) -> timedelta:
        """How long they take for their next message."""
        return timedelta(
            seconds=self.rng.randint(8, 90) if self.channel == "web" else self.rng.randint(20, 400)
        )

    def answer(self, wires: Sequence[Mapping[str, Any]]) -> Inbound | None:
        """What they make of what was just asked; None when they go on to what they want to say next."""
        if not wires or self.taps >= _MOST_TAPS:
            return None
        wire = wires[-1]
        asked, choices = wire.get("input"), wire.get("choices", [])
        if asked is None and not choices:
            return None
        self.taps += 1
        if asked is None:
            return self._follow(choices)
        if self.leaves_early and self.rng.random() < 0.25:
            return None
        if asked["kind"] == "form":
            return self._fill(asked["fields"])
        if asked["kind"] == "many":
            return _tap(self._ticked(choices))
        return _tap([self._one(choices)])

    def _follow(self, choices: Sequence[Mapping[str, Any]]) -> Inbound | None:
        """A tap on what is put forward, now and then; whoever wants a visit goes on to it."""
        visit = [
            one
            for one in choices
            if any(word in one["label"].lower() for word in ("book", "visit", "call me", "yes"))
        ]
        if visit and self.wants_visit:
            return _tap(visit[:1])
        return _tap([self.rng.choice(choices)]) if self.rng.random() < 0.15 else None

    def _ticked(self, choices: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        none = [one for one in choices if one.get("alone")]
        some = [one for one in choices if not one.get("alone")]
        if none and (not some or self.is_healthy or self.rng.random() < 0.6):
            return none[:1]
        return [self.rng.choice(some)]

    def _one(self, choices: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        """The first is mostly the one that goes on: send, yes, the first office."""
        return choices[0] if self.rng.random() < 0.85 else self.rng.choice(choices)

    def _fill(self, fields: Sequence[Mapping[str, Any]]) -> Inbound:
        given = {one["name"]: self._value(one["name"]) for one in fields}
        if self.channel == "web":
            return Inbound(fields=given)
        return Inbound(", ".join(given.values()))

    def _value(self, name: str) -> str:
        if name == "contact":
            # 555-0100 to 555-0199 belong to nobody.
            return f"202-555-01{self.rng.randint(0, 99):02}"
        return self.rng.choice(words.FIRST_NAMES if name == "first_name" else words.TIMES)


def make_patient(seed: int, number: int, *, until: datetime, zone: ZoneInfo) -> Patient:
    """The patient of this number, who writes at some time in the DAYS before `until`."""
    rng = random.Random(f"{seed}/{number}")  # noqa: S311  (nothing secret hangs on it)
    channel = "sms" if rng.random() < _SMS else "web"
    plot = rng.choices(list(_PLOTS), weights=list(_PLOTS.values()))[0]
    patient = Patient(
        rng,
        channel,
        _when(rng, until, zone),
        plot,
        is_healthy=rng.random() < 0.65,
        wants_visit=plot == "visit" or (plot == "screening" and rng.random() < 0.5),
        leaves_early=rng.random() < 0.25,
    )
    patient.says = tuple(_typed(rng, one) for one in _said(rng, plot))
    return patient


def _when(rng: random.Random, until: datetime, zone: ZoneInfo) -> datetime:
    """More of late than long ago, fewer on weekends, most by day."""
    while True:
        ago = DAYS * (1 - rng.random() ** 0.7)
        day = (until - timedelta(days=ago)).astimezone(zone).date()
        if day.weekday() > 4 and rng.random() < 0.45:
            continue
        hour = rng.choices(range(24), weights=_HOURS)[0]
        at = datetime.combine(day, time(hour, rng.randint(0, 59), rng.randint(0, 59)), zone)
        if until - timedelta(days=DAYS) <= at < until - timedelta(hours=1):
            return at


def _said(rng: random.Random, plot: str) -> list[str]:
    topics = rng.sample(list(words.QUESTIONS), k=4)
    asked = [rng.choice(words.QUESTIONS[topic]) for topic in topics]
    said = {
        "one question": asked[:1],
        "questions": asked[: rng.randint(2, 4)],
        "screening": [*asked[: rng.randint(0, 1)], rng.choice(words.WANTS_SCREENING)],
        "visit": [*asked[: rng.randint(0, 2)], rng.choice(words.WANTS_VISIT)],
        "unknown": [*asked[: rng.randint(0, 1)], rng.choice(words.UNKNOWN)],
        "person": [*asked[: rng.randint(0, 1)], rng.choice(words.PERSON)],
        "urgent": [
            *asked[: rng.randint(0, 1)],
            rng.choice(words.CRISIS if rng.random() < 0.2 else words.URGENT),
        ],
        "doctor": [rng.choice(words.DOCTOR), *asked[:1]],
        "stop": [asked[0], rng.choice(words.STOP)],
    }[plot]
    if rng.random() < 0.15:
        said = [rng.choice(words.HELLO), *said]
    if plot in ("one question", "questions") and rng.random() < 0.25:
        said = [*said, rng.choice(words.THANKS)]
    if plot == "questions" and rng.random() < 0.3:
        # Two in one message, as people do.
        said = [f"{said[0]}? also {said[1]}", *said[2:]]
    return said


def _typed(rng: random.Random, text: str) -> str:
    """As thumbs type it: now and then a letter is left out, doubled or swapped, and some begin large or end with a mark."""
    if rng.random() < 0.25 and len(text) > 12:
        at = rng.randint(3, len(text) - 3)
        if text[at].isalpha() and text[at + 1].isalpha():
            slips = (text[:at] + text[at + 1 :], text[:at] + text[at] * 2 + text[at + 1 :])
            swapped = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
            text = rng.choice((*slips, swapped))
    if rng.random() < 0.4:
        text = text[0].upper() + text[1:]
    return text + rng.choice(("", "", "?", "??", "."))


def _tap(choices: Sequence[Mapping[str, Any]]) -> Inbound:
    return Inbound(choices=tuple(one["id"] for one in choices))
