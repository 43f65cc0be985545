"""The carrier's webhook: taken once and answered at once when Twilio signed it, and refused without a trace when not."""

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import select
from starlette.applications import Starlette

from needlewise import wiring
from needlewise.app import create_app
from needlewise.channels.sms.routes import LARGEST_BODY, clinics_by_number
from needlewise.db.tables import inbox, outbox, threads
from needlewise.dialogue.turn import Turns
from needlewise.errors import NeedlewiseError
from needlewise.settings import Settings
from needlewise.wiring import Services
from tests.support.carrier import Carrier
from tests.support.sms import PUBLIC, WEBHOOK, Phone, text_fields, until

STATUS = f"{WEBHOOK}/status"


async def stored(table: Any) -> list[Any]:
    async with wiring.services().engine.connect() as connection:
        return (await connection.execute(select(table))).all()


async def test_it_answers_with_empty_twiml_and_the_reply_goes_over_the_api(phone: Phone) -> None:
    response = await phone.sends("does it hurt")
    assert (response.status_code, response.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    assert response.text == '<?xml version="1.0" encoding="UTF-8"?><Response/>'
    await until(lambda: len(phone.shown) == 1, "no reply")


async def test_a_repeat_is_answered_like_the_first_and_taken_once(phone: Phone) -> None:
    responses = await asyncio.gather(*(phone.sends("does it hurt", sid="SM" + "a" * 32) for _ in range(10)))
    assert {response.status_code for response in responses} == {200}
    await until(lambda: len(phone.shown) == 1, "no reply")
    assert len(await stored(inbox)) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Twilio-Signature": ""},
        {"X-Twilio-Signature": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="},
        {"X-Twilio-Signature": "ñ"},
    ],
)
async def test_a_forged_webhook_is_refused_and_leaves_nothing(
    client: httpx.AsyncClient, carrier: Carrier, headers: dict[str, str]
) -> None:
    signed, body = carrier.webhook(PUBLIC + WEBHOOK, **text_fields("+14105550123", "hi"))
    raw = [(name.encode(), value.encode("utf-8")) for name, value in (signed | headers).items()]
    response = await client.post(WEBHOOK, content=body, headers=raw)
    assert (response.status_code, response.content) == (403, b"")
    assert await stored(inbox) == []


async def test_a_webhook_without_a_signature_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.post(WEBHOOK, data=text_fields("+14105550123", "hi"))
    assert response.status_code == 403


async def test_a_changed_word_breaks_the_signature(client: httpx.AsyncClient, carrier: Carrier) -> None:
    headers, body = carrier.webhook(PUBLIC + WEBHOOK, **text_fields("+14105550123", "hi"))
    for changed in (
        body.replace(b"Body=hi", b"Body=ho"),
        body + b"&Extra=1",
        body.replace(b"FromZip=&", b""),
    ):
        assert (await client.post(WEBHOOK, content=changed, headers=headers)).status_code == 403
    assert (await client.post(WEBHOOK, content=body, headers=headers)).status_code == 200


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(
    client: httpx.AsyncClient, carrier: Carrier
) -> None:
    headers, body = carrier.webhook(PUBLIC + WEBHOOK, **text_fields("+14105550123", "x" * LARGEST_BODY))
    assert (await client.post(WEBHOOK, content=body, headers=headers)).status_code == 413


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b'{"Body": "hi"}', "application/json", 415),
        (b"Body=hi", "multipart/form-data; boundary=x", 415),
        (b"Body=%FF%FE", "application/x-www-form-urlencoded", 400),
        (b"Body=\xff", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a%d=1" % number for number in range(500)), "application/x-www-form-urlencoded", 400),
    ],
)
async def test_what_is_no_form_is_refused(
    client: httpx.AsyncClient, content: bytes, kind: str, status: int
) -> None:
    response = await client.post(WEBHOOK, content=content, headers={"Content-Type": kind})
    assert response.status_code == status


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_only_a_post_is_a_webhook(client: httpx.AsyncClient, method: str) -> None:
    assert (await client.request(method, WEBHOOK)).status_code == 405


async def test_a_text_for_a_number_of_no_clinic_is_not_taken(phone: Phone) -> None:
    phone.clinic_number = "+12025550199"
    assert (await phone.sends("hi")).status_code == 404


@pytest.mark.parametrize("sender", ["", "12345", "anonymous", "whatsapp:+14105550123", "+1", "+0123456789"])
async def test_a_text_that_comes_from_no_phone_number_is_not_answered(phone: Phone, sender: str) -> None:
    phone.number = sender
    assert (await phone.sends("hi")).status_code == 200
    assert await stored(inbox) == []


async def test_the_words_leave_the_inbox_with_the_turn_and_no_number_is_readable(phone: Phone) -> None:
    await phone.texts("does it hurt")
    (row,) = await stored(inbox)
    assert (row.payload_sealed, row.ready_at) == (None, None)
    (thread,) = await stored(threads)
    plain = [value for value in (*row, *thread) if isinstance(value, str)]
    assert [value for value in plain if "4105550123" in value] == []


