"""Kills processes of a texting deployment at random moments, and compares the carrier's ledger with the log: `python -m bench.sms_crash`.

The carrier is a double (tests/support/carrier.py). Every text must have had one turn and one reply, in order for each number.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path
from random import Random

from cryptography.fernet import Fernet

from needlewise.settings import read_settings
from tests.support.carrier import Carrier
from tests.support.postgres import start_postgres
from tests.support.sms import Deployment, assert_each_answered_once, crash_rounds

ROOT = Path(__file__).parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(2), "big"))
    parser.add_argument(
        "--sqlite", action="store_true", help="one process over a file, not two over PostgreSQL"
    )
    chosen = parser.parse_args()
    print(f"{chosen.rounds} rounds, seed {chosen.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder, Carrier() as carrier:
        path = Path(folder)
        key = Fernet.generate_key().decode()
        models = read_settings({}).models
        deployment = Deployment(ROOT, path, models, carrier, key, f"sqlite:///{path / 'needlewise.db'}")
        postgres = None if chosen.sqlite else start_postgres()
        try:
            if postgres is not None:
                deployment.database_url = postgres.new_database()
                deployment.worker = True
                deployment.add("worker")
            deployment.add("serve")
            chance = Random(chosen.seed)
            texts = crash_rounds(
                deployment, chosen.rounds, chance=chance, tell=lambda line: print(line, flush=True)
            )
            assert_each_answered_once(deployment, texts)
        finally:
            deployment.stop()
            if postgres is not None:
                postgres.stop()
    print(
        f"{len(texts)} texts, {len(texts)} turns, {len(carrier.ledger)} replies: nothing lost, nothing doubled"
    )


if __name__ == "__main__":
    sys.exit(main())
