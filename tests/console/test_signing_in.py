"""Nobody is in with less than a password and a second factor, each of which is asked for in turn."""

import pytest

from needlewise.console.passwords import fault_of
from needlewise.console.signing_in import WRONG, WRONG_CODE, WRONG_SETUP
from needlewise.console.site import Site
from needlewise.db.audit import COMMAND_LINE, Entry
from tests.console.conftest import Time
from tests.console.person import PASSWORD, AddPerson, OpenBrowser, set_up

BY = Entry(COMMAND_LINE, "staff/test")


async def test_a_new_person_chooses_password_and_second_factor_and_is_in(person: AddPerson) -> None:
    maria = await person()
    assert (await maria.browser.get("/staff")).status_code == 200
    assert "maria" in maria.browser.page
    assert len(set(maria.recovery_codes)) == 10


async def test_password_and_code_sign_in(person: AddPerson, browser: OpenBrowser, time: Time) -> None:
    maria = await person()
    time.pass_(minutes=1)
    elsewhere = browser()
    response = await maria.sign_in(elsewhere)
    assert (response.status_code, response.headers["location"]) == (303, "/staff")
    assert (await elsewhere.get("/staff")).status_code == 200


async def test_the_password_alone_opens_nothing(person: AddPerson, browser: OpenBrowser) -> None:
    maria = await person()
    elsewhere = browser()
    await elsewhere.form("/staff/sign-in", {"name": "maria", "password": PASSWORD})
    for path in ("/staff", "/staff/account", "/staff/people", "/staff/set-up/password"):
        response = await elsewhere.get(path)
        assert (response.status_code, response.headers["location"]) == (303, "/staff/sign-in/code"), path
    assert maria.secret not in elsewhere.page


async def test_who_has_no_second_factor_must_set_one_up_before_anything(
    site: Site, browser: OpenBrowser
) -> None:
    _, code = await site.accounts.add("noor", {}, BY)
    noor = browser()
    await noor.form("/staff/set-up", {"name": "noor", "code": code})
    await noor.form("/staff/set-up/password", {"password": PASSWORD, "again": PASSWORD})
    elsewhere = browser()
    await elsewhere.form("/staff/sign-in", {"name": "noor", "password": PASSWORD})
    response = await elsewhere.get("/staff/account")
    assert response.headers["location"] == "/staff/set-up/second-factor"


@pytest.mark.parametrize(
    ("name", "password"),
    [("maria", "heron lamp quiet"), ("nobody", PASSWORD), ("", ""), ("maria", ""), ("MARIA ", "x" * 10_000)],
)
async def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(
    person: AddPerson, browser: OpenBrowser, name: str, password: str
) -> None:
    await person()
    elsewhere = browser()
    response = await elsewhere.form("/staff/sign-in", {"name": name, "password": password})
    assert (response.status_code, WRONG in elsewhere.page) == (422, True)
    assert elsewhere.session is None


async def test_the_case_of_the_name_and_how_a_keyboard_composes_letters_do_not_matter(
    site: Site, browser: OpenBrowser, time: Time
) -> None:
    account, code = await site.accounts.add("Noor.K", {}, BY)
    noor = browser()
    await noor.form("/staff/set-up", {"name": "noor.k", "code": code.lower().replace("-", " ")})
    composed, decomposed = "café heron quiet lamp", "cafe\N{COMBINING ACUTE ACCENT} heron quiet lamp"
    await noor.form("/staff/set-up/password", {"password": composed, "again": composed})
    elsewhere = browser()
    response = await elsewhere.form("/staff/sign-in", {"name": "NOOR.K ", "password": decomposed})
    assert (account.name, response.status_code) == ("noor.k", 303)


