"""A message to a patient, in words: what a channel shows and the log keeps."""

from typing import Any, Literal

from msgspec import Struct

from needlewise.content.model import Kind


class Choice(Struct, frozen=True):
    """Something a patient may tap or type instead of writing. `leads_to` never leaves the server."""

    label: str
    leads_to: dict[str, Any]
    alone: bool = True
    """Whether tapping it answers the question at once; False for lines to tick."""


class Field(Struct, frozen=True):
    name: str
    type: Literal["text", "tel", "email", "textarea"]
    label: str
    autocomplete: str = "off"
    required: bool = True


class Input(Struct, frozen=True):
    """How a question may be answered apart from free text."""

    kind: Literal["one", "many", "form"]
    fields: tuple[Field, ...] = ()


class Link(Struct, frozen=True):
    label: str
    url: str


class SourceNote(Struct, frozen=True):
    id: str
    title: str
    publisher: str
    year: int | None
    url: str | None


class AnswerNote(Struct, frozen=True):
    """Which answer, in which version, a message shows, and where it comes from."""

    topic: str
    version: int
    sources: tuple[SourceNote, ...] = ()


class Rendered(Struct, frozen=True):
    """`text` is small Markdown (bold, links, lists) for the web and plain text for SMS."""

    text: str
    kind: Kind
    choices: tuple[Choice, ...] = ()
    input: Input | None = None
    links: tuple[Link, ...] = ()
    answers: tuple[AnswerNote, ...] = ()
    quick_exit: bool = False
    """Whether a page offers to leave it at once, since someone near the patient may be a danger."""
    key: str = ""
    """The phrase or answer it was made from."""
