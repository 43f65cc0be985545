"""Which topic a short question is about that comes after an answer: by its own words, and by what was answered last.

"and my calf?" means nothing alone; after "does it hurt" it asks where that hurts. Every intent is scored by how likely it is for
the message alone, how likely it is for the last topic's title and the message read together, and by whether it is the last topic.
The weights were fitted (a conditional logit) on training/follow_ups.jsonl by training/following.py and rounded.
"""

import math
from collections.abc import Mapping

from needlewise.dialogue.leaning import leans
from needlewise.nlu.taxonomy import is_topic

LONGEST = 16
"""Words of a message that may lean on an answer; a longer one speaks for itself."""

ALONE = 1.05
TOGETHER = 0.6
SAME = 0.85
SAME_AND_LEANS = 0.65
SAME_AND_SHORT = 1.05
ACT_THAT_LEANS = -0.45
SHORT = 4
"""Words."""
_FLOOR = 1e-3


def may_follow(text: str) -> bool:
    """Whether a message is short enough to lean on the answer before it."""
    return len(text.split()) <= LONGEST


def followed(alone: Mapping[str, float], together: Mapping[str, float], last: str, text: str) -> str:
    """The likeliest intent of a message after an answer on `last`: a topic, or an act that has nothing to do with it.

    `alone` and `together` hold the share of each intent for the message by itself and behind the last topic's title.
    """
    leaning = leans(text)
    short = len(text.split()) <= SHORT

    def score(intent: str) -> float:
        worth = ALONE * math.log(alone[intent] + _FLOOR)
        worth += TOGETHER * math.log(together.get(intent, 0.0) + _FLOOR)
        if intent == last:
            worth += SAME + SAME_AND_LEANS * leaning + SAME_AND_SHORT * short
        elif not is_topic(intent):
            worth += ACT_THAT_LEANS * leaning
        return worth

    return max(alone, key=score)
