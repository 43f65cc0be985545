"""facts.yml, commands.yml, follow_ups.yml and opt_out.yml: rows that name topics, clinics and patterns."""

import re
from collections.abc import Iterator

from needlewise.content.checks.finding import Finding
from needlewise.content.checks.tree import Tree
from needlewise.content.model import OptOutRules

_GROUP = re.compile(r"\{([^{}]*)\}")

FACTS = tuple(f"S{number}" for number in range(1, 122))
"""The facts of the two articles we began with; none may get lost."""


def check_facts(tree: Tree) -> Iterator[Finding]:
    doc = tree.single.get("facts.yml")
    if doc is None:
        return
    for name in FACTS:
        if name not in doc.value:
            yield doc.finding(f"{name} is missing: say which topic tells it, or why none does")
    for name, fact in doc.value.items():
        topics = [*fact.topics, *([fact.topic] if fact.topic else [])]
        if name not in FACTS:
            yield doc.finding(f"{name} is no fact of the two articles", name)
        if bool(topics) == (fact.left_out is not None):
            yield doc.finding("a fact has a topic, or a reason why it is left out", name)
        if fact.left_out is not None and not fact.left_out.strip():
            yield doc.finding("say why it is left out", name, "left_out")
        for topic in topics:
            if topic not in tree.answer_names:
                yield doc.finding(f"no answer has the topic {topic}", name)
        if fact.clinic is not None and not (tree.content / "clinics" / f"{fact.clinic}.yml").exists():
            yield doc.finding(f"content/clinics has no {fact.clinic}", name)


def check_commands(tree: Tree) -> Iterator[Finding]:
    doc = tree.single.get("commands.yml")
    if doc is None:
        return
    for name, words in doc.value.items():
        if not words:
            yield doc.finding("a command without words is never heard", name)
        for index, word in enumerate(words):
            if word.casefold() in (other.casefold() for other in words[:index]):
                yield doc.finding(f'"{word}" stands here twice', name, index)


def check_follow_ups(tree: Tree) -> Iterator[Finding]:
    doc = tree.single.get("follow_ups.yml")
    if doc is None:
        return
    for index, row in enumerate(doc.value):
        for number, pattern in enumerate(row.says):
            try:
                re.compile(pattern)
            except re.error as error:
                yield doc.finding(f"not a regular expression: {error}", index, "says", number)
        for topic in {name: None for pair in row.elsewhere.items() for name in pair}:
            if topic not in tree.answer_names:
                yield doc.finding(f"no answer has the topic {topic}", index, "elsewhere", topic)


def check_opt_out(tree: Tree) -> Iterator[Finding]:
    doc = tree.single.get("opt_out.yml")
    if doc is None:
        return
    rules: OptOutRules = doc.value
    for name in ("words", "whole", "clause", "anywhere"):
        for wording, rows in getattr(rules, name).items():
            for index, row in enumerate(rows):
                if row in rows[:index]:
                    yield doc.finding(f'"{row}" stands here twice', name, wording, index)
    patterns = [("never", index, row) for index, row in enumerate(rules.never)]
    for name in ("whole", "clause", "anywhere"):
        for wording, rows in getattr(rules, name).items():
            patterns += [(f"{name}.{wording}", index, row) for index, row in enumerate(rows)]
    for place, index, row in patterns:
        for group in _GROUP.findall(row):
            if group not in rules.groups:
                yield doc.finding(f"there is no group {group}", *place.split("."), index)
