"""The words around a mention, as the readers of how it is said see them."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Frame:
    """The words around one mention, within its clause and the afterthought that may follow it."""

    left: Sequence[str]
    gap: Sequence[str]  # words inside the mention that are no part of its name
    right: Sequence[str]
    after: Sequence[str]  # a following clause that names nothing: "…, but I stopped in March"
    others_to_left: Sequence[bool]  # for each word of `left`, whether it belongs to another mention
    asks: bool
    named_in_clause: int
    previous_is_other: bool
    medicine: bool
    event: bool
    names_body: bool  # begins with a word for a part of the body: "my calf" is no claim that it is swollen
