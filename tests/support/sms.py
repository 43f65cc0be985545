"""A patient with a phone: texts arrive as the carrier's signed webhooks, and what the carrier sent is what the phone shows."""

import asyncio
import itertools
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx
import msgspec
from sqlalchemy import create_engine, select

from needlewise.db.sealing import Seal
from needlewise.db.tables import conversations, inbox, messages, outbox
from tests.support.carrier import ACCOUNT, TOKEN, Carrier
from tests.support.service import READY_SECONDS, Service, plain_environ, wait_until

CLINIC_NUMBER = "+12025550145"
"""The demo clinic's."""
PUBLIC = "https://chat.example.org"
WEBHOOK = "/sms/v1/twilio"
SECONDS = 30

_ids = itertools.count(1)


def settings_of(carrier: Carrier, **more: Any) -> dict[str, Any]:
    """The settings with which a service talks to this carrier."""
    return {
        "sms_provider": "twilio",
        "twilio_account": ACCOUNT,
        "twilio_token": TOKEN,
        "twilio_url": carrier.url,
        "public_address": PUBLIC,
        "sms_segments_per_second": 1000,
        "sms_unknown_seconds": 1,
        **more,
    }


def environ_of(carrier: Carrier, **more: object) -> dict[str, str]:
    """The same for a process of its own."""
    return {f"NEEDLEWISE_{name.upper()}": str(value) for name, value in settings_of(carrier, **more).items()}


def text_fields(
    number: str, body: str, *, sid: str | None = None, to: str = CLINIC_NUMBER, **more: str
) -> dict[str, str]:
    """The form of a webhook for one text, blank fields and all."""
    sid = sid or f"SM{next(_ids):032x}"
    return {
        "MessageSid": sid,
        "SmsSid": sid,
        "SmsMessageSid": sid,
        "AccountSid": ACCOUNT,
        "From": number,
        "To": to,
        "Body": body,
        "NumMedia": "0",
        "NumSegments": "1",
        "FromCity": "",
        "FromState": "MD",
        "FromZip": "",
        "FromCountry": "US",
        "ToCity": "",
        "ApiVersion": "2010-04-01",
        **more,
    }


@dataclass
class Phone:
    """One number. `last` are the texts that came since it wrote last."""

    client: httpx.AsyncClient
    carrier: Carrier
    number: str = "+14105550123"
    clinic_number: str = CLINIC_NUMBER
    last: list[str] = field(default_factory=list)

    async def sends(self, body: str, *, sid: str | None = None, **more: str) -> httpx.Response:
        """Post one webhook and give the raw response."""
        fields = text_fields(self.number, body, sid=sid, to=self.clinic_number, **more)
        headers, data = self.carrier.webhook(PUBLIC + WEBHOOK, **fields)
        return await self.client.post(WEBHOOK, content=data, headers=headers)

    async def texts(self, body: str, *, replies: int = 1, **more: str) -> str:
        """Send a text and wait for so many texts in reply; their words."""
        seen = len(self.shown)
        response = await self.sends(body, **more)
        assert response.status_code == 200, response.text
        await until(lambda: len(self.shown) >= seen + replies, f"no reply to {body!r}")
        self.last = self.shown[seen:]
        return "\n---\n".join(self.last)

    @property
    def shown(self) -> list[str]:
        """Every text on this phone."""
        return self.carrier.to(self.number)


async def until(what: Callable[[], bool], otherwise: str, *, seconds: float = SECONDS) -> None:
    """Wait until it is so. Fails when the time is over."""
    try:
        async with asyncio.timeout(seconds):
            while not what():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(otherwise) from None


QUESTIONS = {
    "does it hurt": "does_it_hurt",
    "how much does it cost": "cost",
    "how many visits will i need": "how_many_sessions",
    "do you take insurance": "insurance",
    "what are your hours": "hours_contact",
    "what is dry needling": "what_is_dry_needling",
    "does it work": "does_it_work",
    "what are the side effects": "side_effects",
    "where are you located": "locations",
    "do i need a referral": "referral_needed",
}
"""What a patient may text, each with the topic whose answer is one text."""


