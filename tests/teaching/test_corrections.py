"""Corrections are kept, replaced and undone, and propose examples where there is something to learn."""

import subprocess
import sys
from typing import Any

import pytest

from needlewise.db.audit import Entry
from needlewise.errors import NeedlewiseError
from needlewise.teaching import examples
from needlewise.teaching.corrections import Recorded, Said, Settled, Verdict, runners_up
from needlewise.teaching.examples import ACCEPTED, PROPOSED, REJECTED, Example, Fault
from needlewise.wiring import Services
from tests.support.stored import raw, rows
from tests.teaching.messages import reply_to, said, wrote

BY = Entry("maria", "message/correct", clinic="demo")
ASKS = "so do i hand you cash at the desk or swipe"
TWO = "so do i hand you cash at the desk, and which bus goes past your door"


async def record(
    services: Services, one: Said, verdict: Verdict, *asked: tuple[str, str], **more: Any
) -> Recorded:
    return await services.corrections.record(one, verdict, asked, by="maria", entry=BY, **more)


def proposals(services: Services) -> list[tuple[str, str, str]]:
    return [(row["intent"], row["text"], row["state"]) for row in rows(services.settings, "examples")]


def verdicts(services: Services) -> list[str]:
    return [row["verdict"] for row in rows(services.settings, "corrections")]


async def accept(services: Services, *, state: str = ACCEPTED) -> str:
    """What an editor makes of the only example there is; its id."""
    (row,) = rows(services.settings, "examples")
    await examples.decide(
        services.engine, services.audit, row["id"], state=state, by="edith",
        entry=Entry("edith", "example/accept"), intent=row["intent"], text=row["text"],
    )  # fmt: skip
    return str(row["id"])


async def test_a_topic_proposes_the_redacted_words_as_its_example(services: Services) -> None:
    one = await said(services, f"im [name]. {ASKS}")
    recorded = await record(services, one, Verdict.TOPICS, ("cost", ""))
    assert recorded.proposed == 1
    assert proposals(services) == [("cost", f"im [name]. {ASKS}", PROPOSED)]
    assert (rows(services.settings, "examples")[0]["clinic"]) == "demo"


async def test_an_act_is_taught_like_a_topic(services: Services) -> None:
    await record(services, await said(services, ASKS), Verdict.TOPICS, ("talk_to_human", ""))
    assert proposals(services) == [("talk_to_human", ASKS, PROPOSED)]


async def test_out_of_scope_is_taught_as_such(services: Services) -> None:
    await record(services, await said(services, ASKS), Verdict.OUT_OF_SCOPE)
    assert proposals(services) == [("out_of_scope", ASKS, PROPOSED)]


async def test_several_topics_get_the_parts_that_ask_them(services: Services) -> None:
    parts = [("cost", "so do i hand you cash at the desk"), ("locations", "which bus goes past your door")]
    await record(services, await said(services, TWO), Verdict.TOPICS, *parts)
    assert proposals(services) == [(*part, PROPOSED) for part in parts]


async def test_an_urgent_message_teaches_nothing_and_waits_first(services: Services) -> None:
    await record(services, await said(services, "later thing"), Verdict.WRONG_ANSWER)
    await record(services, await said(services, ASKS), Verdict.URGENT)
    assert proposals(services) == []
    waiting = await services.corrections.waiting({"demo"})
    assert [one.verdict for one in waiting] == [Verdict.URGENT, Verdict.WRONG_ANSWER]


@pytest.mark.parametrize("verdict", [Verdict.WRONG_ANSWER, Verdict.UNCLEAR_ANSWER])
async def test_a_bad_answer_names_what_was_answered(services: Services, verdict: Verdict) -> None:
    message = await wrote(services, ASKS, answers=["cost"])
    for identity in (message, await reply_to(services, message)):
        one = await services.corrections.message(identity)
        assert one is not None
        await record(services, one, verdict)
    waiting = await services.corrections.waiting({"demo"})
    assert [(one.verdict, one.topics) for one in waiting] == [(verdict, ("cost",))] * 2
    assert proposals(services) == []


async def test_what_proposes_an_example_waits_among_the_examples(services: Services) -> None:
    await record(services, await said(services, ASKS), Verdict.TOPICS, ("cost", ""))
    assert await services.corrections.waiting({"demo"}) == []
    assert await services.corrections.count_waiting({"demo"}) == 0


