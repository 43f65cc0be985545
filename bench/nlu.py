"""Train the shipped understanding on public intent sets, and Rasa's default pipeline beside it, and measure both.

`--data DIR` holds banking77/, hwu64/, clinc150/ and banking77-oos/, each with the files train_5.tsv, train_10.tsv, test.tsv and so on
(a text, a tab, an intent). Every figure comes from a process of its own, so that its memory and its times are nobody else's.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from assistants import ROOT, plain_environ
from figures import conditions
from plain_project import write_nlu_config
from processes import BenchError, last_lines

SECONDS = 3600
SHOTS_OF_BANKING_OOS = 10
_ONE = Path(__file__).parent / "one_split.py"


@dataclass(frozen=True)
class Split:
    """Files of one experiment."""

    name: str
    train: Path
    test: Path
    outside: Path | None
    """Sentences that belong to no intent of the set."""


def splits(data: Path, shots: Sequence[int], folder: Path) -> Iterator[Split]:
    """Every experiment that the folder's files allow. Raises BenchError when a file is missing."""
    for name in ("banking77", "hwu64", "clinc150"):
        for count in shots:
            outside = data / name / "oos_test.tsv"
            yield Split(
                f"{name}, {count} an intent",
                _there(data / name / f"train_{count}.tsv"),
                _there(data / name / "test.tsv"),
                outside if outside.exists() else None,
            )
    near = data / "banking77-oos"
    if near.exists():
        few = folder / "banking77_oos_train.tsv"
        _take(_there(near / "train.tsv"), SHOTS_OF_BANKING_OOS, few)
        name = f"banking77-oos, {SHOTS_OF_BANKING_OOS} an intent"
        yield Split(name, few, _there(near / "test.tsv"), _there(near / "id_oos_test.tsv"))


def measure(split: Split, config: Path, folder: Path) -> dict[str, float]:
    """The figures of one experiment. Raises BenchError when it fails."""
    model, figures = folder / "model.tar.gz", folder / "figures.json"
    outside = [split.outside] if split.outside else []
    _run("train", [config, split.train, model, figures], folder)
    _run("read", [model, split.test, figures, *outside], folder)
    found: dict[str, float] = json.loads(figures.read_text(encoding="utf-8"))
    return found


def _run(what: str, paths: Sequence[Path], folder: Path) -> None:
    """Half an experiment in a process of its own."""
    log = folder / "one_split.log"
    command = [sys.executable, str(_ONE), what, *map(str, paths)]
    with log.open("wb") as output:
        done = subprocess.run(
            command, cwd=ROOT, env=plain_environ(), stdout=output, stderr=output, timeout=SECONDS, check=False
        )
    if done.returncode != 0:
        raise BenchError(f"it failed to {what}:\n{last_lines(log)}")


def as_markdown(rows: Sequence[tuple[str, str, dict[str, float]]]) -> str:
    """One line an experiment and pipeline."""
    lines = [
        "| set | pipeline | accuracy | out of scope declined | in scope declined | correct at the threshold | AUROC"
        " | out of scope declined where 5 % in scope is | ms a message, p50 | p95 | training | memory |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for split, pipeline, found in rows:
        cells = [
            split,
            pipeline,
            f"{found['accuracy']:.3f}",
            _share(found, "outside_declined"),
            _share(found, "inside_declined"),
            _share(found, "right_at_threshold"),
            _share(found, "auroc"),
            _share(found, "outside_at_loss"),
            f"{found['p50']:.1f}",
            f"{found['p95']:.1f}",
            f"{found['training_seconds']:.0f} s",
            f"{found['memory'] / 2**20:.0f} MiB",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds the public sets")
    parser.add_argument("--shots", type=int, nargs="+", default=[5, 10], help="examples an intent")
    parser.add_argument("--only", nargs="+", help="the sets to measure, by the beginning of their names")
    parser.add_argument(
        "--with-default", action="store_true", help="also Rasa's default pipeline: minutes a set"
    )
    parser.add_argument("--epochs", type=int, default=100, help="of the default pipeline's training")
    options = parser.parse_args()
    rows = []
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            pipelines = [("Needlewise", ROOT / "config.yml")]
            if options.with_default:
                write_nlu_config(folder / "default.yml", epochs=options.epochs)
                pipelines.append(("Rasa's default", folder / "default.yml"))
            for split in splits(options.data, options.shots, folder):
                if options.only and not split.name.startswith(tuple(options.only)):
                    continue
                for pipeline, config in pipelines:
                    print(f"nlu: {split.name}, {pipeline} …", file=sys.stderr, flush=True)
                    rows.append((split.name, pipeline, measure(split, config, folder)))
    except BenchError as error:
        print(f"nlu: {error}", file=sys.stderr)
        return 1
    print(as_markdown(rows))
    print()
    print(conditions())
    return 0


def _there(path: Path) -> Path:
    if not path.exists():
        raise BenchError(f"{path} is missing")
    return path


def _take(source: Path, count: int, target: Path) -> None:
    """Write `count` examples of each intent of a larger training file, always the same ones."""
    by_intent = defaultdict(list)
    for line in source.read_text(encoding="utf-8").splitlines():
        if line.strip():
            by_intent[line.rpartition("\t")[2]].append(line)
    chosen = [
        line for lines in by_intent.values() for line in Random(7).sample(lines, min(count, len(lines)))
    ]
    target.write_text("\n".join(chosen) + "\n", encoding="utf-8")


def _share(found: dict[str, float], name: str) -> str:
    return f"{found[name]:.3f}" if name in found else ""


if __name__ == "__main__":
    sys.exit(main())