async def test_both_tokens_of_a_rotation_sign(
    settings: Settings, turns: Turns, carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotated = replace(settings, twilio_token="new-token", twilio_old_token=settings.twilio_token)
    monkeypatch.setattr(Services, "load_turns", lambda self: turns)
    app = create_app(rotated)
    async with app.router.lifespan_context(app), browser(app) as client:
        assert (await Phone(client, carrier).sends("hi")).status_code == 200


@pytest.mark.parametrize(
    ("seen", "forwarded", "called"),
    [
        ("http://chat.example.org", {}, "http://chat.example.org/sms/v1/twilio"),
        ("http://chat.example.org", {}, "http://chat.example.org:80/sms/v1/twilio"),
        ("http://chat.example.org:8000", {}, "http://chat.example.org:8000/sms/v1/twilio"),
        ("https://chat.example.org", {}, "https://chat.example.org/sms/v1/twilio?a=1&b="),
    ],
)
async def test_without_a_public_address_the_request_tells_it(
    settings: Settings,
    turns: Turns,
    carrier: Carrier,
    monkeypatch: pytest.MonkeyPatch,
    seen: str,
    forwarded: dict[str, str],
    called: str,
) -> None:
    monkeypatch.setattr(Services, "load_turns", lambda self: turns)
    app = create_app(replace(settings, public_address=None))
    async with app.router.lifespan_context(app), browser(app, seen) as client:
        headers, body = carrier.webhook(called, **text_fields("+14105550123", "hi"))
        path = called.partition("/sms/")[2]
        response = await client.post(f"/sms/{path}", content=body, headers=headers | forwarded)
        assert response.status_code == 200


@pytest.mark.parametrize("seen", ["http://10.0.0.7:8000", "http://test", "https://chat.example.org:443"])
@pytest.mark.parametrize(
    "public", ["https://chat.example.org", "https://chat.example.org/", "https://chat.example.org:443"]
)
async def test_behind_a_proxy_the_public_address_counts_and_not_what_the_request_says(
    settings: Settings,
    turns: Turns,
    carrier: Carrier,
    monkeypatch: pytest.MonkeyPatch,
    seen: str,
    public: str,
) -> None:
    monkeypatch.setattr(Services, "load_turns", lambda self: turns)
    app = create_app(replace(settings, public_address=public))
    async with app.router.lifespan_context(app), browser(app, seen) as client:
        assert (await Phone(client, carrier).sends("hi")).status_code == 200


async def test_without_a_provider_there_is_no_webhook(settings: Settings) -> None:
    app = create_app(replace(settings, sms_provider=None))
    async with browser(app) as client:
        assert (await client.post(WEBHOOK, data=text_fields("+14105550123", "hi"))).status_code == 404


async def test_a_number_that_two_clinics_name_stops_the_start(settings: Settings) -> None:
    services = wiring.build(settings)
    profile = services.library.clinic("demo").texting
    other = services.library.clinics["forever-fit"]
    clinics = {**services.library.clinics, "forever-fit": msgspec.structs.replace(other, texting=profile)}
    services.library = replace(services.library, clinics=clinics)
    with pytest.raises(NeedlewiseError, match="is under texting of"):
        clinics_by_number(services)


# -- what became of a text -------------------------------------------------------------------------


async def reports(
    client: httpx.AsyncClient, carrier: Carrier, parcel: str, sid: str, status: str, **more: str
) -> int:
    """Post a status callback; its status code."""
    address = f"{STATUS}?parcel={parcel}"
    headers, body = carrier.webhook(PUBLIC + address, MessageSid=sid, MessageStatus=status, **more)
    return (await client.post(address, content=body, headers=headers)).status_code


async def test_statuses_late_early_and_doubled_only_move_forward(
    phone: Phone, client: httpx.AsyncClient, carrier: Carrier
) -> None:
    await phone.texts("does it hurt")
    (sent,) = await sent_rows()
    for status in ("sent", "sent", "delivered", "sending", "queued", "delivered"):
        assert await reports(client, carrier, sent.id, sent.provider_id, status) == 204
    assert [row.status for row in await stored(outbox)] == ["delivered"]


async def test_a_status_of_another_text_changes_nothing(
    phone: Phone, client: httpx.AsyncClient, carrier: Carrier
) -> None:
    await phone.texts("does it hurt")
    (sent,) = await sent_rows()
    for parcel, sid in ((sent.id, "SMother"), ("f" * 32, sent.provider_id), ("", sent.provider_id)):
        assert await reports(client, carrier, parcel, sid, "failed") == 204
    assert [row.status for row in await stored(outbox)] == ["queued"]


async def test_a_forged_status_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.post(STATUS, data={"MessageSid": "SM1", "MessageStatus": "delivered"})
    assert response.status_code == 403


async def test_a_status_with_21610_counts_as_a_stop(
    phone: Phone, client: httpx.AsyncClient, carrier: Carrier
) -> None:
    await phone.texts("does it hurt")
    (sent,) = await sent_rows()
    assert await reports(client, carrier, sent.id, sent.provider_id, "failed", ErrorCode="21610") == 204
    (thread,) = await stored(threads)
    assert thread.opted_out_at is not None


async def test_the_carriers_own_callbacks_are_understood(
    settings: Settings, turns: Turns, carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each text carries our own name for it in the address of its callback."""
    monkeypatch.setattr(Services, "load_turns", lambda self: turns)
    app = create_app(settings)
    async with app.router.lifespan_context(app), browser(app) as client:
        phone = Phone(client, carrier)
        await phone.texts("does it hurt")
        (sent,) = await sent_rows()
        assert carrier.ledger[0].callback == f"{PUBLIC}{STATUS}?parcel={sent.id}"


async def sent_rows() -> list[Any]:
    """The outbox, once all of it has the provider's id: the double's ledger is a moment ahead."""
    async with asyncio.timeout(10):
        while not (rows := await stored(outbox)) or any(row.provider_id is None for row in rows):
            await asyncio.sleep(0.01)
    return rows


def browser(app: Starlette, address: str = "http://test") -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=address)
