"""Rasa's natural language generator: a key in, the curated words out. The only place where a key becomes text."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from rasa.core.nlg.generator import NaturalLanguageGenerator
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import EndpointConfig

from needlewise import wiring
from needlewise.content.rendered import Choice, Input, Rendered
from needlewise.conversations.heard import KEY
from needlewise.errors import ContentError

logger = logging.getLogger(__name__)

ANSWER = "utter_answer"
"""Rendered from content/answers with `topic` and `part`; every other utter_<key> is the phrase of that key."""


class ContentNLG(NaturalLanguageGenerator):
    """Named in endpoints.yml. Never random, never None, never a placeholder: an unknown key gives an apology and is logged."""

    def __init__(self, endpoint_config: EndpointConfig | None = None, domain: Domain | None = None) -> None:
        pass

    async def generate(
        self, utter_action: str, tracker: DialogueStateTracker, output_channel: str, **kwargs: Any
    ) -> dict[str, Any]:
        """A Rasa message whose `custom` is the Rendered as plain builtins, and whose `text` serves `rasa shell`."""
        heard = (tracker.latest_message.parse_data if tracker.latest_message else {}).get(KEY) or {}
        services = wiring.services()
        place = services.place(heard.get("clinic"), heard.get("channel", "web"), heard.get("language", "en"))
        try:
            if utter_action == ANSWER:
                rendered = services.renderer.answer(kwargs["topic"], place, part=kwargs.get("part", "web"))
            else:
                values = {name: str(value) for name, value in (kwargs.get("values") or {}).items()}
                rendered = services.renderer.phrase(utter_action.removeprefix("utter_"), place, **values)
        except ContentError as error:
            logger.error("content is missing for %s: %s", utter_action, error)
            rendered = services.renderer.phrase("conversation.sorry", place)
        rendered = _with_extras(rendered, kwargs)
        return {"text": rendered.text, "custom": msgspec.to_builtins(rendered)}


def _with_extras(rendered: Rendered, given: dict[str, Any]) -> Rendered:
    """Choices and inputs that an action made from what only it knows (locations, card lines)."""
    if (choices := given.get("choices")) is not None:
        rendered = msgspec.structs.replace(rendered, choices=tuple(msgspec.convert(choices, list[Choice])))
    if (field := given.get("input")) is not None:
        rendered = msgspec.structs.replace(rendered, input=msgspec.convert(field, Input))
    return rendered
