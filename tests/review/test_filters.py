"""What narrows the list down, in the URL and back, and what of it the audit log may say."""

from dataclasses import replace
from datetime import date

import pytest

from needlewise.conversations.filters import Filters, parse_filters, parse_query

EVERY = Filters(
    words='"dry needling" hurts*',
    channel="sms",
    clinic="demo",
    since=date(2026, 11, 1),
    until=date(2026, 11, 23),
    topic="cost",
    outcome="CALL",
    safety="crisis",
    missed=True,
    below=60,
    thumbs_down=True,
    person=True,
    requested=True,
    stopped=True,
    unreviewed=True,
    assigned="me",
    tag="call again",
    flagged=True,
    live=True,
)


def test_every_filter_survives_the_way_through_the_url() -> None:
    assert parse_query(EVERY.query()) == EVERY


def test_no_filter_is_an_empty_query() -> None:
    assert (Filters().query(), parse_query("")) == ("", Filters())


def test_names_that_are_no_filter_are_passed_over() -> None:
    assert parse_filters({"done": "reviewed", "page": "2", "topic": "cost"}).filters == Filters(topic="cost")


@pytest.mark.parametrize(
    ("name", "typed", "sentence"),
    [
        ("channel", "fax", "There is no such channel: choose website or text."),
        ("outcome", "maybe", "There is no such outcome: choose one of BOOK, TELL, CALL and NOW."),
        ("safety", "fire", "There is no such sign: choose any, urgent, crisis or doctor."),
        ("from", "yesterday", "A day reads like 2026-11-24."),
        ("to", "2026-02-30", "A day reads like 2026-11-24."),
        ("below", "0", "The confidence is a number from 1 to 100."),
        ("below", "101", "The confidence is a number from 1 to 100."),
        ("below", "9" * 5000, "The confidence is a number from 1 to 100."),
        ("below", "٣", "The confidence is a number from 1 to 100."),
        ("live", "yes", "The filter live is either on or left out."),
        ("q", "x" * 201, "That is too long to look for: 200 characters are the most."),
        ("topic", "x" * 65, "That is too long to look for: 64 characters are the most."),
    ],
)
def test_what_is_wrong_is_left_out_with_a_sentence(name: str, typed: str, sentence: str) -> None:
    parsed = parse_filters({name: typed, "tag": "insurance"})
    assert (parsed.filters, parsed.errors) == (Filters(tag="insurance"), (sentence,))


def test_days_in_the_wrong_order_are_told() -> None:
    parsed = parse_filters({"from": "2026-11-24", "to": "2026-11-23"})
    assert parsed.errors == ("The first day is after the last day, so there is nothing between them.",)


def test_a_filter_is_taken_away_by_its_name_in_the_url() -> None:
    assert EVERY.without("q") == replace(EVERY, words="")
    assert EVERY.without("from") == replace(EVERY, since=None)


def test_the_audit_log_gets_the_filters_and_of_the_search_the_number_of_words() -> None:
    assert Filters(words="my neighbor Zelda", topic="cost").for_audit() == {"topic": "cost", "words": 3}
