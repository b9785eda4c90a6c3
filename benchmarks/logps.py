"""Peak memory and time of the log-probabilities of sampled tokens over a vocabulary of 152,064, forwards and backwards.

Plain: all logits, then TRL's selective_log_softmax. TRL's head: the fused one of GRPOTrainer, in tiles of the
vocabulary. Ours: training.logps, in chunks of tokens. Each way runs in a process of its own, in turn, on the same
states; memory is the process's high-water mark over what it held before. Without a GPU the hidden size is small, so
that the logits are what is measured.

    python -m benchmarks.logps [--tokens 512] [--hidden 64] [--rounds 3]
"""

import argparse
import resource
import time
from collections.abc import Callable
from functools import partial
from multiprocessing import get_context
from statistics import median
from typing import Any, NamedTuple

import torch
from torch import Tensor
from trl.kernels.chunked_logprob import ChunkedLogProbFunction
from trl.trainer.utils import selective_log_softmax

from training.logps import CHUNK, selected_logps

VOCABULARY = 152_064
TILE = 32_768


class Run(NamedTuple):
    megabytes: float
    seconds: float
    mean: float


def plain(hidden: Tensor, weight: Tensor, ids: Tensor) -> Tensor:
    return selective_log_softmax((hidden @ weight.T)[None], ids[None])[0]


def fused(hidden: Tensor, weight: Tensor, ids: Tensor) -> Tensor:
    """As GRPOTrainer calls it: no bias, temperature 1, no softcapping, no scale, log-probabilities alone."""
    asked: Any = ChunkedLogProbFunction.apply(hidden, weight, None, ids, 1.0, TILE, None, 1.0, ("log_probs",))
    return asked[0]


WAYS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "plain": plain,
    "TRL's fused head": fused,
    f"ours, chunks of {CHUNK}": selected_logps,
    f"ours, chunks of {CHUNK // 8}": partial(selected_logps, chunk=CHUNK // 8),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    runs: dict[str, list[Run]] = {way: [] for way in WAYS}
    for _ in range(asked.rounds):
        for way in WAYS:
            runs[way].append(_apart(way, asked.tokens, asked.hidden))
    print(f"{asked.tokens} tokens x {VOCABULARY} logits in float32, {asked.tokens * VOCABULARY * 4 / 1e6:,.0f} MB\n")
    print(table(runs))


def measured(way: Callable[[Tensor, Tensor, Tensor], Tensor], tokens: int, hidden: int) -> Run:
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    states = torch.randn(tokens, hidden, device=device, requires_grad=True)
    weight = (torch.randn(VOCABULARY, hidden, device=device) / hidden**0.5).requires_grad_()
    ids = torch.randint(VOCABULARY, (tokens,), device=device)
    before, began = _peak(), time.perf_counter()
    logps = way(states, weight, ids)
    logps.mean().backward()
    mean = logps.mean().item()  # waits for a GPU too
    return Run(_peak() - before, time.perf_counter() - began, mean)


def table(runs: dict[str, list[Run]]) -> str:
    lines = ["| way | peak MB | of plain | seconds | mean log-probability |", "| --- | --- | --- | --- | --- |"]
    most = median(run.megabytes for run in runs["plain"])
    for way, found in runs.items():
        peak, took = median(run.megabytes for run in found), median(run.seconds for run in found)
        lines.append(f"| {way} | {peak:,.0f} | {peak / most:.1%} | {took:.2f} | {found[0].mean:.6f} |")
    return "\n".join(lines)


def _apart(way: str, tokens: int, hidden: int) -> Run:
    """Forked, so that libraries are read once; nothing here has used a GPU or threads before."""
    with get_context("fork").Pool(1) as pool:
        return pool.apply(measured, (WAYS[way], tokens, hidden))


def _peak() -> float:
    """Megabytes: of the GPU where there is one, else of the process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


if __name__ == "__main__":
    main()
