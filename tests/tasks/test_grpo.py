"""What the stage `grpo` hands to the process that trains."""

from pathlib import Path
from typing import Any

import pytest

from schemas.artifact import Artifact
from schemas.failures import ModuleFailed
from schemas.llm import Llm, LlmLimits
from schemas.runtime import Runtime
from schemas.training import Decoding, GrpoJob, GrpoParams, MediaSettings, Optimizer, RewardTerm
from schemas.values import Params
from storage.draft import Draft
from tasks import grpo
from tasks.stage import stage
from tests.stages import example, made, rows_of

PARAMS = GrpoParams(
    steps=1,
    prompts_per_step=1,
    completions_per_prompt=2,
    optimizer=Optimizer(lr=1e-3),
    media=MediaSettings(),
    decoding=Decoding(max_new_tokens=8, temperature=1.0),
    rewards=(RewardTerm(reward="accuracy", weight=1.0),),
    judge=Llm(provider="offline", model="rules"),
)


@stage(version="1", kind="checkpoint")
def untrained(draft: Draft, params: Params, runtime: Runtime) -> None:
    (draft.folder / "model").mkdir()


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[GrpoJob]:
    """Jobs whose process fails at once."""
    kept: list[GrpoJob] = []

    def run_module(module: str, job: GrpoJob, *given: Any) -> None:
        kept.append(job)
        raise ModuleFailed("it is not to be trained")

    monkeypatch.setattr(grpo, "run_module", run_module)
    return kept


def test_judge_is_asked_one_by_one_even_where_stages_that_ask_by_shards_ask_in_jobs(
    tmp_path: Path, jobs: list[GrpoJob]
) -> None:
    runtime = Runtime(store=str(tmp_path / "store"), llm=LlmLimits(batch=True, concurrency=7))
    checkpoint: Artifact = made(untrained(Params(), runtime))
    with pytest.raises(ModuleFailed):
        grpo.grpo.fn(PARAMS, rows_of(runtime, example("1", split="train")), checkpoint, {}, runtime)
    (job,) = jobs
    assert job.llm == LlmLimits(batch=False, concurrency=7)
