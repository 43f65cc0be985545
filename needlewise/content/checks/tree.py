"""Everything the checker reads, each file once. A file that cannot be read is a finding, and the rest is still checked."""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar, get_args, get_origin

import msgspec

import needlewise
from needlewise import clock
from needlewise.content.checks.finding import Finding, from_error, relative
from needlewise.content.checks.shapes import Claim, Fact, FollowUp, Term
from needlewise.content.files import read_yaml
from needlewise.content.library import Library
from needlewise.content.model import Answer, Clinic, OptOutRules, Phrase, Source
from needlewise.errors import ContentError
from needlewise.safety.triage import RedFlagRules
from needlewise.safety.triage import load_rules as load_red_flags
from needlewise.screening.rules import ScreeningRules
from needlewise.screening.rules import load_rules as load_screening
from needlewise.settings import Settings
from needlewise.text.yaml_text import Step, doubled_keys, line_at, read_text

T = TypeVar("T")

SINGLE: Mapping[str, Any] = {
    "sources.yml": dict[str, Source],
    "facts.yml": dict[str, Fact],
    "claims.yml": list[Claim],
    "glossary.yml": list[Term],
    "commands.yml": dict[str, list[str]],
    "follow_ups.yml": list[FollowUp],
    "opt_out.yml": OptOutRules,
}
"""Files directly under content/, with their shapes."""

FOLDERS: Mapping[str, Any] = {"answers": Answer, "clinics": Clinic, "phrases": dict[str, Phrase]}
"""Folders of content/, with the shape of each file in them."""


@dataclass(frozen=True)
class Doc(Generic[T]):
    """A file's text and what it says."""

    path: Path
    text: str
    value: T

    def finding(self, message: str, *steps: Step) -> Finding:
        """A finding at a place of the file, such as ("en", "clinic", "price"); at its first line for none."""
        return Finding(self.path, line_at(self.text, *steps), message)


@dataclass(frozen=True)
class Taxonomy:
    """The ids in needlewise/nlu/taxonomy.py, read as text: it is the checked tree's that counts, not the running one's."""

    path: Path
    topics: tuple[str, ...]
    acts: tuple[str, ...]
    without_intent: tuple[str, ...]


@dataclass
class Tree:
    """The files by what they hold. What could not be read is in `broken` instead."""

    root: Path
    today: date
    default_clinic: str
    taxonomy: Taxonomy
    broken: list[Finding] = field(default_factory=list)
    unread: set[Path] = field(default_factory=set)
    """Files of which nothing could be read: what they should hold is not missed elsewhere."""
    answers: dict[str, Doc[Answer]] = field(default_factory=dict)
    clinics: dict[str, Doc[Clinic]] = field(default_factory=dict)
    phrase_files: dict[str, Doc[dict[str, Phrase]]] = field(default_factory=dict)
    single: dict[str, Doc[Any]] = field(default_factory=dict)
    domain: Doc[Any] | None = None
    nlu: dict[str, Doc[Any]] = field(default_factory=dict)
    stories: dict[str, Doc[Any]] = field(default_factory=dict)
    tests: dict[str, Doc[Any]] | None = None
    """Files of test questions; None in an installation without tests/."""

    @cached_property
    def screening(self) -> ScreeningRules | None:
        """The screening rules, by their own reader; None, and a finding, where it refuses them."""
        return self._load(load_screening, self.content / "screening.yml")

    @cached_property
    def red_flags(self) -> RedFlagRules | None:
        """The red-flag rules, by their own reader; None, and a finding, where it refuses them."""
        return self._load(load_red_flags, self.content / "safety" / "red_flags.yml")

    @property
    def content(self) -> Path:
        return self.root / "content"

    @property
    def code(self) -> Path:
        """The folder that holds the packages needlewise and actions."""
        return self.root if (self.root / "needlewise").is_dir() else Path(needlewise.__file__).parent.parent

    @property
    def sources(self) -> Mapping[str, Source]:
        return self._value("sources.yml", {})

    @property
    def phrases(self) -> Mapping[str, Phrase]:
        return {key: phrase for doc in self.phrase_files.values() for key, phrase in doc.value.items()}

    @property
    def answer_names(self) -> frozenset[str]:
        """Topics that have a file, be it well-formed or not."""
        return frozenset(path.stem for path in (self.content / "answers").glob("*.yml"))

    @property
    def library(self) -> Library:
        """What could be read, as the renderer wants it."""
        return Library(
            {name: doc.value for name, doc in self.answers.items()},
            self.phrases,
            {name: doc.value for name, doc in self.clinics.items()},
            self.sources,
        )

    def relative(self, path: Path) -> Path:
        return relative(path, self.root)

    def _load(self, load: Callable[[Path], T], path: Path) -> T | None:
        try:
            return load(path)
        except ContentError as error:
            self.broken.append(from_error(error, self.root, path))
            return None

    def _value(self, name: str, absent: T) -> T:
        doc = self.single.get(name)
        return absent if doc is None else doc.value


