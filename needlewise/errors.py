"""The errors that cross our package borders; each one's text says what to do about it."""


class NeedlewiseError(Exception):
    """Something a caller can act on; its text is one plain line for a person, never for a patient."""


class ContentError(NeedlewiseError):
    """A file under content/ is malformed; the text begins with file:line where the line is known."""
