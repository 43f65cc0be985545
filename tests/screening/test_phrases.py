"""What patients read in the screening: complete, plain, short enough to text, and never a clearance."""

import re
from pathlib import Path

import pytest
import textstat
import yaml

from needlewise.screening.rules import Outcome, load_rules

CONTENT = Path(__file__).parents[2] / "content"
PHRASES = yaml.safe_load((CONTENT / "phrases" / "screening.yml").read_text(encoding="utf-8"))
RULES = load_rules(CONTENT / "screening.yml")
CARDS = ("now", "call", "tell")
KEYS = (
    "intro", "card_now", "card_call", "card_tell", "none_of_these", "not_sure", "yes_one_or_more", "why_now", "why_call",
    "why_tell", "outcome_book", "outcome_tell", "outcome_call", "outcome_call_doctor", "outcome_now", "outcome_guardian",
    "doctor_said_fine", "noted", "lapsed", "private",
)  # fmt: skip
CONTACT = "call us at (202) 555-0140"
GSM = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)


def _texts(key: str) -> dict[str, str]:
    worded = PHRASES[key]["en"]
    if isinstance(worded, str):
        return {"web": worded, "sms": worded}
    return {"web": worded["web"], "sms": worded.get("sms", worded["web"])}


ALL = [(key, channel, text) for key in PHRASES for channel, text in _texts(key).items()]
ITEMS = {card: PHRASES[f"screening.card_{card}"]["en"]["items"] for card in CARDS}


def test_every_text_of_the_screening_is_there() -> None:
    assert [key for key in KEYS if f"screening.{key}" not in PHRASES] == []


def test_every_line_for_the_therapist_that_a_rule_names_is_there() -> None:
    named = {condition.tell for condition in RULES.conditions.values()} | {card.tell for card in RULES.cards}
    assert sorted(named - {None} - set(PHRASES)) == []


def test_every_outcome_of_tell_has_something_to_tell() -> None:
    silent = [
        condition.id
        for condition in RULES.conditions.values()
        if Outcome.TELL in (condition.outcome, condition.clinic_may) and condition.tell is None
    ]
    assert silent == []


@pytest.mark.parametrize(("key", "channel", "text"), ALL)
def test_no_text_clears_anyone_or_speaks_against_a_medicine(key: str, channel: str, text: str) -> None:
    forbidden = r"\b(cleared|you are safe to|safe for you|qualif\w+|eligible|approved|candidate|stop taking|skip a dose|you have a)\b"
    assert re.findall(forbidden, text, re.I) == []


@pytest.mark.parametrize(("key", "channel", "text"), ALL)
def test_every_text_reads_at_grade_six_or_lower(key: str, channel: str, text: str) -> None:
    if ".tell." in key:  # it is only ever read within the outcome
        text = _texts("screening.outcome_tell")[channel].replace("{what}", text)
    shown = text.replace("{contact}", "call us").replace("{clinic}", "the clinic").replace("{what}", "")
    shown = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", shown)
    if len(shown.split()) > 4:
        assert textstat.flesch_kincaid_grade(shown) <= 6


@pytest.mark.parametrize("key", list(PHRASES))
def test_a_text_message_fits_three_segments_of_plain_letters(key: str) -> None:
    text = re.sub(r"\{\w+\}", "", _texts(key)["sms"].replace("{contact}", CONTACT))
    assert set(text) <= GSM
    assert len(text) <= (459 if "card_" in key else 306)


def test_the_longest_list_for_the_therapist_fits_three_segments() -> None:
    longest = sorted((len(_texts(key)["sms"]) for key in PHRASES if ".tell." in key), reverse=True)
    assert len(_texts("screening.outcome_tell")["sms"]) + sum(longest[:3]) + 3 <= 459


@pytest.mark.parametrize("card", CARDS)
def test_a_ticked_line_names_conditions_of_its_card(card: str) -> None:
    of_card = {condition.id for condition in RULES.conditions.values() if condition.card == card}
    strangers = {
        item["id"]: set(item["conditions"]) - of_card
        for item in ITEMS[card]
        if set(item["conditions"]) - of_card
    }
    assert strangers == {}


@pytest.mark.parametrize(("card", "item"), [(card, item) for card in CARDS for item in ITEMS[card]])
def test_a_ticked_line_leads_where_its_card_leads(card: str, item: dict[str, list[str]]) -> None:
    outcomes = {RULES.conditions[condition].outcome for condition in item["conditions"]}
    assert outcomes == {RULES.card(card).on_yes}


@pytest.mark.parametrize("card", CARDS)
def test_lines_of_a_card_have_ids_of_their_own(card: str) -> None:
    ids = [item["id"] for item in ITEMS[card]]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("key", "channel", "text"), ALL)
def test_placeholders_are_those_that_can_be_filled(key: str, channel: str, text: str) -> None:
    allowed = {"clinic", "contact"} | ({"what"} if key.endswith("outcome_tell") else set())
    allowed |= {"condition"} if key.endswith("noted") else set()
    assert set(re.findall(r"\{(\w+)\}", text)) <= allowed
