"""The candidacy rules: which facts lead where."""

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from needlewise.errors import ContentError, NeedlewiseError
from needlewise.screening.rules import Outcome, ScreeningRules, Status, load_rules

HERE = Path(__file__).parent
RULE_FILE = HERE.parents[1] / "content" / "screening.yml"
ROWS = yaml.safe_load((HERE / "rows.yml").read_text(encoding="utf-8"))
PRESENT, ABSENT, UNSURE = Status.PRESENT, Status.ABSENT, Status.UNSURE


@pytest.mark.parametrize("line", ROWS, ids=lambda line: f"{line['row']} {'+'.join(line['facts'])}")
def test_each_row_of_the_table_is_decided_as_it_says(rules: ScreeningRules, line: dict[str, Any]) -> None:
    ruling = rules.decide({key: Status(status) for key, status in line["facts"].items()})
    assert ruling.outcome == Outcome(line["outcome"])
    assert ruling.doctor_first is line.get("md", False)
    assert ruling.guardian is line.get("guardian", False)
    assert ruling.rows[0] == line["row"]


def test_every_row_of_the_table_is_a_condition_or_says_why_not(rules: ScreeningRules) -> None:
    file = yaml.safe_load(RULE_FILE.read_text(encoding="utf-8"))
    rows = {condition.row for condition in rules.conditions.values()}
    rows |= {entry["row"] for entry in file["not_conditions"] if entry["why"]}
    assert rows == {f"C{number}" for number in range(1, 55)}


def test_every_condition_stands_in_the_table_of_rows(rules: ScreeningRules) -> None:
    tested = {key for line in ROWS for key in line["facts"]} | {"implant_with_current"}
    assert tested == set(rules.conditions)


def test_nothing_known_is_book(rules: ScreeningRules) -> None:
    ruling = rules.decide({})
    assert (ruling.outcome, ruling.rows, ruling.tell) == (Outcome.BOOK, ("C1",), ())


def test_absent_facts_are_ignored(rules: ScreeningRules) -> None:
    assert rules.decide(dict.fromkeys(rules.conditions, ABSENT)).outcome is Outcome.BOOK


@pytest.mark.parametrize(("card", "outcome"), [("now", "NOW"), ("call", "CALL"), ("tell", "TELL")])
def test_a_bare_yes_is_judged_by_its_card(rules: ScreeningRules, card: str, outcome: str) -> None:
    assert rules.decide({card: PRESENT}).outcome is Outcome(outcome)


def test_a_bare_yes_to_the_last_card_gives_something_to_tell(rules: ScreeningRules) -> None:
    assert rules.decide({"tell": PRESENT}).tell == ("screening.tell.something",)


@pytest.mark.parametrize("card", ["now", "call", "tell"])
def test_not_sure_of_a_card_is_call(rules: ScreeningRules, card: str) -> None:
    assert rules.decide({card: UNSURE}).outcome is Outcome.CALL


def test_not_sure_of_any_condition_is_call(rules: ScreeningRules) -> None:
    outcomes = {key: rules.decide({key: UNSURE}).outcome for key in rules.conditions}
    assert {key for key, outcome in outcomes.items() if outcome is not Outcome.CALL} == set()


def test_the_strictest_of_several_wins(rules: ScreeningRules) -> None:
    ruling = rules.decide({"needle_nervous": PRESENT, "blood_thinner": PRESENT, "emergency_signs": PRESENT})
    assert ruling.outcome is Outcome.NOW
    assert ruling.rows == ("C9", "C11", "C2")


def test_one_more_fact_never_makes_the_outcome_laxer(rules: ScreeningRules) -> None:
    alone = {key: rules.decide({key: PRESENT}).outcome.strictness for key in rules.conditions}
    laxer = [
        (one, other)
        for one, other in combinations(rules.conditions, 2)
        if rules.decide({one: PRESENT, other: PRESENT}).outcome.strictness < max(alone[one], alone[other])
    ]
    assert laxer == []


def test_numb_feet_take_diabetes_out_of_its_mild_row(rules: ScreeningRules) -> None:
    assert rules.decide({"diabetes": PRESENT, "numb_feet": PRESENT}).rows == ("C26",)


def test_doctor_first_is_said_only_with_call(rules: ScreeningRules) -> None:
    assert rules.decide({"pregnant": PRESENT, "emergency_signs": PRESENT}).doctor_first is False


def test_what_to_tell_is_gathered_once_each(rules: ScreeningRules) -> None:
    ruling = rules.decide({"new_medicine": PRESENT, "mood_medicine": PRESENT, "diabetes": PRESENT})
    assert sorted(ruling.tell) == ["screening.tell.diabetes", "screening.tell.medicines"]


