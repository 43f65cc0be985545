"""The rules and replies as files: whole, consistent, and clear about what is wrong when they are not."""

from pathlib import Path

import pytest
import yaml

from needlewise.errors import ContentError
from needlewise.safety.guards import NAMES
from needlewise.safety.triage import Level, load_rules

CONTENT = Path(__file__).parents[2] / "content"
RULES_FILE = CONTENT / "safety" / "red_flags.yml"
RULES = load_rules(RULES_FILE)
PHRASES = yaml.safe_load((CONTENT / "phrases" / "safety.yml").read_text(encoding="utf-8"))
GSM_7 = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
TWO_SEGMENTS = 306
GROUPS = [f"R{number:02}" for number in range(1, 26)]

MINIMAL = """\
sources: {here: example.org}
idioms: chest of drawers
guards:
  {guards}
concepts:
  chest: chest
  pain: pain, hurt*
rules:
  - id: R01.chest
    group: R01
    level: emergency
    title: Chest pain
    source: [here]
    fires: [chest + pain]
    must_fire: [chest pain]
    must_not_fire: [heel pain]
"""


def file_with(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "red_flags.yml"
    path.write_text(
        text.replace("{guards}", "\n  ".join(f"{name}: zz{name.replace('_', '')}" for name in sorted(NAMES)))
    )
    return path


def test_a_minimal_file_loads(tmp_path):
    assert [rule.id for rule in load_rules(file_with(tmp_path, MINIMAL)).rules] == ["R01.chest"]


@pytest.mark.parametrize(
    ("wrong", "right", "complaint"),
    [
        ("chest + pane", "chest + pain", "there is no concept 'pane'"),
        ("chest pain", "chest + pain", "must"),
        ("chest +", "chest + pain", "must end with a concept"),
        ("level: alarming", "level: emergency", "'alarming' is not a level"),
        ("source: [there]", "source: [here]", "there is no source 'there'"),
        ("pain: <chset>", "pain: pain, hurt*", "there is no concept 'chset'"),
        ("pain: pain, <pain> bad", "pain: pain, hurt*", "circle"),
        ("despite: [nothing]\n    must_fire:", "must_fire:", "'nothing' is not one of"),
        ("fire: [chest + pain]", "fires: [chest + pain]", "has no field 'fire'"),
        ("must_fire: []", "must_fire: [chest pain]", "at least one line"),
    ],
)
def test_a_slip_in_the_file_is_named(tmp_path, wrong, right, complaint):
    path = file_with(tmp_path, MINIMAL.replace(right, wrong, 1))
    with pytest.raises(ContentError, match=complaint) as caught:
        load_rules(path)
    assert str(caught.value).startswith(f"{path}:")


def test_the_line_of_a_slip_is_named(tmp_path):
    path = file_with(tmp_path, MINIMAL.replace("level: emergency", "level: alarming"))
    line = path.read_text().splitlines().index("    level: alarming") + 1
    with pytest.raises(ContentError, match=f":{line}: "):
        load_rules(path)


def test_broken_yaml_is_named_with_its_line(tmp_path):
    path = file_with(tmp_path, "sources: {here\nrules: [")
    with pytest.raises(ContentError, match=r"red_flags\.yml:\d+: "):
        load_rules(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ContentError, match="cannot be read"):
        load_rules(tmp_path / "nowhere.yml")


def test_rules_that_stand_in_the_wrong_order_are_refused(tmp_path):
    head, _, rule = MINIMAL.partition("  - id: R01.chest\n")
    mild = "  - id: R19.mild\n" + rule.replace("emergency", "doctor")
    with pytest.raises(ContentError, match="must stand before"):
        load_rules(file_with(tmp_path, f"{head}{mild}  - id: R01.chest\n{rule}"))


def test_every_group_of_signs_has_a_rule():
    assert sorted({rule.group for rule in RULES.rules}) == GROUPS


def test_every_rule_names_a_source():
    assert [rule.id for rule in RULES.rules if not rule.sources] == []


def test_every_reply_a_rule_names_exists():
    assert {rule.phrase for rule in RULES.rules} - PHRASES.keys() == set()


def test_the_file_says_that_no_clinician_has_reviewed_it():
    assert "NOT REVIEWED BY A CLINICIAN YET" in RULES_FILE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("group", "level"),
    [
        *(
            (group, Level.EMERGENCY)
            for group in ("R01", "R02", "R03", "R04", "R05", "R06", "R07", "R18", "R23")
        ),
        *((f"R{number:02}", Level.URGENT) for number in (8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 21)),
        ("R20", Level.DOCTOR),
        ("R22", Level.CRISIS),
        ("R24", Level.VIOLENCE),
        ("R25", Level.POISON),
    ],
)
def test_a_group_has_its_level(group, level):
    assert level in {rule.level for rule in RULES.rules if rule.group == group}


@pytest.mark.parametrize(("key", "phrase"), PHRASES.items(), ids=list(PHRASES))
def test_a_reply_speaks_both_languages_on_both_channels(key, phrase):
    assert {language: set(phrase[language]) for language in ("en", "es")} == {
        "en": {"web", "sms"},
        "es": {"web", "sms"},
    }


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize(("key", "phrase"), PHRASES.items(), ids=list(PHRASES))
def test_a_text_message_fits_two_segments(key, phrase, language):
    text = phrase[language]["sms"]
    assert (set(text) - GSM_7, max(len(text), TWO_SEGMENTS)) == (set(), TWO_SEGMENTS)


@pytest.mark.parametrize(
    "key", [key for key, phrase in PHRASES.items() if phrase["kind"] in ("urgent", "crisis", "question")]
)
def test_an_urgent_reply_gives_a_number_or_a_place(key):
    text = PHRASES[key]["en"]["sms"]
    assert any(way in text for way in ("911", "988", "1-800", "urgent care", "checked today"))
