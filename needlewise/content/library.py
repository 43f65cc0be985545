"""What we say, by id: everything under content/, and what the console put in place of it. Lookups raise ContentError rather than guess."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from needlewise.content.files import read_yaml
from needlewise.content.model import Answer, Clinic, Phrase, Source
from needlewise.errors import ContentError


@dataclass(frozen=True)
class Library:
    """The content as it stands now. Everybody keeps this one object, and `become` changes what is in it."""

    answers: Mapping[str, Answer]
    phrases: Mapping[str, Phrase]
    clinics: Mapping[str, Clinic]
    sources: Mapping[str, Source]
    own_answers: Mapping[tuple[str, str], Answer] = field(default_factory=dict)
    """By clinic and topic, where a clinic says it in its own words."""
    number: int = 0
    """Of the change that this is from (content_state); 0 for the files alone."""

    signed: Mapping[tuple[str, str], date | None] | None = None
    """By clinic and topic, the answers that stand signed, with the last day on which they do; None where nobody demands signatures."""

    def become(self, other: "Library") -> None:
        """Hold what `other` holds, all at once: nobody sees the old answers beside the new clinics."""
        # One step for every thread: dict.update with plain names runs no Python code in between.
        vars(self).update(vars(other))

    def answer(self, topic: str, clinic: str) -> Answer:
        """What this clinic's patients are told. Raises ContentError when there is no such topic."""
        if found := self.own_answers.get((clinic, topic)) or self.answers.get(topic):
            return found
        raise ContentError(f"no answer for the topic {topic!r}")

    def may_be_said(self, topic: str, clinic: str, on: date) -> bool:
        """Whether this clinic's patients may be told this answer on a day: always, unless the deployment demands signatures."""
        if self.signed is None:
            return True
        if (clinic, topic) not in self.signed:
            return False
        ends = self.signed[clinic, topic]
        return ends is None or on <= ends

    def clinic(self, name: str) -> Clinic:
        """Raises ContentError when there is no such profile."""
        if found := self.clinics.get(name):
            return found
        raise ContentError(f"no clinic {name!r}: content/clinics has {', '.join(sorted(self.clinics))}")


@dataclass(frozen=True)
class Parts(Mapping[str, frozenset[str]]):
    """Which parts the answer of a topic has at present: web, more, why, how_long."""

    library: Library

    def __getitem__(self, topic: str) -> frozenset[str]:
        return parts_of(self.library.answers[topic])

    def __iter__(self) -> Iterator[str]:
        return iter(self.library.answers)

    def __len__(self) -> int:
        return len(self.library.answers)


def parts_of(answer: Answer) -> frozenset[str]:
    """The parts that an answer has."""
    return frozenset({"web", *answer.en.follow_ups, *(("more",) if answer.en.more else ())})


def load_library(folder: Path, *, clinics: Sequence[str] = ()) -> Library:
    """Read answers, phrases, sources, and the profiles named in `clinics` (all when empty).

    Raises ContentError: with file:line on the first malformed file, and when a named profile does not exist.
    """
    answers = {path.stem: read_yaml(path, Answer) for path in sorted((folder / "answers").glob("*.yml"))}
    profiles = {path.stem: path for path in sorted((folder / "clinics").glob("*.yml"))}
    if missing := set(clinics) - profiles.keys():
        raise ContentError(f"content/clinics has no profile for {', '.join(sorted(missing))}")
    served = {name: read_yaml(profiles[name], Clinic) for name in clinics or profiles}
    phrases: dict[str, Phrase] = {}
    for path in sorted((folder / "phrases").glob("*.yml")):
        for key, phrase in read_yaml(path, dict[str, Phrase]).items():
            if key in phrases:
                raise ContentError(f"{path}:1: the phrase {key} is in two files")
            phrases[key] = phrase
    return Library(answers, phrases, served, read_yaml(folder / "sources.yml", dict[str, Source]))