@dataclass
class Deployment:
    """Processes of one deployment over one database: `serve` ones take webhooks, and workers do the work where there are any."""

    root: Path
    folder: Path
    models: Path
    carrier: Carrier
    key: str
    database_url: str
    worker: bool = False
    """Whether the web processes leave the work to a worker."""
    processes: list["Process"] = field(default_factory=list)

    def add(self, command: str = "serve") -> "Process":
        """Start another process and return when it is ready."""
        var = self.folder / f"{command}-{len(self.processes)}"
        var.mkdir(parents=True)
        os.symlink(self.models.resolve(), var / "models")
        process = Process(self.root, var, deployment=self, command=command)
        self.processes.append(process)
        process.start()
        return process

    def stop(self) -> None:
        for process in self.processes:
            process.stop()

    @property
    def addresses(self) -> list[str]:
        return [process.address for process in self.processes if process.command == "serve"]

    def rows(self, table: Any, *order: Any) -> list[Any]:
        """Every row of a table, read as somebody would who has the database's address."""
        engine = create_engine(self.database_url)
        try:
            with engine.connect() as connection:
                return list(connection.execute(select(table).order_by(*order)))
        finally:
            engine.dispose()

    def is_settled(self) -> bool:
        """Whether nothing waits for a turn, and nothing to be sent."""
        waiting = [row for row in self.rows(inbox) if row.ready_at is not None]
        return not waiting and all(row.next_try_at is None for row in self.rows(outbox))

    def settle(self, seconds: float = 120) -> None:
        wait_until(self.is_settled, seconds=seconds, otherwise="texts still wait", pause=0.1)

    def log(self) -> dict[str, list[Any]]:
        """The messages of each text conversation in order."""
        found: dict[str, list[Any]] = {row.id: [] for row in self.rows(conversations)}
        for row in self.rows(messages, messages.c.position):
            if row.channel == "sms":
                found[row.conversation].append(row)
        return {conversation: rows for conversation, rows in found.items() if rows}

    def words(self, row: Any) -> str:
        """What a row of the log says."""
        opened: dict[str, Any] = msgspec.json.decode(Seal(self.key).open(row.body_sealed))
        return str(opened["text"])

    def queued(self) -> Counter[tuple[str, str]]:
        """How often each text to each number was put into the outbox."""
        seal = Seal(self.key)
        payloads = [msgspec.json.decode(seal.open(row.payload_sealed)) for row in self.rows(outbox)]
        return Counter((payload["to"], payload["body"]) for payload in payloads)


@dataclass
class Process(Service):
    """One process of a deployment."""

    deployment: Deployment | None = None
    command: str = "serve"

    @property
    def environ(self) -> dict[str, str]:
        assert self.deployment is not None
        shared = {
            "NEEDLEWISE_KEY": self.deployment.key,
            "NEEDLEWISE_DATABASE_URL": self.deployment.database_url,
            "NEEDLEWISE_WORKER": str(self.deployment.worker).lower(),
        }
        # Signed for the address that was called: each process has a port of its own.
        texting = environ_of(self.deployment.carrier, public_address=self.address)
        return super().environ | texting | shared

    def start(self) -> None:
        if self.command == "serve":
            super().start()
            return
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "needlewise.cli", "worker"],
                cwd=self.root,
                env=plain_environ() | self.environ,
                stdout=log,
                stderr=log,
            )
        wait_until(self._worker_is_ready, seconds=READY_SECONDS, otherwise="the worker did not become ready")

    def _worker_is_ready(self) -> bool:
        assert self.process is not None
        log = self.log.read_text()
        assert self.process.poll() is None, log
        return "the worker is ready" in log


