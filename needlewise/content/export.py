"""What was changed in the console, back in the files, so that a pull request can carry it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from needlewise.content.files import as_data, from_yaml, to_yaml
from needlewise.content.library import Library
from needlewise.content.live import Version
from needlewise.content.model import Answer, Clinic
from needlewise.text.yaml_text import read_text


@dataclass(frozen=True)
class Exported:
    """The files that were written, and the versions that no file can hold: a clinic's own words for an answer."""

    written: tuple[Path, ...]
    left: tuple[Version, ...]


def export(content: Path, library: Library, standing: Iterable[Version]) -> Exported:
    """Write what stands in the library over the files under `content`. A file that says the same already is left alone.

    Comments stay, except inside what was changed. Raises ContentError where a file cannot be read.
    """
    written, left = [], []
    for version in standing:
        if version.kind == "answer" and version.clinic:
            left.append(version)
            continue
        folder, shape = ("answers", Answer) if version.kind == "answer" else ("clinics", Clinic)
        values: Any = library.answers if version.kind == "answer" else library.clinics
        path = content / folder / f"{version.key}.yml"
        if version.key in values and _write(path, values[version.key], shape):
            written.append(path)
    return Exported(tuple(written), tuple(left))


def _write(path: Path, value: Any, shape: Any) -> bool:
    before = read_text(path)
    if from_yaml(before, shape, path) == value:
        return False
    text = _patched(before, as_data(from_yaml(before, shape, path)), as_data(value))
    if from_yaml(text, shape, path) != value:
        # A file of an unusual form: what it says counts more than its comments.
        text = _head(before) + to_yaml(value)
    path.write_text(text, encoding="utf-8")
    return True


def _patched(text: str, old: dict[str, Any], new: dict[str, Any]) -> str:
    """The text with every top-level entry that differs written anew; the others as they were."""
    lines = text.splitlines(keepends=True)
    keys = [(key.value, key.start_mark.line) for key, _ in yaml.compose(text, Loader=yaml.SafeLoader).value]
    ends = [line for _, line in keys[1:]] + [len(lines)]
    parts = ["".join(lines[: keys[0][1]])]
    for (key, start), end in zip(keys, ends, strict=True):
        block = lines[start:end]
        # Comments and blank lines at its end belong to what follows.
        length = len(block)
        while length > 1 and (not block[length - 1].strip() or block[length - 1].startswith("#")):
            length -= 1
        if old.get(key) == new.get(key):
            parts.append("".join(block[:length]))
        elif key in new:
            parts.append(to_yaml({key: new[key]}))
        parts.append("".join(block[length:]))
    added = {key: value for key, value in new.items() if key not in dict(keys)}
    if added and not parts[-1].endswith("\n") and parts[-1]:
        parts.append("\n")
    return "".join(parts) + (to_yaml(added) if added else "")


def _head(text: str) -> str:
    """The comments at the beginning of a file."""
    lines = text.splitlines(keepends=True)
    length = next((n for n, line in enumerate(lines) if line.strip() and not line.startswith("#")), 0)
    return "".join(lines[:length])
