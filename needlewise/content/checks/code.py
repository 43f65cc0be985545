"""What the code says to content and domain, read from its text: phrase keys, values, slots, actions."""

import ast
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from needlewise.content.checks.tree import Tree

_KEY = re.compile(r"[a-z]+\.[a-z][a-z0-9_.]*")
_FILE_ENDINGS = (".yml", ".yaml", ".py", ".json", ".txt", ".db", ".html", ".js", ".css")

# Calls that turn a key into words; their other keyword arguments fill its placeholders.
_SAYING = frozenset({"say", "word", "words", "phrase", "_words"})
_NOT_VALUES = frozenset({"choices", "input", "why", "part"})


@dataclass(frozen=True)
class Mention:
    """A name in the code. `whole` is False where only the beginning of it is written, as in f"booking.bad_{slot}"."""

    path: Path
    line: int
    name: str
    whole: bool = True


@dataclass
class Code:
    """Everything the rules want to know of actions/ and needlewise/."""

    keys: list[Mention] = field(default_factory=list)
    values: list[tuple[tuple[Mention, ...], frozenset[str]]] = field(default_factory=list)
    """The keys a call may say, none where a variable holds them, and the values it gives."""
    slots: list[Mention] = field(default_factory=list)
    actions: list[Mention] = field(default_factory=list)


def read_code(tree: Tree, areas: frozenset[str]) -> Code:
    """`areas` are the first words of phrase keys: those of the files in content/phrases."""
    code = Code()
    classes: dict[str, tuple[Path, ast.ClassDef]] = {}
    for folder in ("actions", "needlewise"):
        for path in sorted((tree.code / folder).rglob("*.py")):
            shown = tree.relative(path)
            for node in _telling(path.read_text(encoding="utf-8")):
                if isinstance(node, ast.Call):
                    _call(code, node, shown, areas)
                elif isinstance(node, ast.ClassDef) and folder == "actions":
                    classes[node.name] = (shown, node)
                code.keys.extend(_keys(node, shown, areas))
    code.actions.extend(_actions(classes))
    return code


@cache
def _telling(text: str) -> tuple[ast.AST, ...]:
    """The nodes of a file that may say something to content. Several rules read the same files."""
    return tuple(
        node
        for node in _unfolded(ast.parse(text))
        if isinstance(node, ast.Call | ast.ClassDef | ast.JoinedStr)
        or (isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value)
    )


def _call(code: Code, call: ast.Call, path: Path, areas: frozenset[str]) -> None:
    called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if called in ("SlotSet", "get_slot") and call.args:
        slot = call.args[0]
        if isinstance(slot, ast.Constant) and isinstance(slot.value, str):
            code.slots.append(Mention(path, slot.lineno, slot.value))
    elif called in _SAYING:
        keys = tuple(
            key for argument in call.args for node in ast.walk(argument) for key in _keys(node, path, areas)
        )
        names = {keyword.arg for keyword in call.keywords if keyword.arg} - _NOT_VALUES
        code.values.append((keys, frozenset(names)))


def _keys(node: ast.AST, path: Path, areas: frozenset[str]) -> Iterator[Mention]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if _is_key(node.value, areas):
            yield Mention(path, node.lineno, node.value, whole=not node.value.endswith("_"))
    elif isinstance(node, ast.JoinedStr) and node.values and isinstance(node.values[0], ast.Constant):
        start = str(node.values[0].value)
        if _is_key(f"{start}x", areas):
            yield Mention(path, node.lineno, start, whole=len(node.values) == 1)


def _unfolded(node: ast.AST) -> Iterator[ast.AST]:
    """The node and those in it; of a formatted string, itself and what is put into it, not its pieces of text."""
    waiting = deque([node])
    while waiting:
        node = waiting.popleft()
        yield node
        is_text = isinstance(node, ast.JoinedStr)
        waiting.extend(
            child for child in ast.iter_child_nodes(node) if not (is_text and isinstance(child, ast.Constant))
        )


def _is_key(text: str, areas: frozenset[str]) -> bool:
    return (
        _KEY.fullmatch(text) is not None
        and text.partition(".")[0] in areas
        and not text.endswith(_FILE_ENDINGS)
    )


def _actions(classes: dict[str, tuple[Path, ast.ClassDef]]) -> Iterator[Mention]:
    """The name() of every action class; Rasa makes those whose own name does not begin with an underscore."""
    for name, (path, node) in classes.items():
        line = [node, *_bases(node, classes)]
        if name.startswith("_") or not any("Action" in _base_names(one) for one in line):
            continue
        yield Mention(path, node.lineno, _name_of(line) or "?")


def _bases(node: ast.ClassDef, classes: dict[str, tuple[Path, ast.ClassDef]]) -> list[ast.ClassDef]:
    found = []
    for base in _base_names(node):
        if base in classes:
            found.extend([classes[base][1], *_bases(classes[base][1], classes)])
    return found


def _base_names(node: ast.ClassDef) -> list[str]:
    return [base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in node.bases]


def _name_of(line: Sequence[ast.ClassDef]) -> str | None:
    """What name() returns: a plain string, or one with attributes that the class sets."""
    for one in line:
        for method in one.body:
            if isinstance(method, ast.FunctionDef) and method.name == "name":
                returned = next(
                    (node.value for node in ast.walk(method) if isinstance(node, ast.Return)), None
                )
                return _text(returned, line)
    return None


def _text(node: ast.AST | None, line: Sequence[ast.ClassDef]) -> str | None:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.FormattedValue):
        return _text(node.value, line)
    if isinstance(node, ast.JoinedStr):
        parts = [_text(part, line) for part in node.values]
        return None if None in parts else "".join(part for part in parts if part)
    if isinstance(node, ast.Attribute):
        for one in line:
            for statement in one.body:
                if isinstance(statement, ast.Assign) and getattr(statement.targets[0], "id", "") == node.attr:
                    return _text(statement.value, line)
    return None
