"""The red-flag rules as read from their file, checked so that a slip in it is named by line and not at night by a patient."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn

from needlewise.errors import ContentError
from needlewise.safety import guards
from needlewise.safety.guards import Guard
from needlewise.safety.lexicon import Join, Lexicon, Pattern, Phrase, parse_pattern, parse_phrase
from needlewise.text.yaml_text import line_at, parse, read_text

IDIOM = "idiom"
_RULE_KEYS = frozenset(
    [
        "id",
        "group",
        "level",
        "title",
        "source",
        "phrase",
        "decision",
        "says",
        "fires",
        "unless",
        "despite",
        "must_fire",
        "must_not_fire",
    ]
)
_NEEDED_KEYS = ("id", "group", "level", "title", "source", "must_fire", "must_not_fire")


class Level(StrEnum):
    """How fast a text needs an answer, and whose."""

    EMERGENCY = "emergency"
    URGENT = "urgent"
    DOCTOR = "doctor"
    CRISIS = "crisis"
    VIOLENCE = "violence"
    POISON = "poison"
    ASK = "ask"


# A rule of a level further down never speaks before one further up.
ORDER = (
    Level.EMERGENCY,
    Level.CRISIS,
    Level.VIOLENCE,
    Level.POISON,
    Level.URGENT,
    Level.DOCTOR,
    Level.ASK,
)


@dataclass(frozen=True)
class Rule:
    """One reason to speak up, with the sentences its author promised it would and would not catch."""

    id: str
    group: str
    level: Level
    title: str
    sources: tuple[str, ...]
    phrase: str
    is_decision: bool
    patterns: tuple[Pattern, ...]
    unless: tuple[str, ...]
    despite: Guard
    must_fire: tuple[str, ...]
    must_not_fire: tuple[str, ...]


@dataclass(frozen=True)
class RedFlagRules:
    """The whole file: the rules in the order in which they speak, and the words they are written in."""

    rules: tuple[Rule, ...]
    lexicon: Lexicon
    idioms: Lexicon
    always: frozenset[str]  # concepts that hold whenever they began: "diabetic since 1998"
    ordinary_words: frozenset[str]  # spelled right, though they look like slips of the lexicon's words
    shorthand: Mapping[str, str]
    sources: Mapping[str, str]


def load_rules(path: Path) -> RedFlagRules:
    """The rules in the file; ContentError, with the line where it is known, says what to mend."""
    text = read_text(path)
    data = parse(path, text)
    return _File(path, text).read(data)


def _ordinary_words() -> frozenset[str]:
    lines = Path(__file__).with_name("ordinary_words.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


@dataclass(frozen=True)
class _File:
    path: Path
    text: str

    def read(self, data: object) -> RedFlagRules:
        top = self._mapping(data, ())
        for key in ("sources", "concepts", "guards", "idioms", "rules"):
            if key not in top:
                self._fail((), f"'{key}' is missing")
        phrases: dict[str, tuple[Phrase, ...]] = {}
        for section in ("guards", "concepts"):
            for name, written in self._mapping(top[section], (section,)).items():
                if name in phrases:
                    self._fail((section, name), f"'{name}' is defined twice")
                phrases[name] = self._phrases(written, (section, name))
        if missing := sorted(guards.NAMES - phrases.keys()):
            self._fail(("guards",), f"the guards {', '.join(missing)} are missing")
        sources = self._mapping(top["sources"], ("sources",))
        rules = [
            self._rule(entry, ("rules", index), phrases, sources)
            for index, entry in enumerate(self._sequence(top["rules"], ("rules",)))
        ]
        self._check_order(rules)
        try:
            lexicon = Lexicon(phrases)
            idioms = Lexicon({IDIOM: self._phrases(top["idioms"], ("idioms",))})
        except ValueError as error:
            self._fail((), str(error), error)
        always = self._names(top.get("always", ""), ("always",), phrases)
        return RedFlagRules(
            rules=tuple(rules),
            lexicon=lexicon,
            idioms=idioms,
            always=frozenset(always),
            ordinary_words=_ordinary_words(),
            shorthand={
                str(short): str(full)
                for short, full in self._mapping(top.get("shorthand", {}), ("shorthand",)).items()
            },
            sources=dict(sources),
        )

    def _rule(
        self,
        entry: object,
        where: tuple[Any, ...],
        phrases: dict[str, tuple[Phrase, ...]],
        sources: Mapping[str, Any],
    ) -> Rule:
        fields = self._mapping(entry, where)
        for key in _NEEDED_KEYS:
            if key not in fields:
                self._fail(where, f"the rule '{fields.get('id', '?')}' has no '{key}'")
        if unknown := sorted(fields.keys() - _RULE_KEYS):
            self._fail((*where, unknown[0]), f"a rule has no field '{unknown[0]}'")
        id_ = str(fields["id"])
        if fields["level"] not in {level.value for level in Level}:
            self._fail((*where, "level"), f"'{fields['level']}' is not a level")
        level = Level(fields["level"])
        patterns: list[Pattern] = []
        if "says" in fields:
            phrases[id_] = self._phrases(fields["says"], (*where, "says"))
            patterns.append(Pattern(((Join((id_,)),),)))
        for index, written in enumerate(self._sequence(fields.get("fires", []), (*where, "fires"))):
            patterns.append(self._pattern(written, (*where, "fires", index), phrases))
        if not patterns:
            self._fail(where, f"the rule '{id_}' has neither 'says' nor 'fires'")
        despite = Guard.NONE
        for name in self._sequence(fields.get("despite", []), (*where, "despite")):
            if name not in guards.BY_NAME:
                self._fail((*where, "despite"), f"'{name}' is not one of {', '.join(guards.BY_NAME)}")
            despite |= guards.BY_NAME[name]
        keys = tuple(str(key) for key in self._sequence(fields["source"], (*where, "source")))
        for key in keys:
            if key not in sources:
                self._fail((*where, "source"), f"there is no source '{key}'")
        return Rule(
            id=id_,
            group=str(fields["group"]),
            level=level,
            title=str(fields["title"]),
            sources=keys,
            phrase=str(fields.get("phrase", f"safety.{level.value}")),
            is_decision=fields.get("decision") is True,
            patterns=tuple(patterns),
            unless=self._names(fields.get("unless", ""), (*where, "unless"), phrases),
            despite=despite,
            must_fire=self._lines(fields["must_fire"], (*where, "must_fire")),
            must_not_fire=self._lines(fields["must_not_fire"], (*where, "must_not_fire")),
        )

    def _check_order(self, rules: Sequence[Rule]) -> None:
        seen: set[str] = set()
        for index, rule in enumerate(rules):
            if rule.id in seen:
                self._fail(("rules", index), f"there are two rules '{rule.id}'")
            seen.add(rule.id)
            if index and ORDER.index(rule.level) < ORDER.index(rules[index - 1].level):
                self._fail(
                    ("rules", index),
                    f"'{rule.id}' ({rule.level.value}) must stand before '{rules[index - 1].id}'",
                )

    def _phrases(self, written: object, where: tuple[Any, ...]) -> tuple[Phrase, ...]:
        if not isinstance(written, str):
            self._fail(where, "must be phrases with commas between them")
        try:
            return tuple(parse_phrase(piece) for piece in written.split(",") if piece.strip())
        except ValueError as error:
            self._fail(where, str(error), error)

    def _pattern(self, written: object, where: tuple[Any, ...], known: Mapping[str, object]) -> Pattern:
        try:
            pattern = parse_pattern(str(written))
        except ValueError as error:
            self._fail(where, str(error), error)
        for name in pattern.names():
            if name not in known:
                self._fail(where, f"there is no concept '{name}'")
        return pattern

    def _names(self, written: object, where: tuple[Any, ...], known: Mapping[str, object]) -> tuple[str, ...]:
        names = tuple(name.strip() for name in str(written).split(",") if name.strip())
        for name in names:
            if name not in known:
                self._fail(where, f"there is no concept '{name}'")
        return names

    def _lines(self, value: object, where: tuple[Any, ...]) -> tuple[str, ...]:
        lines = tuple(str(line) for line in self._sequence(value, where))
        if not lines:
            self._fail(where, "must hold at least one line")
        return lines

    def _mapping(self, value: object, where: tuple[Any, ...]) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            self._fail(where, "must be a list of 'name: value'")
        return value

    def _sequence(self, value: object, where: tuple[Any, ...]) -> Sequence[Any]:
        if not isinstance(value, list):
            self._fail(where, "must be a list")
        return value

    def _fail(self, where: tuple[Any, ...], problem: str, cause: Exception | None = None) -> NoReturn:
        raise ContentError(f"{self.path}:{line_at(self.text, *where)}: {problem}") from cause
