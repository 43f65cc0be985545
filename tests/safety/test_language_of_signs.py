"""What people write, and what the rules make of it: the lists the rules were built from, and those that only measure them."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from needlewise.safety.triage import Level, Triage, load_rules

HERE = Path(__file__).parent
RULES = load_rules(HERE.parents[1] / "content" / "safety" / "red_flags.yml")
TRIAGE = Triage(RULES)


@dataclass(frozen=True)
class Line:
    """One line of a list; `level` is None where nothing may fire."""

    group: str
    level: Level | None
    text: str
    is_plain: bool = False  # no single word of it gives the alarm away


def lines_of(name: str) -> list[Line]:
    lists = yaml.safe_load((HERE / f"{name}.yml").read_text(encoding="utf-8"))
    return [
        *(
            Line(line["group"], Level(line["level"]), line["text"], line.get("plain", False))
            for line in lists["must_fire"]
        ),
        *(Line(line["group"], Level.ASK, line["text"]) for line in lists["must_ask"]),
        *(Line(line["group"], None, line["text"]) for line in lists["must_not_fire"]),
    ]


def is_right(line: Line) -> bool:
    """Calm where it must be; else the level asked for, or 911 where the words speak of more than one danger."""
    level = TRIAGE.assess(line.text).level
    return level is line.level or (line.level not in (None, Level.ASK) and level is Level.EMERGENCY)


def is_red_flag(line: Line) -> bool:
    return line.level not in (None, Level.ASK)


def fires(line: Line) -> bool:
    return TRIAGE.assess(line.text).level is not None


def share(lines: list[Line], holds) -> float:
    return sum(1 for line in lines if holds(line)) / len(lines)


def report(name: str, lines: list[Line]) -> None:
    """Counts only: the texts of a measuring list are not for tuning the rules."""
    flags = [line for line in lines if is_red_flag(line)]
    calm = [line for line in lines if line.level is None]
    missed = Counter(line.group for line in flags if not fires(line))
    print(
        f"\n{name}: right {share(lines, is_right):.1%} of {len(lines)}; "
        f"red flags caught {share(flags, fires):.1%} of {len(flags)} (missed by group: {dict(sorted(missed.items()))}); "
        f"false alarms {share(calm, fires):.1%} of {len(calm)}"
    )


@pytest.mark.parametrize("line", lines_of("building"), ids=lambda line: f"{line.group}: {line.text}")
def test_every_line_the_rules_were_built_from_is_right(line):
    assert is_right(line), TRIAGE.assess(line.text)


def test_lines_held_back_while_building_are_right():
    lines = lines_of("held_out")
    report("held_out", lines)
    right = share(lines, is_right)
    del lines  # pytest would show the texts
    assert right >= 0.97


def test_red_flags_in_words_written_apart_from_the_rules_are_caught():
    lines = lines_of("unseen")
    report("unseen", lines)
    assert share([line for line in lines if is_red_flag(line)], fires) >= 0.97


def test_red_flags_without_an_alarming_word_are_caught():
    plain = [line for line in lines_of("unseen") if line.is_plain]
    print(f"\nplain words: caught {share(plain, fires):.1%} of {len(plain)}")
    assert share(plain, fires) >= 0.9


def test_near_misses_written_apart_from_the_rules_raise_few_false_alarms():
    calm = [line for line in lines_of("unseen") if line.level is None]
    assert share(calm, fires) <= 0.03


@pytest.mark.parametrize("text", yaml.safe_load((HERE / "ordinary.yml").read_text(encoding="utf-8"))["lines"])
def test_ordinary_talk_about_heel_pain_never_fires(text):
    assert TRIAGE.assess(text).rule is None


@pytest.mark.parametrize(
    ("rule", "text"),
    [(rule, text) for rule in RULES.rules for text in rule.must_fire],
    ids=lambda value: value if isinstance(value, str) else value.id,
)
def test_a_rules_own_examples_fire_at_its_level(rule, text):
    assert TRIAGE.assess(text).level is rule.level


@pytest.mark.parametrize(
    ("rule", "text"),
    [(rule, text) for rule in RULES.rules for text in rule.must_not_fire],
    ids=lambda value: value if isinstance(value, str) else value.id,
)
def test_a_rules_counterexamples_stay_quiet(rule, text):
    assert TRIAGE.assess(text).rule is None