@pytest.mark.parametrize(
    ("text", "intent", "fault"),
    [
        ("Are your therapists certified?", "who_performs_it", Fault.TAUGHT),
        ("how much", "cost", Fault.TAUGHT),
    ],
)
async def test_what_was_taught_already_proposes_nothing_and_waits_to_be_looked_at(
    services: Services, text: str, intent: str, fault: Fault
) -> None:
    recorded = await record(services, await said(services, text), Verdict.TOPICS, (intent, ""))
    assert (recorded.proposed, recorded.faults) == (0, (fault,))
    assert await services.corrections.count_waiting({"demo"}) == 1


async def test_a_test_sentence_proposes_nothing(services: Services) -> None:
    from needlewise.teaching.copies import known

    tests = known(services.settings.root).tests
    assert tests is not None
    sentence = next(text for text in tests.texts if len(text) > 60)
    recorded = await record(services, await said(services, f"{sentence}!"), Verdict.TOPICS, ("cost", ""))
    assert (proposals(services), recorded.faults) == ([], (Fault.TEST,))


async def test_the_same_words_of_two_patients_are_proposed_once(services: Services) -> None:
    for text in (ASKS, ASKS.upper()):
        await record(services, await said(services, text), Verdict.TOPICS, ("cost", ""))
    assert proposals(services) == [("cost", ASKS, PROPOSED)]


async def test_a_second_thought_takes_the_place_of_the_first(services: Services) -> None:
    one = await said(services, ASKS)
    await record(services, one, Verdict.TOPICS, ("cost", ""))
    await record(services, one, Verdict.TOPICS, ("insurance", ""))
    assert proposals(services) == [("insurance", ASKS, PROPOSED)]
    assert verdicts(services) == ["topics"]


async def test_the_reading_and_the_answer_of_a_message_are_corrected_apart(services: Services) -> None:
    one = await said(services, ASKS, answers=["insurance"])
    await record(services, one, Verdict.TOPICS, ("cost", ""))
    await record(services, one, Verdict.WRONG_ANSWER)
    await record(services, one, Verdict.UNCLEAR_ANSWER)
    assert verdicts(services) == ["topics", "unclear_answer"]


async def test_undoing_takes_the_proposal_back(services: Services) -> None:
    recorded = await record(services, await said(services, ASKS), Verdict.TOPICS, ("cost", ""))
    found = await services.corrections.find(recorded.id)
    assert found is not None
    await services.corrections.undo(found, BY)
    assert (proposals(services), verdicts(services)) == ([], [])


async def test_what_an_editor_accepted_is_not_undone_by_a_reviewer(services: Services) -> None:
    one = await said(services, ASKS)
    recorded = await record(services, one, Verdict.TOPICS, ("cost", ""))
    await accept(services)
    found = await services.corrections.find(recorded.id)
    assert found is not None
    with pytest.raises(Settled):
        await services.corrections.undo(found, BY)
    with pytest.raises(Settled):
        await record(services, one, Verdict.TOPICS, ("insurance", ""))
    assert proposals(services) == [("cost", ASKS, ACCEPTED)]


async def test_seen_to_waits_no_more(services: Services) -> None:
    recorded = await record(services, await said(services, ASKS), Verdict.URGENT)
    found = await services.corrections.find(recorded.id)
    assert found is not None
    await services.corrections.finish(found, by="maria", entry=BY)
    assert await services.corrections.waiting({"demo"}) == []
    assert verdicts(services) == ["urgent"]


async def test_nobody_waits_for_what_concerns_another_clinic(services: Services) -> None:
    other = sorted(set(services.library.clinics) - {"demo"})[0]
    await record(services, await said(services, ASKS, clinic=other), Verdict.URGENT)
    assert await services.corrections.waiting({"demo"}) == []
    assert await services.corrections.count_waiting({other}) == 1


