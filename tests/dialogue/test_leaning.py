"""Short messages that mean nothing alone: words that steer, and questions that lean on the last answer."""

import pytest

from needlewise.dialogue.leaning import FollowUp, Lean, Leaning, correction, without_lean
from needlewise.wiring import Services


@pytest.fixture(scope="module")
def leaning(desk: Services) -> Leaning:
    return desk.leaning


@pytest.mark.parametrize(
    ("said", "command"),
    [
        ("yes", "affirm"),
        ("Yes!", "affirm"),
        ("  YES please. ", "affirm"),
        ("yup", "affirm"),
        ("ok", "affirm"),
        ("👍", "affirm"),
        ("sí", "affirm"),
        ("no", "deny"),
        ("Nope.", "deny"),
        ("none of these", "deny"),
        ("👎", "deny"),
        ("idk", "unsure"),
        ("???", "unsure"),
        ("not sure", "unsure"),
        ("🤷", "unsure"),
        ("stop", "stop"),
        ("STOP!!", "stop"),
        ("never mind", "stop"),
        ("don't send it", "stop"),
        ("go back", "back"),
        ("oops", "back"),
        ("why?", "why"),
        ("why do you ask", "why"),
        ("y tho", "why"),
        ("tell me more", "more"),
        ("more pls", None),
        ("skip", "skip"),
        ("i'd rather not say", "skip"),
        ("start over", "start_over"),
        ("/restart", "start_over"),
        ("unsubscribe", "opt_out"),
        ("baja", "opt_out"),
        ("change the name", "change_first_name"),
        ("wrong number", "change_contact"),
        ("different time", "change_times"),
        ("the office", "change_location"),
        ("the kind of visit", "change_visit_kind"),
        ("change something", "change"),
        ("yes i have a pacemaker", None),
        ("no but my knee hurts", None),
        ("stop the pain", None),
        ("why does my heel hurt", None),
        ("", None),
        ("...", None),
    ],
)
def test_a_whole_message_that_steers(leaning: Leaning, said: str, command: str | None) -> None:
    assert leaning.command(said) == command


@pytest.mark.parametrize(
    ("said", "is_opt_out"),
    [
        ("stop", True),
        ("Stop.", True),
        ("STOPALL", True),
        ("unsubscribe", True),
        ("end", True),
        ("quit", True),
        ("cancel", True),
        ("revoke", True),
        ("opt out", True),
        ("opt-out", True),
        ("no más", True),
        ("baja", True),
        ("arret", True),
        ("stop texting me", True),
        ("stop running", False),
        ("can i cancel my visit", False),
        ("in the end", False),
        ("never mind", False),
    ],
)
def test_opt_out_words_are_whole_messages(leaning: Leaning, said: str, is_opt_out: bool) -> None:
    assert leaning.is_opt_out(said) is is_opt_out


@pytest.mark.parametrize(
    ("last", "said", "lean"),
    [
        ("does_it_hurt", "why?", Lean("does_it_hurt", "why")),
        ("does_it_hurt", "but why", Lean("does_it_hurt", "why")),
        ("does_it_hurt", "how come", Lean("does_it_hurt", "why")),
        ("does_it_hurt", "What's the reason?", Lean("does_it_hurt", "why")),
        ("does_it_hurt", "how long?", Lean("does_it_hurt", "how_long")),
        ("does_it_hurt", "for how long", Lean("does_it_hurt", "how_long")),
        ("does_it_hurt", "and how long does that last", Lean("does_it_hurt", "how_long")),
        ("does_it_hurt", "when does it go away?", Lean("does_it_hurt", "how_long")),
        ("does_it_hurt", "days or weeks", Lean("does_it_hurt", "how_long")),
        ("does_it_hurt", "tell me more", Lean("does_it_hurt", "more")),
        ("does_it_hurt", "what do you mean by that?", Lean("does_it_hurt", "more")),
        ("does_it_hurt", "really?", Lean("does_it_hurt", "more")),
        ("does_it_hurt", "like what", Lean("does_it_hurt", "more")),
        # The answer is elsewhere.
        ("heel_spur_or_pf", "how long?", Lean("how_long_does_pf_last", "how_long")),
        ("is_it_acupuncture", "how long does it take", Lean("session_what_to_expect", "how_long")),
    ],
)
def test_a_short_question_leans_on_the_last_answer(
    leaning: Leaning, last: str, said: str, lean: Lean
) -> None:
    assert leaning.follow_up(said, [last]) == lean


@pytest.mark.parametrize(
    ("last", "lean"),
    [
        ("has_it", Lean("has_it", "why")),
        ("other_has_it", Lean("has_it", "why")),
        ("other_has_none", Lean("brief", "web")),
        ("longer", Lean("longer", "more")),
        ("brief", Lean("brief", "web")),
    ],
)
def test_where_the_asked_part_is_found(last: str, lean: Lean) -> None:
    """In the last answer, else in the topic named for it, else the longer answer, else the answer itself."""
    row = FollowUp("why", ["why"], {"other_has_it": "has_it", "other_has_none": "brief"})
    parts = {
        "has_it": frozenset({"web", "more", "why"}),
        "other_has_it": frozenset({"web", "more"}),
        "other_has_none": frozenset({"web", "more"}),
        "longer": frozenset({"web", "more"}),
        "brief": frozenset({"web"}),
    }
    assert Leaning({}, [row], parts).follow_up("Why?", [last]) == lean


@pytest.mark.parametrize(
    "said",
    [
        "why does it hurt so much in the morning",
        "how long does plantar fasciitis last",
        "how many sessions",
        "tell me about insurance",
        "when are you open",
        "more than one needle?",
        "hello",
    ],
)
def test_a_question_of_its_own_does_not_lean(leaning: Leaning, said: str) -> None:
    assert leaning.follow_up(said, ["does_it_hurt"]) is None


def test_nothing_leans_on_nothing(leaning: Leaning) -> None:
    assert leaning.follow_up("why?", []) is None


def test_it_leans_on_the_last_of_several_answers(leaning: Leaning) -> None:
    found = leaning.follow_up("tell me more", ["cost", "does_it_hurt"])
    assert found is not None
    assert found.topic == "does_it_hurt"


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("what about if i'm pregnant?", "i'm pregnant?"),
        ("and what about kids", "kids"),
        ("how about insurance", "insurance"),
        ("and with insurance", "insurance"),
        ("but if i run", "i run"),
        ("what about", "what about"),
        ("does it hurt", "does it hurt"),
    ],
)
def test_the_words_left_when_the_lean_is_taken_away(said: str, left: str) -> None:
    assert without_lean(said) == left


@pytest.mark.parametrize(
    ("said", "command"),
    [
        ("my name is spelled wrong", "change_first_name"),
        ("can you fix the phone number", "change_contact"),
        ("yes but change the day", "change_times"),
        ("i want a different location", "change_location"),
        ("the visit is wrong", "change_visit_kind"),
        ("something is not correct", "change"),
        ("there is a typo", "change"),
        ("that's all correct", None),
        ("looks good", None),
        ("i need to change my appointment", None),
        ("what is the phone number", None),
    ],
)
def test_a_correction_of_the_summary(said: str, command: str | None) -> None:
    assert correction(said) == command
