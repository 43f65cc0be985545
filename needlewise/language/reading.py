"""A message as every feature sees it: parsed once, encoded once, and handed on."""

from dataclasses import dataclass

from spacy.tokens import Doc

from needlewise.language.encoder import Vectors, load_encoder
from needlewise.language.pipeline import load_pipeline
from needlewise.language.spelling import load_speller

# Only redaction looks at names and lemmas, after the reply is sent.
_NOT_NEEDED = ["ner", "lemmatizer"]


@dataclass(frozen=True)
class Reading:
    """The text, its spaCy parse, and what was meant by it as far as spelling goes, with the vector of that, shape (384,)."""

    text: str
    doc: Doc
    spelled: str
    vector: Vectors


def read(text: str) -> Reading:
    """Parse and encode one normalised message. About 15 ms for twelve words."""
    doc = load_pipeline()(text, disable=_NOT_NEEDED)
    spelled = load_speller().correct(text)
    return Reading(text=text, doc=doc, spelled=spelled, vector=load_encoder().encode([spelled])[0])
