"""Every setting, read once from the environment (NEEDLEWISE_…); docs/settings.md lists them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from needlewise.errors import NeedlewiseError

PREFIX = "NEEDLEWISE_"


@dataclass(frozen=True)
class Settings:
    """What the deployment chose. Secrets are None when they are to be made on first start, under `var`."""

    root: Path
    """The Rasa project: config.yml, domain.yml, data/, content/."""
    var: Path
    """Everything this installation writes: database, key, trained models."""
    database_url: str
    """SQLAlchemy address without a driver: sqlite:///… or postgresql://…"""
    host: str = "127.0.0.1"
    port: int = 8000
    default_clinic: str = "demo"
    clinics: tuple[str, ...] = ()
    """The profiles that are served, by id; all of content/clinics when empty. In production name your own."""
    key: str | None = field(default=None, repr=False)
    """Fernet key (32 bytes, URL-safe base64) that encrypts patients' words."""
    old_keys: tuple[str, ...] = field(default=(), repr=False)
    """Keys still readable during a rotation; nothing new is written with them."""
    production: bool = False
    session_hours: int = 24
    """Hours after its last message that a web token stays good."""
    messages_per_minute: int = 30
    """A conversation's allowance; the whole of it may be used at once."""
    sessions_per_minute: int = 60
    """New conversations one address may open in a minute."""
    smtp_url: str | None = field(default=None, repr=False)
    """smtp://user:password@host:port (smtps:// for TLS from the start); unset means that mail waits in the outbox."""
    mail_from: str = "needlewise@localhost"
    trusted_proxies: str = "127.0.0.1"
    """Addresses whose X-Forwarded-For is believed (uvicorn's forwarded-allow-ips)."""

    @property
    def content(self) -> Path:
        return self.root / "content"

    @property
    def models(self) -> Path:
        return self.var / "models"


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in `environ` (the process's own by default).

    Raises NeedlewiseError, naming the variable, on a value that cannot be meant or a NEEDLEWISE_ name that does not exist.
    """
    given = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in (os.environ if environ is None else environ).items()
        if name.startswith(PREFIX)
    }
    root = Path(given.pop("root", "") or _project_root()).resolve()
    var = Path(given.pop("var", "") or root / "var").resolve()
    values: dict[str, object] = {
        "root": root,
        "var": var,
        "database_url": given.pop("database_url", "") or f"sqlite:///{var / 'needlewise.db'}",
    }
    for name in ("host", "default_clinic", "smtp_url", "mail_from", "trusted_proxies"):
        if value := given.pop(name, ""):
            values[name] = value
    for name in ("port", "session_hours", "messages_per_minute", "sessions_per_minute"):
        if value := given.pop(name, ""):
            values[name] = _whole_number(name, value)
    if value := given.pop("production", ""):
        values["production"] = _yes_or_no("production", value)
    if value := given.pop("clinics", ""):
        values["clinics"] = tuple(part.strip() for part in value.split(",") if part.strip())
    if value := _secret("key", given):
        values["key"] = value
    if value := _secret("old_keys", given):
        values["old_keys"] = tuple(part.strip() for part in value.split(",") if part.strip())
    if given:
        unknown = ", ".join(sorted(PREFIX + name.upper() for name in given))
        raise NeedlewiseError(f"unknown setting {unknown}: docs/settings.md lists them")
    return Settings(**values)  # type: ignore[arg-type]


def _project_root() -> Path:
    """The folder above this package: a clone is its own Rasa project."""
    return Path(__file__).parent.parent


def _whole_number(name: str, value: str) -> int:
    if not value.isascii() or not value.isdigit() or int(value) == 0:
        raise NeedlewiseError(f"{PREFIX}{name.upper()} must be a whole number above 0, not {value!r}")
    return int(value)


def _yes_or_no(name: str, value: str) -> bool:
    if value not in ("true", "false"):
        raise NeedlewiseError(f"{PREFIX}{name.upper()} must be true or false, not {value!r}")
    return value == "true"


def _secret(name: str, given: dict[str, str]) -> str:
    """A secret from NAME, or from the file that NAME_FILE points to (container secrets)."""
    value = given.pop(name, "")
    if path := given.pop(f"{name}_file", ""):
        try:
            value = Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise NeedlewiseError(
                f"{PREFIX}{name.upper()}_FILE: cannot read {path}: {error.strerror}"
            ) from error
    return value