def test_nothing_more_is_told_to_someone_under_18(rules: ScreeningRules) -> None:
    ruling = rules.decide({"under_18": PRESENT, "diabetes": PRESENT})
    assert (ruling.guardian, ruling.tell) == (True, ())


def test_an_unknown_fact_is_an_error(rules: ScreeningRules) -> None:
    with pytest.raises(NeedlewiseError, match="tennis"):
        rules.decide({"tennis": PRESENT})


# -- a clinic's own choices -----------------------------------------------------------------------------------------


def test_a_clinic_without_current_may_take_implants_as_tell(rules: ScreeningRules) -> None:
    ruling = rules.decide({"battery_implant": PRESENT}, {"battery_implant": Outcome.TELL})
    assert (ruling.outcome, ruling.tell) == (Outcome.TELL, ("screening.tell.battery_implant",))


def test_who_asks_for_current_stays_call_with_an_implant(rules: ScreeningRules) -> None:
    facts = {"battery_implant": PRESENT, "wants_current": PRESENT}
    assert rules.decide(facts, {"battery_implant": Outcome.TELL}).outcome is Outcome.CALL


def test_a_bare_yes_stays_call_whatever_a_clinic_chose(rules: ScreeningRules) -> None:
    assert rules.decide({"call": PRESENT}, {"battery_implant": Outcome.TELL}).outcome is Outcome.CALL


def test_a_clinic_may_be_stricter(rules: ScreeningRules) -> None:
    assert rules.decide({"diabetes": PRESENT}, {"diabetes": Outcome.CALL}).outcome is Outcome.CALL


@pytest.mark.parametrize("policy", [{"blood_thinner": Outcome.TELL}, {"battery_implant": Outcome.BOOK}])
def test_a_clinic_may_not_be_laxer_elsewhere(rules: ScreeningRules, policy: dict[str, Outcome]) -> None:
    with pytest.raises(ContentError, match="may not choose"):
        rules.decide({}, policy)


def test_a_choice_for_no_condition_is_an_error(rules: ScreeningRules) -> None:
    with pytest.raises(ContentError, match="tennis"):
        rules.decide({}, {"tennis": Outcome.CALL})


# -- the file ----------------------------------------------------------------------------------------------------------


def test_rows_without_a_source_are_marked_for_a_decision(rules: ScreeningRules) -> None:
    marked = {condition.row for condition in rules.conditions.values() if condition.decision}
    assert marked >= {"C8", "C12", "C13", "C25", "C36", "C37", "C42", "C46", "C48", "C53"}


@pytest.mark.parametrize(
    ("change", "line_text", "complaint"),
    [
        (("outcome: NOW", "outcome: SOON"), "outcome: SOON", "none of BOOK, TELL, CALL, NOW"),
        (
            ("sources: [ISCP, SIGNS]", "sources: [ISCP, NOBODY]"),
            "- id: emergency_signs",
            "'NOBODY' is not in the list",
        ),
        (("    row: C9\n", "    rwo: C9\n"), "rwo: C9", "'rwo' is not a key"),
        (("    row: C9\n", ""), "- id: emergency_signs", "'row' is missing"),
        (("card: now", "card: soon"), "- id: emergency_signs", "there is no card 'soon'"),
        (("- id: sudden_injury", "- id: emergency_signs"), "- id: emergency_signs", "used twice"),
        (('"<foot> ..2 is|are', '"<feets> ..2 is|are'), "- id: foot_infection_signs", "no list 'feets'"),
        (
            ("when: [diabetes, numb_feet]", "when: [diabetes, numb_toes]"),
            "numb_toes",
            "no condition 'numb_toes'",
        ),
        (
            ("older: seizures_controlled", "older: seizures_gone"),
            "- id: seizures\n",
            "no condition 'seizures_gone'",
        ),
        (("cards:\n", "cards: [\n"), None, ":"),
    ],
)
def test_a_slip_in_the_file_is_told_with_its_line(
    tmp_path: Path, change: tuple[str, str], line_text: str | None, complaint: str
) -> None:
    text = RULE_FILE.read_text(encoding="utf-8")
    broken = text.replace(*change, 1)
    assert broken != text
    file = tmp_path / "screening.yml"
    file.write_text(broken, encoding="utf-8")
    with pytest.raises(ContentError) as error:
        load_rules(file)
    message = str(error.value)
    assert complaint in message
    if line_text is not None:
        lines = broken[: broken.rindex(line_text) if "used twice" in complaint else broken.index(line_text)]
        assert message.startswith(f"{file}:{lines.count(chr(10)) + 1}:")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match="cannot be read"):
        load_rules(tmp_path / "none.yml")
