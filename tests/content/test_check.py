"""`needlewise check`: the shipped project is sound, and each small defect is found once, where it stands."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from needlewise.content.check import RULES, Rule, check_all
from needlewise.content.checks import (
    answers,
    clinics,
    domain,
    files,
    parity,
    phrases,
    rows,
    sms,
    wording,
)
from needlewise.content.checks.shapes import ALL_SETTINGS
from needlewise.content.model import Booking
from needlewise.errors import ContentError
from needlewise.settings import read_settings
from tests.content.conftest import Project, in_file

DEMO = "content/clinics/demo.yml"
COST = "content/answers/cost.yml"
HURT = "content/answers/does_it_hurt.yml"
TALK = "content/phrases/conversation.yml"


def test_the_shipped_project_has_no_findings() -> None:
    assert [str(finding) for finding in check_all(read_settings({}))] == []


@dataclass(frozen=True)
class Defect:
    """`old` becomes `new` in a file; `message` is then found there, on the line that holds `at`."""

    rule: Rule
    path: str
    old: str
    new: str
    at: str
    message: str


MALFORMED = [
    Defect(files.check, COST, "version: 1", "version: one", "version: one", "Expected `int`, got `str`"),
    Defect(
        files.check,
        COST,
        "version: 1",
        "version: 1\nauthor: someone",
        "author:",
        "Object contains unknown field `author`",
    ),
    Defect(
        files.check,
        COST,
        "related: [insurance",
        "related: [[insurance",
        "en:",
        "not valid YAML: did not find expected ',' or ']'",
    ),
    Defect(
        files.check,
        COST,
        "version: 1",
        "version: 1\nversion: 2",
        "version: 2",
        "version stands here for the second time",
    ),
    Defect(
        files.check,
        COST,
        "title: What does it cost?",
        "title: $$$",
        "title:",
        "Expected `str` of length >= 4",
    ),
    Defect(
        phrases.check,
        TALK,
        'conversation.yes: {en: "Yes"}',
        "conversation.yes: {en: 3}",
        "conversation.yes:",
        "Expected `str | object`, got `int`",
    ),
    Defect(
        files.check,
        "content/glossary.yml",
        "means: ",
        "meaning: ",
        "meaning:",
        "Object contains unknown field `meaning`",
    ),
    Defect(
        files.check,
        "content/sources.yml",
        "  year: 2014",
        "  year: long ago",
        "long ago",
        "Expected `int | null`, got `str`",
    ),
    Defect(
        files.check,
        "content/follow_ups.yml",
        "asks: how_long",
        "asks: how_much",
        "how_much",
        "Invalid enum value 'how_much'",
    ),
    Defect(
        files.check,
        "content/clinics/demo.yml",
        'mon: ["08:00-12:00"',
        'mon: ["8-12"',
        "mon:",
        "Expected `str` matching regex '^\\\\d\\\\d:\\\\d\\\\d-\\\\d\\\\d:\\\\d\\\\d$'",
    ),
]

IN_ANSWERS = [
    Defect(
        answers.check,
        COST,
        "topic: cost",
        "topic: costs",
        "topic:",
        "the topic is costs, the file's name says cost",
    ),
    Defect(
        answers.check, HURT, "boyce-2020", "boyce-2002", "sources:", "content/sources.yml has no boyce-2002"
    ),
    Defect(
        answers.check,
        HURT,
        "sources: [accesshealth-article, forever-fit-article, boyce-2020, brady-2014]",
        "sources: []",
        "sources:",
        "an answer about health needs a source",
    ),
    Defect(
        answers.check,
        HURT,
        "related: [side_effects",
        "related: [side_affects",
        "related:",
        "no answer has the topic side_affects",
    ),
    Defect(
        answers.check,
        HURT,
        "related: [side_effects",
        "related: [does_it_hurt",
        "related:",
        "an answer is not related to itself",
    ),
    Defect(
        answers.check,
        HURT,
        "review_by: 2027-11-01",
        "review_by: 2026-03-01",
        "review_by:",
        "someone should have read this again by 2026-03-01",
    ),
    Defect(
        answers.check,
        HURT,
        "title: Does it hurt?",
        "title: What does it cost?",
        "title:",
        "cost has this title too: two buttons would look the same",
    ),
    Defect(
        answers.check,
        HURT,
        "To ask if the skin",
        "{kontact} To ask if the skin",
        "more:",
        "{kontact} stands for nothing",
    ),
    Defect(
        answers.check,
        HURT,
        "To ask if the skin",
        "{fear} To ask if the skin",
        "more:",
        "{fear} is not under `clinic:`, so there is nothing to say where it is not set",
    ),
    Defect(
        answers.check,
        HURT,
        "To ask if the skin",
        "{ contact } To ask if the skin",
        "more:",
        "{ contact } would be shown as it is: a placeholder is small letters in braces",
    ),
    Defect(
        answers.check,
        HURT,
        "title: Does it hurt?",
        'title: "Does {clinic} hurt?"',
        "title:",
        "{clinic} stands for nothing here",
    ),
    Defect(answers.check, COST, "    {packages}\n", "", "packages:", "no text of this answer has {packages}"),
    Defect(
        answers.check,
        COST,
        "sms: I do not know how you can pay.",
        'sms: "{price}"',
        'sms: "{price}"',
        "{price} stands for nothing here",
    ),
]

IN_PHRASES = [
    Defect(
        phrases.check,
        TALK,
        "conversation.thanks: {en: ",
        "conversation.thank: {en: ",
        "# yaml",
        "conversation.thanks is missing: action_converse says it",
    ),
    Defect(
        phrases.check,
        TALK,
        "{topic: does_it_hurt}",
        "{topic: does_it_ache}",
        "does_it_ache",
        "no answer has the topic does_it_ache",
    ),
    Defect(
        phrases.check,
        TALK,
        "{act: book_appointment",
        "{act: book_apointment",
        "book_apointment",
        "there is no act book_apointment",
    ),
    Defect(
        phrases.check,
        TALK,
        "label: {en: Ask for a visit}",
        "label: {}",
        "{act: book_appointment, label: {}}",
        "a choice without a topic needs a label",
    ),
    Defect(
        phrases.check,
        TALK,
        "conversation.yes: {en: ",
        "talk.yes: {en: ",
        "talk.yes",
        "talk.yes belongs in a file of its own area: talk.yml",
    ),
    Defect(
        phrases.check,
        "content/phrases/booking.yml",
        "Which office would you like?",
        "Which office, {name}?",
        "{name}",
        "no code gives {name} to this phrase",
    ),
    Defect(
        phrases.check,
        "content/phrases/booking.yml",
        "Office: {value}",
        "Office: { value }",
        "{ value }",
        "{ value } would be shown as it is: a placeholder is small letters in braces",
    ),
    Defect(
        phrases.check,
        "content/phrases/safety.yml",
        "kind: urgent",
        "kind: urgent\n  choices: [{topic: side_effects}]",
        "choices: [{topic",
        "an urgent message offers no questions to read on",
    ),
    Defect(
        phrases.check,
        "content/phrases/screening.yml",
        "conditions: [bleeding_now]",
        "conditions: [bleeding]",
        "[bleeding]",
        "content/screening.yml has no condition bleeding",
    ),
    Defect(
        phrases.check,
        "content/screening.yml",
        "tell: screening.tell.aspirin",
        "tell: screening.tell.asprin",
        "asprin",
        "content/phrases has no screening.tell.asprin",
    ),
    Defect(
        phrases.check,
        "content/safety/red_flags.yml",
        "phrase: safety.crisis_now",
        "phrase: safety.crisis_soon",
        "crisis_soon",
        "content/phrases has no safety.crisis_soon",
    ),
    Defect(
        phrases.check,
        "actions/questions.py",
        '"conversation.choice_over"',
        '"conversation.choice_under"',
        "choice_under",
        "content/phrases has no conversation.choice_under",
    ),
    Defect(
        phrases.check,
        "actions/booking.py",
        'f"booking.bad_{slot}"',
        'f"booking.wrong_{slot}"',
        "booking.wrong_",
        "content/phrases has nothing that begins with booking.wrong_",
    ),
    Defect(
        phrases.check,
        "content/screening.yml",
        "outcome: CALL",
        "outcome: PERHAPS",
        "PERHAPS",
        "outcome: 'PERHAPS' is none of BOOK, TELL, CALL, NOW",
    ),
]

IN_CLINICS = [
    Defect(
        clinics.check,
        DEMO,
        "clinic: demo",
        "clinic: demonstration",
        "clinic:",
        "the clinic is demonstration, the file's name says demo",
    ),
    Defect(
        clinics.check,
        DEMO,
        "timezone: America/New_York",
        "timezone: America/New_Yorck",
        "timezone:",
        "there is no timezone America/New_Yorck",
    ),
    Defect(
        clinics.check,
        DEMO,
        "  price:\n",
        "  prize:\n",
        "  prize:",
        "prize is no setting: docs/content-guide.md lists them",
    ),
    Defect(
        clinics.check,
        DEMO,
        'phone: "+12025550140"',
        'phone: "202 555 0140"',
        "202 555",
        '202 555 0140 is no phone number: write it as "+12025550140"',
    ),
    Defect(
        clinics.check,
        DEMO,
        'sat: ["09:00-12:00"]',
        'sat: ["12:00-09:00"]',
        "sat:",
        "times must follow one another, from 00:00 to 24:00",
    ),
    Defect(
        clinics.check,
        DEMO,
        "id: oak-park",
        "id: mill-street",
        "id: mill-street",
        "mill-street is the id of two entries",
    ),
    Defect(
        clinics.check,
        DEMO,
        "We sell no packages.",
        "We sell no {packages}.",
        "{packages}",
        "{packages} stands for nothing here",
    ),
    Defect(
        clinics.check,
        DEMO,
        "screening_policy: {}",
        "screening_policy: {pregnant: BOOK}",
        "screening_policy",
        "screening policy: pregnant is CALL (C20); a clinic may not choose BOOK",
    ),
]

IN_WORDING = [
    Defect(
        wording.check_claims,
        HURT,
        "It can hurt, but",
        "This treatment heals your foot. It can hurt, but",
        "heals your",
        '"heals" promises too much (That needles heal the tissue is a theory, not a finding): may help ease',
    ),
    Defect(
        wording.check_claims,
        TALK,
        "I am glad that helped.",
        "It is a miracle.",
        "miracle",
        '"miracle" promises too much (It is advertising, not an answer): say the fact, or leave it out',
    ),
    Defect(
        wording.check_claims,
        DEMO,
        "We use plain needles. We",
        "We use the best needles. We",
        "the best",
        '"best" promises too much (It ranks a treatment or a clinic without a comparison): often, or leave it out',
    ),
    Defect(
        wording.check_claims,
        HURT,
        "en:\n",
        "allow: [{phrase: the calf, reason: it is a place}]\nen:\n",
        "allow:",
        "allows what no rule forbids here: take it out",
    ),
    Defect(
        wording.check_claims,
        "content/claims.yml",
        "source: ftc-health-claims",
        "source: hearsay",
        "hearsay",
        "content/sources.yml has no hearsay",
    ),
    Defect(
        wording.check_claims,
        "content/claims.yml",
        '"\\\\btoxins?',
        '"(\\\\btoxins?',
        "toxins",
        "not a regular expression: missing ), unterminated subpattern at position 0",
    ),
    Defect(
        wording.check_filled_in,
        HURT,
        "You can ask to stop at any time.",
        "FILL-IN",
        "FILL-IN",
        "write what FILL-IN stands for",
    ),
]

IN_ROWS = [
    Defect(
        rows.check_facts,
        "content/facts.yml",
        "S7: {topic: does_it_work}",
        "S7: {}",
        "S7:",
        "a fact has a topic, or a reason why it is left out",
    ),
    Defect(
        rows.check_facts,
        "content/facts.yml",
        "S7: ",
        "S777: {topic: cost}\nS7: ",
        "S777:",
        "S777 is no fact of the two articles",
    ),
    Defect(
        rows.check_facts,
        "content/facts.yml",
        "S7: {topic: does_it_work}",
        "S7: {topic: does_it_help}",
        "S7:",
        "no answer has the topic does_it_help",
    ),
    Defect(
        rows.check_facts,
        "content/facts.yml",
        "clinic: forever-fit",
        "clinic: forever",
        "S13:",
        "content/clinics has no forever",
    ),
    Defect(
        rows.check_facts,
        "content/facts.yml",
        'left_out: "an opinion that steroid shots hurt"',
        'left_out: ""',
        "S112:",
        "say why it is left out",
    ),
    Defect(
        rows.check_commands,
        "content/commands.yml",
        "deny: [n,",
        "deny: [n, N,",
        "deny:",
        '"N" stands here twice',
    ),
    Defect(
        rows.check_follow_ups,
        "content/follow_ups.yml",
        "'(?:for )?how many",
        "'(?:for how many",
        "(?:for how many",
        "not a regular expression: missing ), unterminated subpattern at position 0",
    ),
    Defect(
        rows.check_follow_ups,
        "content/follow_ups.yml",
        "cost: session_what_to_expect",
        "cost: sessions",
        "elsewhere:",
        "no answer has the topic sessions",
    ),
]

IN_DOMAIN = [
    Defect(
        domain.check,
        "domain.yml",
        "  - action_decline\n",
        "  - action_decline\n  - action_sing\n",
        "action_sing",
        "no class in actions/ has the name action_sing",
    ),
    Defect(
        domain.check,
        "actions/questions.py",
        'return "action_choose"',
        'return "action_chose"',
        "class ActionChoose",
        "domain.yml does not list the action action_chose",
    ),
    Defect(
        domain.check,
        "actions/facts.py",
        'SlotSet("facts"',
        'SlotSet("fact"',
        '"fact"',
        "domain.yml has no slot fact",
    ),
    Defect(
        domain.check,
        "domain.yml",
        "required_slots: [card_now, card_call, card_tell]",
        "required_slots: [card_now, card_call, card_tell]\n    booking: true",
        "booking: true",
        "a form has no key booking: is it indented too far?",
    ),
    Defect(
        domain.check,
        "domain.yml",
        "required_slots: [card_now,",
        "required_slots: [card_new, card_now,",
        "required_slots:",
        "there is no slot card_new",
    ),
    Defect(
        domain.check,
        "domain.yml",
        "actions:\n",
        "responses:\n  utter_hi: [{text: Hi}]\nactions:\n",
        "responses:",
        "what we say stands in content/, not here",
    ),
    Defect(
        parity.check,
        "domain.yml",
        "  - cost\n",
        "  - cost\n  - costs\n",
        "- costs",
        "costs is no topic and no act in needlewise/nlu/taxonomy.py",
    ),
    Defect(
        parity.check,
        "data/stories/questions.yml",
        "- intent: cost\n",
        "- intent: cost\n          - intent: costs\n",
        "- or",
        "domain.yml has no intent costs",
    ),
    Defect(
        parity.check,
        "data/stories/questions.yml",
        "action: action_decline",
        "action: action_refuse",
        "action_refuse",
        "domain.yml has no action action_refuse",
    ),
    Defect(
        parity.check,
        "data/nlu/practice.yml",
        "- intent: cost\n",
        "- intent: costs\n  examples: |\n    - how much\n- intent: cost\n",
        "- intent: costs",
        "costs is no topic and no act in needlewise/nlu/taxonomy.py",
    ),
]


@pytest.mark.parametrize(
    "defect",
    MALFORMED + IN_ANSWERS + IN_PHRASES + IN_CLINICS + IN_WORDING + IN_ROWS + IN_DOMAIN,
    ids=lambda defect: f"{Path(defect.path).stem}: {defect.message[:60]}",
)
def test_a_defect_is_found_once_where_it_stands(project: Project, defect: Defect) -> None:
    project.edit(defect.path, defect.old, defect.new)
    found = in_file(defect.path, project.findings(defect.rule))
    assert [finding.message for finding in found] == [defect.message]
    assert defect.at in project.read(defect.path).splitlines()[found[0].line - 1]


def test_a_malformed_file_hides_nothing_else(project: Project) -> None:
    project.edit(COST, "version: 1", "version: one")
    project.edit(HURT, "related: [side_effects", "related: [side_affects")
    found = project.findings(answers.check, parity.check)
    assert [(str(finding.path), finding.message) for finding in found] == [
        (HURT, "no answer has the topic side_affects"),
        (COST, "Expected `int`, got `str`"),
    ]


def test_phrases_of_an_unreadable_file_are_not_missed_elsewhere(project: Project) -> None:
    project.write("content/phrases/handoff.yml", "handoff.route: [")
    found = [finding for finding in project.findings(phrases.check) if "handoff" in str(finding)]
    assert [str(finding.path) for finding in found] == ["content/phrases/handoff.yml"]


@pytest.mark.parametrize(
    ("edited", "old", "new", "message"),
    [
        ("domain.yml", "  - cost\n", "", "cost is not among the intents of domain.yml"),
        (
            "data/stories/questions.yml",
            "          - intent: cost\n",
            "",
            "cost begins no rule in data/stories",
        ),
        ("domain.yml", "  - thanks\n", "", "thanks is not among the intents of domain.yml"),
    ],
)
def test_an_id_must_be_everywhere(project: Project, edited: str, old: str, new: str, message: str) -> None:
    project.edit(edited, old, new)
    found = in_file("needlewise/nlu/taxonomy.py", project.findings(parity.check))
    assert [finding.message for finding in found] == [message]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("data/nlu/practice.yml", "cost has no examples in data/nlu"),
        ("tests/nlu/test_topics.yml", "cost has no examples in tests/nlu"),
    ],
)
def test_a_topic_needs_examples_and_test_questions(project: Project, path: str, message: str) -> None:
    before, _, rest = project.read(path).partition("- intent: cost\n")
    _, mark, after = rest.partition("- intent: ")
    project.write(path, f"{before}{mark}{after}")
    assert [finding.message for finding in project.findings(parity.check)] == [message]


def test_an_answer_must_be_a_topic_of_the_taxonomy(project: Project) -> None:
    project.edit("needlewise/nlu/taxonomy.py", '    "cost",\n', "")
    found = in_file(COST, project.findings(parity.check))
    assert [finding.message for finding in found] == [
        "cost is not among TOPICS in needlewise/nlu/taxonomy.py"
    ]


def test_a_topic_needs_an_answer(project: Project) -> None:
    (project.root / COST).unlink()
    found = project.findings(parity.check)
    assert [finding.message for finding in found] == ["cost has no answer in content/answers"]


def test_an_installation_without_tests_is_not_asked_for_them(project: Project) -> None:
    shutil.rmtree(project.root / "tests")
    assert project.findings(parity.check) == []


def test_a_fact_may_not_get_lost(project: Project) -> None:
    project.edit("content/facts.yml", "S7: {topic: does_it_work}", "# ")
    found = project.findings(rows.check_facts)
    assert [finding.message for finding in found] == [
        "S7 is missing: say which topic tells it, or why none does"
    ]


def test_a_file_that_nobody_reads_is_found(project: Project) -> None:
    project.write("content/answers/cost.yaml", "topic: cost\n")
    assert [str(finding) for finding in project.findings(files.check)] == [
        "content/answers/cost.yaml:1: nothing reads this file: is its name or its folder wrong?"
    ]


def test_a_schema_out_of_date_is_found(project: Project) -> None:
    project.edit("content/schema/answer.schema.json", '"version"', '"edition"')
    assert [str(finding) for finding in project.findings(files.check)] == [
        "content/schema/answer.schema.json:1: out of date: run `needlewise content schema`"
    ]


def test_an_allowed_phrase_is_no_claim(project: Project) -> None:
    project.edit(HURT, "It can hurt, but", "It is not a miracle. It can hurt, but")
    project.edit(HURT, "en:\n", "allow: [{phrase: not a miracle, reason: it says the opposite}]\nen:\n")
    assert in_file(HURT, project.findings(wording.check_claims)) == []


HARD = (
    "Individuals experiencing persistent discomfort should immediately discontinue unnecessary weight-bearing "
    "activities and subsequently undergo professional biomechanical evaluation."
)


@pytest.mark.parametrize(
    ("path", "old", "at"),
    [
        (HURT, "You can ask to stop at any time.", "web:"),
        (TALK, "Take care. You can come back with a question at any time.", "conversation.goodbye"),
        (
            DEMO,
            "We do not sell packages. You pay for one visit at a time, so you can stop when you like.",
            "web:",
        ),
    ],
)
def test_hard_words_are_found(project: Project, path: str, old: str, at: str) -> None:
    project.edit(path, old, HARD)
    found = in_file(path, project.findings(wording.check_grade))
    assert [finding.message.split(",")[0].split(" grade ")[0] for finding in found] == ["reads at"]
    assert at in project.read(path).splitlines()[found[0].line - 1]


def test_explained_words_are_easy_words(project: Project) -> None:
    text = "A chiropractor or an acupuncturist can talk with you about physical therapy and acupuncture."
    project.edit(TALK, "Take care. You can come back with a question at any time.", text)
    assert in_file(TALK, project.findings(wording.check_grade)) == []
    project.write("content/glossary.yml", "[]\n")
    found = in_file(TALK, project.findings(wording.check_grade))
    assert any("conversation.goodbye" in project.read(TALK).splitlines()[one.line - 1] for one in found)


def test_a_text_message_of_three_parts_is_found(project: Project) -> None:
    project.edit(HURT, "  sms: It can hurt", f"  sms: {'It may ache. ' * 10}It can hurt")
    [found] = in_file(HURT, project.findings(sms.check))
    assert found.message.startswith("a text message of 3 parts for ")
    assert project.read(HURT).splitlines()[found.line - 1].startswith("  sms:")


def test_a_setting_that_makes_a_text_message_too_long_is_found(project: Project) -> None:
    project.edit(DEMO, "sms: We sell no packages.", "sms: We sell no packages.")
    project.edit(DEMO, "A first visit is $120, a later one $85.", "A first visit is $120. " * 12)
    [found] = in_file(COST, project.findings(sms.check))
    assert found.message.startswith("a text message of 3 parts for demo (")


def test_a_dash_makes_the_limit_of_a_text_message_shorter(project: Project) -> None:
    project.edit(
        HURT, "You can ask to stop at any time.\n  follow_ups", "Ask to stop – at any time.\n  follow_ups"
    )
    [found] = in_file(HURT, project.findings(sms.check))
    assert "UCS-2" in found.message


def _profile(project: Project) -> dict[str, Any]:
    profile: dict[str, Any] = yaml.safe_load(project.read(DEMO))
    return profile | {"fictional": False}


def _production(project: Project, profile: dict[str, Any]) -> list[str]:
    project.write(DEMO, yaml.safe_dump(profile, sort_keys=False))
    found = project.findings(lambda tree: clinics.check_production(tree, "demo"))
    assert {finding.path for finding in found} <= {Path(DEMO)}
    return [finding.message for finding in found]


def test_a_whole_profile_is_ready_for_patients(project: Project) -> None:
    assert _production(project, _profile(project)) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fictional": True}, "a made-up clinic, with numbers that reach no one"),
        (
            {"contact": {"email": "hello@riverbend.example.com"}},
            "patients need a phone number or a request form to reach the clinic",
        ),
        ({"hours": None}, "the opening hours are not set"),
        ({"locations": [{"id": "mill", "name": "Mill", "needling": "yes"}]}, "no location has an address"),
        ({"locations": []}, "no location has an address"),
        (
            {"booking": {"way": "email", "visit_kinds": [], "reply_business_days": 1}},
            "requests go by email, but to no address",
        ),
        (
            {"booking": {"way": "inbox", "visit_kinds": []}},
            "patients are not told how soon a request is answered: reply_business_days",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_gap_in_a_profile_stops_production(project: Project, changes: dict[str, Any], message: str) -> None:
    assert _production(project, _profile(project) | changes) == [message]


@pytest.mark.parametrize(
    ("booking", "message"),
    [
        ({"way": "link"}, "patients are sent to the clinic's scheduler, but to no address: link"),
        ({"way": "webhook"}, "requests are posted, but to no address: webhook"),
        (
            {"way": "inbox", "webhook": "http://ehr.example.org"},
            "a webhook's address begins with https://, and holds no name or password",
        ),
        (
            {"way": "webhook", "webhook": "https://user:pass@ehr.example.org"},
            "a webhook's address begins with https://, and holds no name or password",
        ),
        ({"way": "inbox", "digest_at": "08:00"}, "the digest goes to no mailbox: notify"),
    ],
    ids=str,
)
def test_a_way_to_the_clinic_leads_somewhere(project: Project, booking: dict[str, str], message: str) -> None:
    profile = _profile(project) | {"booking": {"visit_kinds": [], **booking}}
    project.write(DEMO, yaml.safe_dump(profile, sort_keys=False))
    assert [finding.message for finding in project.findings(clinics.check)] == [message]


@pytest.mark.parametrize(
    "link",
    [
        "http://book.example.org",
        "https://user:pass@book.example.org",
        "https://book.example.org/a b",
        "https://book.example.org/(x)",
        "https://book.example.org/{name}",
        "javascript:alert(1)",
    ],
)
def test_a_scheduler_is_named_by_an_address_that_can_stand_in_a_text(link: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="link"):
        msgspec.convert({"way": "link", "visit_kinds": [], "link": link}, Booking)


@pytest.mark.parametrize("setting", ["price", "insurance", "who", "aftercare"])
def test_a_setting_that_patients_ask_for_is_needed_in_production(project: Project, setting: str) -> None:
    profile = _profile(project)
    del profile["settings"][setting]
    assert _production(project, profile) == [f"the setting {setting} is not set, and patients ask for it"]


@pytest.mark.parametrize(
    "contact", [{"phone": "+12025550140"}, {"request_form": "https://example.com/visit"}]
)
def test_either_a_phone_or_a_form_will_do(project: Project, contact: dict[str, str]) -> None:
    assert _production(project, _profile(project) | {"contact": contact}) == []


def test_production_looks_at_one_clinic_or_at_all(project: Project) -> None:
    one = {line.partition(":")[0] for line in project.check(production=True, clinic="demo")}
    every = {line.partition(":")[0] for line in project.check(production=True)}
    assert DEMO in one
    assert every - one == {"content/clinics/accesshealth.yml", "content/clinics/forever-fit.yml"}


def test_without_production_gaps_are_no_findings(project: Project) -> None:
    assert in_file(DEMO, project.findings(*RULES)) == []


def test_a_clinic_without_a_profile_is_an_error_of_the_caller(project: Project) -> None:
    with pytest.raises(ContentError, match="no clinic 'nowhere': content/clinics has accesshealth, demo"):
        project.check(production=True, clinic="nowhere")


def test_findings_come_by_file_and_line(project: Project) -> None:
    project.edit(HURT, "related: [side_effects", "related: [side_affects")
    project.edit(HURT, "topic: does_it_hurt", "topic: hurts")
    project.edit(COST, "related: [insurance", "related: [plans")
    assert [line for line in project.check() if line.startswith((HURT, COST))] == [
        f"{COST}:7: no answer has the topic plans",
        f"{HURT}:3: the topic is hurts, the file's name says does_it_hurt",
        f"{HURT}:7: no answer has the topic side_affects",
    ]


def test_the_guide_lists_every_setting(root: Path) -> None:
    guide = (root / "docs" / "content-guide.md").read_text(encoding="utf-8")
    listed = guide.partition("### Settings an answer may use")[2].partition("\n#")[0]
    assert set(re.findall(r"`([a-z_]+)`", listed)) == set(ALL_SETTINGS)
