"""A process may die at any line: no text is lost, and no reply is sent twice. bench/sms_crash.py does this fifty times."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from cryptography.fernet import Fernet

from needlewise.settings import Settings
from tests.support.carrier import Carrier
from tests.support.postgres import Postgres
from tests.support.sms import Deployment, assert_each_answered_once, crash_rounds

ROUNDS = 2


@pytest.fixture
def deployment(root: Path, base_settings: Settings, tmp_path: Path, carrier: Carrier) -> Iterator[Deployment]:
    key = Fernet.generate_key().decode()
    deployment = Deployment(
        root, tmp_path, base_settings.models, carrier, key, f"sqlite:///{tmp_path / 'n.db'}"
    )
    yield deployment
    deployment.stop()


def test_killed_while_texts_come_in_over_a_file(deployment: Deployment) -> None:
    deployment.add()
    assert_each_answered_once(deployment, crash_rounds(deployment, ROUNDS, chance=Random(1)))


def test_killed_beside_another_process_over_postgresql(deployment: Deployment, postgres: Postgres) -> None:
    deployment.database_url = postgres.new_database()
    deployment.worker = True
    deployment.add("serve")
    deployment.add("worker")
    assert_each_answered_once(deployment, crash_rounds(deployment, ROUNDS, chance=Random(2)))
