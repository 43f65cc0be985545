"""What a replay makes of two decisions, and who may read its lines."""

import msgspec
import pytest

from needlewise.teaching.replay import (
    Decision,
    Figure,
    Line,
    Right,
    Unsafe,
    counts,
    decode_report,
    is_right,
    reported,
)

COST, HURT, BOTH = Decision(("cost",)), Decision(("does_it_hurt",)), Decision(("cost", "does_it_hurt"))
OFFER = Decision(offered=("cost", "does_it_hurt"))
NO = Decision(act="out_of_scope")
URGENT = Decision(act="urgent_red_flag", safety="urgent", rule="R1")


@pytest.mark.parametrize(
    ("decision", "right", "expected"),
    [
        (COST, Right(("cost",), "first"), True),
        (BOTH, Right(("cost",), "first"), True),
        (BOTH, Right(("does_it_hurt",), "first"), False),
        (OFFER, Right(("cost",), "first"), False),
        (NO, Right(("out_of_scope",), "first"), True),
        (COST, Right(("cost", "does_it_hurt"), "all"), False),
        (BOTH, Right(("cost", "does_it_hurt"), "all"), True),
        (COST, Right(("cost", "does_it_hurt"), "any"), True),
        (NO, Right(("cost",), "any"), False),
        (Decision(("cost",), act="book_appointment"), Right(("book_appointment",), "all"), True),
        (COST, None, False),
    ],
)
def test_what_is_right(decision: Decision, right: Right | None, expected: bool) -> None:
    assert is_right(decision, right) is expected


@pytest.mark.parametrize(
    ("old", "new", "right", "verdict"),
    [
        (COST, COST, None, "same"),
        (COST, msgspec.structs.replace(COST, confidence=0.5), None, "same"),
        (COST, HURT, None, "changed"),
        (COST, HURT, Right(("does_it_hurt",)), "better"),
        (COST, HURT, Right(("cost",)), "worse"),
        (COST, HURT, Right(("insurance",)), "changed"),
        (COST, BOTH, Right(("cost",)), "changed"),
        (OFFER, COST, Right(("cost",), "first"), "better"),
    ],
)
def test_the_verdict_on_a_line(old: Decision, new: Decision, right: Right | None, verdict: str) -> None:
    assert Line("messages", "x", old, new, right).verdict == verdict


def test_a_report_counts_what_is_known_and_keeps_the_changed_test_sentences() -> None:
    lines = [
        Line("messages", "a", COST, HURT, clinic="demo"),
        Line("corrected", "b", COST, HURT, Right(("does_it_hurt",)), clinic="demo"),
        Line("topics", "c", COST, COST, Right(("cost",), "first")),
        Line("topics", "d", COST, HURT, Right(("cost",), "first")),
    ]
    report = reported(lines, against=None, alone=4)
    assert [line.words for line in report.lines] == ["a", "b", "d"]
    assert report.figures == (Figure("corrected", 1, 0, 1), Figure("topics", 2, 2, 1))
    assert counts(report.lines) == {"better": 1, "worse": 1, "changed": 1, "same": 0}
    assert decode_report(report.encode()) == report


def test_another_safety_decision_is_no_report() -> None:
    lines = [Line("messages", "a", URGENT, msgspec.structs.replace(URGENT, rule="R2"))]
    with pytest.raises(Unsafe) as raised:
        reported(lines, against=None, alone=1)
    assert raised.value.count == 1
    assert reported(lines, against=None, alone=0).safety_checked == 0


def test_nobody_reads_the_words_of_another_clinics_patients() -> None:
    lines = [
        Line("messages", "ours", COST, HURT, clinic="demo"),
        Line("messages", "theirs", COST, HURT, clinic="other"),
        Line("topics", "a test", COST, HURT),
    ]
    report = reported(lines, against=None, alone=3)
    assert [line.words for line in report.seen_from({"demo"}).lines] == ["ours", "a test"]
