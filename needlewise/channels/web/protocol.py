"""The bodies of /chat/v1, as a client sends them. Anything else in a body is refused."""

import re
from typing import Annotated, Literal

from msgspec import Meta, Struct

from needlewise.text.normalise import LONGEST

LARGEST_BODY = 32 * 1024
"""Bytes of a request's body; a message of 4000 characters needs at most half of it."""

_UUID = r"^[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}$"

ClientId = Annotated[str, Meta(pattern=_UUID)]
ChoiceId = Annotated[str, Meta(max_length=40)]
FieldName = Annotated[str, Meta(max_length=40, pattern="^[a-z_]+$")]


class OpenSession(Struct, frozen=True, forbid_unknown_fields=True):
    clinic: Annotated[str, Meta(max_length=64)]
    language: Annotated[str, Meta(max_length=16)] = "en"


class SendMessage(Struct, frozen=True, forbid_unknown_fields=True):
    """Exactly one of text, choices and fields."""

    id: ClientId
    text: str | None = None
    choices: Annotated[list[ChoiceId], Meta(min_length=1, max_length=30)] | None = None
    fields: (
        Annotated[
            dict[FieldName, Annotated[str, Meta(max_length=LONGEST)]], Meta(min_length=1, max_length=10)
        ]
        | None
    ) = None

    def __post_init__(self) -> None:
        if sum(part is not None for part in (self.text, self.choices, self.fields)) != 1:
            raise ValueError("give exactly one of text, choices and fields")


class Rate(Struct, frozen=True, forbid_unknown_fields=True):
    message: Annotated[str, Meta(max_length=64)]
    verdict: Literal["up", "down"]
    reason: Annotated[str, Meta(max_length=1000)] | None = None


_BEARER = re.compile(r"Bearer ([A-Za-z0-9_-]{20,100})")


def bearer_token(header: str | None) -> str | None:
    """The token of an Authorization header, or None when there is none in the right form."""
    match = _BEARER.fullmatch(header or "")
    return match[1] if match else None


_LANGUAGES = frozenset({"en"})


def spoken_language(asked: str) -> str:
    """The language we answer in where a page asks for this one ("en-US"): English while there is no other."""
    language = asked.split("-")[0].lower()
    return language if language in _LANGUAGES else "en"
