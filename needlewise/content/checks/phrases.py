"""Phrases: those the code says exist, and what they lead to and stand for can be filled."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from needlewise.content.checks.answers import stray_braces
from needlewise.content.checks.code import Code, read_code
from needlewise.content.checks.finding import Finding
from needlewise.content.checks.shapes import ALL_SETTINGS, ALWAYS_FILLED
from needlewise.content.checks.tree import Doc, Tree
from needlewise.content.model import Phrase, PhraseText
from needlewise.content.render import PLACEHOLDER

AREAS = frozenset({"conversation", "booking", "handoff", "clinic", "screening", "safety"})

_PHRASES = Path("content/phrases")

# Kinds that a patient must not be led away from by a question to read on.
_URGENT = frozenset({"urgent", "crisis"})


def check(tree: Tree) -> Iterator[Finding]:
    code = read_code(tree, AREAS | tree.phrase_files.keys())
    yield from _keys(tree, code)
    yield from _rule_keys(tree)
    yield from _conversation(tree)
    homes: dict[str, Path] = {}
    for area, doc in tree.phrase_files.items():
        for key, phrase in doc.value.items():
            if not key.startswith(f"{area}."):
                yield doc.finding(
                    f"{key} belongs in a file of its own area: {key.partition('.')[0]}.yml", key
                )
            if other := homes.get(key):
                yield doc.finding(f"{key} is in {other} too", key)
            homes[key] = doc.path
            yield from _choices(tree, doc, key, phrase)
            yield from _placeholders(doc, key, phrase, _values(code, key))


def _keys(tree: Tree, code: Code) -> Iterator[Finding]:
    known = tree.phrases.keys()
    seen: set[str] = set()
    for mention in code.keys:
        if mention.name in seen or not _is_readable(tree, mention.name):
            continue
        seen.add(mention.name)
        if mention.whole and mention.name not in known:
            yield Finding(mention.path, mention.line, f"content/phrases has no {mention.name}")
        elif not mention.whole and not any(key.startswith(mention.name) for key in known):
            yield Finding(
                mention.path, mention.line, f"content/phrases has nothing that begins with {mention.name}"
            )


def _rule_keys(tree: Tree) -> Iterator[Finding]:
    """Phrases that the rule files name, and those that belong to each screening card."""
    named: list[tuple[Path, str]] = []
    if tree.screening is not None:
        path = Path("content/screening.yml")
        told = [entry.tell for entry in tree.screening.conditions.values()]
        told += [card.tell for card in tree.screening.cards]
        named += [(path, key) for key in told if key]
        for card in tree.screening.cards:
            named += [(path, f"screening.card_{card.id}"), (path, f"screening.why_{card.id}")]
    if tree.red_flags is not None:
        named += [(Path("content/safety/red_flags.yml"), rule.phrase) for rule in tree.red_flags.rules]
    for path, key in dict.fromkeys(named):
        if key not in tree.phrases and _is_readable(tree, key):
            yield Finding(path, _line_of(tree.root / path, key), f"content/phrases has no {key}")


def _conversation(tree: Tree) -> Iterator[Finding]:
    """action_converse says the phrase of the act it is led to by, whichever that is."""
    doc = tree.phrase_files.get("conversation")
    if doc is None:
        return
    for stories in tree.stories.values():
        for rule in stories.value.get("rules", []):
            steps = [step for step in rule.get("steps", []) if isinstance(step, Mapping)]
            if not any(step.get("action") == "action_converse" for step in steps):
                continue
            for step in steps:
                for one in step.get("or", [step]):
                    act = one.get("intent")
                    if act and f"conversation.{act}" not in doc.value:
                        yield doc.finding(f"conversation.{act} is missing: action_converse says it")


def _choices(tree: Tree, doc: Doc[dict[str, Phrase]], key: str, phrase: Phrase) -> Iterator[Finding]:
    acts = tree.taxonomy.acts
    for index, choice in enumerate(phrase.choices):
        where = (key, "choices", index)
        leads = [name for name in ("topic", "act", "answer") if getattr(choice, name)]
        if not leads:
            yield doc.finding("a choice leads to a topic, an act or an answer", *where)
        if choice.topic and choice.topic not in tree.answer_names:
            yield doc.finding(f"no answer has the topic {choice.topic}", *where)
        if choice.topic and phrase.kind in _URGENT:
            yield doc.finding("an urgent message offers no questions to read on", *where)
        if choice.act and choice.act not in acts:
            yield doc.finding(f"there is no act {choice.act}", *where)
        if not choice.topic and not choice.label.get("en"):
            yield doc.finding("a choice without a topic needs a label", *where)
    if isinstance(phrase.en, PhraseText) and tree.screening is not None:
        for number, item in enumerate(phrase.en.items):
            for condition in item.conditions:
                if condition not in tree.screening.conditions:
                    yield doc.finding(
                        f"content/screening.yml has no condition {condition}",
                        *(key, "en", "items", number, "conditions"),
                    )


def _placeholders(
    doc: Doc[dict[str, Phrase]], key: str, phrase: Phrase, values: frozenset[str]
) -> Iterator[Finding]:
    for language in ("en", "es"):
        words: str | PhraseText | None = getattr(phrase, language)
        if words is None:
            continue
        forms = {"web": words} if isinstance(words, str) else {"web": words.web, "sms": words.sms or ""}
        for form, text in forms.items():
            for placeholder in PLACEHOLDER.findall(text):
                if placeholder not in ALWAYS_FILLED | ALL_SETTINGS | values:
                    yield doc.finding(f"no code gives {{{placeholder}}} to this phrase", key, language, form)
            yield from stray_braces(doc, text, key, language, form)


def _values(code: Code, key: str) -> frozenset[str]:
    """What every call that names this phrase gives it; for a phrase that no call names in full, what any such call gives."""
    by_name = [values for keys, values in code.values if any(one.whole and one.name == key for one in keys)]
    if by_name:
        return frozenset.intersection(*by_name)
    return frozenset(
        name
        for keys, values in code.values
        if not keys or any(not one.whole and key.startswith(one.name) for one in keys)
        for name in values
    )


def _is_readable(tree: Tree, key: str) -> bool:
    return _PHRASES / f"{key.partition('.')[0]}.yml" not in tree.unread


def _line_of(path: Path, name: str) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((number for number, line in enumerate(lines, start=1) if name in line), 1)
