"""The loaded assistant over a database of its own, and talks with it."""

import logging
from collections.abc import Callable
from dataclasses import replace

import pytest
import structlog

from needlewise import wiring
from needlewise.dialogue.turn import Turns
from needlewise.settings import Settings
from needlewise.wiring import Services
from tests.support.shared import builder
from tests.support.talk import Talk


@pytest.fixture(scope="session")
def desk(base_settings: Settings, turns: Turns, tmp_path_factory: pytest.TempPathFactory) -> Services:
    """Services whose database takes the requests of talks held in memory."""
    from needlewise.db.engine import migrate

    # Rasa's debug log is most of a turn's time; its errors go where tests can see them.
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    database = tmp_path_factory.mktemp("desk") / "desk.db"
    services = wiring.build(replace(base_settings, database_url=f"sqlite:///{database}"))
    migrate(services.settings.database_url)
    return services


@pytest.fixture(autouse=True)
def _content_is_read_once(desk: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "build", builder(desk))


@pytest.fixture
def talk(turns: Turns, desk: Services) -> Callable[..., Talk]:
    """Begins a talk: talk(), talk(clinic="forever-fit")."""
    wiring.use(desk)
    return lambda **given: Talk(turns, **given)
