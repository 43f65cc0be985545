"""A small copy of the project, which trains in seconds: a few examples of each intent, and the same rules and words."""

import shutil
from itertools import groupby
from pathlib import Path

import yaml

from needlewise.dialogue.training import model_path, net_path
from needlewise.nlu.corpus import read_examples
from needlewise.settings import Settings, read_settings

_LINKED = ("needlewise", "content", "uv.lock", "config.yml", "domain.yml")


def small_project(root: Path, to: Path, *, each: int = 6) -> Settings:
    """Settings of a deployment over such a copy in `to`. Its model and safety net are those of `root`, so nothing has to be trained."""
    for name in _LINKED:
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        (to / name).symlink_to(root / name)
    (to / "data" / "nlu").mkdir(parents=True)
    for name in ("stories", "safety"):
        (to / "data" / name).symlink_to(root / "data" / name)
    ordered = sorted(read_examples(root), key=lambda example: example.intent)
    blocks = [
        {"intent": intent, "examples": "".join(f"- {example.text}\n" for example in list(group)[:each])}
        for intent, group in groupby(ordered, key=lambda example: example.intent)
    ]
    (to / "data" / "nlu" / "few.yml").write_text(yaml.safe_dump({"version": "3.1", "nlu": blocks}))
    whole = read_settings({"NEEDLEWISE_ROOT": str(root)})
    small = read_settings({"NEEDLEWISE_ROOT": str(to), "NEEDLEWISE_VAR": str(to / "var")})
    small.models.mkdir(parents=True)
    for path in (model_path, net_path):
        shutil.copy(path(whole), path(small))
    return small
