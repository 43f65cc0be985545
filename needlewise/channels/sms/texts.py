"""How the messages of one turn become texts: few, each within its parts, with one list of numbered choices.

Two texts may overtake each other on the way; what belongs together is sent as one where that costs no more parts.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from needlewise.content.rendered import Rendered
from needlewise.conversations.log import Outgoing
from needlewise.text.segments import cut, folded, segments

MOST_SEGMENTS = 3
"""Parts of one text: a screening card has that many, and what is longer becomes another text."""

MOST_WITH_SUGGESTIONS = 2
"""Parts of an answer with its suggestions: where they would need more, they are left out. They can be typed in words all the same."""

_URGENT = frozenset({"urgent", "crisis"})
_IN_A_LINE = 24
"""Characters of choices that stand in one line."""


@dataclass(frozen=True)
class Planned:
    """The texts of a turn in order, and the ids of the choices that the last of them numbers."""

    texts: tuple[str, ...]
    offered: tuple[str, ...]


def said(rendered: Rendered) -> Outgoing:
    """A phrase outside a turn's dialogue, as the log keeps it. It has no choices of its own."""
    wire: dict[str, Any] = {
        "id": uuid.uuid4().hex,
        "text": rendered.text,
        "kind": rendered.kind,
        "choices": [],
        "input": None,
        "links": msgspec.to_builtins(rendered.links),
        "answers": [],
    }
    return Outgoing(wire, rendered.text, rendered.kind, ())


def planned(outgoing: Sequence[Outgoing]) -> Planned:
    """What is sent for these messages. Urgent words are a text of their own, and nothing is put before them."""
    texts: list[str] = []
    offered: tuple[str, ...] = ()
    asking = max((at for at, message in enumerate(outgoing) if _numbers(message)), default=None)
    may_join = False
    for at, message in enumerate(outgoing):
        text = folded(message.wire["text"])
        if at == asking:
            text, offered = _numbered(text, message)
        urgent = message.kind in _URGENT
        together = f"{texts[-1]}\n\n{text}" if texts else ""
        if may_join and not urgent and _is_no_dearer(together, texts[-1], text):
            texts[-1] = together
        else:
            texts.extend(cut(text, MOST_SEGMENTS))
        may_join = not urgent
    return Planned(tuple(texts), offered)


def _numbers(message: Outgoing) -> bool:
    """Whether a message's choices are numbered. A card says itself how to answer, and a form's field is answered in words."""
    field = message.wire["input"]
    return bool(message.wire["choices"]) and (field is None or field["kind"] == "one")


def _numbered(text: str, message: Outgoing) -> tuple[str, tuple[str, ...]]:
    """The text with its choices in numbers, and their ids; an answer's suggestions only where they fit."""
    choices = message.wire["choices"]
    labels = [f"{number} {folded(choice['label'])}" for number, choice in enumerate(choices, start=1)]
    in_a_line = "  ".join(labels)
    listed = in_a_line if len(in_a_line) <= _IN_A_LINE else "\n".join(labels)
    together = f"{text}\n{listed}"
    if message.kind == "answer" and segments(together).count > MOST_WITH_SUGGESTIONS:
        return text, ()
    return together, tuple(choice["id"] for choice in choices)


def _is_no_dearer(together: str, first: str, second: str) -> bool:
    count = segments(together).count
    return count <= MOST_SEGMENTS and count <= segments(first).count + segments(second).count
