"""What a text says about texting itself, and what follows from it: stop, start or help.

The rules of the state, kept for each pair of a clinic's number and a patient's (threads.py stores them, answering.py carries them out):

- A stop is confirmed once, and the confirmation is the last text (47 CFR 64.1200(a)(12)). Urgent words to the same message go before it.
- After a stop nothing is sent until a start: no answer, no help, no reminder, no urgent words. What comes in is kept for staff.
- A second stop changes nothing and is not confirmed again. A start after a stop is confirmed, and the talk begins anew.
- When the provider says that the number opted out with it, so it did with us.

docs/sms-compliance.md gives the sources and the reasons.
"""

from importlib import resources
from pathlib import Path
from typing import Literal

from msgspec import Struct

from needlewise.content.files import read_yaml
from needlewise.content.model import OptOutRules
from needlewise.conversations.opt_out import OptOut
from needlewise.conversations.opt_out import Wish as Asked


class Wish(Struct, frozen=True):
    """A wish about texting. `wording` is the class of the words, as consent records keep it.

    `alone` says that the message is nothing else, so that no turn is taken; otherwise safety reads it first.
    """

    kind: Literal["stop", "start", "help"]
    wording: str
    alone: bool = True


class Wishes:
    """Reads the wishes of texts by the words of content/opt_out.yml."""

    def __init__(self, opt_out: OptOut) -> None:
        self._opt_out = opt_out

    def of(self, text: str, *, opted_out: bool) -> Wish | None:
        """The wish that a text is; None where it is about anything else. `opted_out`: "yes" is a start only after a stop.

        "STOP" is a wish alone, and so is "Stop."; "please quit texting me" is a wish whose other words safety must read. Help is
        none after a stop: nothing is sent then.
        """
        found = self._opt_out.read(text, stopped=opted_out)
        if found is None or (opted_out and found.wish is Asked.HELP):
            return None
        if found.wish is Asked.STOP:
            return Wish("stop", found.wording, alone=self._opt_out.word(text) is not None)
        return Wish("start" if found.wish is Asked.START else "help", found.wording)


def load_wishes(content: Path) -> Wishes:
    """Read content/opt_out.yml. Raises ContentError."""
    words = resources.files("needlewise.language").joinpath("words.tsv").read_text(encoding="utf-8")
    ordinary = [line.partition("\t")[0] for line in words.splitlines()]
    return Wishes(OptOut(read_yaml(content / "opt_out.yml", OptOutRules), ordinary=ordinary))
