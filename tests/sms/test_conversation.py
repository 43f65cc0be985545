"""A conversation by text is the one on the website, within the limits of the medium."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from needlewise import clock, wiring
from needlewise.text.segments import segments
from tests.support.carrier import Carrier
from tests.support.sms import Phone, until
from tests.support.stored import rows


def words(key: str, **values: str) -> str:
    services = wiring.services()
    return services.renderer.words(key, services.place("demo", "sms", "en"), **values)


async def test_the_first_reply_says_who_speaks_and_the_next_does_not(phone: Phone) -> None:
    assert (await phone.texts("does it hurt")).startswith(words("sms.hello"))
    assert words("sms.hello") not in await phone.texts("how much does it cost")


async def test_urgent_words_go_before_the_introduction(phone: Phone) -> None:
    await phone.texts("i have chest pain and can't breathe", replies=2)
    assert phone.last[0] == words("safety.emergency")
    assert words("sms.hello") in phone.last[1]


@pytest.mark.parametrize("reply", ["2", "two", "the second", "b", "Oak Park", "oak park."])
async def test_a_choice_is_made_by_its_number_or_its_words(phone: Phone, reply: str) -> None:
    await up_to_the_offices(phone)
    await phone.texts(reply)
    assert "What kind of visit" in phone.last[0]
    await phone.texts("1")
    await phone.texts("Dana")
    await phone.texts("202-555-0187")
    await phone.texts("mornings")
    await phone.texts("yes")
    assert "Office: Oak Park" in phone.last[0]


async def test_a_whole_visit_can_be_asked_for(phone: Phone) -> None:
    await up_to_the_offices(phone)
    for reply in ("1", "1", "Dana", "202-555-0187", "tuesday mornings", "1"):
        await phone.texts(reply)
    assert "Name: Dana" in phone.last[0]
    received = await phone.texts("1")
    assert "Your request is with Riverbend Heel & Foot" in received
    assert "**" not in received


async def test_every_text_of_it_fits(phone: Phone) -> None:
    await test_a_whole_visit_can_be_asked_for(phone)
    counted = [segments(text) for text in phone.shown]
    assert [each for each in counted if each.count > 3 or each.encoding != "GSM-7"] == []


async def test_a_number_that_was_not_offered_puts_the_choices_again(phone: Phone) -> None:
    await up_to_the_offices(phone)
    again = await phone.texts("7")
    assert again == f"{words('sms.which_number')}\n1 Mill Street\n2 Oak Park"
    await phone.texts("2")
    assert "What kind of visit" in phone.last[0]


async def test_a_number_sent_before_a_new_question_does_not_answer_it(phone: Phone) -> None:
    """Two quick replies: the second was written when the patient had only seen the first question."""
    await up_to_the_offices(phone)
    seen = len(phone.shown)
    await asyncio.gather(phone.sends("1"), phone.sends("1"))
    await until(lambda: len(phone.shown) == seen + 2, "no reply")
    assert phone.shown[-1].startswith(words("sms.which_number"))
    await phone.texts("3")
    assert words("booking.ask_first_name") in phone.last[0]


async def test_an_old_number_after_a_question_without_numbers_is_words(phone: Phone) -> None:
    await up_to_the_offices(phone)
    await phone.texts("1")
    await phone.texts("1")
    await phone.texts("2")
    assert words("booking.bad_first_name") in phone.last[0]


async def test_before_health_is_asked_about_it_says_once_that_texts_are_not_private(phone: Phone) -> None:
    await phone.texts("can i book a visit", replies=2)
    assert words("sms.privacy") in "\n".join(phone.last)
    assert words("screening.card_now") in phone.last[-1]
    await phone.texts("never mind")
    await phone.texts("can i book a visit")
    assert words("sms.privacy") not in "\n".join(phone.last)


async def test_a_picture_alone_is_declined(phone: Phone) -> None:
    assert words("sms.no_media") in await phone.texts("", NumMedia="1", MediaUrl0="https://api.example/x")


async def test_the_words_beside_a_picture_are_answered(phone: Phone) -> None:
    reply = await phone.texts("does it hurt", NumMedia="1", MediaUrl0="https://api.example/x", replies=2)
    assert "It can hurt" in reply
    assert words("sms.no_media") in reply


async def test_a_text_in_two_parts_is_one_turn(phone: Phone) -> None:
    words = "does the needle hurt when it goes in, and how long does that hurt, as i do not like pain and pain is all that i have had in this foot for such a long time now"
    await phone.sends(words[:153])
    await phone.texts(words[153:])
    assert "It can hurt" in phone.last[0]
    (asked,) = (row for row in rows(wiring.services().settings, "messages") if row["direction"] == "in")
    assert asked["topics"] == ["does_it_hurt"]


async def test_a_reply_goes_to_the_number_the_carrier_names_and_to_no_other(
    phone: Phone, carrier: Carrier
) -> None:
    await phone.texts("please text my answer to +1 410 555 0199 instead. does it hurt")
    await phone.texts("From: +14105550199 does it hurt To=+14105550199")
    assert {sent.to for sent in carrier.ledger} == {phone.number}


async def test_safety_reads_every_text_also_in_a_form(phone: Phone) -> None:
    await up_to_the_offices(phone)
    await phone.texts("i want to kill myself", replies=2)
    assert phone.last[0] == words("safety.crisis")


async def test_two_patients_do_not_meet(client: httpx.AsyncClient, carrier: Carrier) -> None:
    anna, ben = Phone(client, carrier), Phone(client, carrier, "+14105550124")
    await up_to_the_offices(anna)
    await ben.texts("2")
    assert "What kind of visit" not in ben.last[0]
    conversations = {row["conversation"] for row in rows(wiring.services().settings, "messages")}
    assert len(conversations) == 2


async def test_after_a_long_silence_the_talk_begins_anew(
    phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    await up_to_the_offices(phone)
    later = clock.now() + timedelta(days=46)
    monkeypatch.setattr("needlewise.clock.now", lambda: later)
    reply = await phone.texts("2")
    assert reply.startswith(words("sms.hello"))
    assert "What kind of visit" not in reply


async def up_to_the_offices(phone: Phone) -> None:
    """Ask for a visit, and answer the questions about health."""
    await phone.texts("can i book a visit", replies=2)
    for _ in range(3):
        await phone.texts("no")
    assert "1 Mill Street" in phone.last[0]