def read_tree(settings: Settings) -> Tree:
    """Read all that is checked. Raises ContentError only where there is no taxonomy to check against."""
    tree = read_content(settings)
    root = settings.root
    domain: dict[str, Doc[Any]] = {}
    _take(tree, domain, "domain", root / "domain.yml", dict[str, Any])
    tree.domain = domain.get("domain")
    for kind, shelf in (("nlu", tree.nlu), ("stories", tree.stories)):
        for path in sorted((root / "data" / kind).glob("*.yml")):
            _take(tree, shelf, path.name, path, dict[str, Any])
    if (root / "tests").is_dir():
        tree.tests = {}
        for path in sorted((root / "tests" / "nlu").glob("*.yml")):
            _take(tree, tree.tests, path.name, path, dict[str, Any])
    return tree


def read_content(settings: Settings) -> Tree:
    """Read what patients are told, without what the assistant learns from. Raises ContentError where there is no taxonomy."""
    root = settings.root
    code = root if (root / "needlewise").is_dir() else Path(needlewise.__file__).parent.parent
    tree = Tree(
        root,
        clock.now().date(),
        settings.default_clinic,
        _taxonomy(code / "needlewise" / "nlu" / "taxonomy.py", root),
    )
    for name, shape in SINGLE.items():
        _take(tree, tree.single, name, tree.content / name, shape)
    shelves: dict[str, dict[str, Doc[Any]]] = {
        "answers": tree.answers,  # type: ignore[dict-item]
        "clinics": tree.clinics,  # type: ignore[dict-item]
        "phrases": tree.phrase_files,  # type: ignore[dict-item]
    }
    for folder, shape in FOLDERS.items():
        for path in sorted((tree.content / folder).glob("*.yml")):
            _take(tree, shelves[folder], path.stem, path, shape)
    return tree


def _take(tree: Tree, shelf: dict[str, Doc[Any]], name: str, path: Path, shape: Any) -> None:
    try:
        value = read_yaml(path, shape)
    except ContentError as error:
        tree.broken.append(from_error(error, tree.root, path))
        value = _sound_entries(path, shape)
        if value is None:
            tree.unread.add(tree.relative(path))
            return
    text = read_text(path)
    shelf[name] = Doc(tree.relative(path), text, value)
    for line, key in doubled_keys(text):
        tree.broken.append(Finding(tree.relative(path), line, f"{key} stands here for the second time"))


def _sound_entries(path: Path, shape: Any) -> dict[str, Any] | None:
    """The well-formed entries of a mapping that has a malformed one, so that what names them is not at fault too."""
    if get_origin(shape) is not dict:
        return None
    try:
        data = read_yaml(path, dict[str, Any])
    except ContentError:
        return None
    sound = {}
    for key, value in data.items():
        try:
            sound[key] = msgspec.convert(value, get_args(shape)[1], strict=True)
        except msgspec.ValidationError:
            continue
    return sound


def _taxonomy(path: Path, root: Path) -> Taxonomy:
    names: dict[str, tuple[str, ...]] = {}
    for statement in ast.parse(read_text(path)).body:
        name = getattr(statement.targets[0], "id", "") if isinstance(statement, ast.Assign) else ""
        if name in ("TOPICS", "ACTS", "WITHOUT_INTENT"):
            names[name] = ast.literal_eval(statement.value)  # type: ignore[attr-defined]
    if len(names) != 3:
        raise ContentError(f"{path}:1: TOPICS, ACTS and WITHOUT_INTENT must be lists of plain names")
    return Taxonomy(relative(path, root), names["TOPICS"], names["ACTS"], names["WITHOUT_INTENT"])
