"""Settings: what holds when nothing is said, and a clear line for what cannot be meant."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from needlewise.errors import NeedlewiseError
from needlewise.settings import Settings, read_settings

SECRETS = ("key", "old_keys", "twilio_token", "twilio_old_token", "webhook_secrets")


def test_nothing_needs_to_be_set(root: Path) -> None:
    assert read_settings({}) == Settings(
        root=root,
        var=root / "var",
        database_url=f"sqlite:///{root}/var/needlewise.db",
        host="127.0.0.1",
        port=8000,
        default_clinic="demo",
        key=None,
        old_keys=(),
        production=False,
        session_hours=24,
        messages_per_minute=30,
        sessions_per_minute=60,
        smtp_url=None,
        mail_from="needlewise@localhost",
        trusted_proxies="127.0.0.1",
    )


def test_an_empty_value_is_as_good_as_none(root: Path) -> None:
    empty = {f"NEEDLEWISE_{field.name.upper()}": "" for field in fields(Settings)}
    assert read_settings(empty) == read_settings({})


def test_what_is_written_moves_with_var(tmp_path: Path) -> None:
    settings = read_settings({"NEEDLEWISE_VAR": str(tmp_path)})
    assert settings.database_url == f"sqlite:///{tmp_path}/needlewise.db"
    assert settings.models == tmp_path / "models"


def test_values_are_read_as_what_they_are() -> None:
    settings = read_settings(
        {
            "NEEDLEWISE_PORT": "9000",
            "NEEDLEWISE_PRODUCTION": "true",
            "NEEDLEWISE_OLD_KEYS": " a, b ,,",
            "NEEDLEWISE_SMTP_URL": "smtps://mail.example.org",
        }
    )
    assert (settings.port, settings.production) == (9000, True)
    assert (settings.old_keys, settings.smtp_url) == (("a", "b"), "smtps://mail.example.org")


def test_other_programs_settings_are_left_alone() -> None:
    assert read_settings({"PORT": "1", "needlewise_port": "2"}).port == 8000


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PORT", "web", "NEEDLEWISE_PORT must be a whole number above 0, not 'web'"),
        ("PORT", "0", "NEEDLEWISE_PORT must be a whole number above 0, not '0'"),
        ("PORT", "-1", "NEEDLEWISE_PORT must be a whole number above 0, not '-1'"),
        ("SESSION_HOURS", "1.5", "NEEDLEWISE_SESSION_HOURS must be a whole number above 0, not '1.5'"),
        (
            "MESSAGES_PER_MINUTE",
            "٣",
            "NEEDLEWISE_MESSAGES_PER_MINUTE must be a whole number above 0, not '٣'",
        ),
        ("PRODUCTION", "yes", "NEEDLEWISE_PRODUCTION must be true or false, not 'yes'"),
        ("PRODUCTION", "1", "NEEDLEWISE_PRODUCTION must be true or false, not '1'"),
        ("PRODUCTION", "True", "NEEDLEWISE_PRODUCTION must be true or false, not 'True'"),
        ("DATABSE_URL", "sqlite:///x", "unknown setting NEEDLEWISE_DATABSE_URL: docs/settings.md lists them"),
        (
            "KEY_FILE",
            "/nowhere/key",
            "NEEDLEWISE_KEY_FILE: cannot read /nowhere/key: No such file or directory",
        ),
    ],
)
def test_a_value_that_cannot_be_meant_is_named(name: str, value: str, says: str) -> None:
    with pytest.raises(NeedlewiseError) as error:
        read_settings({f"NEEDLEWISE_{name}": value})
    assert str(error.value) == says


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"SMS_PROVIDER": "pigeon"}, "SMS_PROVIDER must be twilio or console, not 'pigeon'"),
        ({"SMS_PROVIDER": "console"}, "TWILIO_TOKEN is needed to take text messages"),
        ({"SMS_PROVIDER": "twilio", "TWILIO_TOKEN": "t"}, "TWILIO_ACCOUNT is needed to send text messages"),
        ({"PUBLIC_ADDRESS": "chat.example.org"}, "PUBLIC_ADDRESS must begin with https://"),
        ({"WORKER": "yes"}, "WORKER must be true or false"),
    ],
)
def test_texting_that_cannot_work_is_told_at_the_start(given: dict[str, str], says: str) -> None:
    with pytest.raises(NeedlewiseError, match=says):
        read_settings({f"NEEDLEWISE_{name}": value for name, value in given.items()})


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_may_stand_in_a_file(tmp_path: Path, name: str) -> None:
    file = tmp_path / "secret"
    file.write_text("demo=first\n" if name == "webhook_secrets" else "first\n")
    read = getattr(read_settings({f"NEEDLEWISE_{name.upper()}_FILE": str(file)}), name)
    assert read == {"old_keys": ("first",), "webhook_secrets": (("demo", "first"),)}.get(name, "first")


def test_a_clinic_may_have_two_secrets_while_one_is_changed() -> None:
    read = read_settings({"NEEDLEWISE_WEBHOOK_SECRETS": "demo=whsec_a==, north=whsec_b,demo=whsec_c"})
    assert read.webhook_secrets == (("demo", "whsec_a=="), ("north", "whsec_b"), ("demo", "whsec_c"))


@pytest.mark.parametrize("value", ["hidden", "=hidden", "demo=", "demo=a,hidden"])
def test_a_secret_of_no_clinic_is_refused_and_not_repeated(value: str) -> None:
    with pytest.raises(NeedlewiseError, match="must read clinic=secret") as error:
        read_settings({"NEEDLEWISE_WEBHOOK_SECRETS": value})
    assert "hidden" not in str(error.value)


def test_a_file_goes_before_the_value_beside_it(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("of the file")
    environ = {"NEEDLEWISE_KEY": "of the environment", "NEEDLEWISE_KEY_FILE": str(tmp_path / "key")}
    assert read_settings(environ).key == "of the file"


def test_secrets_are_not_shown_when_settings_are_printed() -> None:
    settings = read_settings(
        {
            "NEEDLEWISE_KEY": "hidden1",
            "NEEDLEWISE_OLD_KEYS": "hidden2",
            "NEEDLEWISE_SMTP_URL": "smtp://u:hidden3@x",
            "NEEDLEWISE_WEBHOOK_SECRETS": "demo=hidden4",
        }
    )
    assert "hidden" not in repr(settings)


def test_the_documentation_lists_exactly_the_settings(root: Path) -> None:
    text = (root / "docs" / "settings.md").read_text(encoding="utf-8")
    named = set(re.findall(r"NEEDLEWISE_[A-Z_]+", text))
    names = {f"NEEDLEWISE_{field.name.upper()}" for field in fields(Settings)}
    files = {f"NEEDLEWISE_{name.upper()}_FILE" for name in SECRETS}
    assert named == names | files
