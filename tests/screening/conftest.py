from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from spacy.tokens import Doc

from needlewise.language.pipeline import load_pipeline
from needlewise.screening.reading import Reader
from needlewise.screening.rules import ScreeningRules, load_rules

RULE_FILE = Path(__file__).parents[2] / "content" / "screening.yml"


@pytest.fixture(scope="session")
def rules() -> ScreeningRules:
    return load_rules(RULE_FILE)


@pytest.fixture(scope="session")
def reader(rules: ScreeningRules) -> Reader:
    return Reader(rules, load_pipeline(), now=lambda: datetime(2026, 6, 15, tzinfo=UTC))


@pytest.fixture(scope="session")
def said() -> Callable[[str], Doc]:
    """Words to a Doc. The reader reads words only, so the slower tagger and parser are left out."""
    return load_pipeline().make_doc
