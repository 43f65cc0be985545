"""Unanswered questions: which they are, and that those about the same thing come together."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import yaml

from needlewise import clock
from needlewise.teaching.clusters import KEPT, Asked, Cluster, Unanswered, grouped, unanswered, vectors_of
from needlewise.wiring import Services
from tests.teaching.messages import AT, wrote

OFFERED = {"parts": [], "offered": ["cost", "insurance"]}


@pytest.fixture(autouse=True)
def _time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: AT + timedelta(days=1))


def lines() -> dict[str, list[str]]:
    loaded: dict[str, list[str]] = yaml.safe_load(
        Path(__file__).with_name("unanswered.yml").read_text(encoding="utf-8")
    )
    return loaded


def asked_of(texts: Sequence[str]) -> list[Asked]:
    return [
        Asked(f"m{at}", f"c{at}", "demo", AT + timedelta(minutes=at), text, "declined")
        for at, text in enumerate(texts)
    ]


@pytest.fixture(scope="module")
def groups() -> tuple[Cluster, ...]:
    asked = asked_of([text for texts in lines().values() for text in texts])
    clusters, _ = grouped(asked, vectors_of([one.text for one in asked]))
    return clusters


def test_questions_about_one_thing_come_together_and_no_others(groups: tuple[Cluster, ...]) -> None:
    subject = {text: name for name, texts in lines().items() for text in texts}
    pairs = [
        tuple(sorted((one.text, other.text)))
        for group in groups
        for one, other in combinations(group.asked, 2)
    ]
    right = [pair for pair in pairs if subject[pair[0]] == subject[pair[1]] != "alone"]
    wanted = sum(len(texts) * (len(texts) - 1) // 2 for name, texts in lines().items() if name != "alone")
    # Measured: all of the pairs are right, and 86 % of those there are.
    assert len(right) >= 0.95 * len(pairs)
    assert len(right) >= 0.8 * wanted


def test_the_most_wanted_come_first(groups: tuple[Cluster, ...]) -> None:
    sizes = [group.conversations for group in groups]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 6


@pytest.mark.parametrize("word", ["bunion", "cupping", "tattoo", "toenail", "laser", "gift"])
def test_a_group_is_named_by_words_that_stand_out(groups: tuple[Cluster, ...], word: str) -> None:
    assert sum(word in group.words for group in groups) == 1


def test_a_group_shows_what_stands_in_its_middle_first(groups: tuple[Cluster, ...]) -> None:
    for group in groups:
        assert group.label == group.asked[0].text


def test_one_patient_who_repeats_it_counts_once() -> None:
    vector = np.zeros((3, 384), dtype=np.float32)
    vector[:, 0] = 1.0
    texts = asked_of(["do you sell shoes", "do you sell shoes", "do you sell shoes?"])
    same = [Asked(one.message, "c0", "demo", one.at, one.text, one.why) for one in texts]
    (group,), alone = grouped(same, vector)
    assert (group.conversations, len(group.asked), alone) == (1, 3, ())


@pytest.mark.parametrize("texts", [[], ["hello there"], ["is it", "was it"], ["??", "🙏🙏"]])
def test_few_messages_and_messages_without_words_are_no_trouble(texts: list[str]) -> None:
    clusters, alone = grouped(asked_of(texts), vectors_of(texts))
    assert sum(len(one.asked) for one in clusters) + len(alone) == len(texts)


async def test_what_counts_as_unanswered(services: Services) -> None:
    other = sorted(set(services.library.clinics) - {"demo"})[0]
    await wrote(services, "declined one", act="out_of_scope")
    await wrote(services, "offered one", understood=OFFERED)
    await wrote(services, "disliked one", answers=["cost"], thumb="down")
    await wrote(services, "liked one", answers=["cost"], thumb="up")
    await wrote(services, "answered one", answers=["cost"])
    await wrote(services, "form answer", understood={"parts": [], "offered": []})
    await wrote(services, "urgent one", act="out_of_scope", safety_level="urgent")
    await wrote(services, "of another clinic", act="out_of_scope", clinic=other)
    await wrote(services, "long ago", act="out_of_scope", at=AT - timedelta(days=90))
    await wrote(services, None, act="out_of_scope")
    await wrote(services, "   ", act="out_of_scope")
    found, is_cut = await unanswered(services.engine, {"demo"}, since=AT - timedelta(days=30))
    assert Counter((one.text, one.why) for one in found) == {
        ("declined one", "declined"): 1,
        ("offered one", "unsure"): 1,
        ("disliked one", "disliked"): 1,
    }
    assert not is_cut


async def test_only_the_newest_are_read_and_that_is_said(services: Services) -> None:
    for at in range(4):
        await wrote(services, f"number {at}", act="out_of_scope", at=AT + timedelta(minutes=at))
    found, is_cut = await unanswered(services.engine, {"demo"}, since=AT - timedelta(days=1), limit=2)
    assert ([one.text for one in found], is_cut) == (["number 3", "number 2"], True)


async def test_a_result_is_kept_for_a_while_for_its_clinics_only(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = sorted(set(services.library.clinics) - {"demo"})[0]
    service = Unanswered(services.engine)
    await wrote(services, "do you sell shoes", act="out_of_scope")
    assert len((await service.of({"demo"})).alone) == 1
    await wrote(services, "what of the moon", act="out_of_scope")
    assert len((await service.of({"demo"})).alone) == 1
    assert (await service.of({other})).alone == ()
    later = clock.now() + KEPT
    monkeypatch.setattr(clock, "now", lambda: later)
    assert len((await service.of({"demo"})).alone) == 2
