"""Trains the model when, and only when, what it is made from changed."""

import contextlib
import hashlib
import logging
import sys
from pathlib import Path

from needlewise.errors import NeedlewiseError
from needlewise.settings import Settings

logger = logging.getLogger(__name__)

# Everything a trained model depends on. Content is not among it: changing an answer needs no training.
_SOURCES = (
    "config.yml",
    "domain.yml",
    "uv.lock",
    "data",
    "needlewise/nlu",
    "needlewise/language",
    "needlewise/text",
)
_KEPT = 3
_KINDS = frozenset({".yml", ".py", ".lock"})


def model_path(settings: Settings) -> Path:
    """Where the model of the present sources is, or will be: var/models/<fingerprint>.tar.gz."""
    return settings.models / f"{_fingerprint(settings.root)}.tar.gz"


def ensure_model(settings: Settings, *, force: bool = False) -> Path:
    """The path of an up-to-date model, trained first if there is none. Takes about a minute then. Raises NeedlewiseError."""
    path = model_path(settings)
    if path.exists() and not force:
        return path
    from rasa.model_training import train

    settings.models.mkdir(parents=True, exist_ok=True)
    root = settings.root
    # Rasa prints its progress; standard output is for what a command was asked for.
    with contextlib.redirect_stdout(sys.stderr):
        result = train(
            domain=str(root / "domain.yml"),
            config=str(root / "config.yml"),
            training_files=[str(root / "data")],
            output=str(settings.models),
            fixed_model_name=path.name.removesuffix(".tar.gz"),
            force_training=force,
        )
    if result.model is None or not path.exists():
        raise NeedlewiseError(
            "training failed: `needlewise check` shows what is wrong with data/ and domain.yml"
        )
    # A service that still starts from the model before this one is left its file.
    for old in sorted(settings.models.glob("*.tar.gz"), key=lambda file: file.stat().st_mtime)[:-_KEPT]:
        old.unlink()
    return path


def _fingerprint(root: Path) -> str:
    digest = hashlib.sha256()
    for source in _SOURCES:
        path = root / source
        files = sorted(file for file in path.rglob("*") if file.suffix in _KINDS) if path.is_dir() else [path]
        for file in files:
            digest.update(str(file.relative_to(root)).encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]
