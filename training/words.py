"""Write needlewise/language/words.tsv: the words that spelling may correct to, how often each is used, and the names it leaves alone.

Run after training examples were added in numbers: `python training/words.py`. A test says when the list has fallen behind.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import yaml
from rapidfuzz import process
from rapidfuzz.distance import OSA
from tokenizers import Tokenizer

from needlewise.language.english import english_words
from needlewise.language.pipeline import load_pipeline

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "needlewise" / "language" / "words.tsv"
SEEN_OFTEN, SHORT_SEEN_OFTEN = 3, 6
"""A word that the encoder has no piece for counts as one when it is used so often: "fasciitis". Short ones are often slips."""
SHORT = 4
LONG_ENOUGH_TO_MISSPELL = 6
SLIP_OF = 20
"""A longer word that no dictionary has is a slip of one that differs by a letter and is so many times as frequent: "needels"."""
COMMON = range(1996, 16000)
"""The encoder's whole words, most frequent first, that are possible targets though no example uses them."""
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")


def example_words(root: Path) -> Counter[str]:
    """How often each word stands in the training examples and the answers."""
    counts: Counter[str] = Counter()
    for intent, examples in _blocks(root):
        if intent != "out_of_scope":
            counts.update(_WORD.findall(examples.lower()))
    for path in sorted((root / "content" / "answers").glob("**/*.yml")):
        for text in _texts(yaml.safe_load(path.read_text(encoding="utf-8"))["en"]):
            counts.update(_WORD.findall(text.lower()))
    return counts


def words_elsewhere(root: Path) -> set[str]:
    """Words of any training example, of what we do not answer too, that look like slips and are none: "hep", "wart", "medigap"."""
    counts: Counter[str] = Counter()
    for _, examples in _blocks(root):
        counts.update(_WORD.findall(examples.lower()))
    is_english = english_words(load_pipeline())
    return {
        word
        for word in counts
        if word.isascii()
        and (_is_used(word, counts) or (len(word) <= SHORT and counts[word] > 1 and is_english(word)))
    }


def _blocks(root: Path) -> Iterator[tuple[str, str]]:
    for path in sorted((root / "data" / "nlu").glob("*.yml")):
        for block in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
            yield block["intent"], block["examples"]


def names(root: Path) -> set[str]:
    """Medicines and clinics."""
    screening = yaml.safe_load((root / "content" / "screening.yml").read_text(encoding="utf-8"))
    found = {word for entry in screening["other_medicines"] for word in _WORD.findall(entry)}
    for condition in screening["conditions"]:
        keys = ("names", "brands", "misspellings") if condition.get("medicine") else ("brands",)
        for key in keys:
            found.update(word for entry in condition.get(key) or () for word in _WORD.findall(entry))
    for path in (root / "content" / "clinics").glob("*.yml"):
        clinic = yaml.safe_load(path.read_text(encoding="utf-8"))
        found.update(_WORD.findall(str(clinic["name"]).lower()))
    return found


def rows(root: Path) -> Iterator[str]:
    """The lines of the file."""
    tokenizer = TARGET.parent / "minilm" / "tokenizer.json"
    pieces: dict[str, int] = Tokenizer.from_file(str(tokenizer)).get_vocab()
    counts = example_words(root)
    common = {
        word: 1 - 0.9 * (at - COMMON.start) / len(COMMON)
        for word, at in pieces.items()
        if at in COMMON and word.isalpha() and word.isascii()
    }
    kept = {
        word: float(count)
        for word, count in counts.items()
        if word.isascii() and (word in pieces or _is_used(word, counts))
    }
    taken = names(root) - pieces.keys()
    for word in sorted(kept.keys() | common.keys() | taken | _whole(pieces) | words_elsewhere(root)):
        if word in taken:
            yield f"{word}\tname"
        else:
            yield f"{word}\t{kept.get(word, common.get(word, 0.02)):g}"


def _texts(node: object) -> Iterator[str]:
    """Every text of a YAML node, without its keys."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for below in node.values():
            yield from _texts(below)
    elif isinstance(node, list):
        for below in node:
            yield from _texts(below)


def _is_used(word: str, counts: Counter[str]) -> bool:
    if counts[word] < (SHORT_SEEN_OFTEN if len(word) <= SHORT else SEEN_OFTEN):
        return False
    if len(word) < LONG_ENOUGH_TO_MISSPELL:
        return True
    commoner = [other for other, count in counts.items() if count >= SLIP_OF * counts[word]]
    return process.extractOne(word, commoner, scorer=OSA.distance, score_cutoff=1) is None


def _whole(pieces: dict[str, int]) -> set[str]:
    """Every whole word that the encoder knows: none of them is a slip."""
    return {
        word
        for word, at in pieces.items()
        if at >= COMMON.start and word.isalpha() and word.isascii() and len(word) > 2
    }


if __name__ == "__main__":
    TARGET.write_text("\n".join(rows(ROOT)) + "\n", encoding="utf-8")