@pytest.mark.parametrize(("steps", "is_taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
async def test_a_code_is_taken_half_a_minute_early_and_late(
    person: AddPerson, browser: OpenBrowser, time: Time, steps: int, is_taken: bool
) -> None:
    maria = await person()
    time.pass_(minutes=5)
    elsewhere = browser()
    await maria.sign_in(elsewhere, code=maria.code(steps=steps))
    assert ((await elsewhere.get("/staff")).status_code == 200) == is_taken


async def test_a_code_is_good_once(person: AddPerson, browser: OpenBrowser, time: Time) -> None:
    maria = await person()
    time.pass_(minutes=5)
    await maria.sign_in(browser())
    onlooker = browser()
    response = await maria.sign_in(onlooker)
    assert (response.status_code, WRONG_CODE in onlooker.page) == (422, True)


async def test_a_code_older_than_one_used_is_refused(
    person: AddPerson, browser: OpenBrowser, time: Time
) -> None:
    maria = await person()
    time.pass_(minutes=5)
    await maria.sign_in(browser())
    assert (await maria.sign_in(browser(), code=maria.code(steps=-1))).status_code == 422


async def test_the_code_that_set_the_factor_up_does_not_sign_in_too(
    person: AddPerson, browser: OpenBrowser
) -> None:
    maria = await person()
    assert (await maria.sign_in(browser())).status_code == 422


async def test_a_recovery_code_is_good_once(person: AddPerson, browser: OpenBrowser) -> None:
    maria = await person()
    first, second = browser(), browser()
    assert (await maria.sign_in(first, code=maria.recovery_codes[3].lower())).status_code == 303
    assert (await first.get("/staff")).status_code == 200
    assert (await maria.sign_in(second, code=maria.recovery_codes[3])).status_code == 422


async def test_somebody_elses_recovery_code_is_wrong(person: AddPerson, browser: OpenBrowser) -> None:
    maria, noor = await person("maria"), await person("noor")
    assert (await maria.sign_in(browser(), code=noor.recovery_codes[0])).status_code == 422


async def test_new_recovery_codes_replace_the_old_and_need_the_password(
    person: AddPerson, browser: OpenBrowser
) -> None:
    maria = await person()
    wrong = await maria.browser.form("/staff/account", {"password": "no"}, to="/staff/account/recovery-codes")
    assert wrong.status_code == 422
    await maria.browser.form("/staff/account", {"password": PASSWORD}, to="/staff/account/recovery-codes")
    assert maria.recovery_codes[0] not in maria.browser.page
    assert (await maria.sign_in(browser(), code=maria.recovery_codes[0])).status_code == 422


async def test_after_five_wrong_codes_one_begins_with_the_password_again(
    person: AddPerson, browser: OpenBrowser, time: Time
) -> None:
    maria = await person()
    elsewhere = browser()
    for _ in range(4):
        assert (await maria.sign_in(elsewhere, code="000000")).status_code in (303, 422)
    time.pass_(hours=1)
    await elsewhere.form("/staff/sign-in", {"name": "maria", "password": PASSWORD})
    for _ in range(4):
        await elsewhere.form("/staff/sign-in/code", {"code": "000000"})
        time.pass_(seconds=40)
    last = await elsewhere.form("/staff/sign-in/code", {"code": "000000"})
    assert last.headers["location"] == "/staff/sign-in?done=begin-again"
    assert (await elsewhere.get("/staff/sign-in/code")).headers["location"].startswith("/staff/sign-in")


async def test_a_one_time_code_is_good_once(site: Site, browser: OpenBrowser) -> None:
    account, code = await site.accounts.add("noor", {}, BY)
    await set_up(browser(), account, code)
    again = browser()
    response = await again.form("/staff/set-up", {"name": "noor", "code": code})
    assert (response.status_code, WRONG_SETUP in again.page) == (422, True)


async def test_of_two_browsers_with_the_same_one_time_code_one_chooses(
    site: Site, browser: OpenBrowser
) -> None:
    _, code = await site.accounts.add("noor", {}, BY)
    first, second = browser(), browser()
    for one in (first, second):
        await one.form("/staff/set-up", {"name": "noor", "code": code})
        await one.get("/staff/set-up/password")
    await first.post("/staff/set-up/password", {"password": PASSWORD, "again": PASSWORD})
    late = await second.post("/staff/set-up/password", {"password": "other " * 4, "again": "other " * 4})
    assert late.headers["location"].startswith("/staff/sign-in")


async def test_a_one_time_code_runs_out_after_three_days(
    site: Site, browser: OpenBrowser, time: Time
) -> None:
    _, code = await site.accounts.add("noor", {}, BY)
    time.pass_(hours=72)
    assert (await browser().form("/staff/set-up", {"name": "noor", "code": code})).status_code == 422


async def test_a_reset_ends_password_and_sessions_and_keeps_the_second_factor(
    site: Site, person: AddPerson, browser: OpenBrowser, time: Time
) -> None:
    maria = await person()
    code = await site.accounts.reset(maria.account, BY, second_factor=False)
    assert (await maria.browser.get("/staff")).headers["location"] == "/staff/sign-in"
    assert (await maria.sign_in(browser())).status_code == 422
    elsewhere = browser()
    await elsewhere.form("/staff/set-up", {"name": "maria", "code": code})
    new = {"password": "otter copper window", "again": "otter copper window"}
    response = await elsewhere.form("/staff/set-up/password", new)
    assert response.headers["location"] == "/staff/sign-in/code"


async def test_a_reset_after_a_lost_phone_ends_the_second_factor_and_its_recovery_codes(
    site: Site, person: AddPerson, browser: OpenBrowser
) -> None:
    maria = await person()
    code = await site.accounts.reset(maria.account, BY, second_factor=True)
    renewed, response = await set_up(browser(), maria.account, code)
    assert (response.status_code, renewed.secret == maria.secret) == (200, False)
    assert (await renewed.sign_in(browser(), code=maria.recovery_codes[0])).status_code == 422


async def test_a_disabled_person_cannot_sign_in_and_the_answer_does_not_say_why(
    site: Site, person: AddPerson, browser: OpenBrowser
) -> None:
    maria = await person()
    await site.accounts.disable(maria.account, BY)
    elsewhere = browser()
    assert (await maria.sign_in(elsewhere)).status_code == 422
    assert WRONG in elsewhere.page
    assert (await maria.browser.get("/staff")).status_code == 303


async def test_changing_the_password_needs_the_old_one(person: AddPerson) -> None:
    maria = await person()
    new = "otter copper window"
    wrong = {"old": "heron", "new": new, "again": new}
    assert (
        await maria.browser.form("/staff/account", wrong, to="/staff/account/password")
    ).status_code == 422
    assert "That is not your password." in maria.browser.page


async def test_changing_the_password_signs_other_browsers_out_and_stays_itself(
    person: AddPerson, browser: OpenBrowser, time: Time
) -> None:
    maria = await person()
    time.pass_(minutes=1)
    other = browser()
    await maria.sign_in(other)
    new = {"old": PASSWORD, "new": "otter copper window", "again": "otter copper window"}
    done = await maria.browser.form("/staff/account", new, to="/staff/account/password")
    assert done.headers["location"] == "/staff/account?done=password"
    assert (await maria.browser.get("/staff/account")).status_code == 200
    assert (await other.get("/staff/account")).status_code == 303


@pytest.mark.parametrize(
    ("goal", "reached"),
    [
        ("/staff/audit", "/staff/audit"),
        ("/staff/people/1a-b_c", "/staff/people/1a-b_c"),
        ("https://evil.example/", "/staff"),
        ("//evil.example/staff", "/staff"),
        ("/staff/../chat", "/staff"),
        ("/staff//evil.example", "/staff"),
        ("/staff\\evil", "/staff"),
        ("/staff/sign-out", "/staff"),
        ("/staff/audit\n", "/staff"),
        ("javascript:alert(1)", "/staff"),
    ],
)
async def test_after_signing_in_one_goes_on_to_a_page_of_the_console_only(
    person: AddPerson, browser: OpenBrowser, time: Time, goal: str, reached: str
) -> None:
    maria = await person()
    time.pass_(minutes=1)
    elsewhere = browser()
    data = {"name": "maria", "password": PASSWORD, "next": goal}
    on = await elsewhere.form("/staff/sign-in", data)
    await elsewhere.get(on.headers["location"])
    response = await elsewhere.post("/staff/sign-in/code", {"code": maria.code(), "next": goal})
    assert response.headers["location"] == reached


async def test_before_there_is_an_account_the_page_says_how_to_make_one(browser: OpenBrowser) -> None:
    first = browser()
    await first.get("/staff/sign-in")
    assert "needlewise staff add" in first.page


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "elevenchars",
        "aaaaaaaaaaaaaaaa",
        "abababababab",
        "abcdefghijklm",
        "123456789012",
        "qwertyuiop123",
        "passwordpassword",
        "Password-2026!",
        "P@ssw0rd2026!!",
        "correct horse battery staple",
        "Welcome clinic 1!",
        "maria.lopez1!",
        "x" * 257,
    ],
)
def test_a_password_that_is_guessed_first_is_refused(password: str) -> None:
    assert fault_of(password, name="maria.lopez@example.org") is not None


@pytest.mark.parametrize(
    "password",
    [
        "heel password lantern",
        "copper otter",
        "zwölf Boxkämpfer jagen",
        "🦉 owls at midnight",
        "9f8b2c71d0ae",
        "x4 maria.lopez rides home",
    ],
)
def test_any_other_password_of_twelve_characters_is_taken(password: str) -> None:
    assert fault_of(password, name="maria.lopez@example.org") is None
