"""A newcomer's way to a new topic: create its files, fill in what the checker lists, name the id in three places."""

import re

import pytest

from needlewise.content.checks import answers, parity, wording
from needlewise.content.new_topic import create_topic
from needlewise.errors import NeedlewiseError
from tests.content.conftest import Project, in_file

TOPIC = "driving_home"
ANSWER = f"content/answers/{TOPIC}.yml"


def _create(project: Project) -> list[str]:
    return [str(path.relative_to(project.root)) for path in create_topic(project.root, TOPIC)]


def test_it_creates_the_answer_the_examples_and_the_test_questions(project: Project) -> None:
    assert _create(project) == [ANSWER, "data/nlu/new.yml", "tests/nlu/test_topics.yml"]


def test_what_is_to_be_written_is_found_in_each_file(project: Project) -> None:
    paths = _create(project)
    found = project.findings(wording.check_filled_in)
    assert {str(finding.path) for finding in found} == set(paths)
    assert {finding.message for finding in found} == {"write what FILL-IN stands for"}


def test_where_else_the_id_belongs_is_found(project: Project) -> None:
    _create(project)
    found = project.findings(parity.check)
    assert [finding.message for finding in in_file(ANSWER, found)] == [
        f"{TOPIC} is not among TOPICS in needlewise/nlu/taxonomy.py"
    ]
    assert in_file("data/nlu/new.yml", found)[0].message == (
        f"{TOPIC} is no topic and no act in needlewise/nlu/taxonomy.py"
    )


def test_filled_in_and_named_it_passes_every_check(project: Project) -> None:
    before = project.check()
    _create(project)
    _fill_in(project)
    project.edit("needlewise/nlu/taxonomy.py", '    "aftercare",\n', f'    "aftercare",\n    "{TOPIC}",\n')
    project.edit("domain.yml", "  - aftercare\n", f"  - aftercare\n  - {TOPIC}\n")
    project.edit(
        "data/stories/questions.yml",
        "          - intent: aftercare\n",
        f"          - intent: aftercare\n          - intent: {TOPIC}\n",
    )
    assert project.check() == before


def _fill_in(project: Project) -> None:
    project.edit(ANSWER, "sources: [FILL-IN]", "sources: [align-pt-faq]")
    project.edit(ANSWER, "related: [FILL-IN]", "related: [aftercare]")
    project.edit(ANSWER, '"FILL-IN: 4 to 40 letters"', "Can I drive home?")
    project.edit(
        ANSWER,
        "FILL-IN: answer first, in two to four short sentences.",
        "Most people can. Wait if you feel faint.",
    )
    project.edit(
        ANSWER, "FILL-IN: the next two to six sentences, or take `more` out.", "Ask someone to come with you."
    )
    project.edit(
        ANSWER, "FILL-IN: plain text of at most 306 letters.", "Most people can. Wait if you feel faint."
    )
    project.edit(ANSWER, "FILL-IN: what belongs here, in a few words.", "going home by car.")
    for path, words in (
        ("data/nlu/new.yml", "can i drive"),
        ("tests/nlu/test_topics.yml", "is it ok to drive"),
    ):
        project.write(path, re.sub(r"FILL-IN (\d+): .*", rf"{words} \1", project.read(path)))


def test_two_new_topics_stand_side_by_side(project: Project) -> None:
    create_topic(project.root, "driving_home")
    create_topic(project.root, "needle_brand")
    assert re.findall(r"- intent: (\w+)", project.read("data/nlu/new.yml")) == [
        "driving_home",
        "needle_brand",
    ]


def test_its_review_is_due_in_a_year(project: Project) -> None:
    _create(project)
    assert "review_by: 2027-03-02" in project.read(ANSWER)
    assert [
        one.message for one in in_file(ANSWER, project.findings(answers.check)) if "read" in one.message
    ] == []


@pytest.mark.parametrize(
    "topic", ["", "Driving", "driving-home", "driving home", "2nd_visit", "_x", "a" * 41, "../x"]
)
def test_an_id_that_will_not_do_is_refused(project: Project, topic: str) -> None:
    with pytest.raises(NeedlewiseError, match="will not do as a topic's id"):
        create_topic(project.root, topic)


@pytest.mark.parametrize(
    ("topic", "message"),
    [
        ("cost", "there is a topic cost already: content/answers/cost.yml"),
        ("greet", "greet is taken: data/nlu/acts.yml has examples of it"),
    ],
)
def test_an_id_that_is_taken_is_refused(project: Project, topic: str, message: str) -> None:
    with pytest.raises(NeedlewiseError, match=message):
        create_topic(project.root, topic)
    assert not (project.root / "data" / "nlu" / "new.yml").exists()
