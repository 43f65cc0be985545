"""The schemas that editors use say of the shipped files what the service says."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from needlewise.content.schema import schemas, write_schemas
from tests.content.conftest import Project

FILES = {
    "answer": "answers/*.yml",
    "clinic": "clinics/*.yml",
    "phrases": "phrases/*.yml",
    "sources": "sources.yml",
    "facts": "facts.yml",
    "claims": "claims.yml",
    "glossary": "glossary.yml",
    "commands": "commands.yml",
    "follow_ups": "follow_ups.yml",
    "opt_out": "opt_out.yml",
}


def _validate(schema: str, value: Any) -> None:
    # An editor reads a date as text.
    plain = json.loads(json.dumps(value, default=str))
    jsonschema.validate(plain, json.loads(schemas()[f"{schema}.schema.json"]))


def test_every_kind_of_file_has_a_schema() -> None:
    assert {f"{name}.schema.json" for name in FILES} == set(schemas())


@pytest.mark.parametrize("schema", FILES)
def test_the_shipped_files_fit_their_schema(root: Path, schema: str) -> None:
    paths = list((root / "content").glob(FILES[schema]))
    assert paths != []
    for path in paths:
        _validate(schema, yaml.safe_load(path.read_text(encoding="utf-8")))


def test_a_key_that_does_not_exist_does_not_fit(root: Path) -> None:
    answer = yaml.safe_load((root / "content" / "answers" / "cost.yml").read_text(encoding="utf-8"))
    with pytest.raises(jsonschema.ValidationError, match="author"):
        _validate("answer", answer | {"author": "someone"})


def test_only_what_is_out_of_date_is_written(project: Project) -> None:
    content = project.root / "content"
    write_schemas(content)
    (content / "schema" / "clinic.schema.json").write_text("{}", encoding="utf-8")
    assert write_schemas(content) == [content / "schema" / "clinic.schema.json"]
    assert write_schemas(content) == []
