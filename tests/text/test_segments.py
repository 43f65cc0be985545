"""Lengths that carriers and Twilio document: 160 or 153 GSM-7 units a segment, 70 or 67 in UCS-2."""

import pytest

from needlewise.text.segments import Segments, segments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Segments("GSM-7", 0, 0)),
        ("a", Segments("GSM-7", 1, 1)),
        ("a" * 160, Segments("GSM-7", 160, 1)),
        ("a" * 161, Segments("GSM-7", 161, 2)),
        ("a" * 306, Segments("GSM-7", 306, 2)),
        ("a" * 307, Segments("GSM-7", 307, 3)),
        ("—" * 70, Segments("UCS-2", 70, 1)),
        ("—" * 71, Segments("UCS-2", 71, 2)),
        ("—" * 134, Segments("UCS-2", 134, 2)),
        ("—" * 135, Segments("UCS-2", 135, 3)),
    ],
)
def test_the_borders_of_a_segment(text: str, expected: Segments) -> None:
    assert segments(text) == expected


@pytest.mark.parametrize("character", list("^{}\\[]~|€"))
def test_a_character_of_the_extension_costs_two_units(character: str) -> None:
    assert segments(character) == Segments("GSM-7", 2, 1)


@pytest.mark.parametrize("text", ["¿Qué?", "ÄÖÜ äöü Ñ ñ à è é ì ò ù", "$5 @ 3 pm & 10%\n", "£1, ¥1"])
def test_letters_of_the_basic_set_stay_gsm(text: str) -> None:
    assert segments(text).encoding == "GSM-7"


@pytest.mark.parametrize("character", ["’", "“", "–", "—", "…", "á", "í", "ó", "ú", "•", "`", "😀"])
def test_one_character_outside_makes_the_whole_text_ucs2(character: str) -> None:
    assert segments("plain words " + character).encoding == "UCS-2"


def test_an_emoji_is_two_units() -> None:
    assert segments("😀") == Segments("UCS-2", 2, 1)


def test_a_pair_of_units_is_not_split_between_two_segments() -> None:
    # 152 units, a pair that no longer fits, then 153 more: three parts, although 306 units fill just two.
    assert segments("a" * 152 + "€" + "a" * 152) == Segments("GSM-7", 306, 3)
