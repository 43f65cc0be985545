"""How texts read: their school grade, words that promise too much, and what was left to fill in."""

import re
from collections.abc import Iterator
from typing import Any

from needlewise.content.checks.finding import Finding
from needlewise.content.checks.shapes import FILL_IN, Claim
from needlewise.content.checks.shown import Shown, shown_texts
from needlewise.content.checks.tree import Doc, Tree
from needlewise.content.render import PLACEHOLDER

HIGHEST_GRADE = 6.0

# A label or a fragment of a sentence has no grade: one word of three syllables would decide it.
FEWEST_WORDS = 8

_LINK = re.compile(r"\[([^\]]+)\]\([^)\s]*\)")
_LIST_LINE = re.compile(r"(?m)^- (.*[^.!?:\s])\s*$")
_READ_AS = {"clinic": "the clinic", "contact": "call us", "provider": "nurse"}


def check_grade(tree: Tree) -> Iterator[Finding]:
    easy = easy_words(tree)
    settings = {name for answer in tree.answers.values() for name in answer.value.en.clinic}
    for shown in shown_texts(tree):
        plain = as_read(shown.text, easy, settings)
        if len(plain.split()) >= FEWEST_WORDS and (reads_at := grade(plain)) > HIGHEST_GRADE:
            yield shown.doc.finding(
                f"reads at grade {reads_at:.1f}, above {HIGHEST_GRADE}: use shorter sentences and words",
                *shown.steps,
            )


def grade(plain: str) -> float:
    """The Flesch-Kincaid grade of plain text."""
    # Imported here: it reads a dictionary of syllables for seconds, and nothing but this needs it.
    import textstat

    return round(float(textstat.flesch_kincaid_grade(plain)), 1)


def check_claims(tree: Tree) -> Iterator[Finding]:
    doc = tree.single.get("claims.yml")
    if doc is None:
        return
    patterns: list[tuple[re.Pattern[str], Claim]] = []
    for index, claim in enumerate(doc.value):
        if "sources.yml" in tree.single and claim.source not in tree.sources:
            yield doc.finding(f"content/sources.yml has no {claim.source}", index, "source")
        try:
            patterns.append((re.compile(claim.pattern, re.IGNORECASE), claim))
        except re.error as error:
            yield doc.finding(f"not a regular expression: {error}", index, "pattern")
    permitted: set[tuple[object, str]] = set()
    for shown in shown_texts(tree):
        for pattern, claim in patterns:
            for hit in pattern.finditer(shown.text):
                allowance = _allowance(shown, hit)
                if allowance is None:
                    yield _at_hit(shown, hit, claim)
                else:
                    permitted.add((shown.doc.path, allowance))
    for answer in tree.answers.values():
        for index, entry in enumerate(answer.value.allow):
            if (answer.path, entry.phrase) not in permitted:
                yield answer.finding("allows what no rule forbids here: take it out", "allow", index)
            if not entry.reason.strip():
                yield answer.finding("say why this is no claim", "allow", index, "reason")


def check_filled_in(tree: Tree) -> Iterator[Finding]:
    """Markers that `needlewise content new-topic` left."""
    docs: list[Doc[Any]] = [*tree.answers.values(), *tree.nlu.values(), *(tree.tests or {}).values()]
    for doc in docs:
        for number, line in enumerate(doc.text.splitlines(), start=1):
            if FILL_IN in line and not line.lstrip().startswith("#"):
                yield Finding(doc.path, number, f"write what {FILL_IN} stands for")


def easy_words(tree: Tree) -> re.Pattern[str]:
    """The hard words that the glossary explains: they count as easy ones."""
    glossary = tree.single.get("glossary.yml")
    return _either([term.word for term in glossary.value] if glossary else [])


def as_read(text: str, easy: re.Pattern[str], settings: set[str]) -> str:
    """The text as it is read out: no Markdown, stand-ins for placeholders, explained words as easy ones."""
    text = _LINK.sub(r"\1", text).replace("**", "")
    text = _LIST_LINE.sub(r"\1.", text)
    # A setting's own sentence is graded where it stands.
    text = PLACEHOLDER.sub(lambda match: _READ_AS.get(match[1], "" if match[1] in settings else "this"), text)
    return easy.sub("word", text)


def _either(words: list[str]) -> re.Pattern[str]:
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first)) or '(?!)'})(?:s|'s)?\b", re.IGNORECASE)


def _allowance(shown: Shown, hit: re.Match[str]) -> str | None:
    """The allowed phrase that the hit lies in."""
    for phrase in shown.allowed:
        for place in re.finditer(re.escape(phrase), shown.text, re.IGNORECASE):
            if place.start() <= hit.start() and hit.end() <= place.end():
                return phrase
    return None


def _at_hit(shown: Shown, hit: re.Match[str], claim: Claim) -> Finding:
    """The finding on the hit's own line, where the text stands on lines of its own."""
    finding = shown.doc.finding(f'"{hit[0]}" {_because(claim)}', *shown.steps)
    lines = shown.doc.text.splitlines()
    for number in range(finding.line, len(lines) + 1):
        if hit[0] in lines[number - 1]:
            return Finding(finding.path, number, finding.message)
    return finding


def _because(claim: Claim) -> str:
    return f"promises too much ({claim.why.rstrip('.')}): {claim.use}"
