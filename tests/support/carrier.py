"""A double of the carrier: a real HTTP server on loopback that speaks as much of Twilio's interface as the service uses. It is not Twilio.

It answers the Messages resource (create, list, fetch; basic auth; errors as Twilio writes them), calls back with statuses, and delivers texts
as signed webhooks. Everything that it would have sent to a phone is in its ledger, so that a test can count what patients really got.
What it does was written from Twilio's documentation; where the real one differs, these tests do not notice.
"""

import base64
import json
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from twilio.request_validator import RequestValidator

from needlewise.text.segments import segments

ACCOUNT = "AC" + "0" * 32
TOKEN = "carrier-token-for-tests"

Trouble = Literal[
    "busy",  # 429, code 20429: nothing was made
    "error",  # 500, and nothing was made
    "error_after",  # 500, but the message was made
    "silence",  # the connection breaks before anything was made
    "silence_after",  # the connection breaks after the message was made
    "slow",  # the message is made, and the answer comes after `slow_seconds`
]


@dataclass
class Sent:
    """A text that the carrier took: what a phone would show."""

    sid: str
    to: str
    sender: str
    body: str
    callback: str | None
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    status: str = "queued"

    @property
    def resource(self) -> dict[str, Any]:
        """As Twilio's API shows it."""
        return {
            "sid": self.sid,
            "account_sid": ACCOUNT,
            "to": self.to,
            "from": self.sender,
            "body": self.body,
            "status": self.status,
            "direction": "outbound-api",
            "num_segments": str(segments(self.body).count),
            "num_media": "0",
            "date_created": format_datetime(self.at),
            "date_updated": format_datetime(self.at),
            "date_sent": None,
            "error_code": None,
            "error_message": None,
            "messaging_service_sid": None,
            "price": None,
            "price_unit": "USD",
            "api_version": "2010-04-01",
            "uri": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{self.sid}.json",
            "subresource_uris": {},
        }


