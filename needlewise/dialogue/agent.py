"""Rasa's Agent inside our process: its model, its actions without a server, and its memory as one small value.

Rasa's own web server, channels, tracker stores and lock stores are not used (docs/adr/0002-rasa-embedded.md).
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from rasa.core.actions.action import RemoteAction
from rasa.core.agent import Agent
from rasa.core.channels.channel import OutputChannel, UserMessage
from rasa.core.tracker_store import TrackerStore
from rasa.engine.constants import PLACEHOLDER_MESSAGE, PLACEHOLDER_TRACKER
from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, ActiveLoop, Event, SlotSet
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.training_data.message import Message
from rasa.utils.endpoints import EndpointConfig
from rasa_sdk.executor import ActionExecutor

from needlewise.content.rendered import Rendered
from needlewise.conversations.heard import KEY, Heard, Part
from needlewise.conversations.state import State
from needlewise.dialogue.nlg import ContentNLG
from needlewise.dialogue.understanding import Parsed
from needlewise.errors import NeedlewiseError
from needlewise.language.reading import Reading
from needlewise.nlu.message_reader import READING
from needlewise.nlu.topic_classifier import RANKINGS, Ranking
from needlewise.nlu.topic_gate import UNDERSTOOD
from needlewise.nlu.understood import Understood

logger = logging.getLogger(__name__)

_MOST_KEPT = 5
"""Intents of a ranking that the log keeps."""

_SLOTS_NOT_KEPT = frozenset({"session_started_metadata"})


class InProcessActions(EndpointConfig):
    """Runs custom actions through rasa-sdk's executor, in this process, where Rasa would make an HTTP request."""

    def __init__(self, package: str) -> None:
        # A selective domain keeps Rasa from serialising the whole domain for every action.
        super().__init__(url="in-process", enable_selective_domain=True)
        self._executor = ActionExecutor()
        self._executor.register_package(package)

    async def request(self, *args: Any, **kwargs: Any) -> Any:
        """The action's events and responses. A failing action becomes an apology: Rasa would log it and fall silent."""
        call = kwargs["json"]
        try:
            return await self._executor.run(call)
        except Exception as error:
            # The error's text may hold a patient's words: only its type and where it happened are logged.
            where = "".join(traceback.format_tb(error.__traceback__))
            logger.error("action %s failed: %s\n%s", call.get("next_action"), type(error).__name__, where)
            return {"events": [], "responses": [{"response": "utter_conversation.sorry"}]}


def _trust_own_actions(_: RemoteAction, result: dict[str, Any]) -> bool:
    """Our actions are typed and tested. Rasa's check validates its own JSON schema at every call: 18 of a turn's 30 ms."""
    return True


class _OneTurnStore(TrackerStore):
    """Holds the trackers of the turns under way; what they become is stored by whoever asked for the turn."""

    def __init__(self, domain: Domain) -> None:
        super().__init__(domain)
        self._trackers: dict[str, DialogueStateTracker] = {}

    async def save(self, tracker: DialogueStateTracker) -> None:
        self._trackers[tracker.sender_id] = tracker

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        return self._trackers.get(sender_id)

    async def keys(self) -> Iterable[str]:
        return self._trackers.keys()

    def begin(self, conversation: str, state: State) -> None:
        self._trackers[conversation] = DialogueStateTracker.from_events(
            conversation, _as_events(state), self.domain.slots, domain=self.domain
        )

    def end(self, conversation: str, state: State) -> State:
        tracker = self._trackers.pop(conversation)
        kept = {
            slot.name: slot.value
            for slot in tracker.slots.values()
            if slot.value != slot.initial_value and slot.name not in _SLOTS_NOT_KEPT
        }
        return msgspec.structs.replace(state, slots=kept, form=tracker.active_loop_name)

    def drop(self, conversation: str) -> None:
        self._trackers.pop(conversation, None)


