"""A Rasa project as `rasa init` sets it up, for the same job: our examples and intents, one rule an intent, one action."""

import hashlib
import json
import shutil
import sys
import time
from collections.abc import Mapping
from importlib.metadata import distribution, version
from pathlib import Path

import yaml
from assistants import plain_environ, tool
from processes import BenchError, last_lines, running

HERE = Path(__file__).parent
SECONDS_TO_TRAIN = 4 * 3600

_SHIPPED = "rasa/cli/initial_project/config.yml"
_SPELLED_OUT = "rasa/engine/recipes/config_files/default_config.yml"


def write_project(root: Path, folder: Path, *, epochs: int | None = None) -> None:
    """Write the project into `folder`, which is made. Its config.yml is that of `rasa init`, unchanged.

    With `epochs` it is the default that this config.yml stands for, spelled out, trained for so many epochs only: it
    understands less and costs the same to run.
    """
    shutil.copytree(root / "data" / "nlu", folder / "data" / "nlu")
    shutil.copyfile(HERE / "plain_rasa" / "stories.yml", folder / "data" / "stories.yml")
    (folder / "actions").mkdir()
    (folder / "actions" / "__init__.py").touch()
    shutil.copyfile(HERE / "plain_rasa" / "actions.py", folder / "actions" / "actions.py")
    shutil.copyfile(HERE / "plain_rasa" / "credentials.yml", folder / "credentials.yml")
    config = _SHIPPED if epochs is None else _SPELLED_OUT
    shutil.copyfile(Path(str(distribution("rasa").locate_file(config))), folder / "config.yml")
    if epochs is not None:
        _limit_epochs(folder / "config.yml", epochs)

    intents = yaml.safe_load((root / "domain.yml").read_text(encoding="utf-8"))["intents"]
    rules = [
        {"rule": f"answer {intent}", "steps": [{"intent": intent}, {"action": "action_answer_plain"}]}
        for intent in intents
    ]
    session = {"session_expiration_time": 60, "carry_over_slots_to_new_session": True}
    domain = {
        "version": "3.1",
        "intents": list(intents),
        "actions": ["action_answer_plain"],
        "session_config": session,
    }
    _write(folder / "data" / "rules.yml", {"version": "3.1", "rules": rules})
    _write(folder / "domain.yml", domain)


def write_nlu_config(path: Path, *, epochs: int) -> None:
    """Rasa's default pipeline, spelled out, its learners trained for so many epochs."""
    shutil.copyfile(Path(str(distribution("rasa").locate_file(_SPELLED_OUT))), path)
    _limit_epochs(path, epochs)


def trained_model(project: Path, cache: Path) -> tuple[Path, float]:
    """The project's trained model and the seconds its training took, now or when it was put into `cache`."""
    # Training writes the pipeline it chose into config.yml as a comment: the name is made before.
    model = cache / f"rasa-{_fingerprint(project)}.tar.gz"
    record = model.with_name(model.name.replace(".tar.gz", ".json"))
    if not (model.exists() and record.exists()):
        seconds = _train(project)
        cache.mkdir(parents=True, exist_ok=True)
        for old in cache.glob("rasa-*"):
            old.unlink()
        shutil.copyfile(project / "models" / "plain.tar.gz", model)
        record.write_text(json.dumps({"training_seconds": round(seconds, 1)}), encoding="utf-8")
    return model, float(json.loads(record.read_text(encoding="utf-8"))["training_seconds"])


def _limit_epochs(config: Path, epochs: int) -> None:
    content = yaml.safe_load(config.read_text(encoding="utf-8"))
    for part in [*content["pipeline"], *content["policies"]]:
        if "epochs" in part:
            part["epochs"] = epochs
    _write(config, content)


def _train(project: Path) -> float:
    log = project / "train.log"
    command = [tool("rasa"), "train", "--out", "models", "--fixed-model-name", "plain"]
    began = time.perf_counter()
    with running(command, cwd=project, environ=plain_environ(), log=log) as training:
        if training.wait(SECONDS_TO_TRAIN) != 0:
            raise BenchError(f"Rasa's training failed:\n{last_lines(log)}")
    return time.perf_counter() - began


def _write(path: Path, content: Mapping[str, object]) -> None:
    # Rasa looks for a line that begins with "rules:", so JSON would not do.
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def _fingerprint(project: Path) -> str:
    digest = hashlib.sha256(f"{version('rasa')} {version('tensorflow')} {sys.version}".encode())
    sources = [project / "config.yml", project / "domain.yml", *sorted((project / "data").rglob("*.yml"))]
    for path in sources:
        digest.update(str(path.relative_to(project)).encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]
