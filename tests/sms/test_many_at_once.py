"""Carriers deliver again, and at once: every text has one turn and one reply, in order for each number, whichever process it reaches."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from cryptography.fernet import Fernet

from needlewise.settings import Settings
from tests.support.carrier import Carrier
from tests.support.postgres import Postgres
from tests.support.sms import QUESTIONS, Deployment, assert_each_answered_once, deliver_all


@pytest.fixture
def deployment(root: Path, base_settings: Settings, tmp_path: Path, carrier: Carrier) -> Iterator[Deployment]:
    """No process yet; over SQLite unless a test says otherwise."""
    deployment = Deployment(
        root,
        tmp_path,
        base_settings.models,
        carrier,
        Fernet.generate_key().decode(),
        f"sqlite:///{tmp_path / 'needlewise.db'}",
    )
    yield deployment
    deployment.stop()


def hundred_texts() -> list[tuple[str, str]]:
    """Ten texts from each of ten numbers, in another order for each."""
    texts = []
    for number in range(10):
        questions = list(QUESTIONS)
        Random(number).shuffle(questions)
        texts += [(f"+1410555{number:04}", question) for question in questions]
    return texts


def test_1000_deliveries_to_two_processes_are_100_turns(deployment: Deployment, postgres: Postgres) -> None:
    deployment.database_url = postgres.new_database()
    deployment.add()
    deployment.add()
    texts = hundred_texts()
    for number in deliver_all(deployment, texts, times=10):
        number.result()
    deployment.settle()
    assert_each_answered_once(deployment, texts)


def test_1000_deliveries_to_one_process_over_a_file_are_100_turns(deployment: Deployment) -> None:
    deployment.add()
    texts = hundred_texts()
    for number in deliver_all(deployment, texts, times=10):
        number.result()
    deployment.settle()
    assert_each_answered_once(deployment, texts)


def test_two_workers_beside_two_web_processes_keep_the_order(
    deployment: Deployment, postgres: Postgres
) -> None:
    deployment.database_url = postgres.new_database()
    deployment.worker = True
    deployment.add("serve")
    deployment.add("serve")
    deployment.add("worker")
    deployment.add("worker")
    texts = hundred_texts()[:50]
    for number in deliver_all(deployment, texts, times=3):
        number.result()
    deployment.settle()
    assert_each_answered_once(deployment, texts)
