"""Fit the weights of needlewise/dialogue/following.py on follow_ups.jsonl and print them; round them there by hand.

Run as `python training/following.py` from the repository. It needs the trained model (`make train`).
"""

import json
from pathlib import Path
from random import Random

import numpy as np
import yaml
from scipy.optimize import minimize

from needlewise import wiring
from needlewise.dialogue.agent import load_agent
from needlewise.dialogue.following import LONGEST, SHORT
from needlewise.dialogue.leaning import leans, without_lean
from needlewise.dialogue.training import ensure_model
from needlewise.language.reading import read
from needlewise.nlu.taxonomy import ACTS, DECLINED, TOPICS, is_topic
from needlewise.settings import read_settings
from needlewise.text.normalise import normalise

HERE = Path(__file__).parent
FLOOR = 1e-3
NAMES = ("ALONE", "TOGETHER", "SAME", "SAME_AND_LEANS", "SAME_AND_SHORT", "ACT_THAT_LEANS")
STANDING_ALONE = 250
"""Acts and as many questions that have nothing to do with the answer before them."""

Row = tuple[str, str, set[str]]
"""The last topic, the message, and the intents that are right."""


def main() -> None:
    services = wiring.build(read_settings())
    wiring.use(services)
    agent = load_agent(ensure_model(services.settings))

    def shares(text: str) -> dict[str, float]:
        return dict(agent.parse(read(normalise(text))).understood.shares)

    rows = [*_follow_ups(shares), *_strangers(services.settings.root)]
    intents = sorted(shares("hello"))
    features = np.array(
        [_features(row, shares, services.renderer.title(row[0]), intents) for row in rows if _short(row)]
    )
    right = np.array([[intent in row[2] for intent in intents] for row in rows if _short(row)], dtype=float)

    def loss(weights: np.ndarray) -> float:
        scores = features @ weights
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        hits = (powers * right).sum(axis=1) / powers.sum(axis=1)
        return float(-np.log(hits + 1e-9).mean() + 0.002 * (weights**2).sum())

    found = minimize(loss, np.zeros(len(NAMES))).x
    for name, weight in zip(NAMES, found, strict=True):
        print(f"{name} = {weight:.2f}")


def _follow_ups(shares) -> list[Row]:
    rows = []
    for line in (HERE / "follow_ups.jsonl").read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        best = [max(found := shares(text), key=found.__getitem__) for text in case["turns"][:-1]]
        topics = [intent for intent in best if is_topic(intent)]
        if topics:
            rows.append((topics[-1], case["turns"][-1], set(case["topics"])))
    return rows


def _strangers(root: Path) -> list[Row]:
    chance = Random(1)
    acts, topics = [], []
    for path in sorted((root / "data" / "nlu").glob("*.yml")):
        for block in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
            lines = [line[2:] for line in block["examples"].splitlines()]
            (topics if is_topic(block["intent"]) else acts).extend((line, block["intent"]) for line in lines)
    assert {intent for _, intent in acts} <= {*ACTS, DECLINED}
    chosen = [chance.choice(group) for group in (acts, topics) for _ in range(STANDING_ALONE)]
    return [(chance.choice(TOPICS), text, {intent}) for text, intent in chosen]


def _short(row: Row) -> bool:
    return len(row[1].split()) <= LONGEST


def _features(row: Row, shares, title: str, intents: list[str]) -> list[list[float]]:
    last, text, _ = row
    bare = without_lean(text)
    alone, together = shares(bare), shares(f"{title} {bare}")
    leaning, short = float(leans(text)), float(len(text.split()) <= SHORT)
    return [
        [
            float(np.log(alone[intent] + FLOOR)),
            float(np.log(together[intent] + FLOOR)),
            float(intent == last),
            leaning * (intent == last),
            short * (intent == last),
            leaning * (intent != last and not is_topic(intent)),
        ]
        for intent in intents
    ]


if __name__ == "__main__":
    main()
