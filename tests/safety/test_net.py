"""The net that was learned from sentences: what it hears beyond the rules, what it leaves in peace, and when it is made anew."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from needlewise import wiring
from needlewise.dialogue.training import ensure_model, is_trained, model_path, net_path
from needlewise.dialogue.turn import Turns
from needlewise.errors import ContentError, NeedlewiseError
from needlewise.language.reading import read
from needlewise.safety import net as net_module
from needlewise.safety.net import Lesson, SafetyNet, learn, load_net, read_lesson, save
from needlewise.safety.triage import CALM, Decision, Level, Triage, load_rules
from needlewise.settings import Settings
from needlewise.text.normalise import normalise
from needlewise.wiring import Services
from tests.support.talk import Talk, words

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RULES = load_rules(ROOT / "content" / "safety" / "red_flags.yml")
TRIAGE = Triage(RULES)
BY_ID = {rule.id: rule for rule in RULES.rules}

LESSON = Lesson(
    signs={
        "R01.chest-pain": ["an anvil sits on my breastbone", "my ribs are being squeezed in a vice"],
        "R16.clot": ["one calf is fat and hot since the flight", "my lower leg doubled overnight"],
    },
    calm={"figurative": ["the price squeezed my wallet"], "booking": ["can i come on friday"]},
    talk=["how much is it", "does it hurt", "where are you", "who does it"],
)

# Told without a word that a rule knows.
ONLY_THE_NET = [
    ("like a belt round my ribs pulled tighter each minute and my jaw aches", Level.EMERGENCY, "R01"),
    ("my grandson got into the cupboard and swallowed half my heart tablets", Level.POISON, "R25"),
    ("i told my kids where the will is and kissed them extra long", Level.CRISIS, "R22"),
    (
        "he locks the door and nobody may see what he did to my face",
        Level.VIOLENCE,
        "R24",
    ),
    ("something metal is still poking out of my leg where you treated it", Level.URGENT, "R11"),
]

ORDINARY = [
    "stabbing pain first thing in the morning",
    "my heel is killing me",
    "by the end of a shift my feet are on fire",
    "i hobble to the bathroom and then it eases off",
    "this foot will be the end of me, what shoes help",
    "how sore will i be the day after",
    "i have a pacemaker and i take eliquis",
    "my mother had a stroke ten years ago",
]


@pytest.fixture(scope="module")
def net(turns: Turns) -> SafetyNet:
    """The net that patients get."""
    return wiring.services().safety_net


@pytest.fixture
def talk(turns: Turns, services: Services) -> Callable[..., Talk]:
    return lambda **given: Talk(turns, **given)


@pytest.fixture
def project(settings: Settings, tmp_path: Path) -> Settings:
    """A copy of what training reads, with no model yet."""
    root = tmp_path / "project"
    for folder in ("data", "needlewise"):
        shutil.copytree(
            ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__", "*.onnx", "page")
        )
    for file in ("config.yml", "domain.yml", "uv.lock"):
        shutil.copy(ROOT / file, root / file)
    return replace(settings, root=root, var=tmp_path / "var")


def heard(net: SafetyNet, text: str) -> Decision:
    return net.assess(read(normalise(text)))


# -- what it hears -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "level", "group"), ONLY_THE_NET)
def test_it_hears_what_no_rule_foresaw_and_says_whose_sign_it_is(
    net: SafetyNet, text: str, level: Level, group: str
) -> None:
    assert TRIAGE.assess(text) == CALM
    decision = heard(net, text)
    rule = BY_ID[str(decision.rule).removeprefix("NET.")]
    assert (decision.level, rule.group) == (level, group)
    assert decision == Decision(rule.level, f"NET.{rule.id}", rule.phrase, True)


@pytest.mark.parametrize("text", ORDINARY)
def test_it_leaves_ordinary_talk_in_peace(net: SafetyNet, text: str) -> None:
    assert heard(net, text) == CALM


def test_it_finds_the_sign_in_a_long_message_about_something_else(net: SafetyNet) -> None:
    text = (
        "Hi, I was there on Monday for my heel and the lady was lovely. I wanted to know about parking for next week. "
        "Since lunch one side of my mouth hangs down and the coffee runs out. Also do you take Aetna and can I pay by card?"
    )
    decision = heard(net, text)
    assert (decision.level, decision.rule) == (Level.EMERGENCY, "NET.R03.stroke")


def test_with_the_rules_it_catches_most_signs_of_the_validation_lines(net: SafetyNet) -> None:
    lines = yaml.safe_load((HERE / "validation.yml").read_text(encoding="utf-8"))
    flags, near, ordinary = (lines[name] for name in ("must_fire", "must_not_fire", "ordinary"))

    def fires(line: dict[str, str]) -> bool:
        return TRIAGE.assess(line["text"]).level is not None or heard(net, line["text"]) != CALM

    assert sum(map(fires, flags)) / len(flags) >= 0.94
    assert sum(heard(net, line["text"]) != CALM for line in near) / len(near) <= 0.03
    assert not [line["text"] for line in ordinary if fires(line)]


# -- what it is made of ------------------------------------------------------------------------------------------------


def test_it_holds_plain_arrays_and_is_the_same_each_time(tmp_path: Path) -> None:
    first, second = learn(LESSON), learn(LESSON)
    save(first, tmp_path / "a.net.npz")
    with np.load(tmp_path / "a.net.npz", allow_pickle=False) as stored:
        assert set(stored.files) == set(first)
        for name in stored.files:
            assert np.array_equal(stored[name], second[name])
    assert [path.name for path in tmp_path.iterdir()] == ["a.net.npz"]


def test_what_was_learned_is_heard_again_after_loading(tmp_path: Path) -> None:
    save(learn(LESSON), tmp_path / "a.net.npz")
    loaded = load_net(tmp_path / "a.net.npz", RULES)
    assert heard(loaded, "my ribs are being squeezed in a vice").rule == "NET.R01.chest-pain"
    assert heard(loaded, "my lower leg doubled overnight").rule == "NET.R16.clot"
    assert heard(loaded, "can i come on friday") == CALM


def test_a_message_without_words_is_calm() -> None:
    assert heard(SafetyNet(learn(LESSON), RULES), "👍") == CALM


@pytest.mark.parametrize("rule", ["R99.unknown", "R19.nerve-signs", "R22.ask-safe"])
def test_signs_of_no_rule_above_doctor_are_refused(rule: str) -> None:
    arrays = dict(learn(LESSON))
    arrays["rules"] = np.array([rule, "R16.clot"])
    with pytest.raises(ContentError, match=rule):
        SafetyNet(arrays, RULES)


def test_every_list_of_signs_belongs_to_a_rule_and_every_rule_above_doctor_has_one() -> None:
    lesson = read_lesson(ROOT / "data" / "safety", [])
    above = {rule.id for rule in RULES.rules if rule.level not in (Level.DOCTOR, Level.ASK)}
    assert set(lesson.signs) == above


def test_no_sentence_is_learned_both_as_a_sign_and_as_calm() -> None:
    lesson = read_lesson(ROOT / "data" / "safety", [])
    signs, calm = (
        {normalise(text).casefold() for texts in lists.values() for text in texts}
        for lists in (lesson.signs, lesson.calm)
    )
    assert signs & calm == set()


@pytest.mark.parametrize("written", ["", "R16.clot:\n", "R16.clot:\n  - 5\n", "- a\n"])
def test_a_malformed_list_is_named_by_file_and_line(tmp_path: Path, written: str) -> None:
    (tmp_path / "signs.yml").write_text(written, encoding="utf-8")
    with pytest.raises(ContentError, match=r"signs\.yml:1:"):
        read_lesson(tmp_path, [])


# -- when it is made ---------------------------------------------------------------------------------------------------


@pytest.fixture
def learned(monkeypatch: pytest.MonkeyPatch) -> list[Lesson]:
    """The lessons that were learned, each in no time."""
    lessons: list[Lesson] = []
    arrays = learn(LESSON)

    def at_once(lesson: Lesson) -> net_module.Arrays:
        lessons.append(lesson)
        return arrays

    monkeypatch.setattr(net_module, "learn", at_once)
    return lessons


def with_a_model(project: Settings) -> None:
    project.models.mkdir(parents=True, exist_ok=True)
    model_path(project).touch()


def test_a_missing_net_is_made_beside_the_model_that_is_there(
    project: Settings, learned: list[Lesson]
) -> None:
    with_a_model(project)
    assert not is_trained(project)
    assert ensure_model(project) == model_path(project)
    assert net_path(project).exists()
    assert is_trained(project)
    assert len(learned) == 1


def test_it_is_made_once(project: Settings, learned: list[Lesson]) -> None:
    with_a_model(project)
    ensure_model(project)
    ensure_model(project)
    assert len(learned) == 1


def test_a_new_sign_makes_a_new_net_and_leaves_the_model(project: Settings, learned: list[Lesson]) -> None:
    with_a_model(project)
    ensure_model(project)
    model, old = model_path(project), net_path(project)
    with (project.root / "data" / "safety" / "signs.yml").open("a", encoding="utf-8") as file:
        file.write("  - my tongue does not fit my mouth\n")
    ensure_model(project)
    assert model_path(project) == model
    assert net_path(project) != old
    assert [list(lesson.signs.values())[-1][-1] for lesson in learned][1] == "my tongue does not fit my mouth"


@pytest.mark.parametrize("file", ["domain.yml", "config.yml", "data/stories/questions.yml"])
def test_what_the_net_is_not_made_from_leaves_it(project: Settings, file: str) -> None:
    before = net_path(project)
    with (project.root / file).open("a", encoding="utf-8") as changed:
        changed.write("\n# a word more\n")
    assert net_path(project) == before


@pytest.mark.parametrize("file", ["needlewise/language/minilm/SHA256SUMS", "needlewise/language/words.tsv"])
def test_another_encoder_or_spelling_makes_both_anew(project: Settings, file: str) -> None:
    before = model_path(project), net_path(project)
    with (project.root / file).open("a", encoding="utf-8") as changed:
        changed.write("\n")
    assert model_path(project) != before[0]
    assert net_path(project) != before[1]


def test_old_nets_are_cleaned_up(project: Settings, learned: list[Lesson]) -> None:
    with_a_model(project)
    calm = project.root / "data" / "safety" / "calm.yml"
    for number in range(5):
        with calm.open("a", encoding="utf-8") as file:
            file.write(f"  - a calm word number {number}\n")
        ensure_model(project)
    assert len(list(project.models.glob("*.net.npz"))) == 3
    assert net_path(project).exists()


def test_without_a_net_the_way_out_is_named(tmp_path: Path) -> None:
    with pytest.raises(NeedlewiseError, match="needlewise train"):
        load_net(tmp_path / "none.net.npz", RULES)


# -- in a turn -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "level", "group"), ONLY_THE_NET)
async def test_the_urgent_words_come_first_and_alone(
    talk: Callable[..., Talk], text: str, level: Level, group: str
) -> None:
    after = await talk().says(text)
    assert [message["text"] for message in after.messages][1:] == [words("safety.when_safe")]
    assert after.messages[0]["kind"] in ("urgent", "crisis")
    assert after.topics == []
    assert after.turn is not None
    assert after.turn.verdict.level == level
    assert str(after.turn.verdict.rule).startswith(f"NET.{group}")


async def test_in_a_form_too_and_the_form_waits(talk: Callable[..., Talk]) -> None:
    form = await talk().says("i would like to book a visit")
    asking = form.asking
    assert asking is not None
    after = await form.says(ONLY_THE_NET[0][0])
    assert after.messages[0]["text"] == words("safety.emergency")
    assert len(after.messages) == 2
    assert after.asking == asking


async def test_a_rule_that_fires_is_the_one_that_is_kept(talk: Callable[..., Talk]) -> None:
    after = await talk().says("i have crushing chest pain")
    assert after.turn is not None
    assert after.turn.verdict.rule == "R01.chest-pain"


@pytest.mark.parametrize("before", [(), ("does it hurt",)])
async def test_a_message_is_parsed_and_encoded_once(
    talk: Callable[..., Talk], monkeypatch: pytest.MonkeyPatch, before: tuple[str, ...]
) -> None:
    after = talk()
    for said in before:
        after = await after.says(said)
    readings: list[str] = []

    def counting(text: str, *, title: str | None = None) -> object:
        readings.append(text)
        return read(text, title=title)

    for module in ("turn", "understanding"):
        monkeypatch.setattr(f"needlewise.dialogue.{module}.read", counting)
    after = await after.says("how much does a session cost")
    assert after.topics == ["cost"]
    assert readings == ["how much does a session cost"]


@pytest.mark.parametrize("said", ["Axel Payne", "202-555-0143"])
async def test_a_name_or_a_number_for_the_form_is_not_taken_for_a_sign(
    talk: Callable[..., Talk], monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(SafetyNet, "assess", lambda self, reading: asked.append(reading.text) or CALM)
    form = await talk().says("i would like to book a visit")
    for _ in range(3):
        await form.taps("None of these")
    await form.taps("Mill Street")
    await form.taps("First visit with an exam")
    assert form.asking == "first_name"
    asked.clear()
    await form.says(said)
    assert asked == []
