"""Speed of training a Qwen2.5-Omni-shaped thinker with random weights: supervised steps, and GRPO steps by their parts.

Each line is one way to train (adapters or all weights, attention backend, activations kept or computed again). The
towers are frozen. Supervised: tokens of prompts and completions a second. GRPO: two prompts with a group each, written
by our engine, scored by the reference (the model without its adapters; none when all weights are trained) and learnt
from; rewards cost nothing. MFU is the arithmetic that the update needs, recomputation not counted, over what the
card's largest matrix products reach, which is measured first. It times the model's work, not the trainers around it.

    python -m benchmarks.omni [--size tiny|7b] [--train lora,full] [--attention sdpa,flash_attention_2]
        [--recompute on,off] [--batch 4] [--group 4] [--length 256] [--steps 3]
"""

import argparse
import gc
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from statistics import median
from typing import Any, NamedTuple, cast

import torch
from peft import get_peft_model

from benchmarks.omni_shapes import SIZES, Arithmetic, Size, arithmetic, build, prompt
from schemas.training import Decoding, Lora, TrainingParams
from training.checkpoint import freeze
from training.engines.local import TransformersEngine
from training.inputs import Inputs, batch
from training.logps import completion_logps
from training.lora import adapters

ADAPTERS = TrainingParams(lora=Lora(rank=16, alpha=32))
TOWERS = ("vision", "audio")
COLUMNS = (
    "train",
    "attention",
    "recompute",
    "SFT tokens/s",
    "MFU",
    "GB",
    "GRPO s",
    "write",
    "score",
    "learn",
    "MFU learn",
)


class Way(NamedTuple):
    train: str
    attention: str
    recompute: str


class Bench:
    """One model under training."""

    def __init__(self, size: Size, way: Way, device: torch.device, asked: argparse.Namespace) -> None:
        self.size, self.way, self.device, self.asked = size, way, device, asked
        dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
        base, self.tokenizer = build(size, device, dtype, way.attention)
        freeze(base, TOWERS)
        if way.recompute == "on":
            base.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        self.base, self.model = base, self._adapted(base)
        trained = [weight for weight in self.model.parameters() if weight.requires_grad]
        self.optimizer = torch.optim.AdamW(trained, lr=1e-6, fused=device.type == "cuda")
        self.prompts = [prompt(size, self.tokenizer, number) for number in range(max(asked.batch, 2))]

    def supervised(self) -> None:
        """One update on `batch` prompts with completions."""
        length = self.asked.length
        answers = torch.randint(20, len(self.tokenizer), (self.asked.batch, length)).tolist()
        self._learn([*zip(self.prompts, answers, strict=False)], torch.ones(self.asked.batch), None)

    def write(self) -> list[tuple[Inputs, list[int]]]:
        asked = [each for each in self.prompts[:2] for _ in range(self.asked.group)]
        decoding = Decoding(max_new_tokens=self.asked.length, temperature=1.0)
        completions = TransformersEngine(self.model, self.tokenizer).complete(asked, decoding)
        shortest = min(len(each.ids) for each in completions)
        return [(given, list(each.ids[:shortest])) for given, each in zip(asked, completions, strict=True)]

    def score(self, written: list[tuple[Inputs, list[int]]]) -> torch.Tensor | None:
        """Log-probabilities of the reference, (completions, tokens)."""
        if self.way.train != "lora":
            return None
        with torch.no_grad(), self.model.disable_adapter():
            return torch.cat([self._logps(part) for part in self._parts(written)])

    def learn(self, written: list[tuple[Inputs, list[int]]], reference: torch.Tensor | None) -> None:
        self._learn(written, torch.randn(len(written)), reference)

    def _learn(
        self, written: list[tuple[Inputs, list[int]]], credit: torch.Tensor, reference: torch.Tensor | None
    ) -> None:
        done = 0
        for part in self._parts(written):
            logps = self._logps(part)
            own = slice(done, done + len(part))
            loss = -(credit[own, None].to(self.device) * (logps - logps.detach()).exp()).sum()
            if reference is not None:
                over = reference[own] - logps
                loss = loss + 0.04 * (over.exp() - over - 1).sum()
            (loss / (len(written) * logps.shape[1])).backward()
            done += len(part)
        self.optimizer.step()
        self.optimizer.zero_grad()

    def _logps(self, part: list[tuple[Inputs, list[int]]]) -> torch.Tensor:
        whole = [replace(given, ids=(*given.ids, *ids)) for given, ids in part]
        given: dict[str, Any] = batch(whole, cast(int, self.tokenizer.pad_token_id), "right")
        moved = {name: value.to(self.device) if torch.is_tensor(value) else value for name, value in given.items()}
        return completion_logps(self.model, moved, len(part[0][1])).logps

    def _parts(self, written: list[tuple[Inputs, list[int]]]) -> list[list[tuple[Inputs, list[int]]]]:
        return [written[first : first + self.asked.batch] for first in range(0, len(written), self.asked.batch)]

    def _adapted(self, base: Any) -> Any:
        config = adapters(base, ADAPTERS, TOWERS)
        return get_peft_model(base, config) if config and self.way.train == "lora" else base


