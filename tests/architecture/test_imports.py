"""Imports go one way, as docs/architecture.md draws it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

# Each package may import itself and those to the right of it; a name stands for everything below it.
LEAVES = {
    "needlewise.errors",
    "needlewise.clock",
    "needlewise.settings",
    "needlewise.logs",
    "needlewise.metrics",
}
TEXT = {"needlewise.text"} | LEAVES
BASE = {"needlewise.language", "needlewise.db"} | TEXT
FEATURES = {
    "needlewise.content",
    "needlewise.safety",
    "needlewise.screening",
    "needlewise.booking",
    "needlewise.conversations",
    "needlewise.privacy",
    "needlewise.teaching",
}
MAY_IMPORT = {
    "needlewise.errors": set(),
    "needlewise.clock": set(),
    "needlewise.settings": {"needlewise.errors"},
    "needlewise.logs": set(),
    "needlewise.metrics": set(),
    "needlewise.text": LEAVES,
    "needlewise.language": TEXT,
    "needlewise.db": BASE,
    "needlewise.content": BASE
    | {
        "needlewise.nlu.taxonomy",
        "needlewise.screening.rules",
        "needlewise.safety.triage",
        "needlewise.safety.rules",
    },
    "needlewise.safety": TEXT | {"needlewise.language"},
    "needlewise.screening": BASE,
    "needlewise.booking": BASE | {"needlewise.content"},
    "needlewise.conversations": BASE | {"needlewise.content"},
    "needlewise.privacy": BASE | {"needlewise.booking", "needlewise.conversations"},
    "needlewise.teaching": BASE
    | {"needlewise.content", "needlewise.conversations", "needlewise.nlu.corpus", "needlewise.nlu.taxonomy"},
    "needlewise.nlu": BASE | {"rasa"},
    "needlewise.dialogue": BASE | FEATURES | {"needlewise.nlu", "needlewise.wiring", "rasa", "rasa_sdk"},
    "needlewise.channels": BASE | FEATURES | {"needlewise.dialogue.turn", "needlewise.wiring"},
    "needlewise.console": BASE | FEATURES | {"needlewise.wiring"},
    "needlewise.demo": BASE
    | FEATURES
    | {"needlewise.dialogue.turn", "needlewise.channels.service", "needlewise.wiring"},
    "actions": BASE | FEATURES | {"needlewise.wiring", "rasa_sdk"},
    "needlewise.wiring": BASE | FEATURES | {"needlewise.dialogue"},
    "needlewise.app": BASE
    | FEATURES
    | {"needlewise.dialogue.turn", "needlewise.channels", "needlewise.console", "needlewise.wiring"},
    "needlewise.cli": BASE
    | FEATURES
    | {
        "needlewise.dialogue",
        "needlewise.app",
        "needlewise.channels",
        "needlewise.console",
        "needlewise.demo",
        "needlewise.wiring",
        "needlewise.nlu.corpus",
        "needlewise.nlu.taxonomy",
    },
}
WATCHED = ("needlewise", "actions", "rasa", "rasa_sdk")


def modules() -> Iterator[tuple[str, Path]]:
    for package in ("needlewise", "actions"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if "versions" not in path.parts:
                name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
                yield name, path


def home(module: str) -> str | None:
    """The entry of the table that a module belongs to."""
    return next((name for name in MAY_IMPORT if module == name or module.startswith(f"{name}.")), None)


def imported(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module in ("needlewise", "actions"):
                yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, node.module


@pytest.mark.parametrize(
    ("module", "path"), modules(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_module_imports_only_what_its_place_allows(module: str, path: Path) -> None:
    if module == "needlewise":
        return
    place = home(module)
    assert place is not None, f"{module} has no place in the table of this test"
    allowed = MAY_IMPORT[place] | {place}
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}; see docs/architecture.md"
        for line, name in imported(path)
        if name.split(".")[0] in WATCHED
        and name != "needlewise"
        and not any(name == ok or name.startswith(f"{ok}.") for ok in allowed)
    ]
    assert wrong == []
