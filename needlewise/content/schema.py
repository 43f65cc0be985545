"""JSON Schemas of the files under content/, made from their shapes, so that an editor can complete and check them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from needlewise.content.checks.shapes import Claim, Fact, FollowUp, Term
from needlewise.content.model import Answer, Clinic, OptOutRules, Phrase, Source

SHAPES: Mapping[str, Any] = {
    "answer": Answer,
    "clinic": Clinic,
    "phrases": dict[str, Phrase],
    "sources": dict[str, Source],
    "facts": dict[str, Fact],
    "claims": list[Claim],
    "glossary": list[Term],
    "commands": dict[str, list[str]],
    "follow_ups": list[FollowUp],
    "opt_out": OptOutRules,
}


def schemas() -> Mapping[str, str]:
    """The text of every schema by its file name in content/schema."""
    made = {}
    for name, shape in SHAPES.items():
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(shape)}
        made[f"{name}.schema.json"] = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    return made


def write_schemas(content: Path) -> list[Path]:
    """Write the schemas under content/schema; returns those that were new or out of date."""
    written = []
    for name, text in schemas().items():
        path = content / "schema" / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written.append(path)
    return written
