"""Whole runs: what they leave, how they are watched, and what is refused."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import torch
from transformers import Qwen2_5OmniProcessor

from llm.request import Check, Outcome, Request
from schemas.completion import FormatName
from schemas.example import Example, to_table
from schemas.failures import BudgetReached
from schemas.training import Decoding, Gate, GrpoJob, Kl, Lora, Optimizer, RewardTerm, View
from schemas.values import UserError
from tests.training.grpo.runs import BY_WORDS, MIXES, TERMS, MakeJob, completions_of, metrics_of, published, trainer_of
from tests.training.rewards.examples import JUDGE
from training import grpo
from training.checkpoint import load_model
from training.held_out import HeldOut
from training.inputs import Encoder, Inputs, NoPrompt
from training.judging import SideLoop
from training.prompt_plan import unreadable
from training.rewards.contract import Referee
from training.step_times import mean_seconds, timings


def test_training_writes_what_the_stage_publishes(whole: GrpoJob) -> None:
    assert len(completions_of(whole)) == 3 * 2 * 4
    logged = metrics_of(whole)
    assert logged[1, "kl"] == 0.0 and logged[1, "beta"] == 0.04 and logged[3, "beta"] == 0.01
    assert {"reward/format", "reward/accuracy", "reward/context", "loss"} <= {name for _, name in logged}
    trained = load_model(Path(whole.out) / "model").state_dict()
    start = load_model(Path(whole.checkpoint)).state_dict()
    changed = {name for name in trained if not torch.equal(trained[name], start[name])}
    assert changed and not any("visual" in name or "audio_tower" in name for name in changed)


def test_completions_hold_all_parts_of_their_rewards(whole: GrpoJob) -> None:
    for row in completions_of(whole):
        parts = dict(row["parts"])
        assert parts["format/errors"] == 0 if row["well_formed"] else parts["format/errors"] > 0
        assert "accuracy/answered" in parts and row["kind"] == "choice" and row["stand_in"] == 0
        assert dict(row["rewards"]).keys() | dict(row["unknown"]).keys() == {"format", "accuracy", "context"}


def test_several_updates_of_one_generation_keep_their_media(job: MakeJob, loop: SideLoop) -> None:
    task = job(steps=2, iterations=2, save_every=2, loss="gspo", mask_truncated=False)
    grpo.train(task, BY_WORDS, loop)
    logged = metrics_of(task)
    assert {row["step"] for row in completions_of(task)} == {1}
    assert logged[1, "kl"] == pytest.approx(0.0, abs=1e-6) and 0 < logged[2, "kl"] < 1


def test_steered_weight_follows_the_kl_of_the_update_before(job: MakeJob, loop: SideLoop) -> None:
    task = job(steps=3, kl=Kl(target=0.001, gain=0.5))
    grpo.train(task, BY_WORDS, loop)
    logged = metrics_of(task)
    assert logged[1, "kl"] < 0.001 < logged[2, "kl"]
    assert logged[1, "beta"] == 0.04
    assert logged[2, "beta"] == pytest.approx(0.04 * 0.9)
    assert logged[3, "beta"] > logged[2, "beta"]


def test_leap_of_kl_stops_the_run_where_the_recipe_says_so(
    job: MakeJob, loop: SideLoop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("training.kl._FEWEST", 1)
    wild: dict[str, Any] = {
        "steps": 3,
        "iterations": 3,
        "save_every": 1,
        "optimizer": Optimizer(lr=5e-3, schedule="constant"),
        "mask_truncated": False,
    }
    grpo.train(job("warned", **wild, kl=Kl(spike=2, on_spike="warn")), BY_WORDS, loop)
    assert "warning: step 2 has a KL of" in capsys.readouterr().err
    assert metrics_of(job("warned"))[2, "kl_spike"] > 2
    with pytest.raises(UserError, match=r"step 2 has a KL of .* the newest checkpoint from before it is checkpoint-1"):
        grpo.train(job("stopped", **wild, kl=Kl(spike=2, on_spike="stop")), BY_WORDS, loop)


def test_held_out_answers_are_counted_by_kind_and_change_nothing(
    whole: GrpoJob, job: MakeJob, loop: SideLoop, tmp_path: Path, asked: dict[str, Example]
) -> None:
    spoken = asked["sound"].model_copy(update={"answer_kind": "yes_no", "options": (), "answer": "yes"})
    lost = asked["video"].media[0].model_copy(update={"digest": "0" * 64})
    gone = asked["video"].model_copy(update={"id": "gone", "media": (lost,)})
    path = tmp_path / "held.parquet"
    pq.write_table(to_table([*(asked[mix] for mix in MIXES), spoken, gone]), path)
    watched = job(steps=3, save_every=2, gates=whole.params.gates, evaluate_every=2)
    watched = watched.model_copy(update={"held_out": str(path)})
    grpo.train(watched, BY_WORDS, loop)
    logged = metrics_of(watched)
    seen = {(step, name) for step, name in logged if name.startswith("eval/")}
    names = ("eval/accuracy", "eval/accuracy/choice", "eval/accuracy/yes_no", "eval/unknown")
    assert seen == {(0, "eval/left_out"), *((step, name) for step in (0, 2) for name in names)}
    assert logged[0, "eval/left_out"] == 1
    assert logged[0, "eval/accuracy"] == pytest.approx(0.8 * logged[0, "eval/accuracy/choice"])
    left, expected = published(watched), published(whole)
    assert left["model/model.safetensors"] == expected["model/model.safetensors"]
    assert left["completions.parquet"] == expected["completions.parquet"]
    assert {key: value for key, value in logged.items() if key not in seen} == metrics_of(whole)


def test_held_out_examples_of_which_none_can_be_read_stop_the_run(
    job: MakeJob, loop: SideLoop, tmp_path: Path, asked: dict[str, Example]
) -> None:
    lost = asked["video"].media[0].model_copy(update={"digest": "0" * 64})
    pq.write_table(to_table([asked["video"].model_copy(update={"media": (lost,)})]), tmp_path / "held.parquet")
    watched = job(steps=1, evaluate_every=1).model_copy(update={"held_out": str(tmp_path / "held.parquet")})
    with pytest.raises(UserError, match="not one of 1 rows of the held-out examples can be shown to the model"):
        grpo.train(watched, BY_WORDS, loop)


def test_held_out_examples_are_read_in_the_view_in_which_they_are_asked(
    job: MakeJob, asked: dict[str, Example], processor: Qwen2_5OmniProcessor, blobs: Path
) -> None:
    params = job(views=("muted", "blind"), rewards=(*TERMS, RewardTerm(reward="modality", weight=1.0))).params
    encoder = OnlyWhole(processor, params.media, blobs)
    assert HeldOut(params, [asked["video"]], encoder, rank=0, ranks=1).left_out == 0
    assert unreadable(encoder, [asked["video"]], params.format, params.views).keys() == {"video"}


class OnlyWhole(Encoder):
    """Cannot show an example in part."""

    def encode(self, example: Example, format: FormatName, view: View = "full") -> Inputs:
        if view != "full":
            raise NoPrompt(f"cannot be shown {view}")
        return super().encode(example, format, view)


def test_budget_that_a_judge_has_reached_stops_the_run_as_what_it_is(job: MakeJob, loop: SideLoop) -> None:
    async def spent(requests: Sequence[Request], check: Check | None = None) -> list[Outcome]:
        raise BudgetReached("the next request might pass the budget of 1 dollar")

    with pytest.raises(BudgetReached, match="might pass the budget"):
        grpo.train(job(), Referee(JUDGE, spent), loop)


def test_each_part_of_each_step_is_timed(whole: GrpoJob) -> None:
    table = timings(Path(whole.work))
    found = {(row["step"], row["part"]) for row in table.to_pylist()}
    parts = {"decode", "generate", "judge", "log_probs", "update"}
    assert found == {(step, part) for step in (1, 2, 3) for part in parts}
    assert mean_seconds(table).keys() == parts
    assert min(table["seconds"].to_pylist()) >= 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rewards": (RewardTerm(reward="charm", weight=1.0),)}, "unknown reward 'charm'"),
        ({"gates": (Gate(reward="charm", at_most=0.4, zeroes=("format",)),)}, "unknown reward 'charm'"),
        ({"rewards": ()}, "no rewards"),
        ({"decoding": Decoding(max_new_tokens=8)}, "temperature"),
        ({"completions_per_prompt": 1}, "its own baseline"),
        ({"world_size": 3}, "does not divide"),
        ({"micro_batch": 3}, "micro_batch 3 does not divide the 8"),
        ({"rollout_batch": 6}, "rollout_batch 6 is no multiple"),
        ({"kl": Kl(start=0.04, end=0.0)}, "kl"),
        ({"views": ("muted",)}, "modality and views go together"),
        ({"rewards": (RewardTerm(reward="modality", weight=1.0),)}, "modality and views go together"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_line(changes: dict[str, Any], said: str, job: MakeJob) -> None:
    with pytest.raises(UserError, match=said):
        grpo.check(job(**changes).params)


@pytest.mark.parametrize(
    ("changes", "params", "said"),
    [
        ({"judge_deadline": 1800.0}, {}, "judge_deadline 1800 s is not below collective_timeout 1800 s"),
        ({}, {"evaluate_every": 5}, "no held_out examples"),
        ({"trackers": ("wandb",)}, {}, "wandb is not installed"),
    ],
)
def test_job_that_cannot_run_is_refused(
    changes: dict[str, Any], params: dict[str, Any], said: str, job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UserError, match=said):
        grpo.check_job(job(**params).model_copy(update=changes))


def test_ranks_wait_for_each_other_longer_than_for_a_judge(job: MakeJob) -> None:
    task = job()
    assert task.judge_deadline < grpo.trainer_arguments(task).ddp_timeout == task.collective_timeout


def test_adapters_are_held_to_the_model_without_them(job: MakeJob, loop: SideLoop) -> None:
    task = job(steps=2, iterations=2, save_every=1, lora=Lora(rank=2, alpha=4), mask_truncated=False)
    grpo.train(task, BY_WORDS, loop)
    logged = metrics_of(task)
    assert logged[1, "kl"] == pytest.approx(0.0, abs=1e-6) and logged[2, "kl"] > 0
    assert logged[1, "beta"] == 0.04 and logged[2, "beta"] == 0.01
    before, after = load_model(Path(task.checkpoint)).state_dict(), load_model(Path(task.out) / "model").state_dict()
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert changed and (Path(task.out) / "adapter").is_dir()


def test_media_of_the_next_step_are_read_while_this_one_is_learnt_from(
    job: MakeJob, loop: SideLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = job(steps=4, iterations=2)
    trainer = trainer_of(task, loop)
    ahead: list[list[str]] = []
    monkeypatch.setattr(trainer.encoder, "prefetch", lambda found: ahead.append([each.id for each in found]))
    trainer.train()
    written = pq.read_table(sorted((Path(task.work) / "completions").glob("*.parquet")))
    steps = sorted(set(written["step"].to_pylist()))
    drawn = [list(dict.fromkeys(written.filter(pc.equal(written["step"], step))["id"].to_pylist())) for step in steps]
    assert len(drawn) == 2 and ahead == [drawn[1], []]
