"""Judges of a run: beside the model, late, silent, or gone."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from llm.engine import Engine
from llm.request import Check, Outcome, Request
from schemas.completion import parse
from schemas.llm import Llm
from schemas.training import RewardTerm
from schemas.values import UserError
from tests.training.grpo.runs import MakeJob, metrics_of, sampled, trainer_of
from tests.training.rewards.examples import JUDGE, replying
from training import grpo
from training.judging import SideLoop
from training.omni_grpo import OmniGRPOTrainer
from training.rewards.contract import Referee


def test_judge_failure_is_left_out_not_zero(job: MakeJob, loop: SideLoop) -> None:
    replies = iter([None, '{"score": 5}', '{"score": 0}', "I would say five", *['{"score": 5}'] * 100])
    task = job()
    trainer = trainer_of(task, loop, replying(lambda _: next(replies)))
    sampled(trainer)
    written = pq.read_table(Path(task.work) / "completions" / "0000001-0000.parquet").to_pylist()
    judged = [row for row in written if parse(row["text"]).body("context")]
    unknown = [row for row in written if "context" not in dict(row["rewards"])]
    assert unknown == [judged[0], judged[3]]
    assert [dict(row["unknown"])["context"] for row in unknown] == ["judge timeout", "judge unparsable"]
    assert all(dict(row["advantages"])["context"] == 0 for row in unknown)
    group = [dict(row["rewards"]).get("context") for row in written[:4]]
    known = [value for value in group if value is not None]
    for row, value in zip(written[:4], group, strict=True):
        expected = 0 if value is None else value - sum(known) / len(known)
        assert dict(row["advantages"])["context"] == pytest.approx(expected)


def test_judge_that_stays_silent_stops_the_run_and_says_what_is_kept(job: MakeJob, loop: SideLoop) -> None:
    task = job(max_unknown_rewards=3)
    with pytest.raises(UserError, match=r"3 judged rewards in a row are not known.*timeout.*fake/fake.*from its start"):
        grpo.train(task, Referee(JUDGE, replying(lambda _: None)), loop)


def test_judge_that_falls_silent_leaves_the_newest_checkpoint(job: MakeJob, loop: SideLoop) -> None:
    task = job(steps=3, save_every=1, max_unknown_rewards=3, rewards=(RewardTerm(reward="context", weight=1.0),))
    kept = Path(task.work) / "checkpoint-2" / "whole"
    judge = replying(lambda _: None if kept.exists() else '{"score": 3}')
    with pytest.raises(UserError, match=r"not known.*training goes on from checkpoint-2"):
        grpo.train(task, Referee(JUDGE, judge), loop)
    assert kept.exists()


def test_judge_answers_while_the_model_computes(job: MakeJob, loop: SideLoop) -> None:
    """The judge only answers once log-probabilities are being computed: it would wait forever in front of them."""
    computing = threading.Event()

    class Telling(OmniGRPOTrainer):
        def _get_per_token_logps_and_entropies(self, *given: object, **options: object) -> object:
            computing.set()
            return super()._get_per_token_logps_and_entropies(*given, **options)  # type: ignore[arg-type]

    async def patient(requests: Sequence[Request], check: Check | None = None) -> list[Outcome]:
        reached = await asyncio.to_thread(computing.wait, 30)
        return [Outcome(identity=request.identity, text='{"score": 4}' if reached else None) for request in requests]

    trainer = trainer_of(job(), loop, patient)
    trainer.__class__ = Telling
    sampled(trainer)
    assert 0.8 in {score.value for score in trainer._scored.all}


def test_late_judge_is_not_known(job: MakeJob, loop: SideLoop) -> None:
    async def endless(requests: Sequence[Request], check: Check | None = None) -> list[Outcome]:
        await asyncio.Event().wait()
        raise AssertionError

    task = job(max_unknown_rewards=1000).model_copy(update={"judge_deadline": 0.01})
    trainer = trainer_of(task, loop, endless)
    sampled(trainer)
    reasons = {score.reason for score in trainer._scored.all if score.judged}
    assert reasons == {"judge timeout"}


def test_real_judge_engine_scores_by_the_offline_rules(job: MakeJob, loop: SideLoop, tmp_path: Path) -> None:
    task = job(steps=1, judge=Llm(provider="offline", model="rules-1"))
    engine = Engine(tmp_path / "responses.sqlite", Path(task.blobs))
    grpo.train(task, Referee(task.params.judge, engine.complete), loop)
    assert engine.usage.calls > 0 and engine.usage.failures == 0
    engine.close()
    assert metrics_of(task)[1, "unknown/context"] == 0.0


def test_siblings_without_a_sense_reach_the_reward_that_compares_them(job: MakeJob, loop: SideLoop) -> None:
    terms = (RewardTerm(reward="modality", weight=1.0), RewardTerm(reward="format", weight=0.5))
    task = job(steps=1, rewards=terms, views=("muted", "blind"), view_completions=1)
    grpo.train(task, None, loop)
    written = pq.read_table(Path(task.out) / "completions.parquet").to_pylist()
    assert len(written) == 8
    assert all({"modality/muted", "modality/blind"} <= dict(row["parts"]).keys() for row in written)
