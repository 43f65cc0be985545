"""The one sentence encoder: all-MiniLM-L6-v2, adapted to patients' questions (training/README.md), as an int8 ONNX file.

It lies beside this module and is checked against its sum before it is used; nothing is fetched.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
from tokenizers import Tokenizer

from needlewise.errors import NeedlewiseError

Vectors = npt.NDArray[np.float32]

DIMENSIONS = 384
MAX_TOKENS = 128
"""The encoder was trained on texts of up to 128 tokens; longer messages are encoded by part (nlu.question_splitter)."""

_FOLDER = Path(__file__).parent / "minilm"
_SUMS = _FOLDER / "SHA256SUMS"
_KEPT_BACK = 7
"""One training example in so many was never shown to the encoder, so that there are some to calibrate on."""


class Encoder:
    """Turns texts into unit vectors, so that a dot product is their cosine similarity."""

    def __init__(self, model: Path, tokenizer: Path) -> None:
        options = onnxruntime.SessionOptions()
        # One thread: a message takes 5 ms, and several conversations share the machine.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self._tokenizer: Tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.enable_padding()

    def encode(self, texts: Sequence[str], *, batch: int = 32) -> Vectors:
        """One unit vector a text: float32, shape (len(texts), 384)."""
        if not texts:
            return np.zeros((0, DIMENSIONS), dtype=np.float32)
        # Texts of one length side by side need little padding.
        order = np.argsort([len(text) for text in texts], kind="stable")
        vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        for at in range(0, len(texts), batch):
            chosen = order[at : at + batch]
            vectors[chosen] = self._batch([texts[index] for index in chosen])
        return vectors

    def _batch(self, texts: Sequence[str]) -> Vectors:
        encoded = self._tokenizer.encode_batch([text.lower() for text in texts])
        feed = {
            "input_ids": np.array([line.ids for line in encoded], dtype=np.int64),
            "attention_mask": np.array([line.attention_mask for line in encoded], dtype=np.int64),
        }
        vectors: Vectors = self._session.run(None, feed)[0]
        return vectors


@cache
def load_encoder() -> Encoder:
    """The shared encoder. Raises NeedlewiseError when a file is missing or is not the one we tested with."""
    lines = _SUMS.read_text(encoding="ascii").splitlines()
    sums = {name: digest for digest, name in (line.split() for line in lines)}
    return Encoder(_checked("model.onnx", sums), _checked("tokenizer.json", sums))


def was_adapted_on(text: str) -> bool:
    """Whether a training example may have been among those that the encoder was adapted on; the others are for calibration."""
    digest = hashlib.sha1(text.strip().lower().encode(), usedforsecurity=False).hexdigest()
    return int(digest, 16) % _KEPT_BACK != 0


def _checked(name: str, sums: dict[str, str]) -> Path:
    path = _FOLDER / name
    if not path.exists():
        raise NeedlewiseError(f"{path} is missing: take it from the version you installed")
    if hashlib.sha256(path.read_bytes()).hexdigest() != sums.get(name):
        raise NeedlewiseError(f"{path} is not the file this version was tested with ({_SUMS.name})")
    return path
