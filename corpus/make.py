"""Writes the small corpus: training sources under train/, benchmarks under benchmarks/.

The plan decides everything; clips are then rendered in a pool of processes. The same parameters give the same
bytes with any number of workers.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import Field

from corpus.encode import write_scene
from corpus.layouts import LAYOUTS
from corpus.plan import Clip, CorpusPlan, plan_corpus
from schemas.values import Params

JUNK_BYTES = 4096


class CorpusParams(Params):
    """train_questions, benchmark_questions: over all sources or benchmarks; faulty rows come on top."""

    seed: int = 0
    train_questions: int = Field(default=420, ge=12)
    benchmark_questions: int = Field(default=330, ge=12)


class ClipFile(NamedTuple):
    """One media file to be written, and the clip it shows."""

    path: Path
    clip: Clip


def make_corpus(folder: Path, params: CorpusParams, workers: int) -> None:
    """Write the corpus into `folder`, which is made where it is missing, with `workers` processes."""
    plan = plan_corpus(params.seed, params.train_questions, params.benchmark_questions)
    for place, clips in places(folder, plan):
        place.mkdir(parents=True, exist_ok=True)
        LAYOUTS[clips[0].source].write(place, clips)
    _render(list(clip_files(folder, plan)), workers)


def places(folder: Path, plan: CorpusPlan) -> Iterator[tuple[Path, tuple[Clip, ...]]]:
    """Each source's folder, with its clips."""
    for part, sources in (("train", plan.train), ("benchmarks", plan.benchmarks)):
        for source, clips in sources.items():
            if clips:
                yield folder / part / source, clips


def clip_files(folder: Path, plan: CorpusPlan) -> Iterator[ClipFile]:
    """Every media file of the plan, those that are deliberately missing too."""
    for place, clips in places(folder, plan):
        for clip in clips:
            yield from (ClipFile(place / name, clip) for name in LAYOUTS[clip.source].files(clip))


def _render(files: list[ClipFile], workers: int) -> None:
    if workers <= 1:
        for file in files:
            _write(file)
        return
    # Spawned, not forked: the caller may hold threads and open encoders.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for _ in pool.map(_write, files, chunksize=8):
            pass


def _write(file: ClipFile) -> None:
    fault = file.clip.fault
    if fault == "undecodable":
        file.path.parent.mkdir(parents=True, exist_ok=True)
        file.path.write_bytes(np.random.default_rng(file.clip.scene.nuisance).bytes(JUNK_BYTES))
    elif fault != "missing":
        write_scene(file.path, file.clip.scene, with_sound=fault != "silent")
