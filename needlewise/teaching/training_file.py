"""Accepted examples as a file that Rasa reads and a pull request can carry."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from needlewise.errors import NeedlewiseError
from needlewise.nlu.corpus import plain, read_examples
from needlewise.teaching.copies import Known, known
from needlewise.teaching.examples import Example, Fault, fault_of

FILE = Path("data") / "nlu" / "console.yml"
"""Within the project."""

_HEAD = """\
version: "3.1"
nlu:
# What patients wrote and editors accepted in the console, written by `needlewise nlu export-examples`. Lines may be moved to the file of
# their area, or taken out; an export adds what is new and changes nothing.
"""


@dataclass(frozen=True)
class Written:
    """A file of examples, as text, and what is in it."""

    text: str
    added: tuple[Example, ...]
    left_out: tuple[tuple[Example, Fault], ...]
    """What no file may hold, with the reason; an example that the files teach already is in neither list."""


def as_yaml(new: Iterable[Example], known: Known, *, earlier: Iterable[tuple[str, str]] = ()) -> Written:
    """The file that teaches `earlier` (intent and text, as they stand in the file) and `new`, without what data/nlu holds already.

    No mask, nothing personal that was found, and no test sentence gets into it, however it got past its editor.
    """
    blocks: dict[str, list[str]] = {}
    for intent, text in earlier:
        blocks.setdefault(intent, []).append(text)
    taught = {(plain(text), intent) for text, intent in known.intents.items()}
    added: list[Example] = []
    left_out: list[tuple[Example, Fault]] = []
    for example in new:
        if (plain(example.text), example.intent) in taught:
            continue
        fault = fault_of(example.text, example.intent, known, added)
        if fault in (None, Fault.TAUGHT):
            # A near-copy of what was taught later, elsewhere, does no harm, and was accepted before.
            taught.add((plain(example.text), example.intent))
            blocks.setdefault(example.intent, []).append(example.text)
            added.append(example)
        elif fault is not Fault.WAITING:
            left_out.append((example, fault))
    return Written(
        _HEAD + "".join(_block(*one) for one in sorted(blocks.items())), tuple(added), tuple(left_out)
    )


def _block(intent: str, texts: Iterable[str]) -> str:
    return f"\n- intent: {intent}\n  examples: |\n" + "".join(f"    - {text}\n" for text in texts)


def export(root: Path, new: Iterable[Example], *, to: Path | None = None) -> Written:
    """Add `new` to data/nlu/console.yml of a project, or write it to a file of its own. Nothing is written when there is nothing new.

    Raises NeedlewiseError where the file cannot be written.
    """
    path = to or root / FILE
    earlier = [(one.intent, one.text) for one in read_examples(root) if to is None and one.path == FILE]
    written = as_yaml(new, known(root), earlier=earlier)
    if written.added:
        try:
            path.write_text(written.text, encoding="utf-8")
        except OSError as error:
            raise NeedlewiseError(f"cannot write {path}: {error.strerror}") from error
    return written
