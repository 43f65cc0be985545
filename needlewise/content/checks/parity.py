"""One id, everywhere: a topic's answer, examples, test questions, rule and domain intent; an act's likewise."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from needlewise.content.checks.finding import Finding
from needlewise.content.checks.tree import Doc, Taxonomy, Tree

FEWEST_EXAMPLES = 10
FEWEST_TESTS = 5

# Intents of the domain that no patient's words are classified as: the gate's "between two topics", and a button of ours.
_WITHOUT_EXAMPLES = frozenset({"nlu_fallback", "choose"})


def check(tree: Tree) -> Iterator[Finding]:
    names = tree.taxonomy
    intents = [*names.topics, *(act for act in names.acts if act not in names.without_intent)]
    yield from _missing(names, tree.answer_names, names.topics, "has no answer in content/answers")
    for topic in sorted(tree.answer_names - set(names.topics)):
        path = Path("content/answers") / f"{topic}.yml"
        yield Finding(path, 1, f"{topic} is not among TOPICS in {names.path}")
    if not _unread(tree, "data/nlu"):
        yield from _examples(names, tree.nlu, intents, FEWEST_EXAMPLES, "data/nlu")
    if tree.tests is not None and not _unread(tree, "tests/nlu"):
        yield from _examples(names, tree.tests, intents, FEWEST_TESTS, "tests/nlu")
    if not _unread(tree, "data/stories"):
        yield from _stories(tree, intents)
    if tree.domain is not None:
        yield from _domain(names, tree.domain, intents)


def _examples(
    names: Taxonomy, docs: Mapping[str, Doc[Any]], intents: Sequence[str], fewest: int, folder: str
) -> Iterator[Finding]:
    counts: dict[str, int] = {}
    for doc in docs.values():
        for index, block in enumerate(doc.value.get("nlu", [])):
            intent = block.get("intent") if isinstance(block, Mapping) else None
            if intent is None:
                continue
            if intent not in intents:
                yield doc.finding(f"{intent} is no topic and no act in {names.path}", "nlu", index)
            lines = str(block.get("examples") or "").splitlines()
            counts[intent] = counts.get(intent, 0) + sum(line.lstrip().startswith("- ") for line in lines)
    yield from _missing(names, counts.keys(), intents, f"has no examples in {folder}")
    for intent in intents:
        if 0 < counts.get(intent, 0) < fewest:
            yield Finding(
                names.path,
                1,
                f"{intent} has {counts[intent]} examples in {folder}: fewer than {fewest} teach and test nothing",
            )


def _stories(tree: Tree, intents: Sequence[str]) -> Iterator[Finding]:
    """Every intent begins a rule, and rules name intents and actions of the domain."""
    domain = tree.domain.value if tree.domain else {}
    known_intents = set(_listed(domain.get("intents")))
    known_actions = {*_listed(domain.get("actions")), *_listed(domain.get("forms"))}
    used: set[str] = set()
    for doc in tree.stories.values():
        for kind in ("rules", "stories"):
            for index, rule in enumerate(doc.value.get(kind, [])):
                for number, step in enumerate(rule.get("steps", [])):
                    for one in step.get("or", [step]):
                        where = (kind, index, "steps", number)
                        if intent := one.get("intent"):
                            used.add(intent)
                            if tree.domain and intent not in known_intents:
                                yield doc.finding(f"domain.yml has no intent {intent}", *where)
                        action = one.get("action")
                        if action and tree.domain and action not in known_actions:
                            yield doc.finding(f"domain.yml has no action {action}", *where)
    yield from _missing(tree.taxonomy, used, intents, "begins no rule in data/stories")


def _domain(names: Taxonomy, doc: Doc[Any], intents: Sequence[str]) -> Iterator[Finding]:
    listed = list(_listed(doc.value.get("intents")))
    yield from _missing(names, listed, intents, "is not among the intents of domain.yml")
    for index, intent in enumerate(listed):
        if intent not in intents and intent not in _WITHOUT_EXAMPLES:
            yield doc.finding(f"{intent} is no topic and no act in {names.path}", "intents", index)


def _missing(names: Taxonomy, found: Any, wanted: Sequence[str], complaint: str) -> Iterator[Finding]:
    for name in wanted:
        if name not in found:
            yield Finding(names.path, 1, f"{name} {complaint}")


def _listed(entries: Any) -> Iterator[str]:
    """Names of a domain section, of which each may carry settings of its own."""
    for entry in entries or []:
        yield next(iter(entry)) if isinstance(entry, Mapping) else entry


def _unread(tree: Tree, folder: str) -> bool:
    return any(path.parent == Path(folder) for path in tree.unread)