def main() -> None:
    asked = _arguments()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    reached = matrix_rate(device)
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    print(f"{asked.size} on {name}: {reached / 1e12:,.2f} TFLOP/s in matrix products\n")
    print(f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}")
    for way in map(Way._make, product(asked.train, asked.attention, asked.recompute)):
        print(f"| {' | '.join([*way, *_line(way, device, asked, reached)])} |", flush=True)
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()


def _line(way: Way, device: torch.device, asked: argparse.Namespace, reached: float) -> list[str]:
    try:
        return measured(Bench(SIZES[asked.size], way, device, asked), asked.steps, reached)
    except torch.OutOfMemoryError:
        return ["does not fit"] + [""] * (len(COLUMNS) - len(way) - 1)
    except ImportError as error:  # an attention backend that this machine has not
        return [str(error).splitlines()[0][:60]] + [""] * (len(COLUMNS) - len(way) - 1)


def measured(bench: Bench, steps: int, reached: float) -> list[str]:
    asked, given = bench.asked, bench.prompts[0]
    one = arithmetic(bench.base, given, asked.length)
    taught = timed(bench, bench.supervised, steps)
    tokens = asked.batch * (len(given.ids) + asked.length)
    parts: list[list[float]] = [[], [], []]
    for _ in range(steps + 1):  # the first warms up
        written = clocked(bench, bench.write, parts[0])
        reference = clocked(bench, lambda texts=written: bench.score(texts), parts[1])
        clocked(bench, lambda texts=written, by=reference: bench.learn(texts, by), parts[2])
    write, score, learn = (median(seconds[1:]) for seconds in parts)
    use = [
        needed(one, bench.way) * count / seconds / reached
        for count, seconds in ((asked.batch, taught), (2 * asked.group, learn))
    ]
    return [
        *(f"{tokens / taught:,.0f}", f"{use[0]:.1%}", f"{memory(bench.device):.1f}"),
        *(f"{seconds:.2f}" for seconds in (write + score + learn, write, score, learn)),
        f"{use[1]:.1%}",
    ]


def needed(one: Arithmetic, way: Way) -> float:
    """Of one update on one completion: backwards is twice forwards, once where weights are frozen."""
    return (3 if way.train == "full" else 2) * (one.text + one.head) + one.towers


def timed(bench: Bench, call: Callable[[], Any], steps: int) -> float:
    seconds: list[float] = []
    for _ in range(steps + 1):
        clocked(bench, call, seconds)
    return median(seconds[1:])


def clocked(bench: Bench, call: Callable[[], Any], seconds: list[float]) -> Any:
    _wait(bench.device)
    began = time.perf_counter()
    found = call()
    _wait(bench.device)
    seconds.append(time.perf_counter() - began)
    return found


def matrix_rate(device: torch.device) -> float:
    """Floating-point operations a second of the largest plain products: what a card gives, not what it is sold as."""
    side, dtype = (8192, torch.bfloat16) if device.type == "cuda" else (1024, torch.float32)
    left, right = torch.randn(2, side, side, device=device).to(dtype)
    best = float("inf")
    for _ in range(10):
        _wait(device)
        began = time.perf_counter()
        torch.matmul(left, right)
        _wait(device)
        best = min(best, time.perf_counter() - began)
    return 2 * side**3 / best


def memory(device: torch.device) -> float:
    """Most gigabytes of the GPU so far; 0 where there is none."""
    return torch.cuda.max_memory_allocated() / 1e9 if device.type == "cuda" else 0.0


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--train", type=lambda text: text.split(","), default=["lora", "full"])
    parser.add_argument("--attention", type=lambda text: text.split(","), default=["sdpa"])
    parser.add_argument("--recompute", type=lambda text: text.split(","), default=["on", "off"])
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--group", type=int, default=4)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--steps", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
