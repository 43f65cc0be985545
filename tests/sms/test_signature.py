"""A webhook is taken only when Twilio signed it: published vectors, every way a proxy writes the address, and forgeries."""

import random
import string
from collections.abc import Iterator

import pytest
from twilio.request_validator import RequestValidator

from needlewise.channels.sms.signature import Fields, is_signed, signature

TOKEN = "12345"
ADDRESS = "https://mycompany.com/myapp.php?foo=1&bar=2"
CALL = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+12349013030"),
    ("Digits", "1234"),
    ("From", "+12349013030"),
    ("To", "+18005551212"),
]
OTHER_CALL = [(name, value.replace("+12349013030", "+14158675309")) for name, value in CALL]

# Of Twilio's documentation and of its libraries' tests, for the token 12345.
PUBLISHED = [
    (CALL, "0/KCTR6DLpKmkAf8muzZqo1nDgQ="),
    (OTHER_CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
]


@pytest.mark.parametrize(("fields", "expected"), PUBLISHED)
def test_published_signatures_are_ours(fields: Fields, expected: str) -> None:
    assert signature(TOKEN, ADDRESS, fields) == expected
    assert is_signed(expected, [TOKEN], ADDRESS, fields)


@pytest.mark.parametrize(
    "fields",
    [
        [("Body", ""), ("From", "+14105550123"), ("FromZip", "")],
        [("Body", "ñ ¿qué? 👍 “yes”"), ("To", "+12025550145")],
        [("Body", "a=b&c=d +%20"), ("body", "lower case sorts last")],
        [],
    ],
    ids=["blank fields", "any alphabet", "separators", "no fields"],
)
@pytest.mark.parametrize(
    "address", [ADDRESS, "https://a.example/sms/v1/twilio", "http://127.0.0.1:8000/sms/v1/twilio"]
)
def test_it_is_what_twilios_own_library_computes(address: str, fields: Fields) -> None:
    theirs = RequestValidator(TOKEN).compute_signature(address, dict(fields))
    assert signature(TOKEN, address, fields) == theirs


def test_a_field_given_twice_counts_as_in_twilios_library() -> None:
    class Several(dict[str, list[str]]):
        def getall(self, name: str) -> list[str]:
            return self[name]

    theirs = RequestValidator(TOKEN).compute_signature(ADDRESS, Several(b=["2", "1", "2"], a=["x"]))
    assert signature(TOKEN, ADDRESS, [("b", "2"), ("b", "1"), ("b", "2"), ("a", "x")]) == theirs


SEEN = "https://chat.example.org/sms/v1/twilio"


@pytest.mark.parametrize(
    ("signed", "seen"),
    [
        (SEEN, SEEN),
        ("https://chat.example.org:443/sms/v1/twilio", SEEN),
        (SEEN, "https://chat.example.org:443/sms/v1/twilio"),
        ("http://chat.example.org:80/sms/v1/twilio", "http://chat.example.org/sms/v1/twilio"),
        ("http://chat.example.org/sms/v1/twilio", "http://chat.example.org:80/sms/v1/twilio"),
        ("https://chat.example.org:8443/sms/v1/twilio", "https://chat.example.org:8443/sms/v1/twilio"),
        ("https://chat.example.org/sms/v1/twilio", "https://chat.example.org:8443/sms/v1/twilio"),
        ("https://[2001:db8::1]/sms/v1/twilio", "https://[2001:db8::1]:443/sms/v1/twilio"),
        (
            "https://chat.example.org/sms/v1/twilio/status?parcel=a%20b",
            "https://chat.example.org/sms/v1/twilio/status?parcel=a%20b",
        ),
    ],
)
def test_the_usual_port_may_be_written_or_not(signed: str, seen: str) -> None:
    assert is_signed(signature(TOKEN, signed, CALL), [TOKEN], seen, CALL)


@pytest.mark.parametrize(
    "seen",
    [
        "http://chat.example.org/sms/v1/twilio",
        "https://chat.example.org/sms/v1/twilio/",
        "https://chat.example.org/sms/v1/twilio?x=1",
        "https://chat.example.com/sms/v1/twilio",
        "https://CHAT.example.org/sms/v1/twilio",
        "https://chat.example.org/sms/v1/twilio/status",
    ],
)
def test_another_address_is_another_signature(seen: str) -> None:
    assert not is_signed(signature(TOKEN, SEEN, CALL), [TOKEN], seen, CALL)


@pytest.mark.parametrize("token", ["new", "old"])
def test_both_tokens_of_a_rotation_are_good(token: str) -> None:
    assert is_signed(signature(token, SEEN, CALL), ["new", "old"], SEEN, CALL)


def test_without_a_token_nothing_is_signed() -> None:
    assert not is_signed(signature("", SEEN, CALL), [], SEEN, CALL)


def forged() -> Iterator[tuple[str, str, Fields]]:
    """200 ways to be wrong: signature, address and fields of each."""
    chance = random.Random(5)
    good = signature(TOKEN, SEEN, CALL)
    letters = string.ascii_letters + string.digits + "+/="
    for place in range(28):
        for _ in range(3):
            other = chance.choice([letter for letter in letters if letter != good[place]])
            yield good[:place] + other + good[place + 1 :], SEEN, CALL
    for name, value in CALL:
        for changed in ("", value + "0", value[:-1], value.upper() + " ", " " + value, "x" * 400):
            yield good, SEEN, [(name, changed) if each == name else (each, old) for each, old in CALL]
        yield good, SEEN, [pair for pair in CALL if pair[0] != name]
        yield good, SEEN, [*CALL, (name, "second")]
        yield good, SEEN, [(each + "X" if each == name else each, old) for each, old in CALL]
    for token in ("", "1234", "123456", "12345 ", "other", "1 2345"):
        yield signature(token, SEEN, CALL), SEEN, CALL
    for odd in (
        "",
        " ",
        "=",
        good[:-1],
        good + "=",
        good.lower(),
        good.upper(),
        "ñ" * 28,
        "\x00" * 28,
        "A" * 10_000,
    ):
        yield odd, SEEN, CALL
    while True:
        fields = [*CALL, (f"New{chance.randrange(1000)}", str(chance.random()))]
        yield good, SEEN, fields


def test_200_forged_or_tampered_webhooks_are_refused() -> None:
    cases = [case for case, _ in zip(forged(), range(200), strict=False)]
    assert len(cases) == 200
    assert [case for case in cases if is_signed(case[0], [TOKEN], case[1], case[2])] == []
