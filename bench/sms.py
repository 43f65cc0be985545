"""How fast texts are acknowledged and answered: `python -m bench.sms`. One web process, one worker, PostgreSQL, a double for the carrier.

Texts come at a steady rate, whether or not earlier ones were answered, from many numbers. Measured for each rate: the time until the webhook is
acknowledged, and the time from there until the carrier has the reply. The rate is raised until one of the limits is passed. Everything, the
double and the load too, runs on the cores that this process may use: `taskset -c 0,1 python -m bench.sms` for two.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
from cryptography.fernet import Fernet

from needlewise.settings import read_settings
from tests.support.carrier import Carrier
from tests.support.postgres import start_postgres
from tests.support.sms import QUESTIONS, WEBHOOK, Deployment, text_fields

ROOT = Path(__file__).parent.parent
NUMBERS = 400
ACKNOWLEDGED_MS = 100
REPLIED_MS = 1000
LATE_SECONDS = 60


@dataclass(frozen=True)
class Figures:
    """Milliseconds of one rate: p50, p95 and p99."""

    rate: int
    texts: int
    acknowledged: tuple[float, float, float]
    replied: tuple[float, float, float]
    unanswered: int

    @property
    def holds(self) -> bool:
        return (
            self.unanswered == 0 and self.acknowledged[2] <= ACKNOWLEDGED_MS and self.replied[1] <= REPLIED_MS
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", type=int, nargs="+", default=[20, 30, 40, 50, 60, 80, 100])
    parser.add_argument("--seconds", type=int, default=30)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Carrier() as carrier:
        postgres = start_postgres()
        models = read_settings({}).models
        key = Fernet.generate_key().decode()
        deployment = Deployment(
            ROOT, Path(folder), models, carrier, key, postgres.new_database(), worker=True
        )
        try:
            deployment.add("serve")
            deployment.add("worker")
            asyncio.run(_load(deployment, rate=5, seconds=5))  # warm up
            print(
                f"{len(os.sched_getaffinity(0))} cores; {chosen.seconds} s at each rate; milliseconds",
                flush=True,
            )
            print(
                "| texts a second | acknowledged p50 | p95 | p99 | reply at the carrier p50 | p95 | p99 | holds |"
            )
            print("|---|---|---|---|---|---|---|---|", flush=True)
            for rate in chosen.rates:
                figures = asyncio.run(_load(deployment, rate=rate, seconds=chosen.seconds))
                numbers = " | ".join(f"{each:.0f}" for each in (*figures.acknowledged, *figures.replied))
                late = f", {figures.unanswered} unanswered" if figures.unanswered else ""
                print(f"| {rate} | {numbers} | {'yes' if figures.holds else 'no'}{late} |", flush=True)
                if not figures.holds:
                    break
        finally:
            deployment.stop()
            postgres.stop()


_calls = 0


async def _load(deployment: Deployment, *, rate: int, seconds: int) -> Figures:
    """Texts at a rate for so long, and what became of them."""
    global _calls
    _calls += 1
    questions = list(QUESTIONS)
    numbers = [f"+1410{_calls % 1000:03}{number:04}" for number in range(NUMBERS)]
    sent: dict[str, list[datetime]] = {}
    acknowledged: list[float] = []
    (address,) = deployment.addresses
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
    async with httpx.AsyncClient(base_url=address, timeout=15, limits=limits) as client:

        async def text(number: str, question: str) -> None:
            fields = text_fields(number, question)
            headers, body = deployment.carrier.webhook(address + WEBHOOK, **fields)
            sent.setdefault(number, []).append(datetime.now(UTC))
            began = time.perf_counter()
            response = await client.post(WEBHOOK, content=body, headers=headers)
            acknowledged.append((time.perf_counter() - began) * 1000)
            assert response.status_code == 200, response.status_code

        begin = time.perf_counter()
        tasks = []
        for count in range(rate * seconds):
            await asyncio.sleep(max(0.0, begin + count / rate - time.perf_counter()))
            tasks.append(
                asyncio.create_task(text(numbers[count % NUMBERS], questions[count % len(questions)]))
            )
        await asyncio.gather(*tasks)
        total = len(tasks)
        mine = set(numbers)
        until = time.monotonic() + LATE_SECONDS
        while time.monotonic() < until and _answered(deployment.carrier, mine) < total:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    replied = []
    for number, moments in sent.items():
        came = [text.at for text in deployment.carrier.ledger if text.to == number]
        replied += [(there - here).total_seconds() * 1000 for here, there in zip(moments, came, strict=False)]
    return Figures(rate, total, _quantiles(acknowledged), _quantiles(replied), total - len(replied))


def _answered(carrier: Carrier, numbers: set[str]) -> int:
    return sum(text.to in numbers for text in list(carrier.ledger))


def _quantiles(values: Sequence[float]) -> tuple[float, float, float]:
    ordered = sorted(values)
    fifty, most, nearly_all = (
        ordered[min(len(ordered) - 1, int(len(ordered) * part))] for part in (0.5, 0.95, 0.99)
    )
    return fifty, most, nearly_all


if __name__ == "__main__":
    sys.exit(main())