def _as_events(state: State) -> list[Event]:
    """The shortest history that leads to this state: slots, open form, and the assistant listening.

    Rules look at the last message only, so nothing before it is needed, and a turn costs the same at any length.
    """
    return [
        *(SlotSet(name, value) for name, value in state.slots.items()),
        *([ActiveLoop(state.form)] if state.form else []),
        ActionExecuted(ACTION_LISTEN_NAME),
    ]


class _TurnOutput(OutputChannel):
    """Collects what the assistant says in one turn."""

    def __init__(self) -> None:
        self.messages: list[Rendered] = []

    @classmethod
    def name(cls) -> str:
        return "needlewise"

    async def send_response(self, recipient_id: str, message: dict[str, Any]) -> None:
        self.messages.append(msgspec.convert(message["custom"], Rendered))


@dataclass(frozen=True)
class Spoken:
    """What one turn of the Agent said, and the state it left."""

    messages: tuple[Rendered, ...]
    state: State


class EmbeddedAgent:
    """The loaded model. `parse` understands words alone; `speak` runs the dialogue on what was understood."""

    def __init__(self, agent: Agent) -> None:
        if agent.processor is None:
            raise NeedlewiseError("the trained model could not be loaded: run `needlewise train`")
        self._agent = agent
        self._processor = agent.processor
        # Rasa wraps every store in one that answers a database error by silently starting a new conversation.
        self._store = _OneTurnStore(self._processor.domain)
        agent.tracker_store = self._store
        self._processor.tracker_store = self._store
        # The node before Rasa's regex handler, which would obey a typed "/intent{...}".
        graph = self._processor.model_metadata.predict_schema
        self._understand = graph.nodes[self._processor.model_metadata.nlu_target].needs["messages"]

    def parse(self, reading: Reading) -> Parsed:
        """What the words ask for, and how they ranked. Never treats a leading slash as a command."""
        message = self._parsed(reading)
        understood: Understood = message.get(UNDERSTOOD)
        whole, *parts = message.get(RANKINGS)
        return Parsed(understood, tuple(_part(ranking, understood) for ranking in parts or [whole]))

    def nearest(self, reading: Reading) -> str:
        """The intent the words come nearest to, whatever was decided of them."""
        return str(self._parsed(reading).get(RANKINGS)[0].best)

    def _parsed(self, reading: Reading) -> Message:
        message = UserMessage(text=reading.text, metadata={READING: reading})
        results = self._processor.graph_runner.run(
            inputs={PLACEHOLDER_MESSAGE: [message], PLACEHOLDER_TRACKER: None}, targets=[self._understand]
        )
        parsed: Message = results[self._understand][0]
        return parsed

    async def speak(self, conversation: str, heard: Heard, state: State) -> Spoken:
        """Run the dialogue for one message of a conversation. The caller sees to it that turns of one do not overlap."""
        output = _TurnOutput()
        parse_data = {
            "text": heard.text,
            "intent": {"name": heard.intent, "confidence": heard.confidence},
            "entities": [],
            KEY: msgspec.to_builtins(heard),
        }
        self._store.begin(conversation, state)
        try:
            await self._processor.handle_message(
                UserMessage(
                    heard.text, output, conversation, parse_data=parse_data, input_channel="needlewise"
                )
            )
            return Spoken(tuple(output.messages), self._store.end(conversation, state))
        finally:
            self._store.drop(conversation)


def _part(ranking: Ranking, understood: Understood) -> Part:
    taken = (*understood.topics, *understood.more)
    best = tuple((intent, round(share, 4)) for intent, share in ranking.intents[:_MOST_KEPT])
    return Part(ranking.best if ranking.best in taken else None, best)


def load_agent(model: Path, *, actions: str = "actions") -> EmbeddedAgent:
    """Load a trained model file with our actions and words. Raises NeedlewiseError when it cannot be loaded."""
    RemoteAction._validate_action_result = _trust_own_actions  # type: ignore[method-assign]
    agent = Agent.load(str(model), action_endpoint=InProcessActions(actions), generator=ContentNLG())
    return EmbeddedAgent(agent)
