"""What a GRPO step of ours costs beside TRL's own trainer, and what a judge costs beside none.

1. Ours against stock GRPOTrainer on text: the same tiny model, prompts, group size, length, loss, reference model and
   optimizer; rewards that take no time. To hold: at most 1.05 of stock.
2. With a judge of 500 ms against without one, in steps that take at least 5 s without. To hold: at most 1.15.

Both trainers of a comparison live in this process and step in turn, one step each, forwards and backwards, so that
whatever else the machine does meets both. A step is all between two beginnings: generation, scoring, update, logs.
Figures are medians over the pairs with a 95% bootstrap interval; processor time tells a busy machine from dear work.

    python -m benchmarks.grpo_step [--pairs 12] [--only stock|judge] [--tokens 64] [--judged-tokens 1500]
"""

import argparse
import asyncio
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback
from trl.trainer.grpo_trainer import GRPOTrainer

from llm.request import Check, Outcome, Request
from schemas.example import Example, to_table
from schemas.llm import Llm
from schemas.training import Decoding, GrpoJob, GrpoParams, Kl, MediaSettings, Optimizer, OrderedTags, RewardTerm
from tests.training.clips import example
from training.checkpoint import load_model, load_processor
from training.engines.local import suppressed
from training.grpo import make_trainer, trainer_arguments
from training.inputs import Encoder
from training.judging import SideLoop
from training.prompts import texts
from training.rewards.contract import Referee
from training.start import start
from training.step_times import mean_seconds, timings
from training.tiny import make_tiny
from training.tiny_params import TinyParams

LATENCY = 0.5
WARM_UP = 2
JUDGE = Llm(provider="fake", model="fake")
FREE = (RewardTerm(reward="format", weight=0.5), RewardTerm(reward="accuracy", weight=1.0))
JUDGED = (*FREE, RewardTerm(reward="context", weight=1.0, target="only(context)"))


class Took(NamedTuple):
    """Seconds of one step, and of the processor's time in it."""

    wall: float
    processor: float


class Compared(NamedTuple):
    """The steps of both trainers, in pairs; ours or the judged one first."""

    ours: list[Took]
    other: list[Took]


class Stepper:
    """A trainer that takes one step when told to, in a thread of its own."""

    def __init__(self, trainer: Any) -> None:
        self._go, self._arrived = threading.Event(), threading.Event()
        self._error: BaseException | None = None
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(_Gate(self._wait))
        self._thread = threading.Thread(target=self._train, args=(trainer,), daemon=True)
        self._thread.start()
        self._until_here()

    def step(self) -> Took:
        began = time.perf_counter(), time.process_time()
        self._go.set()
        self._until_here()
        return Took(time.perf_counter() - began[0], time.process_time() - began[1])

    def finish(self) -> None:
        """The last step, which nothing follows."""
        self._go.set()
        self._thread.join()

    def _wait(self) -> None:
        self._arrived.set()
        self._go.wait()
        self._go.clear()

    def _until_here(self) -> None:
        self._arrived.wait()
        self._arrived.clear()
        if self._error:
            raise self._error

    def _train(self, trainer: Any) -> None:
        try:
            trainer.train()
        except BaseException as error:  # raised again where the step was asked for
            self._error = error
        self._arrived.set()


class _Gate(TrainerCallback):
    def __init__(self, wait: Callable[[], None]) -> None:
        self._wait = wait

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        del args, state, control
        self._wait()


def main() -> None:
    asked = _arguments()
    start(None, threads=1)
    with tempfile.TemporaryDirectory() as place, SideLoop() as loop:
        folder, examples = Path(place), questions()
        make_tiny(folder / "tiny", [text for each in examples for text in texts(each, "context_first")], TinyParams())
        pq.write_table(to_table(examples), folder / "examples-00000.parquet")
        steps = asked.pairs + WARM_UP + 1
        if asked.only != "judge":
            job = make_job(folder, "ours", steps, asked.tokens, FREE)
            found = pairs(make_trainer(job, examples, None, loop), stock(job, examples), asked.pairs)
            show("ours over stock TRL", found, bound=1.05)
        if asked.only != "stock":
            jobs = [make_job(folder, name, steps, asked.judged_tokens, of) for name, of in _VARIANTS.items()]
            judged, free = (make_trainer(job, examples, Referee(JUDGE, slow_judge), loop) for job in jobs)
            show("with a judge over without", pairs(judged, free, asked.pairs), bound=1.15, least=5.0)
            print(f"of which waiting for the judge: {waited(Path(jobs[0].work)):.2f} s a step")


