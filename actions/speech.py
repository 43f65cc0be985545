"""How an action listens and speaks: what was heard from the tracker, and keys to the NLG."""

from collections.abc import Sequence
from typing import Any

import msgspec
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from needlewise import wiring
from needlewise.content.render import Place
from needlewise.content.rendered import Choice, Field, Input
from needlewise.conversations.heard import KEY, Heard

Events = list[dict[str, Any]]


def heard_in(tracker: Tracker) -> Heard:
    """What the latest message was taken to mean. Under `rasa shell`, which has no service before it, the intent alone."""
    latest = tracker.latest_message
    if given := latest.get(KEY):
        return msgspec.convert(given, Heard)
    intent = str((latest.get("intent") or {}).get("name") or "out_of_scope")
    answers = wiring.services().library.answers
    clinic = wiring.services().settings.default_clinic
    topics = (intent,) if intent in answers else ()
    return Heard(
        clinic,
        text=str(latest.get("text") or ""),
        intent=intent,
        topics=topics,
        act=None if topics else intent,
    )


def place_of(heard: Heard) -> Place:
    return wiring.services().place(heard.clinic, heard.channel, heard.language)


def say(
    dispatcher: CollectingDispatcher,
    key: str,
    *,
    choices: Sequence[Choice] | None = None,
    input: Input | None = None,
    **values: str,
) -> None:
    """Say the phrase `key`; `values` fill its placeholders, `choices` and `input` replace its own."""
    extras: dict[str, Any] = {"values": values}
    if choices is not None:
        extras["choices"] = msgspec.to_builtins(list(choices))
    if input is not None:
        extras["input"] = msgspec.to_builtins(input)
    dispatcher.utter_message(response=f"utter_{key}", **extras)


def say_answer(
    dispatcher: CollectingDispatcher,
    topic: str,
    *,
    part: str = "web",
    choices: Sequence[Choice] | None = None,
) -> None:
    """Say a topic's answer, or one part of it."""
    extras: dict[str, Any] = {"topic": topic, "part": part}
    if choices is not None:
        extras["choices"] = msgspec.to_builtins(list(choices))
    dispatcher.utter_message(response="utter_answer", **extras)


def word(key: str, heard: Heard, **values: str) -> str:
    """A label or fragment from content/phrases."""
    return wiring.services().renderer.words(key, place_of(heard), **values)


def act_choice(key: str, act: str, heard: Heard) -> Choice:
    """A button that does what the act's intent does."""
    return Choice(word(key, heard), {"act": act})


def text_field(name: str, label: str, *, type: str = "text", autocomplete: str = "off") -> Input:
    """An input of one field, so that a browser can help to fill it."""
    return Input(
        "form",
        (msgspec.convert({"name": name, "type": type, "label": label, "autocomplete": autocomplete}, Field),),
    )
