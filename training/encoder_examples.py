"""Write the lines that training/adapt_encoder.py learns from, each with three hurried typings of it, as our own speller reads them.

    python training/encoder_examples.py var/encoder_examples.jsonl --public DIR

DIR holds banking77/, hwu64/ and clinc150/, each with a train_10.tsv (a text, a tab, an intent). No other file of theirs is opened.
"""

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

import yaml

from needlewise.language.encoder import was_adapted_on
from needlewise.language.spelling import Speller, load_speller

ROOT = Path(__file__).resolve().parent.parent
PUBLIC_SETS = ("banking77", "clinc150", "hwu64")
HURRIED = 3
SEED = 11
ORDINARY = frozenset(
    {
        "strong-words",
        "morning-pain",
        "load-pain",
        "booking",
        "price-insurance",
        "about-needling",
        "aftercare",
        "home-care",
        "frustration",
        "which-condition",
        "chat-and-admin",
    }
)
"""The reasons of data/safety/calm.yml whose lines do not even sound like an urgent sign."""

_SHARE_OF_WORDS = (0.1, 0.35)
_RUN_TOGETHER = 0.15
_NO_PUNCTUATION = 0.5
_NEIGHBOURS = {
    "q": "wa", "w": "qes", "e": "wrd", "r": "etf", "t": "ryg", "y": "tuh", "u": "yij", "i": "uok", "o": "ipl", "p": "ol",
    "a": "qsz", "s": "awdx", "d": "sefc", "f": "drgv", "g": "fthb", "h": "gyjn", "j": "hukm", "k": "jil", "l": "kop",
    "z": "asx", "x": "zsdc", "c": "xdfv", "v": "cfgb", "b": "vghn", "n": "bhjm", "m": "njk",
}  # fmt: skip


def examples(root: Path, public: Path | None) -> Iterator[tuple[str, str, str]]:
    """(task, text, label) of every example. Those kept back for calibration, and those that tests/nlu tests with, are left out."""
    tested = {
        _plain(text) for path in sorted((root / "tests" / "nlu").glob("test_*.yml")) for text, _ in _nlu(path)
    }
    ours = [
        ("domain", *pair) for path in sorted((root / "data" / "nlu").glob("*.yml")) for pair in _nlu(path)
    ]
    ours += [("safety", *pair) for pair in _safety(root / "data" / "safety")]
    for task, text, label in dict.fromkeys(ours):
        if was_adapted_on(text) and _plain(text) not in tested:
            yield task, text, label
    for name in PUBLIC_SETS if public else ():
        for line in (Path(public or "") / name / "train_10.tsv").read_text(encoding="utf-8").splitlines():
            if line.strip():
                text, label = line.split("\t")[:2]
                yield name, text, label


def hurried(text: str, random: Random) -> str:
    """The text as thumbs in a hurry type it: slips in some words, a missed space, no punctuation."""
    words = text.lower().split()
    some = max(1, round(len(words) * random.uniform(*_SHARE_OF_WORDS)))
    for at in random.sample(range(len(words)), min(some, len(words))):
        words[at] = _slip(words[at], random)
    if len(words) > 2 and random.random() < _RUN_TOGETHER:
        at = random.randrange(len(words) - 1)
        words[at : at + 2] = [words[at] + words[at + 1]]
    typed = " ".join(words)
    if random.random() < _NO_PUNCTUATION:
        typed = re.sub(r"[^\w\s]", "", typed)
    return typed or text


def _slip(word: str, random: Random) -> str:
    if len(word) < 3:
        return word
    at = random.randrange(len(word))
    head, letter, tail = word[:at], word[at], word[at + 1 :]
    near = random.choice(_NEIGHBOURS.get(letter, letter))
    kind = random.choices(("near", "left out", "doubled", "swapped", "near one too"), (40, 20, 15, 17, 8))[0]
    if kind == "near":
        return head + near + tail
    if kind == "left out":
        return head + tail
    if kind == "doubled":
        return head + letter * 2 + tail
    if kind == "swapped":
        return head + tail[:1] + letter + tail[1:]
    return head + near + letter + tail


def _nlu(path: Path) -> Iterator[tuple[str, str]]:
    for block in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
        for line in block["examples"].splitlines():
            if line.startswith("- "):
                yield line[2:].strip(), block["intent"]


def _safety(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.glob("*.yml")):
        for reason, texts in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            calm = "ordinary" if reason in ORDINARY else "near a sign"
            for text in texts:
                yield text.strip(), "sign" if path.stem == "signs" else calm


def _row(task: str, text: str, label: str, speller: Speller, random: Random) -> dict[str, object]:
    typings = [text, *(hurried(text, random) for _ in range(HURRIED))]
    return {"task": task, "label": label, "spellings": [speller.correct(typing) for typing in typings]}


def _plain(text: str) -> str:
    return re.sub(r"\W+", " ", text.lower()).strip() or text


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--public", type=Path)
    parser.add_argument("--limit", type=int, help="so many examples of each task, to try it out")
    options = parser.parse_args()
    speller, random = load_speller(), Random(SEED)
    taken: dict[str, int] = {}
    with options.out.open("w", encoding="utf-8") as out:
        for task, text, label in examples(ROOT, options.public):
            taken[task] = taken.get(task, 0) + 1
            if options.limit is None or taken[task] <= options.limit:
                out.write(json.dumps(_row(task, text, label, speller, random), ensure_ascii=False) + "\n")
    print(taken)


if __name__ == "__main__":
    main()
