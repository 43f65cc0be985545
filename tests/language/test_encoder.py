"""The sentence encoder: the files are the ones that were tested, and the vectors are what the classifier counts on."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from needlewise.errors import NeedlewiseError
from needlewise.language import encoder
from needlewise.language.encoder import DIMENSIONS, load_encoder, was_adapted_on
from needlewise.nlu.corpus import read_examples

ROOT = Path(__file__).parent.parent.parent
SHIPPED = ROOT / "needlewise" / "language" / "minilm"
FILES = ("model.onnx", "tokenizer.json")
SENTENCES = [
    "does dry needling hurt?",
    "how long until my heel feels better after the needles, and do i need a referral?",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the encoder's files, which is where it is loaded from."""
    copy = tmp_path / "minilm"
    shutil.copytree(SHIPPED, copy)
    monkeypatch.setattr(encoder, "_FOLDER", copy)
    monkeypatch.setattr(encoder, "_SUMS", copy / "SHA256SUMS")
    return copy


@pytest.mark.parametrize("name", FILES)
def test_the_list_of_sums_holds_the_sum_of_each_file(name: str) -> None:
    digest = hashlib.sha256((SHIPPED / name).read_bytes()).hexdigest()
    assert f"{digest}  {name}" in (SHIPPED / "SHA256SUMS").read_text(encoding="ascii").splitlines()


def test_the_model_is_small_enough_to_ship() -> None:
    assert (SHIPPED / "model.onnx").stat().st_size <= 25_000_000


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named_in_one_plain_line(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(NeedlewiseError) as raised:
        load_encoder.__wrapped__()
    assert str(raised.value) == f"{folder / name} is missing: take it from the version you installed"


@pytest.mark.parametrize("name", FILES)
def test_an_altered_file_is_refused_in_one_plain_line(folder: Path, name: str) -> None:
    with (folder / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(NeedlewiseError) as raised:
        load_encoder.__wrapped__()
    assert str(raised.value) == f"{folder / name} is not the file this version was tested with (SHA256SUMS)"


def test_a_file_without_a_sum_is_refused(folder: Path) -> None:
    (folder / "SHA256SUMS").write_text("", encoding="ascii")
    with pytest.raises(NeedlewiseError, match="not the file this version was tested with"):
        load_encoder.__wrapped__()


def test_vectors_have_unit_length() -> None:
    vectors = load_encoder().encode([*SENTENCES, "", "?", "🦶", "x" * 3000])
    assert vectors.shape == (6, DIMENSIONS)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_no_texts_give_no_vectors() -> None:
    assert load_encoder().encode([]).shape == (0, DIMENSIONS)


def test_letter_case_does_not_count() -> None:
    upper, lower = load_encoder().encode(["DOES IT HURT", "does it hurt"])
    np.testing.assert_array_equal(upper, lower)


def test_a_text_has_one_vector() -> None:
    np.testing.assert_array_equal(
        load_encoder().encode([SENTENCES[0]]), load_encoder().encode([SENTENCES[0]])
    )


def test_a_vector_hardly_depends_on_what_is_encoded_beside_it() -> None:
    """Padding to the longest text of a batch must not reach the shorter ones; int8 rounding may, a little."""
    alone = load_encoder().encode([SENTENCES[0]])[0]
    beside = load_encoder().encode([SENTENCES[0], " ".join(SENTENCES * 4)])[0]
    assert float(alone @ beside) >= 0.99


@pytest.mark.parametrize("batch", [1, 2, 3, 32])
def test_vectors_come_in_the_order_of_the_texts(batch: int) -> None:
    """Texts are encoded by length; the answer must not be."""
    texts = [f"{'my heel hurts, ' * (7 - number)}question number {number}" for number in range(7)]
    alone = np.concatenate([load_encoder().encode([text]) for text in texts])
    together = load_encoder().encode(texts, batch=batch)
    assert [int(np.argmax(alone @ vector)) for vector in together] == list(range(7))


def test_words_beyond_128_tokens_are_not_read() -> None:
    filler = " ".join(["heel"] * 200)
    longer, longest = load_encoder().encode([filler, f"{filler} how much does it cost"])
    np.testing.assert_array_equal(longer, longest)


@pytest.mark.parametrize(
    ("text", "neighbour", "stranger"),
    [
        ("does it hurt?", "is it painful?", "what does it cost?"),
        ("how many visits will i need", "number of sessions it takes", "how soon will i feel better"),
        (
            "is this the same as acupuncture",
            "how is it different from acupuncture",
            "where do you put the needles",
        ),
        ("do you take my insurance", "will my plan cover this", "do i need a referral"),
        ("can i run the day after", "when may i go back to jogging", "who puts in the needles"),
    ],
)
def test_the_same_question_in_other_words_is_nearer_than_another_question(
    text: str, neighbour: str, stranger: str
) -> None:
    vector, near, far = load_encoder().encode([text, neighbour, stranger])
    assert float(vector @ near) > float(vector @ far) + 0.1


def test_the_encoder_is_loaded_once() -> None:
    assert load_encoder() is load_encoder()


def test_about_one_example_in_seven_is_kept_back() -> None:
    texts = sorted({example.text for example in read_examples(ROOT)})
    kept = sum(not was_adapted_on(text) for text in texts)
    assert 0.12 <= kept / len(texts) <= 0.17


def test_every_intent_has_examples_that_were_kept_back() -> None:
    examples = read_examples(ROOT)
    kept = {example.intent for example in examples if not was_adapted_on(example.text)}
    assert {example.intent for example in examples} - kept == set()


@pytest.mark.parametrize("text", ["Does it hurt?", "how many sessions", "🦶", ""])
def test_whether_a_text_was_kept_back_does_not_change_with_case_or_margins(text: str) -> None:
    assert (
        was_adapted_on(text) == was_adapted_on(f"  {text.upper().strip()} \n") == was_adapted_on(text.lower())
    )


# Which lines these are is fixed once and for all: the shipped encoder has seen the ones and not the others.
@pytest.mark.parametrize(
    ("text", "adapted_on"),
    [
        ("does it hurt", True),
        ("how many sessions will i need", True),
        ("stop", True),
        ("is it acupuncture", False),
    ],
)
def test_the_split_is_the_one_that_the_shipped_encoder_was_made_with(text: str, adapted_on: bool) -> None:
    assert was_adapted_on(text) is adapted_on
