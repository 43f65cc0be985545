"""One thing that is wrong, and where."""

import re
from dataclasses import dataclass
from pathlib import Path

from needlewise.errors import ContentError

_WHERE = re.compile(r"(?P<path>.+?\.\w+):(?:(?P<line>\d+):)? (?P<message>.*)", re.DOTALL)


def from_error(error: ContentError, root: Path, path: Path) -> "Finding":
    """The finding that an error's text tells; `path` where the text names no file."""
    found = _WHERE.fullmatch(str(error))
    if found is None:
        return Finding(relative(path, root), 1, str(error))
    return Finding(relative(Path(found["path"]), root), int(found["line"] or 1), found["message"])


def relative(path: Path, root: Path) -> Path:
    """The path as seen from the root; unchanged when it is not under it."""
    return path.relative_to(root) if path.is_relative_to(root) else path


@dataclass(frozen=True)
class Finding:
    """`path` is relative to the project's root."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"
