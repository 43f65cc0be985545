"""Every setting, read once from the environment (NEEDLEWISE_…); docs/settings.md lists them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from needlewise.errors import NeedlewiseError

PREFIX = "NEEDLEWISE_"
LEAST_AUDIT_YEARS = 6

_TEXTS = (
    "host",
    "default_clinic",
    "smtp_url",
    "mail_from",
    "trusted_proxies",
    "public_address",
    "sms_provider",
    "twilio_account",
    "twilio_url",
)
_NUMBERS = (
    "port",
    "session_hours",
    "messages_per_minute",
    "sessions_per_minute",
    "sms_segments_per_second",
    "sms_unknown_seconds",
    "staff_idle_minutes",
    "staff_session_minutes",
    "audit_years",
)


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
    demand_signatures: bool = False
    """Whether patients are told only answers that a clinician has signed for their clinic."""
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
    worker: bool = False
    """Whether text messages are answered, and everything is sent, by `needlewise worker` and not by the web process."""
    staff_idle_minutes: int = 30
    """Minutes without a request after which somebody is signed out of the console."""
    staff_session_minutes: int = 12 * 60
    """Minutes after which they sign in again, whatever they do."""
    audit_years: int = LEAST_AUDIT_YEARS
    """How long the audit log is kept; never less than six years (45 CFR 164.316(b)(2)(i))."""
    public_address: str | None = None
    """Where the world reaches us: https://chat.example.org. Unset: what each request says."""
    sms_provider: str | None = None
    """twilio, or console to try it out; unset means no text messages."""
    sms_segments_per_second: int = 1
    """What one of the clinic's numbers may send: the throughput of its 10DLC campaign."""
    sms_unknown_seconds: int = 20
    """How long after a send without an answer the provider is asked what became of it."""
    twilio_account: str | None = None
    twilio_token: str | None = field(default=None, repr=False)
    """The auth token: it signs webhooks and opens the API."""
    twilio_old_token: str | None = field(default=None, repr=False)
    """The token before a rotation; webhooks signed with it are still taken."""
    twilio_url: str = "https://api.twilio.com"
    webhook_secrets: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Clinic and whsec_…: what signs the requests that are posted to its system. A clinic may stand twice."""
    webhook_private: bool = False
    """Whether requests may be posted to addresses inside the deployment's own network."""

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
    for name in _TEXTS:
        if value := given.pop(name, ""):
            values[name] = value
    for name in _NUMBERS:
        if value := given.pop(name, ""):
            values[name] = _whole_number(name, value)
    for name in ("production", "worker", "demand_signatures", "webhook_private"):
        if value := given.pop(name, ""):
            values[name] = _yes_or_no(name, value)
    if value := given.pop("clinics", ""):
        values["clinics"] = tuple(part.strip() for part in value.split(",") if part.strip())
    for name in ("key", "twilio_token", "twilio_old_token"):
        if value := _secret(name, given):
            values[name] = value
    if value := _secret("old_keys", given):
        values["old_keys"] = tuple(part.strip() for part in value.split(",") if part.strip())
    if value := _secret("webhook_secrets", given):
        values["webhook_secrets"] = _by_clinic("webhook_secrets", value)
    _check_texting(values)
    if int(str(values.get("audit_years", LEAST_AUDIT_YEARS))) < LEAST_AUDIT_YEARS:
        raise NeedlewiseError(
            f"{PREFIX}AUDIT_YEARS must be at least {LEAST_AUDIT_YEARS}: shorter, and who saw what cannot be shown"
        )
    if given:
        unknown = ", ".join(sorted(PREFIX + name.upper() for name in given))
        raise NeedlewiseError(f"unknown setting {unknown}: docs/settings.md lists them")
    return Settings(**values)  # type: ignore[arg-type]


def _check_texting(values: Mapping[str, object]) -> None:
    provider = values.get("sms_provider")
    if provider not in (None, "twilio", "console"):
        raise NeedlewiseError(f"{PREFIX}SMS_PROVIDER must be twilio or console, not {provider!r}")
    if provider is not None and "twilio_token" not in values:
        raise NeedlewiseError(
            f"{PREFIX}TWILIO_TOKEN is needed to take text messages: webhooks are signed with it"
        )
    if provider == "twilio" and "twilio_account" not in values:
        raise NeedlewiseError(f"{PREFIX}TWILIO_ACCOUNT is needed to send text messages")
    address = str(values.get("public_address", "https://"))
    if not address.startswith(("https://", "http://")):
        raise NeedlewiseError(f"{PREFIX}PUBLIC_ADDRESS must begin with https://, not {address!r}")


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


def _by_clinic(name: str, value: str) -> tuple[tuple[str, str], ...]:
    """ "north=a, south=b" in pairs. What is wrong is not repeated: it may be a secret."""
    pairs = [part.strip().partition("=") for part in value.split(",") if part.strip()]
    if not all(clinic and sign and given for clinic, sign, given in pairs):
        raise NeedlewiseError(f"{PREFIX}{name.upper()} must read clinic=secret, with commas between them")
    return tuple((clinic, given) for clinic, _, given in pairs)


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
