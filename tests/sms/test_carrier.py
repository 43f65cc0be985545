"""The double speaks the protocol: Twilio's own client library, which knows nothing of it, takes it for Twilio."""

from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from tests.support.carrier import ACCOUNT, TOKEN, Carrier

PHONE, CLINIC = "+14105550123", "+12025550145"


class Redirected(TwilioHttpClient):
    """Twilio's client, with another address in front of the path."""

    def __init__(self, carrier: Carrier) -> None:
        super().__init__()
        self._carrier = carrier

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        return super().request(
            method, url.replace("https://api.twilio.com", self._carrier.url), *args, **kwargs
        )


def client(carrier: Carrier, token: str = TOKEN) -> Client:
    return Client(ACCOUNT, token, http_client=Redirected(carrier))


def test_a_text_is_made_fetched_and_listed(carrier: Carrier) -> None:
    twilio = client(carrier)
    made = twilio.messages.create(to=PHONE, from_=CLINIC, body="¿Qué?", status_callback="https://a.example/s")
    assert (made.status, made.body, made.to, made.from_, made.num_segments) == (
        "queued",
        "¿Qué?",
        PHONE,
        CLINIC,
        "1",
    )
    fetched = twilio.messages(made.sid).fetch()
    assert (fetched.sid, fetched.date_created) == (made.sid, made.date_created)
    assert [each.sid for each in twilio.messages.list(to=PHONE, limit=10)] == [made.sid]
    assert twilio.messages.list(to="+14105550199", limit=10) == []


@pytest.mark.parametrize(
    ("trouble", "status", "code"), [("busy", 429, 20429), ("error", 500, 20500), ("error_after", 500, 20500)]
)
def test_its_errors_are_twilios(carrier: Carrier, trouble: Any, status: int, code: int) -> None:
    carrier.troubles.append(trouble)
    with pytest.raises(TwilioRestException) as raised:
        client(carrier).messages.create(to=PHONE, from_=CLINIC, body="hi")
    assert (raised.value.status, raised.value.code) == (status, code)
    assert len(carrier.ledger) == (1 if trouble == "error_after" else 0)


def test_a_number_that_opted_out_is_refused_with_21610(carrier: Carrier) -> None:
    carrier.opted_out.add(PHONE)
    with pytest.raises(TwilioRestException) as raised:
        client(carrier).messages.create(to=PHONE, from_=CLINIC, body="hi")
    assert (raised.value.status, raised.value.code) == (400, 21610)


def test_a_wrong_token_opens_nothing(carrier: Carrier) -> None:
    with pytest.raises(TwilioRestException) as raised:
        client(carrier, "wrong").messages.create(to=PHONE, from_=CLINIC, body="hi")
    assert (raised.value.status, raised.value.code) == (401, 20003)
