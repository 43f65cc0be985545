"""Full-text search over what patients wrote, the same on both databases, whatever is typed."""

import pytest

from needlewise.conversations.search import Term, folded, parse_search
from needlewise.wiring import Services
from tests.review.conftest import Looking, read
from tests.support.kept import Turned, go_on, keep

TEXTS = {
    "hurts": "Does it hurt when the needles go in?",
    "insured": "will my insurance cover this, i have Blue Cross",
    "heel": "pain in my heel since June. heel spur?",
    "thinners": "i take blood thinners",
    "accents": "¿cuánto cuesta? I can't pay",
    "dose": "I take 2.5 mg of x-ray stuff",
}


FOUND = [
    ("hurt", ["hurts"]),
    ("HURTS", ["hurts"]),
    ("needle", ["hurts"]),
    ("take", ["thinners", "dose"]),
    ("blood", ["thinners"]),
    ("blue cross", ["insured"]),
    ("cross blue", ["insured"]),
    ('"blue cross"', ["insured"]),
    ('"cross blue"', []),
    ('"does it hurt"', ["hurts"]),
    ('"it does hurt"', []),
    ('"does it" needles', ["hurts"]),
    ("insur*", ["insured"]),
    ("insura*", ["insured"]),
    ("insuranc*", ["insured"]),
    ("thin*", ["thinners"]),
    ('"heel sp*"', []),
    ('"heel sp"*', ["heel"]),
    ("he*", ["heel"]),
    ("cuanto", ["accents"]),
    ("CUÁNTO", ["accents"]),
    ("cant", ["accents"]),
    ("can’t", ["accents"]),
    ("2.5", ["dose"]),
    ("x-ray", ["dose"]),
    ("the", ["hurts"]),
    ("hurt insurance", []),
    ("-hurt", ["hurts"]),
    ("hurt needle heel", []),
    ("zebra", []),
]


async def test_words_phrases_and_beginnings_are_found(services: Services, looking: Looking) -> None:
    kept = {name: await keep(services.log, Turned(text)) for name, text in TEXTS.items()}
    names = {one.id: name for name, one in kept.items()}
    found = [(typed, sorted(names[one] for one in await looking.sees(q=typed))) for typed, _ in FOUND]
    assert found == [(typed, sorted(expected)) for typed, expected in FOUND]


HOSTILE = [
    '"',
    '""',
    '"hurt',
    "*",
    "* *",
    '"*"',
    "hurt NOT needles",
    "hurt OR heel",
    "hurt AND",
    "AND",
    "NEAR(hurt needles, 2)",
    "hurt NEAR needles",
    "words:hurt",
    "{words}: hurt",
    "^hurt",
    "hurt + needles",
    "hurt:*",
    "hurt:A",
    "hurt & needles",
    "hurt | !needles",
    "!hurt",
    "hurt <-> needles",
    "(hurt",
    "hurt)",
    "'hurt'",
    "'; DROP TABLE searchable; --",
    "hurt' OR '1'='1",
    "\\",
    "\\'",
    "hurt\\:*",
    "hurt%",
    "_____",
    "😀",
    "日本語 テスト",
    "ﬀ ﬁ ½ ①",
    "\u0300\u0301",
    "\u202eturh",
    "x" * 200,
    "a " * 100,
    '"' + "a " * 90 + '"',
    "a* " * 60,
    "1e9999 0x41 1/2",
    "http://hurt.example/?q=needles user@hurt.example",
    "searchable_words MATCH",
    "optimize merge rank",
]


async def test_anything_may_be_typed(services: Services, looking: Looking) -> None:
    kept = await keep(services.log, Turned(TEXTS["hurts"]))
    for typed in HOSTILE:
        found = await looking.sees(q=typed)
        assert found in ([], [kept.id]), typed
        assert (await services.listing.count(read(q=typed), ["demo"])).number == len(found), typed


async def test_what_has_no_word_in_it_finds_nothing(services: Services, looking: Looking) -> None:
    await keep(services.log, Turned(TEXTS["hurts"]))
    wordless = ['"', "***", "!?", "_", "😀", "\u0300\u0301"]
    assert [typed for typed in wordless if await looking.sees(q=typed)] == []


async def test_all_that_a_patient_wrote_is_searched_together(services: Services, looking: Looking) -> None:
    kept = await keep(services.log, Turned("does it hurt"), Turned("my insurance"))
    await go_on(services.log, kept, Turned("None of these", redacted="None of these"))
    assert await looking.sees(q="hurt insurance none") == [kept.id]


async def test_only_redacted_words_of_the_patient_are_searched(services: Services, looking: Looking) -> None:
    await keep(services.log, Turned("im Zelda", redacted="im [name]", reply="it tickles"))
    assert [await looking.sees(q=typed) for typed in ("zelda", "tickles", "name")] == [[], [], []]


async def test_words_that_wait_for_redaction_are_not_found(services: Services, looking: Looking) -> None:
    await keep(services.log, Turned("zebra"), redacts=False)
    assert await looking.sees(q="zebra") == []


async def test_a_forgotten_conversation_is_not_found(services: Services, looking: Looking) -> None:
    kept = await keep(services.log, Turned("zebra"))
    await services.log.forget(kept.conversation)
    assert await looking.sees(q="zebra") == []


@pytest.mark.parametrize(
    ("typed", "terms"),
    [
        ("", ()),
        ("heel pain", (Term(("heel",)), Term(("pain",)))),
        ('"heel pain"', (Term(("heel", "pain")),)),
        ('"heel', (Term(("heel",)),)),
        ("x-ray*", (Term(("x", "ray"), is_open=True),)),
        ('a"b c"d', (Term(("a",)), Term(("b", "c")), Term(("d",)))),
        ("***", ()),
    ],
)
def test_what_is_typed_is_terms(typed: str, terms: tuple[Term, ...]) -> None:
    assert parse_search(typed).terms == terms


def test_masks_are_not_words() -> None:
    assert folded("I'm [name], call [phone] — Ünïcode 3½") == "im call unicode 31 2"
