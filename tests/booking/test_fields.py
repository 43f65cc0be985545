"""What a patient types into a request, and what a clinic can use of it."""

import pytest

from needlewise.booking import fields


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Jenny", "Jenny"),
        ("jenny park", "jenny park"),
        (" Jenny. ", "Jenny"),
        ("my name is Will", "Will"),
        ("My name's Bo", "Bo"),
        ("hi, i'm may wong", "may wong"),
        ("im jo", "jo"),
        ("its Bill", "Bill"),
        ("this is Dr. Lee", "Dr. Lee"),
        ("call me T.J.", "T.J"),
        ("Mary-Jane O'Neil", "Mary-Jane O'Neil"),
        ("De\u2019Andre", "De\u2019Andre"),
        ("José Ángel", "José Ángel"),
        ("Zoë", "Zoë"),
        ("Nguyễn Văn A", "Nguyễn Văn A"),
        ("Maria del Carmen Garcia Lopez", "Maria del Carmen Garcia Lopez"),
        ("My Nguyen", "My Nguyen"),
        ("Can Yilmaz", "Can Yilmaz"),
        ("李娜", "李娜"),
        ("Ольга", "Ольга"),
    ],
)
def test_names(typed: str, name: str) -> None:
    assert fields.first_name(typed) == name


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "!!!",
        "202-555-0143",
        "jenny@example.com",
        "r2d2",
        "why do you need my name",
        "i don't want to say",
        "none of your business please",
        "prefer not to tell you",
        "what is it for",
        "x" * 61,
        "one two three four five six",
        "<b>Jenny</b>",
        "Jenny; drop table",
        "👍",
    ],
)
def test_what_is_no_name(typed: str) -> None:
    assert fields.first_name(typed) is None


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("2025550143", "+12025550143"),
        ("202-555-0143", "+12025550143"),
        ("(202) 555-0143", "+12025550143"),
        ("202.555.0143", "+12025550143"),
        ("202 555 0143", "+12025550143"),
        ("1-202-555-0143", "+12025550143"),
        ("+1 202 555 0143", "+12025550143"),
        ("my cell is 202-555-0143 thanks", "+12025550143"),
        ("call 202-555-0143 or 202-555-0199", "+12025550143"),
        ("+44 20 7946 0958", "+442079460958"),
        ("jen@example.com or 202-555-0143", "+12025550143"),
    ],
)
def test_phone_numbers(typed: str, number: str) -> None:
    assert fields.phone(typed) == number


@pytest.mark.parametrize(
    "typed", ["", "555-0143", "5550143", "202-555-014", "12345", "20255501434444", "after 5 pm", "jenny"]
)
def test_what_is_no_phone_number(typed: str) -> None:
    assert fields.phone(typed) is None


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("jen@example.com", "jen@example.com"),
        ("Jen.Park+heel@Example.com", "Jen.Park+heel@example.com"),
        ("its jen@example.com.", "jen@example.com"),
        ("<jen@example.com>", "jen@example.com"),
        ("write to jen@example.com, or call", "jen@example.com"),
        ("jen@exam ple.com jen@example.org", "jen@example.org"),
    ],
)
def test_email_addresses(typed: str, address: str) -> None:
    assert fields.email(typed) == address


@pytest.mark.parametrize(
    "typed", ["", "jen", "jen@", "@example.com", "jen@example", "jen at example.com", "jen@@example.com"]
)
def test_what_is_no_email_address(typed: str) -> None:
    assert fields.email(typed) is None


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("555-0143", True), ("20255501", True), ("call me", False), ("jen2024@exmaple", False), ("at 5", False)],
)
def test_a_wrong_number_is_told_from_no_number(typed: str, meant: bool) -> None:
    assert fields.looks_like_phone(typed) is meant


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("mornings", "mornings"),
        ("  any day\nbut   friday ", "any day but friday"),
        ("9-11", "9-11"),
        ("x" * 300, "x" * 200),
        ("", None),
        (" ?! ", None),
    ],
)
def test_times(typed: str, kept: str | None) -> None:
    assert fields.times(typed) == kept


@pytest.mark.parametrize(
    ("typed", "names_one"),
    [
        ("call me any time", True),
        ("anytime", True),
        ("not before 9", True),
        ("Thurs afternoons", True),
        ("tues", True),
        ("as soon as you can", True),
        ("can i talk to a person", False),
        ("bye", False),
        ("is this private?", False),
    ],
)
def test_a_time_is_told_from_other_words(typed: str, names_one: bool) -> None:
    assert fields.speaks_of_time(typed) is names_one


OFFICES = ["Mill Street", "Oak Park", "Harbor"]


@pytest.mark.parametrize(
    ("typed", "index"),
    [
        ("Mill Street", 0),
        ("mill st", 0),
        ("the mill street office please", 0),
        ("oak prak", 1),
        ("Oak Park!", 1),
        ("harbour", 2),
        ("1", 0),
        ("3", 2),
        ("the second", 1),
        ("the third one", 2),
        ("first", 0),
    ],
)
def test_an_office_is_picked_by_words_number_or_order(typed: str, index: int) -> None:
    assert fields.pick(typed, OFFICES) == index


@pytest.mark.parametrize(
    "typed", ["", "4", "0", "downtown", "either", "k", "the fourth one", "somewhere close to me"]
)
def test_an_unclear_office_is_not_guessed(typed: str) -> None:
    assert fields.pick(typed, OFFICES) is None


def test_two_offices_that_fit_as_well_are_not_guessed() -> None:
    assert fields.pick("main street", ["Main Street North", "Main Street South"]) is None


def test_nothing_is_picked_from_nothing() -> None:
    assert fields.pick("Mill Street", []) is None
