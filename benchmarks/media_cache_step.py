"""What the media cache saves in a whole step of reinforcement learning: rollout, rewards, scoring, update.

Real GRPO steps (`training.grpo`) of a tiny random thinker on clips of 1280 x 720, 20 to 30 s long: 32 frames a clip,
112 x 112 pixels at most so that a CPU can attend to them, two prompts of two short completions. Steps take turns: media
decoded on the fly, and out of the cache. Nothing is held in memory from one step to the next, and nothing is read
ahead.

    OMP_NUM_THREADS=1 python -m benchmarks.media_cache_step [PAIRS] [CLIPS] [FOLDER]

In FOLDER clips are left for the next time.
"""

import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import TrainerCallback

from benchmarks.media_cache import Pair, interval, make_clip, make_row, open_cache
from schemas.example import Example
from schemas.llm import Llm
from schemas.training import Decoding, GrpoJob, GrpoParams, MediaSettings, Optimizer, RewardTerm, View
from training.features import FeatureReader
from training.grpo import make_trainer
from training.inputs import Encoder
from training.judging import SideLoop
from training.omni_grpo import OmniGRPOTrainer
from training.pieces import OnTheFly
from training.prompts import texts
from training.tiny import make_tiny
from training.tiny_params import TinyParams

_SMALL = MediaSettings(min_pixels=56 * 56, max_pixels=112 * 112)


class Turns(TrainerCallback):
    """Gives each step an encoder that has read nothing yet, in turns of the two ways, and takes its time."""

    def __init__(self, trainer: OmniGRPOTrainer, folder: Path) -> None:
        self._trainer, self._cache, self._blobs = trainer, open_cache(folder), folder / "blobs"
        self.seconds: list[float] = []

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        del args, control
        pieces = self._cache if state.global_step % 2 else OnTheFly(self._blobs)
        encoder = self._trainer.encoder
        # In its place, because the trainer's parts share the encoder.
        encoder._reader = FeatureReader(encoder.processor, _SMALL, pieces)
        self._began = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        del args, state, control
        self.seconds.append(time.perf_counter() - self._began)
        print(f"{len(self.seconds)}: {self.seconds[-1]:.2f} s", flush=True)


def main() -> None:
    pairs, clips = [int(text) for text in sys.argv[1:3]] + [12, 4][len(sys.argv[1:3]) :]
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        kept = Path(sys.argv[3] if len(sys.argv) > 3 else place)
        lengths = [20 + 10 * number // max(1, clips - 1) for number in range(clips)]
        rows = [make_row(Path(place), make_clip(kept, number, seconds)) for number, seconds in enumerate(lengths)]
        report(measure(Path(place), rows, pairs))


def measure(folder: Path, rows: Sequence[Example], pairs: int) -> list[Pair]:
    """Each pair is two steps on the same number of other prompts; the first pair fills the cache and is left out."""
    written = [text for row in rows for text in texts(row, "direct")]
    make_tiny(folder / "model", written, TinyParams(sound_seconds=30))
    with SideLoop() as loop:
        trainer = make_trainer(job(folder, 2 * (pairs + 1)), list(rows), None, loop)
        trainer.encoder.prefetch = _read_nothing  # it would spread the one way's decoding over the other's steps
        turns = Turns(trainer, folder)
        for row in rows:
            Encoder(trainer.encoder.processor, _SMALL, folder, pieces=open_cache(folder)).encode(row, "direct")
        trainer.add_callback(turns)
        trainer.train()
    taken = turns.seconds[2:]
    return [Pair(fly, cached) for fly, cached in zip(taken[::2], taken[1::2], strict=True)]


def _read_nothing(examples: Iterable[Example], view: View = "full") -> None:
    del examples, view


def job(folder: Path, steps: int) -> GrpoJob:
    params = GrpoParams(
        format="direct",
        steps=steps,
        prompts_per_step=2,
        completions_per_prompt=2,
        optimizer=Optimizer(lr=1e-5),
        media=_SMALL,
        decoding=Decoding(max_new_tokens=8, temperature=1.0),
        rewards=(RewardTerm(reward="accuracy", weight=1.0),),
        judge=Llm(provider="offline", model="rules"),
        zero_variance="keep",
        mask_truncated=False,
        save_every=10 * steps,
    )
    return GrpoJob(
        params=params,
        examples="none",
        blobs=str(folder / "blobs"),
        checkpoint=str(folder / "model"),
        out=str(folder / "out"),
        work=str(folder / "work"),
    )


def report(pairs: Sequence[Pair]) -> None:
    ratios = sorted(pair.fly / pair.cached for pair in pairs)
    fly, cached = (float(np.median([pair[way] for pair in pairs])) for way in (0, 1))
    low, high = interval(ratios)
    print(f"{len(pairs)} pairs of whole steps in turns: on the fly {fly:.2f} s, cached {cached:.2f} s")
    print(f"times faster: median {np.median(ratios):.2f}, 95 % interval {low:.2f} to {high:.2f}")


if __name__ == "__main__":
    main()