@pytest.mark.parametrize(
    ("verdict", "asked"),
    [
        (Verdict.TOPICS, []),
        (Verdict.TOPICS, [("no_such_topic", "")]),
        (Verdict.TOPICS, [("urgent_red_flag", "")]),
        (Verdict.TOPICS, [("cost", "a"), ("cost", "b")]),
        (Verdict.TOPICS, [("cost", ""), ("insurance", ""), ("hours_contact", ""), ("locations", "")]),
    ],
)
async def test_a_correction_that_makes_no_sense_is_refused(
    services: Services, verdict: Verdict, asked: list[tuple[str, str]]
) -> None:
    one = await said(services, ASKS)
    with pytest.raises(NeedlewiseError):
        await record(services, one, verdict, *asked)
    assert verdicts(services) == []


@pytest.mark.parametrize("verdict", [Verdict.TOPICS, Verdict.OUT_OF_SCOPE, Verdict.URGENT])
async def test_nothing_is_made_of_words_that_were_erased_or_are_not_masked_yet(
    services: Services, verdict: Verdict
) -> None:
    one = await said(services, None)
    with pytest.raises(NeedlewiseError, match="erased"):
        await record(services, one, verdict, *([("cost", "")] if verdict is Verdict.TOPICS else []))


async def test_our_own_words_are_no_example(services: Services) -> None:
    reply = await services.corrections.message(await reply_to(services, await wrote(services, ASKS)))
    assert reply is not None
    with pytest.raises(NeedlewiseError, match="what a patient wrote"):
        await record(services, reply, Verdict.TOPICS, ("cost", ""))


async def test_a_comment_is_sealed_and_the_audit_log_holds_no_words(services: Services) -> None:
    one = await said(services, ASKS)
    await record(services, one, Verdict.TOPICS, ("cost", ""), comment="zebra stripes")
    assert b"zebra" not in raw(services.settings)
    kept = await services.corrections.message(one.id)
    assert kept is not None
    assert [found.comment for found in kept.corrections] == ["zebra stripes"]
    (row,) = [row for row in rows(services.settings, "audit") if row["action"] == "message/correct"]
    assert row["details"] == '{"examples": 1, "topics": ["cost"], "verdict": "topics"}'


async def test_what_a_candidate_is_trained_from_is_what_editors_accepted(services: Services) -> None:
    await record(services, await said(services, ASKS), Verdict.TOPICS, ("cost", ""))
    assert await examples.accepted(services.engine) == []
    identity = await accept(services)
    assert await examples.accepted(services.engine) == [Example(identity, "cost", ASKS)]
    async with services.engine.begin() as connection:
        await examples.mark_published(connection, [identity])
    assert proposals(services)[0][2] == "published"
    assert await examples.accepted(services.engine) == [Example(identity, "cost", ASKS)]


async def test_an_example_taken_back_while_its_model_was_trained_is_not_published(services: Services) -> None:
    await record(services, await said(services, ASKS), Verdict.TOPICS, ("cost", ""))
    identity = await accept(services)
    await accept(services, state=REJECTED)
    async with services.engine.begin() as connection:
        await examples.mark_published(connection, [identity])
    assert await examples.accepted(services.engine) == []


async def test_two_editors_decide_once(services: Services) -> None:
    await record(services, await said(services, ASKS), Verdict.TOPICS, ("cost", ""))
    await accept(services, state=REJECTED)
    with pytest.raises(examples.Gone):
        await accept(services)
    assert proposals(services) == [("cost", ASKS, REJECTED)]


@pytest.mark.parametrize(
    ("understood", "answered", "near"),
    [
        (None, (), ()),
        ({"parts": [{"topic": "cost", "best": [["cost", 0.6], ["insurance", 0.3]]}]}, ("cost",), ("insurance",)),
        (
            {"parts": [{"best": [["cost", 0.2], ["greet", 0.1]]}, {"best": [["hours_contact", 0.5], ["cost", 0.4]]}]},
            (),
            ("hours_contact", "cost", "greet"),
        ),
        ({"parts": [{"best": [["out_of_scope", 0.9], ["gone_since", 0.05]]}]}, (), ()),
    ],
)  # fmt: skip
def test_what_came_near_is_offered_first(
    understood: dict[str, Any] | None, answered: tuple[str, ...], near: tuple[str, ...]
) -> None:
    assert runners_up(understood, answered) == near


def test_teaching_needs_no_rasa() -> None:
    code = (
        "import sys; import needlewise.teaching.corrections, needlewise.teaching.clusters; "
        "sys.exit(any(name in sys.modules for name in ('rasa', 'tensorflow', 'sklearn')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
