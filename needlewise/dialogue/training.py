"""Trains the model, and the safety net beside it, each when, and only when, what it is made from changed."""

import contextlib
import hashlib
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from needlewise.errors import NeedlewiseError
from needlewise.settings import Settings

logger = logging.getLogger(__name__)

# Everything a trained model depends on. Content is not among it: changing an answer needs no training.
_LANGUAGE = ("needlewise/language", "needlewise/text")
TRAINING_FILES = ("data/nlu", "data/stories")
_MODEL_SOURCES = ("config.yml", "domain.yml", "uv.lock", *TRAINING_FILES, "needlewise/nlu", *_LANGUAGE)
_NET_SOURCES = ("data/safety", "data/nlu", "needlewise/safety/net.py", *_LANGUAGE)
_KEPT = 3
_KINDS = frozenset({".yml", ".py", ".lock", ".tsv"})
# The encoder is too big to read at every start; the file that says which one it is stands for it.
_NAMES = frozenset({"SHA256SUMS"})


def fingerprint(settings: Settings) -> str:
    """What tells the present sources of the model from others: 16 characters."""
    return _fingerprint(settings.root, _MODEL_SOURCES)


def model_path(settings: Settings) -> Path:
    """Where the model of the present sources is, or will be: var/models/<fingerprint>.tar.gz."""
    return settings.models / f"{fingerprint(settings)}.tar.gz"


def net_path(settings: Settings) -> Path:
    """Where the safety net of the present sources is, or will be: var/models/<fingerprint>.net.npz."""
    return settings.models / f"{_fingerprint(settings.root, _NET_SOURCES)}.net.npz"


def is_trained(settings: Settings) -> bool:
    """Whether the model and the safety net of the present sources are there."""
    return model_path(settings).exists() and net_path(settings).exists()


def ensure_model(settings: Settings, *, force: bool = False) -> Path:
    """The path of an up-to-date model, with the safety net beside it; what is missing is trained first.

    The model takes about a minute, the net less. Raises NeedlewiseError.
    """
    path, net = model_path(settings), net_path(settings)
    settings.models.mkdir(parents=True, exist_ok=True)
    if force or not net.exists():
        _train_net(settings.root, net)
        _clean_up(settings.models, "*.net.npz")
    if force or not path.exists():
        train_model(settings.root, path, force=force)
        # Not those that staff trained: their rows say which are needed (teaching.candidates).
        _clean_up(settings.models, f"{'[0-9a-f]' * 16}.tar.gz")
    return path


def _train_net(root: Path, path: Path) -> None:
    from needlewise.nlu.corpus import read_examples
    from needlewise.safety.net import learn, read_lesson, save

    talk = [example.text for example in read_examples(root)]
    save(learn(read_lesson(root / "data" / "safety", talk)), path)


def train_model(root: Path, path: Path, *, force: bool = False) -> None:
    """Train the Rasa project in `root` into the file `path`, whatever is there. Raises NeedlewiseError."""
    from rasa.model_training import train

    # Rasa prints its progress; standard output is for what a command was asked for.
    with contextlib.redirect_stdout(sys.stderr):
        result = train(
            domain=str(root / "domain.yml"),
            config=str(root / "config.yml"),
            training_files=[str(root / folder) for folder in TRAINING_FILES],
            output=str(path.parent),
            fixed_model_name=path.name.removesuffix(".tar.gz"),
            force_training=force,
        )
    if result.model is None or not path.exists():
        raise NeedlewiseError(
            "training failed: `needlewise check` shows what is wrong with data/ and domain.yml"
        )


def _clean_up(models: Path, names: str) -> None:
    """A service that still starts from the file before this one is left it."""
    for old in sorted(models.glob(names), key=lambda file: file.stat().st_mtime)[:-_KEPT]:
        old.unlink()


def _fingerprint(root: Path, sources: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for source in sources:
        path = root / source
        files = sorted(file for file in path.rglob("*") if _counts(file)) if path.is_dir() else [path]
        for file in files:
            digest.update(str(file.relative_to(root)).encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _counts(file: Path) -> bool:
    return file.suffix in _KINDS or file.name in _NAMES