_VARIANTS = {"judged": JUDGED, "free": FREE}


def questions(count: int = 16) -> list[Example]:
    return [
        example(f"text {number}", answer="AB"[number % 2], context="a square .", think="red") for number in range(count)
    ]


def make_job(folder: Path, name: str, steps: int, tokens: int, rewards: tuple[RewardTerm, ...]) -> GrpoJob:
    """Two prompts with four completions each. Judged variants and theirs without hold to tags, so that there is a
    context to judge."""
    tags = None if name == "ours" else OrderedTags(context=tokens // 2, think=tokens // 4)
    return GrpoJob(
        examples=str(folder),
        blobs=str(folder),
        checkpoint=str(folder / "tiny"),
        out=str(folder / name / "out"),
        work=str(folder / name / "work"),
        params=GrpoParams(
            steps=steps,
            prompts_per_step=2,
            completions_per_prompt=4,
            optimizer=Optimizer(lr=1e-6),
            media=MediaSettings(),
            decoding=Decoding(max_new_tokens=tokens, temperature=1.0, ordered_tags=tags),
            rewards=rewards,
            judge=JUDGE,
            kl=Kl(start=0.04, end=0.04),
            zero_variance="keep",
            mask_truncated=False,
            save_every=100_000,
        ),
    )


def stock(job: GrpoJob, examples: Sequence[Example]) -> GRPOTrainer:
    """TRL's own trainer told the same."""
    folder, params = Path(job.checkpoint), job.params
    encoder = Encoder(load_processor(folder), params.media, Path(job.blobs))
    tokenizer = encoder.processor.tokenizer
    model = load_model(folder).train()
    arguments = trainer_arguments(job.model_copy(update={"work": f"{job.work}-stock"}))
    banned = suppressed(tokenizer, model.config.get_text_config().vocab_size)
    arguments.generation_kwargs = {"suppress_tokens": banned}
    prompts = [encoder.render(each, params.format) for each in examples]
    rows = [prompts[number % len(prompts)] for number in range(params.steps * params.prompts_per_step)]
    return GRPOTrainer(
        model=model,
        reward_funcs=[lambda completions, **_: [float(len(each)) for each in completions]],
        args=arguments,
        train_dataset=Dataset.from_dict({"prompt": rows}),
        processing_class=tokenizer,
    )


async def slow_judge(requests: Sequence[Request], check: Check | None = None) -> list[Outcome]:
    """A far end that takes its time and is of one opinion, which no check needs to read."""
    del check
    await asyncio.sleep(LATENCY)
    return [Outcome(identity=request.identity, text='{"score": 3}') for request in requests]


def pairs(first: Any, second: Any, count: int) -> Compared:
    found = Compared([], [])
    both = [(Stepper(first), found.ours), (Stepper(second), found.other)]
    for number in range(count + WARM_UP):
        for stepper, seconds in both[:: -1 if number % 2 else 1]:
            took = stepper.step()
            if number >= WARM_UP:
                seconds.append(took)
    for stepper, _ in both:
        stepper.finish()
    return found


def show(name: str, found: Compared, bound: float, least: float = 0.0) -> None:
    ours, other = np.array(found.ours), np.array(found.other)
    ratios, spent = (ours / other).T
    low, high = interval(ratios)
    verdict = "holds" if np.median(ratios) <= bound else "DOES NOT HOLD"
    if np.median(other[:, 0]) < least:
        verdict = f"steps are too short to tell: raise --judged-tokens until they take {least:g} s"
    print(
        f"{name}: {np.median(ratios):.3f} [{low:.3f}, {high:.3f}] over {len(ratios)} pairs, "
        f"{np.median(ours[:, 0]):.2f} s against {np.median(other[:, 0]):.2f} s, processor time {np.median(spent):.3f}; "
        f"at most {bound}: {verdict}",
        flush=True,
    )


def waited(work: Path) -> float:
    return mean_seconds(timings(work))["judge"]


def interval(ratios: "np.ndarray[Any, Any]") -> tuple[float, float]:
    """95% of the medians of resampled pairs."""
    drawn = np.random.default_rng(0).choice(ratios, (10_000, len(ratios)))
    low, high = np.quantile(np.median(drawn, axis=1), [0.025, 0.975])
    return float(low), float(high)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--only", choices=["stock", "judge"])
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--judged-tokens", type=int, default=1500)
    return parser.parse_args()


if __name__ == "__main__":
    main()
