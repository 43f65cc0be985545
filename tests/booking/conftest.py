"""Services whose content is read once for all tests of this folder."""

import pytest

from needlewise import wiring
from needlewise.settings import Settings
from needlewise.wiring import Services
from tests.support.shared import builder


@pytest.fixture(scope="session")
def read_content(base_settings: Settings) -> Services:
    return wiring.build(base_settings)


@pytest.fixture(autouse=True)
def _content_is_read_once(read_content: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "build", builder(read_content, parts=("library", "renderer")))