class Carrier:
    """The double. `troubles` are taken by the next requests to send, one each; `down` refuses all of them."""

    def __init__(self) -> None:
        self.ledger: list[Sent] = []
        self.requests = 0
        self.troubles: deque[Trouble] = deque()
        self.opted_out: set[str] = set()
        self.down = False
        self.slow_seconds = 0.5
        self.statuses: tuple[str, ...] = ()
        """What is called back for each text, in this order, repeats and all."""
        self.validator = RequestValidator(TOKEN)
        self._lock = threading.Lock()
        self._callbacks: list[threading.Thread] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def to(self, number: str) -> list[str]:
        """The texts that this phone got, in the order the carrier took them."""
        with self._lock:
            return [sent.body for sent in self.ledger if sent.to == number]

    def webhook(self, address: str, **fields: str) -> tuple[dict[str, str], bytes]:
        """Headers and body of a webhook of these fields to this address, signed."""
        body = urlencode(fields).encode()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
            "X-Twilio-Signature": self.validator.compute_signature(address, fields),
            "User-Agent": "TwilioProxy/1.1",
            "I-Twilio-Idempotency-Token": str(uuid.uuid4()),
        }
        return headers, body

    def deliver(
        self, address: str, fields: dict[str, str], *, tries: int = 1, seconds: float = 15
    ) -> int | None:
        """Post a webhook, and again until one is answered with 200; the last status, or None where nothing answered."""
        status = None
        for attempt in range(tries):
            headers, body = self.webhook(address, **fields)
            try:
                request = urllib.request.Request(address, body, headers)  # noqa: S310
                with urllib.request.urlopen(request, timeout=seconds) as response:  # noqa: S310
                    return int(response.status)
            except urllib.error.HTTPError as error:
                status = error.code
            except OSError:
                status = None
            time.sleep(min(0.05 * (attempt + 1), 0.5))
        return status

    def settle(self) -> None:
        """Return when every status was called back."""
        while self._callbacks:
            self._callbacks.pop().join(timeout=30)

    def _take(self, form: dict[str, str]) -> Sent:
        sent = Sent(
            "SM" + uuid.uuid4().hex, form["To"], form["From"], form["Body"], form.get("StatusCallback")
        )
        with self._lock:
            self.ledger.append(sent)
        return sent

    def _call_back(self, sent: Sent) -> None:
        if not sent.callback or not self.statuses:
            return
        thread = threading.Thread(target=self._post_statuses, args=(sent, sent.callback), daemon=True)
        self._callbacks.append(thread)
        thread.start()

    def _post_statuses(self, sent: Sent, address: str) -> None:
        for status in self.statuses:
            sent.status = status
            fields = {
                "MessageSid": sent.sid,
                "SmsSid": sent.sid,
                "AccountSid": ACCOUNT,
                "MessageStatus": status,
                "SmsStatus": status,
                "To": sent.to,
                "From": sent.sender,
                "ApiVersion": "2010-04-01",
            }
            self.deliver(address, fields)

    def _answer(self, form: dict[str, str]) -> tuple[int, dict[str, Any]] | None:
        """Status and body of the answer to a request to send; None breaks the connection."""
        with self._lock:
            self.requests += 1
            trouble = self.troubles.popleft() if self.troubles else None
        if self.down or trouble == "error":
            return 500, _problem(20500, "Internal Server Error", 500)
        if trouble == "busy":
            return 429, _problem(20429, "Too Many Requests", 429)
        if trouble == "silence":
            return None
        if missing := next((name for name in ("To", "From", "Body") if not form.get(name)), None):
            return 400, _problem(21604 if missing == "To" else 21602, f"A '{missing}' is required.", 400)
        if len(form["Body"]) > 1600:
            return 400, _problem(21617, "The concatenated message body exceeds the 1600 character limit", 400)
        if form["To"] in self.opted_out:
            return 400, _problem(21610, "Attempt to send to unsubscribed recipient", 400)
        sent = self._take(form)
        self._call_back(sent)
        if trouble == "error_after":
            return 500, _problem(20500, "Internal Server Error", 500)
        if trouble == "silence_after":
            return None
        if trouble == "slow":
            time.sleep(self.slow_seconds)
        return 201, sent.resource

    def _handler(carrier) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        messages = f"/2010-04-01/Accounts/{ACCOUNT}/Messages"
        expected = "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                if not self._is_ours():
                    return
                if urlsplit(self.path).path != f"{messages}.json":
                    self._write(404, _problem(20404, "The requested resource was not found", 404))
                    return
                answer = carrier._answer(dict(parse_qsl(body.decode(), keep_blank_values=True)))
                if answer is None:
                    self.close_connection = True
                    self.connection.close()
                    return
                self._write(*answer)

            def do_GET(self) -> None:
                if not self._is_ours():
                    return
                parts = urlsplit(self.path)
                if parts.path == f"{messages}.json":
                    self._write(200, self._listed(parse_qs(parts.query)))
                    return
                sid = parts.path.removeprefix(f"{messages}/").removesuffix(".json")
                found = next((sent for sent in carrier.ledger if sent.sid == sid), None)
                if found is None:
                    self._write(404, _problem(20404, "The requested resource was not found", 404))
                else:
                    self._write(200, found.resource)

            def _listed(self, query: dict[str, list[str]]) -> dict[str, Any]:
                size = int(query.get("PageSize", ["50"])[0])
                with carrier._lock:
                    found = [
                        sent
                        for sent in reversed(carrier.ledger)
                        if query.get("To", [sent.to]) == [sent.to]
                        and query.get("From", [sent.sender]) == [sent.sender]
                    ]
                return {
                    "messages": [sent.resource for sent in found[:size]],
                    "page": 0,
                    "page_size": size,
                    "first_page_uri": f"{messages}.json?PageSize={size}&Page=0",
                    "next_page_uri": None,
                    "previous_page_uri": None,
                    "uri": self.path,
                    "start": 0,
                    "end": max(len(found[:size]) - 1, 0),
                }

            def _is_ours(self) -> bool:
                if self.headers.get("Authorization") == expected:
                    return True
                self._write(401, _problem(20003, "Authenticate", 401))
                return False

            def _write(self, status: int, body: dict[str, Any]) -> None:
                data = json.dumps(body).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                except OSError:
                    # Whoever asked is gone.
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler


def _problem(code: int, message: str, status: int) -> dict[str, Any]:
    return {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
