"""The only custom action of the assistant we compare with: it says one fixed sentence."""

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

ANSWER = "Dry needling may help heel pain for a while. Ask your clinic what it can do for you."


class AnswerPlain(Action):
    """What every rule leads to."""

    def name(self) -> str:
        return "action_answer_plain"

    def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        dispatcher.utter_message(text=ANSWER)
        return []
