"""Begins a topic: its answer, what patients may say, and its test questions, with marks for what is to be written."""

import re
from datetime import date, timedelta
from pathlib import Path

from needlewise import clock
from needlewise.content.checks.parity import FEWEST_EXAMPLES, FEWEST_TESTS
from needlewise.content.checks.shapes import FILL_IN
from needlewise.errors import NeedlewiseError

_ID = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LONGEST_ID = 40

_ANSWER = """\
# yaml-language-server: $schema=../schema/answer.schema.json
# {topic} — {mark}: what belongs here, in a few words. Not: the topic it may be mixed up with.
topic: {topic}
version: 1
review_by: {review_by}          # someone must read it again by this day
sources: [{mark}]               # ids in content/sources.yml
related: [{mark}]               # ids of one to four other topics: the first two become buttons
en:
  title: "{mark}: 4 to 40 letters"
  web: |
    {mark}: answer first, in two to four short sentences.
  more: |
    {mark}: the next two to six sentences, or take `more` out.
  sms: "{mark}: plain text of at most 306 letters."
"""

_TRAINING_HEAD = """\
version: "3.1"
nlu:
# What patients say, by topic. Write it as they would: short, hurried, misspelled. Once a topic is settled, its block may move
# to the file of its area.
"""


def create_topic(root: Path, topic: str) -> list[Path]:
    """Create or extend the topic's three files under `root` and return their paths. `needlewise check` lists what to fill in.

    Raises NeedlewiseError, before anything is written, when the id will not do or is taken.
    """
    if not _ID.fullmatch(topic) or len(topic) > _LONGEST_ID:
        raise NeedlewiseError(
            f"{topic!r} will not do as a topic's id: small letters, digits and underscores, at most {_LONGEST_ID}"
        )
    answer = root / "content" / "answers" / f"{topic}.yml"
    training = root / "data" / "nlu" / "new.yml"
    tests = root / "tests" / "nlu" / "test_topics.yml"
    if answer.exists():
        raise NeedlewiseError(f"there is a topic {topic} already: {answer.relative_to(root)}")
    for folder in (training.parent, tests.parent):
        for path in sorted(folder.glob("*.yml")):
            if re.search(rf"^\s*- intent: {topic}\s*$", path.read_text(encoding="utf-8"), re.MULTILINE):
                raise NeedlewiseError(f"{topic} is taken: {path.relative_to(root)} has examples of it")
    answer.write_text(_answer(topic, clock.now().date()), encoding="utf-8")
    _append(training, _block(topic, FEWEST_EXAMPLES, "what a patient may write"), head=_TRAINING_HEAD)
    _append(
        tests,
        _block(topic, FEWEST_TESTS, "a question kept apart from the examples"),
        head='version: "3.1"\n\nnlu:\n',
    )
    return [answer, training, tests]


def _answer(topic: str, today: date) -> str:
    return _ANSWER.format(topic=topic, mark=FILL_IN, review_by=today + timedelta(days=365))


def _block(topic: str, lines: int, what: str) -> str:
    examples = "".join(f"    - {FILL_IN} {number}: {what}\n" for number in range(1, lines + 1))
    return f"\n- intent: {topic}\n  examples: |\n{examples}"


def _append(path: Path, block: str, *, head: str) -> None:
    before = path.read_text(encoding="utf-8").rstrip("\n") + "\n" if path.exists() else head
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(before + block, encoding="utf-8")
