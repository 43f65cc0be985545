"""Answers: their names, sources, neighbours, dates and placeholders."""

import re
from collections.abc import Iterator
from typing import Any

from needlewise.content.checks.finding import Finding
from needlewise.content.checks.shapes import ALL_SETTINGS, ALWAYS_FILLED, PRACTICE_TOPICS
from needlewise.content.checks.tree import Doc, Tree
from needlewise.content.model import Answer
from needlewise.content.render import PLACEHOLDER
from needlewise.text.yaml_text import Step

_BRACES = re.compile(r"\{[^{}]*\}?|\}")

_SOURCES_FILE = "sources.yml"


def check(tree: Tree) -> Iterator[Finding]:
    titles: dict[str, str] = {}
    for name, doc in tree.answers.items():
        answer = doc.value
        if answer.topic != name:
            yield doc.finding(f"the topic is {answer.topic}, the file's name says {name}", "topic")
        if answer.review_by < tree.today:
            yield doc.finding(f"someone should have read this again by {answer.review_by}", "review_by")
        other = titles.setdefault(answer.en.title.casefold(), name)
        if other != name:
            yield doc.finding(f"{other} has this title too: two buttons would look the same", "en", "title")
        yield from _sources(tree, doc, name)
        yield from _related(tree, doc, name)
        yield from _placeholders(doc)


def _sources(tree: Tree, doc: Doc[Answer], name: str) -> Iterator[Finding]:
    if not doc.value.sources and name not in PRACTICE_TOPICS:
        yield doc.finding("an answer about health needs a source", "sources")
    if _SOURCES_FILE in tree.single:
        for index, source in enumerate(doc.value.sources):
            if source not in tree.sources:
                yield doc.finding(f"content/{_SOURCES_FILE} has no {source}", "sources", index)


def _related(tree: Tree, doc: Doc[Answer], name: str) -> Iterator[Finding]:
    for index, related in enumerate(doc.value.related):
        if related not in tree.answer_names:
            yield doc.finding(f"no answer has the topic {related}", "related", index)
        elif related == name:
            yield doc.finding("an answer is not related to itself", "related", index)


def _placeholders(doc: Doc[Answer]) -> Iterator[Finding]:
    words = doc.value.en
    texts: dict[tuple[Step, ...], str | None] = {
        ("en", "web"): words.web,
        ("en", "more"): words.more,
        ("en", "sms"): words.sms,
        **{("en", "follow_ups", part): text for part, text in words.follow_ups.items()},
    }
    used: set[str] = set()
    for steps, text in texts.items():
        found = PLACEHOLDER.findall(text or "")
        used.update(found)
        for placeholder in found:
            if placeholder in ALL_SETTINGS and placeholder not in words.clinic:
                yield doc.finding(
                    f"{{{placeholder}}} is not under `clinic:`, so there is nothing to say where it is not set",
                    *steps,
                )
            elif placeholder not in ALWAYS_FILLED | ALL_SETTINGS:
                yield doc.finding(f"{{{placeholder}}} stands for nothing", *steps)
        yield from stray_braces(doc, text or "", *steps)
    yield from only_filled(doc, words.title, frozenset(), "en", "title")
    for setting, entry in words.clinic.items():
        if setting not in ALL_SETTINGS:
            yield doc.finding(
                f"{setting} is no setting: docs/content-guide.md lists them", "en", "clinic", setting
            )
        if setting not in used:
            yield doc.finding(f"no text of this answer has {{{setting}}}", "en", "clinic", setting)
        for form in ("web", "sms"):
            unset: str | None = getattr(entry.unset, form)
            yield from only_filled(doc, unset or "", ALWAYS_FILLED, "en", "clinic", setting, "unset", form)


def only_filled(doc: Doc[Any], text: str, legal: frozenset[str], *steps: Step) -> Iterator[Finding]:
    """Placeholders of a text that are not among the legal ones."""
    for placeholder in PLACEHOLDER.findall(text):
        if placeholder not in legal:
            yield doc.finding(f"{{{placeholder}}} stands for nothing here", *steps)
    yield from stray_braces(doc, text, *steps)


def stray_braces(doc: Doc[Any], text: str, *steps: Step) -> Iterator[Finding]:
    """Braces that are no placeholder would be shown to a patient as they are."""
    for found in _BRACES.findall(PLACEHOLDER.sub("", text)):
        yield doc.finding(
            f"{found} would be shown as it is: a placeholder is small letters in braces", *steps
        )
