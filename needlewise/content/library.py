"""Everything under content/, read once; lookups raise ContentError rather than guess."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from needlewise.content.files import read_yaml
from needlewise.content.model import Answer, Clinic, Phrase, Source
from needlewise.errors import ContentError


@dataclass(frozen=True)
class Library:
    """The shipped content by id."""

    answers: Mapping[str, Answer]
    phrases: Mapping[str, Phrase]
    clinics: Mapping[str, Clinic]
    sources: Mapping[str, Source]

    def clinic(self, name: str) -> Clinic:
        """Raises ContentError when there is no such profile."""
        if found := self.clinics.get(name):
            return found
        raise ContentError(f"no clinic {name!r}: content/clinics has {', '.join(sorted(self.clinics))}")


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