def deliver_all(
    deployment: Deployment,
    texts: Iterable[tuple[str, str]],
    *,
    times: int = 1,
    tries: int = 1,
    chance: Random | None = None,
) -> list[Future[None]]:
    """Post each number's texts one after another, each `times` times at once, spread over the processes; numbers beside each other.

    Gives one future a number, which ends when all of its webhooks were taken.
    """
    by_number: dict[str, list[str]] = {}
    for number, body in texts:
        by_number.setdefault(number, []).append(body)
    chance = chance or Random(7)
    numbers = ThreadPoolExecutor(len(by_number))
    posts = ThreadPoolExecutor(min(40, times * len(by_number)))

    def deliver(number: str, bodies: list[str]) -> None:
        for body in bodies:
            fields = text_fields(number, body)
            repeats = [
                posts.submit(_deliver_once, deployment, fields, tries, chance.random()) for _ in range(times)
            ]
            assert {repeat.result() for repeat in repeats} == {200}

    return [numbers.submit(deliver, number, bodies) for number, bodies in by_number.items()]


def _deliver_once(deployment: Deployment, fields: dict[str, str], tries: int, chance: float) -> int | None:
    """As a carrier with several addresses does: the next one when one does not answer."""
    status = None
    for attempt in range(tries):
        addresses = deployment.addresses
        address = addresses[(int(chance * len(addresses)) + attempt) % len(addresses)]
        status = deployment.carrier.deliver(address + WEBHOOK, fields)
        if status == 200:
            return status
    return status


def assert_each_answered_once(deployment: Deployment, texts: Iterable[tuple[str, str]]) -> None:
    """Log, outbox and the carrier's ledger tell the same: each text has one turn and one reply, in order for each number."""
    expected: dict[str, list[str]] = {}
    for number, body in texts:
        expected.setdefault(number, []).append(body)
    log = deployment.log()
    said = [[deployment.words(row) for row in rows if row.direction == "in"] for rows in log.values()]
    assert sorted(said) == sorted(expected.values())
    for rows in log.values():
        replies = [row for row in rows if row.direction == "out" and row.answers]
        asked = [row for row in rows if row.direction == "in"]
        assert [row.reply_to for row in replies] == [row.id for row in asked]
        topics = [QUESTIONS[deployment.words(row)] for row in asked]
        assert [row.answers[0]["topic"] for row in replies] == topics
    ledger = Counter((sent.to, sent.body) for sent in deployment.carrier.ledger)
    assert ledger == deployment.queued()
    for number, bodies in expected.items():
        assert len(deployment.carrier.to(number)) == len(bodies)
        assert deployment.carrier.to(number) == _in_order(deployment, number)


def _in_order(deployment: Deployment, number: str) -> list[str]:
    seal = Seal(deployment.key)
    rows = deployment.rows(outbox, outbox.c.thread, outbox.c.position)
    payloads = [msgspec.json.decode(seal.open(row.payload_sealed)) for row in rows]
    return [payload["body"] for payload in payloads if payload["to"] == number]


def crash_rounds(
    deployment: Deployment, rounds: int, *, chance: Random, tell: Callable[[str], None] = lambda line: None
) -> list[tuple[str, str]]:
    """Kill a process at a random moment of each round, while texts come in, and start it again; gives all texts that came.

    The carrier delivers again until it is answered, as it does when its webhook's address ends in #rc=5&rp=all.
    """
    sent: list[tuple[str, str]] = []
    questions = list(QUESTIONS)
    for number in range(rounds):
        texts = [(f"+1410555{chance.randrange(1000, 1006)}", chance.choice(questions)) for _ in range(8)]
        deliveries = deliver_all(deployment, texts, times=2, tries=400, chance=chance)
        time.sleep(chance.random() * chance.choice((0.05, 0.4, 1.5)))
        victim = chance.choice(deployment.processes)
        victim.kill()
        victim.start()
        for delivery in deliveries:
            delivery.result()
        sent += texts
        deployment.settle()
        tell(f"round {number + 1}: killed {victim.command}, {len(deployment.carrier.ledger)} texts sent")
    return sent
