"""Teaching over a database of its own; nothing is trained and no model is loaded."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from needlewise import wiring
from needlewise.content.library import Library
from needlewise.db.engine import migrate
from needlewise.settings import Settings
from needlewise.wiring import Services


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "test.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def library(base_settings: Settings) -> Library:
    return wiring.build(base_settings).library


@pytest_asyncio.fixture
async def services(settings: Settings, migrated: Path, library: Library) -> AsyncIterator[Services]:
    """Services over an empty, migrated database. The content, which is only read here, is loaded once."""
    shutil.copy(migrated, settings.database_url.removeprefix("sqlite:///"))
    services = Services(settings)
    services.__dict__["library"] = library
    wiring.use(services)
    yield services
    await services.engine.dispose()
    await services.reading.dispose()
