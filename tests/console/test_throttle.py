"""Guessing gets slow, and whoever guesses keeps nobody out."""

import asyncio
from datetime import datetime

import pytest

from needlewise import clock
from needlewise.console.throttle import PAIR, counters
from needlewise.wiring import Services
from tests.console.conftest import Time
from tests.console.person import PASSWORD, AddPerson, Browser, OpenBrowser
from tests.support.stored import rows


async def guess(browser: Browser, times: int = 1, *, name: str = "maria") -> list[int]:
    """Try so many wrong passwords; the answers' statuses."""
    await browser.get("/staff/sign-in")
    return [
        (await browser.post("/staff/sign-in", {"name": name, "password": f"guess {n}"})).status_code
        for n in range(times)
    ]


async def test_after_five_guesses_one_waits(person: AddPerson, browser: OpenBrowser, time: Time) -> None:
    await person()
    stranger = browser("203.0.113.9")
    assert await guess(stranger, 7) == [422] * 5 + [429] * 2
    assert "tried too often" in stranger.page


async def test_the_wait_doubles_up_to_a_quarter_of_an_hour() -> None:
    waits = [PAIR.wait(failures).total_seconds() for failures in (1, 4, 5, 6, 10, 14, 15, 1000)]
    assert waits == [0, 0, 1, 2, 32, 512, 900, 900]


async def test_while_one_waits_the_right_password_is_not_looked_at(
    person: AddPerson, browser: OpenBrowser, time: Time
) -> None:
    maria = await person()
    stranger = browser("203.0.113.9")
    await guess(stranger, 6)
    response = await maria.sign_in(stranger)
    assert (response.status_code, response.headers["retry-after"]) == (429, "2")
    time.pass_(seconds=2)
    assert (await maria.sign_in(stranger)).status_code in (303, 422)


async def test_strangers_do_not_keep_the_owner_out_of_a_browser_she_has_used(
    person: AddPerson, browser: OpenBrowser, time: Time
) -> None:
    maria = await person()
    await maria.browser.post("/staff/sign-out")
    for n in range(60):
        await guess(browser(f"203.0.113.{n}"), 2)
    time.pass_(minutes=1)
    assert (await maria.sign_in()).status_code == 303


async def test_a_stranger_at_the_same_address_does_not_either(
    person: AddPerson, browser: OpenBrowser, time: Time
) -> None:
    maria = await person()
    await maria.browser.post("/staff/sign-out")
    await guess(browser(), 40)
    assert (await maria.sign_in(code=maria.recovery_codes[0])).status_code == 303


async def test_many_addresses_guess_one_password_slowly_too(person: AddPerson, browser: OpenBrowser) -> None:
    await person()
    statuses = [status for n in range(12) for status in await guess(browser(f"203.0.113.{n}"), 2)]
    assert statuses == [422] * 20 + [429] * 4


async def test_that_wait_is_a_minute_at_most(person: AddPerson, browser: OpenBrowser, time: Time) -> None:
    await person()
    for n in range(40):
        await guess(browser(f"203.0.113.{n}"))
        time.pass_(seconds=61)
    assert await guess(browser("192.0.2.1")) == [422]


async def test_one_password_tried_on_many_names_is_slow(browser: OpenBrowser) -> None:
    stranger = browser("203.0.113.9")
    statuses = [(await guess(stranger, name=f"name{n}"))[0] for n in range(52)]
    assert statuses == [422] * 50 + [429] * 2


async def test_a_hundred_guesses_at_once_are_a_hundred(person: AddPerson, browser: OpenBrowser) -> None:
    await person()
    stranger = browser("203.0.113.9")
    await stranger.get("/staff/sign-in")
    data = {"csrf": stranger.token, "name": "maria", "password": "wrong wrong"}
    statuses = await asyncio.gather(*(stranger.client.post("/staff/sign-in", data=data) for _ in range(100)))
    assert sorted(one.status_code for one in statuses) == [422] * 5 + [429] * 95


async def test_a_stolen_password_gives_no_fast_guesses_at_the_code(
    person: AddPerson, browser: OpenBrowser
) -> None:
    await person()
    thief = browser("203.0.113.9")
    await thief.form("/staff/sign-in", {"name": "maria", "password": PASSWORD})
    await thief.get("/staff/sign-in/code")
    for n in range(5):
        await thief.post("/staff/sign-in/code", {"code": f"00000{n}"})
    await thief.form("/staff/sign-in", {"name": "maria", "password": PASSWORD})
    await thief.get("/staff/sign-in/code")
    assert (await thief.post("/staff/sign-in/code", {"code": "000009"})).status_code == 429


async def test_success_clears_ones_own_counter_and_not_that_of_the_address(
    person: AddPerson, browser: OpenBrowser, time: Time, services: Services
) -> None:
    maria = await person(signed_in=False)
    time.pass_(minutes=1)
    office = browser()
    await guess(office, 4)
    await guess(office, 10, name="noor")
    await maria.sign_in(office)
    time.pass_(hours=1)
    assert await guess(browser(), 6) == [422] * 5 + [429]
    failures = sorted(row["failures"] for row in rows(services.settings, "staff_throttle"))
    assert max(failures) >= 14


async def test_after_a_day_all_is_forgotten(person: AddPerson, browser: OpenBrowser, time: Time) -> None:
    await person()
    await guess(browser("203.0.113.9"), 6)
    time.pass_(hours=24, seconds=2)
    assert await guess(browser("203.0.113.9"), 6) == [422] * 5 + [429]


def test_addresses_of_one_ipv6_network_count_together() -> None:
    def keys(address: str) -> list[str]:
        return [one.key for one in counters("password", name="maria", address=address, device=None)]

    assert keys("2001:db8:1:2::1") == keys("2001:db8:1:2:ffff::9")
    assert keys("2001:db8:1:2::1") != keys("2001:db8:1:3::1")
    assert keys("198.51.100.7") != keys("198.51.100.8")


async def test_no_address_and_no_name_stands_in_the_table(browser: OpenBrowser, services: Services) -> None:
    await guess(browser("203.0.113.9"), 2, name="maria.lopez")
    stored = str(rows(services.settings, "staff_throttle"))
    assert "203.0.113" not in stored
    assert "maria" not in stored


async def test_the_moment_that_an_attempt_takes_is_not_a_wait(
    person: AddPerson, browser: OpenBrowser, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    await person()

    def ticking() -> datetime:
        time.pass_(milliseconds=1)
        return time.at

    monkeypatch.setattr(clock, "now", ticking)
    assert await guess(browser("203.0.113.9")) == [422]
