"""What the gate decides of a message; kept apart from the Rasa components, so that it can be named without loading Rasa."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from needlewise.nlu.taxonomy import DECLINED, UNSURE

# Around a question these say nothing that needs an answer of its own.
COURTESY = frozenset({"greet", "goodbye", "thanks", "feedback_positive", "affirm", "deny", "unsure"})


@dataclass(frozen=True)
class Understood:
    """What one message asks for, as far as its words alone tell."""

    topics: tuple[str, ...]
    """Topics to answer, in the order asked, at most three."""
    more: tuple[str, ...]
    """Topics beyond the three, to be offered."""
    offered: tuple[str, ...]
    """The nearest topics when unsure, to be put as choices."""
    act: str | None
    confidence: float
    shares: Mapping[str, float] = field(default_factory=dict)
    """Every intent with its share of probability for the message as a whole."""
    behind: Mapping[str, float] = field(default_factory=dict)
    """The same for the message read behind the last answer's title; empty where it was not read so."""

    @property
    def intent(self) -> str:
        """The one intent that the dialogue rules see."""
        if self.act and (self.act not in COURTESY or not self.topics):
            return self.act
        if self.topics:
            return self.topics[0]
        return UNSURE if self.offered else DECLINED
