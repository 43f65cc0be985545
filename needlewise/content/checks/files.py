"""What lies under content/: nothing that no one reads, and schemas that fit."""

from collections.abc import Iterator

from needlewise.content.checks.finding import Finding
from needlewise.content.checks.tree import FOLDERS, SINGLE, Tree
from needlewise.content.schema import schemas

_READ_BY_OTHERS = frozenset({"screening.yml", "safety/red_flags.yml"})


def check(tree: Tree) -> Iterator[Finding]:
    made = schemas()
    for path in sorted(tree.content.rglob("*")):
        inside = path.relative_to(tree.content)
        if path.is_dir() or inside.name.startswith("."):
            continue
        is_read = str(inside) in SINGLE.keys() | _READ_BY_OTHERS or (
            len(inside.parts) == 2
            and (
                (inside.parts[0] in FOLDERS and inside.suffix == ".yml")
                or (inside.parts[0] == "schema" and inside.name in made)
            )
        )
        if not is_read:
            yield Finding(tree.relative(path), 1, "nothing reads this file: is its name or its folder wrong?")
    for name, text in made.items():
        path = tree.content / "schema" / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            yield Finding(tree.relative(path), 1, "out of date: run `needlewise content schema`")
