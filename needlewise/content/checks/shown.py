"""Every text that a patient can read, with its place."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from needlewise.content.checks.tree import Doc, Tree
from needlewise.content.model import Answer, Clinic, Phrase, PhraseText, Text
from needlewise.text.yaml_text import Step

# Phrases that go to the clinic's staff.
_FOR_STAFF = ("booking.mail_",)


@dataclass(frozen=True)
class Shown:
    """A text and where it stands; `allowed` are words in it that are no claim, whatever they look like."""

    doc: Doc[Any]
    steps: tuple[Step, ...]
    text: str
    allowed: tuple[str, ...] = ()


def shown_texts(tree: Tree) -> Iterator[Shown]:
    """English texts of answers, phrases and clinic profiles."""
    for answer in tree.answers.values():
        yield from _of_answer(answer)
    for phrases in tree.phrase_files.values():
        for key, phrase in phrases.value.items():
            if not key.startswith(_FOR_STAFF):
                yield from _of_phrase(phrases, key, phrase)
    for clinic in tree.clinics.values():
        yield from _of_clinic(clinic)


def _of_answer(doc: Doc[Answer]) -> Iterator[Shown]:
    words = doc.value.en
    allowed = tuple(entry.phrase for entry in doc.value.allow)
    texts: dict[tuple[Step, ...], str | None] = {
        ("title",): words.title,
        ("web",): words.web,
        ("more",): words.more,
        ("sms",): words.sms,
        **{("follow_ups", part): text for part, text in words.follow_ups.items()},
    }
    for setting, entry in words.clinic.items():
        texts["clinic", setting, "unset", "web"] = entry.unset.web
        texts["clinic", setting, "unset", "sms"] = entry.unset.sms
    for steps, text in texts.items():
        if text:
            yield Shown(doc, ("en", *steps), text, allowed)


def _of_phrase(doc: Doc[dict[str, Phrase]], key: str, phrase: Phrase) -> Iterator[Shown]:
    yield from _worded(doc, (key, "en"), phrase.en)
    if isinstance(phrase.en, PhraseText):
        for index, item in enumerate(phrase.en.items):
            yield Shown(doc, (key, "en", "items", index, "label"), item.label)
    for index, choice in enumerate(phrase.choices):
        if label := choice.label.get("en"):
            yield Shown(doc, (key, "choices", index, "label", "en"), label)


def _of_clinic(doc: Doc[Clinic]) -> Iterator[Shown]:
    clinic = doc.value
    for name, setting in clinic.settings.items():
        yield from _worded(doc, ("settings", name, "en"), setting.en)
    for index, location in enumerate(clinic.locations):
        if location.parking:
            yield from _worded(doc, ("locations", index, "parking", "en"), location.parking.en)
    for index, notice in enumerate(clinic.notices):
        yield from _worded(doc, ("notices", index, "en"), notice.en)
    for index, kind in enumerate(clinic.booking.visit_kinds):
        yield Shown(doc, ("booking", "visit_kinds", index, "label", "en"), kind.label.en)


def _worded(doc: Doc[Any], steps: tuple[Step, ...], words: str | Text | PhraseText) -> Iterator[Shown]:
    if isinstance(words, str):
        yield Shown(doc, steps, words)
        return
    yield Shown(doc, (*steps, "web"), words.web)
    if words.sms:
        yield Shown(doc, (*steps, "sms"), words.sms)
