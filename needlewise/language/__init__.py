"""One spaCy pipeline and one sentence encoder, each loaded once and used by every feature."""
