"""Groups that teach nothing, completions that are left out, and prompts that cannot be made."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

from llm.request import Request
from schemas.example import Example, to_table
from schemas.training import Decoding, Kl, RewardTerm
from schemas.values import UserError
from tests.training.conftest import SMALL
from tests.training.grpo.runs import BY_WORDS, MakeJob, by_words, completions_of, metrics_of, sampled, trainer_of
from tests.training.rewards.examples import JUDGE, replying
from training import grpo
from training.checkpoint import load_model, load_processor
from training.inputs import Encoder
from training.judging import SideLoop
from training.prompt_plan import plan_prompts, spare
from training.rewards.contract import Referee

FORMAT = (RewardTerm(reward="format", weight=1.0),)
CONTEXT = (RewardTerm(reward="context", weight=1.0, target="until_end(context)"),)


def test_zero_variance_groups_are_dropped(job: MakeJob, loop: SideLoop, tiny: Path) -> None:
    """A policy that never keeps the format learns nothing from it, not even from KL."""
    task = job(rewards=FORMAT, mask_truncated=False).model_copy(update={"checkpoint": str(tiny)})
    grpo.train(task, None, loop)
    before, after = load_model(tiny).state_dict(), load_model(Path(task.out) / "model").state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    logged = metrics_of(task)
    assert logged[1, "silent"] == logged[2, "silent"] == 1.0 and logged[2, "loss"] == 0.0
    assert logged[1, "groups/choice"] == 2.0 and logged[1, "silent/choice"] == 1.0
    assert not any(row["trained"] for row in completions_of(task))


def test_group_that_differs_is_trained_beside_a_silent_one(job: MakeJob, loop: SideLoop) -> None:
    trainer = trainer_of(job(rewards=CONTEXT, kl=Kl(start=0, end=0)), loop, replying(only_of_videos))
    batch = sampled(trainer)
    silent = [not any(row) for row in batch["advantages"].view(2, -1).tolist()]
    used = batch["tool_mask"].view(2, 4, -1).sum((1, 2)) > 0
    assert used.tolist() == [not each for each in silent]
    assert batch["num_items_in_batch"] == (batch["completion_mask"] * batch["tool_mask"]).sum()


def only_of_videos(request: Request) -> str:
    """A judge that sees no difference but between contexts of one clip."""
    return by_words(request) if "video" in request.fields["reference"] else '{"score": 2}'


def test_resampling_draws_other_prompts_for_silent_groups_and_counts_them(job: MakeJob, loop: SideLoop) -> None:
    task = job(steps=3, rewards=CONTEXT, zero_variance="resample", resample_at_most=2)
    grpo.train(task, Referee(JUDGE, replying(only_of_videos)), loop)
    written, logged = completions_of(task), metrics_of(task)
    stand_ins = [row for row in written if row["stand_in"]]
    assert stand_ins and max(row["stand_in"] for row in stand_ins) <= 2
    for step in (1, 2, 3):
        mine = [row for row in written if row["step"] == step]
        taught = [row for row in mine if row["advantages"]]
        assert len(taught) == 8  # a batch keeps its size
        assert len(mine) == 4 * logged[step, "groups/choice"]
        assert len(mine) - len(taught) <= len(mine) * logged[step, "silent/choice"]
        assert not any(row["trained"] for row in mine if not row["advantages"])


def test_engine_takes_over_weights_once_a_step_however_often_it_draws(
    job: MakeJob, loop: SideLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = job(steps=2, rewards=CONTEXT, zero_variance="resample", resample_at_most=2)
    trainer = trainer_of(task, loop, replying(only_of_videos))
    calls: list[str] = []
    sync, complete = trainer.engine.sync, trainer.engine.complete
    monkeypatch.setattr(trainer.engine, "sync", lambda model: (calls.append("sync"), sync(model)))
    monkeypatch.setattr(trainer.engine, "complete", lambda *given: (calls.append("draw"), complete(*given))[1])
    trainer.train()
    assert calls.count("sync") == 2 and calls.count("draw") > 2 and calls[0] == "sync"


def test_each_place_of_each_round_has_a_spare_of_its_own(job: MakeJob) -> None:
    params = job(steps=4, iterations=2, zero_variance="resample", resample_at_most=3).params
    found = [
        spare(params, generation, number, place) for generation in (0, 1) for number in (1, 2, 3) for place in (0, 1)
    ]
    assert found == list(range(12))


def test_plan_with_spares_asks_the_same_prompts_first(
    encoder: Encoder, asked: dict[str, Example], job: MakeJob
) -> None:
    examples = [asked[mix] for mix in ("video", "short", "silent", "text", "picture")]
    plain = plan_prompts(encoder, examples, job(steps=3).params)
    spared = plan_prompts(encoder, examples, job(steps=3, zero_variance="resample", resample_at_most=2).params)
    assert spared.rows == plain.rows and not plain.spares and len(spared.spares) == 3 * 2 * 2


def test_truncated_completions_are_masked_and_still_counted(job: MakeJob, loop: SideLoop) -> None:
    task = job(decoding=Decoding(max_new_tokens=4, temperature=1.0), mask_truncated=True)
    grpo.train(task, BY_WORDS, loop)
    cut = [row for row in completions_of(task) if row["truncated"]]
    assert cut and not any(row["trained"] for row in cut)
    assert metrics_of(task)[1, "truncated"] > 0


def test_malformed_completions_are_masked_where_the_recipe_says_so(job: MakeJob, loop: SideLoop) -> None:
    seen = {}
    for masked in (True, False):
        task = job(f"masked-{masked}", steps=1, mask_malformed=masked, mask_truncated=False, zero_variance="keep")
        grpo.train(task, BY_WORDS, loop)
        seen[masked] = [row for row in completions_of(task) if not row["well_formed"]]
        assert any(row["trained"] for row in completions_of(task))
    assert seen[True] and not any(row["trained"] for row in seen[True])
    assert all(row["trained"] for row in seen[False])
    assert [row["advantages"] for row in seen[True]] == [row["advantages"] for row in seen[False]]


def test_prompt_with_unreadable_media_is_left_out_and_counted(
    job: MakeJob, loop: SideLoop, tmp_path: Path, asked: dict[str, Example]
) -> None:
    path = tmp_path / "with-lost.parquet"
    pq.write_table(to_table([lost_one(asked["video"], "lost"), asked["video"], asked["text"]]), path)
    task = job(steps=1).model_copy(update={"examples": str(path)})
    grpo.train(task, BY_WORDS, loop)
    assert metrics_of(task)[0, "prompts_left_out"] == 1.0
    assert {row["id"] for row in completions_of(task)} == {"video", "text"}


def test_plan_fills_the_place_of_an_unreadable_prompt_and_keeps_the_rest(
    tiny: Path, blobs: Path, asked: dict[str, Example], job: MakeJob
) -> None:
    params, processor = job(steps=3).params, load_processor(tiny)
    examples = [asked[mix] for mix in ("video", "short", "silent", "text", "picture")]
    whole = plan_prompts(Encoder(processor, SMALL, blobs), examples, params)
    lost = examples[whole.rows[1]]
    examples[whole.rows[1]] = lost_one(asked["video"], lost.id)
    plan = plan_prompts(Encoder(processor, SMALL, blobs), examples, params)
    assert list(plan.left_out) == [lost.id] and len(plan.rows) == len(whole.rows) == 6
    rest = [row for row in whole.rows if row != whole.rows[1]]
    assert plan.rows[: len(rest)] == rest


def test_run_without_a_readable_prompt_is_refused(encoder: Encoder, asked: dict[str, Example], job: MakeJob) -> None:
    with pytest.raises(UserError, match="no prompt can be made"):
        plan_prompts(encoder, [lost_one(asked["video"], "lost")], job().params)


def lost_one(example: Example, id: str) -> Example:
    """The example with a clip that is nowhere."""
    media = (example.media[0].model_copy(update={"digest": "0" * 64}),)
    return example.model_copy(update={"id": id, "media": media})
