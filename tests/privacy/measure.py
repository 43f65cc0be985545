"""How well the redactor does on lines whose identifying words were marked by hand."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from spacy.language import Language

from needlewise.conversations.redaction import Mask, Redactor


@dataclass(frozen=True)
class Line:
    """A message, and its marked stretches."""

    text: str
    marks: tuple[Mask, ...]


@dataclass(frozen=True)
class Score:
    """Of the marked stretches, how many were masked whole, by kind; and the masks over unmarked words."""

    recall: dict[str, float]
    missed: tuple[str, ...]
    false_masks: tuple[str, ...]
    lines: int

    @property
    def false_per_hundred(self) -> float:
        """False masks in a hundred lines."""
        return 100 * len(self.false_masks) / self.lines


def read_lines(path: Path) -> Iterator[Line]:
    """Lines of JSON: {"text": …, "spans": [[words, kind], …]}, the spans in the order of the text."""
    for row in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        text = row["text"]
        after: dict[str, int] = {}
        marks = []
        for words, kind in row["spans"]:
            start = text.index(words, after.get(words, 0))
            after[words] = start + 1
            marks.append(Mask(start=start, end=start + len(words), kind=kind))
        yield Line(text=text, marks=tuple(marks))


def measure(path: Path, nlp: Language, redactor: Redactor) -> Score:
    """A stretch counts as masked only when no letter or digit of it can be read."""
    lines = list(read_lines(path))
    all_marks: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    missed = []
    false_masks = []
    for line, doc in zip(lines, nlp.pipe(line.text for line in lines), strict=True):
        masks = redactor.find(doc)
        hidden = {at for mask in masks for at in range(mask.start, mask.end)}
        for mark in line.marks:
            all_marks[mark.kind] += 1
            if all(at in hidden or not line.text[at].isalnum() for at in range(mark.start, mark.end)):
                hits[mark.kind] += 1
            else:
                missed.append(line.text)
        false_masks += [
            line.text
            for mask in masks
            if not any(mark.start < mask.end and mask.start < mark.end for mark in line.marks)
        ]
    return Score(
        recall={kind: hits[kind] / count for kind, count in all_marks.items()},
        missed=tuple(missed),
        false_masks=tuple(false_masks),
        lines=len(lines),
    )
