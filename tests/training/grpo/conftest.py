"""A policy that mostly keeps the format and still varies, and jobs that train it further."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from schemas.example import Example, to_table
from schemas.training import Decoding, GrpoJob, GrpoParams, Optimizer, SftJob, SftParams
from tests.training.conftest import SMALL
from tests.training.grpo.runs import BY_WORDS, MIXES, TERMS, WHOLE, MakeJob
from tests.training.rewards.examples import JUDGE
from training import grpo, sft
from training.judging import SideLoop


@pytest.fixture(scope="session")
def prompts(tmp_path_factory: pytest.TempPathFactory, asked: dict[str, Example]) -> Path:
    path = tmp_path_factory.mktemp("prompts") / "examples.parquet"
    pq.write_table(to_table([asked[mix] for mix in MIXES]), path)
    return path


@pytest.fixture(scope="session")
def cold(tmp_path_factory: pytest.TempPathFactory, tiny: Path, blobs: Path, prompts: Path) -> Path:
    folder = tmp_path_factory.mktemp("cold")
    params = SftParams(
        format="context_first",
        steps=20,
        batch_size=4,
        optimizer=Optimizer(lr=4e-3, warmup_steps=2),
        media=SMALL,
    )
    sft.main(
        SftJob(
            examples=str(prompts),
            blobs=str(blobs),
            checkpoint=str(tiny),
            out=str(folder),
            work=str(folder / "work"),
            params=params,
        )
    )
    return folder / "model"


@pytest.fixture
def loop() -> Iterator[SideLoop]:
    with SideLoop() as runner:
        yield runner


@pytest.fixture(scope="session")
def settings(prompts: Path, blobs: Path, cold: Path) -> MakeJob:
    """Jobs in a folder, with changed parameters."""

    def make(folder: Path, **changes: Any) -> GrpoJob:
        params = GrpoParams(
            **{
                "steps": 2,
                "prompts_per_step": 2,
                "completions_per_prompt": 4,
                "optimizer": Optimizer(lr=1e-3, schedule="constant"),
                "media": SMALL,
                "decoding": Decoding(max_new_tokens=32, temperature=0.9),
                "rewards": TERMS,
                "judge": JUDGE,
                "freeze": ("vision", "audio"),
                **changes,
            }
        )
        return GrpoJob(
            examples=str(prompts),
            blobs=str(blobs),
            checkpoint=str(cold),
            out=str(folder / "out"),
            work=str(folder / "work"),
            params=params,
        )

    return make


@pytest.fixture
def job(tmp_path: Path, settings: MakeJob) -> MakeJob:
    def make(name: str = "run", **changes: Any) -> GrpoJob:
        return settings(tmp_path / name, **changes)

    return make


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory, settings: MakeJob) -> GrpoJob:
    """A run of three steps that nothing cut off."""
    done = settings(tmp_path_factory.mktemp("whole"), **WHOLE)
    with SideLoop() as loop:
        grpo.train(done, BY_WORDS, loop)
    return done
