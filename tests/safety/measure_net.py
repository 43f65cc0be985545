"""What the rules, the net and both make of tests/safety/validation.yml: the table of docs/safety.md.

Run with `python -m tests.safety.measure_net`, after `needlewise train`. A message counts as fired at any level above `doctor`; as in a
turn, the net is asked where the rules are calm, and alone for its own column.
"""

from collections.abc import Sequence
from pathlib import Path

import yaml

from needlewise import wiring
from needlewise.language.reading import read
from needlewise.safety.triage import Level
from needlewise.settings import read_settings
from needlewise.text.normalise import normalise

HERE = Path(__file__).parent


def main() -> None:
    services = wiring.build(read_settings())
    lines = yaml.safe_load((HERE / "validation.yml").read_text(encoding="utf-8"))
    flags = lines["must_fire"]
    sets = {
        "red flags": [line["text"] for line in flags],
        "of these, no alarming word": [line["text"] for line in flags if line.get("plain")],
        "near-misses": [line["text"] for line in lines["must_not_fire"]],
        "ordinary talk": [line["text"] for line in lines["ordinary"]],
        "questions": lines["questions"],
    }
    print("| lines | | rules | net | both |\n|---|---|---|---|---|")
    for name, texts in sets.items():
        counts = [sum(column) for column in zip(*(_fired(services, text) for text in texts), strict=True)]
        print(f"| {name} | {len(texts)} | " + " | ".join(_share(count, texts) for count in counts) + " |")


def _fired(services: wiring.Services, text: str) -> tuple[bool, bool, bool]:
    reading = read(normalise(text))
    rules, net = services.triage.assess(reading.text).level, services.safety_net.assess(reading).level
    by_rules, by_net = rules not in (None, Level.DOCTOR, Level.ASK), net is not None
    return by_rules, by_net, by_rules or (rules is None and by_net)


def _share(count: int, texts: Sequence[str]) -> str:
    return f"{count / len(texts):.3f} ({count})"


if __name__ == "__main__":
    main()
