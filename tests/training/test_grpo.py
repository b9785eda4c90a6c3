"""Reinforcement learning end to end on real clips: what reaches the gradient, and what must not."""

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from transformers import Qwen2_5OmniProcessor

from llm.engine import Engine
from llm.request import Request
from schemas.completion import parse
from schemas.example import Example, to_table
from schemas.llm import Llm
from schemas.training import (
    Decoding,
    Gate,
    GrpoJob,
    GrpoParams,
    Kl,
    Optimizer,
    RewardTerm,
    SftJob,
    SftParams,
)
from schemas.values import UserError
from tests.training.conftest import SMALL
from tests.training.rewards.examples import JUDGE, replying
from training import grpo, sft
from training.checkpoint import load_model
from training.inputs import Encoder
from training.omni_grpo import OmniGRPOTrainer, sequence_reference
from training.prompt_plan import plan_prompts
from training.rewards.contract import Complete, Referee
from training.spans import block_tokens, token_text

MakeJob = Callable[..., GrpoJob]

MIXES = ("video", "short", "silent", "text")
TERMS = (
    RewardTerm(reward="format", weight=0.5),
    RewardTerm(reward="accuracy", weight=1.0, target="only(answer)"),
    RewardTerm(reward="context", weight=1.0, target="only(context)"),
)


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory, asked: dict[str, Example]) -> Path:
    path = tmp_path_factory.mktemp("prompts") / "examples.parquet"
    pq.write_table(to_table([asked[mix] for mix in MIXES]), path)
    return path


@pytest.fixture(scope="module")
def cold(tmp_path_factory: pytest.TempPathFactory, tiny: Path, blobs: Path, prompts: Path) -> Path:
    """A policy that mostly keeps the format, and still varies."""
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
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
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


WHOLE = {
    "steps": 3,
    "save_every": 2,
    "gates": (Gate(reward="context", at_most=0.4, zeroes=("accuracy",)),),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, settings: MakeJob) -> GrpoJob:
    """A run of three steps that nothing cut off."""
    done = settings(tmp_path_factory.mktemp("whole"), **WHOLE)
    with asyncio.Runner() as loop:
        grpo.train(done, Referee(JUDGE, replying(by_words)), loop)
    return done


def trainer_of(job: GrpoJob, loop: asyncio.Runner, complete: Complete | None = None) -> OmniGRPOTrainer:
    judge = Referee(JUDGE, complete or replying(by_words))
    return grpo.make_trainer(job, grpo.read_examples(Path(job.examples)), judge, loop)[0]


def by_words(request: Request) -> str:
    """More of the reference's words, a better score."""
    wanted = set(request.fields["reference"].split())
    return json.dumps({"score": 5 * len(wanted & set(request.fields["candidate"].split())) / len(wanted)})


def sampled(trainer: OmniGRPOTrainer, rows: Sequence[int] = (0, 1)) -> dict[str, Any]:
    """One generation of the given prompts, as the trainer buffers it."""
    size = trainer.params.completions_per_prompt
    return trainer._generate_and_score_completions([{"prompt": str(row)} for row in rows for _ in range(size)])


class Watched(OmniGRPOTrainer):
    """Keeps the log-probabilities that the loss was made from, with their gradient."""

    def _get_per_token_logps_and_entropies(self, *given: Any, **options: Any) -> Any:
        scored = super()._get_per_token_logps_and_entropies(*given, **options)
        if scored[0].requires_grad:
            scored[0].retain_grad()
            self.logps = scored[0]
        return scored


def token_gradient(trainer: OmniGRPOTrainer, batch: dict[str, Any]) -> torch.Tensor:
    """(N, T) gradient of the loss by the log-probability of each token."""
    trainer.__class__ = Watched
    trainer.current_gradient_accumulation_steps = 1
    trainer._compute_loss(trainer.model, batch).backward()
    trainer.model.zero_grad()
    assert isinstance(trainer, Watched) and trainer.logps.grad is not None
    return trainer.logps.grad


def test_context_score_alone_moves_only_its_span(job: MakeJob, loop: asyncio.Runner) -> None:
    batches, gradients = [], []
    for favoured in (0, 1):
        count = iter(range(10_000))

        def reply(_: Request, favoured: int = favoured, count: Iterator[int] = count) -> str:
            return json.dumps({"score": 5.0 * (next(count) % 2 == favoured)})

        trainer = trainer_of(job(f"favour-{favoured}"), loop, replying(reply))
        batches.append(sampled(trainer))
        gradients.append(token_gradient(trainer, batches[-1]))
    ids = batches[0]["completion_ids"]
    assert torch.equal(ids, batches[1]["completion_ids"])
    moved = gradients[0] != gradients[1]
    assert moved.any()
    for row, mask, changed in zip(ids, batches[0]["completion_mask"], moved, strict=True):
        text = token_text(trainer.encoder.processor.tokenizer, row[mask.bool()].tolist())
        context = block_tokens(text, parse(text.text)).get("context", range(0))
        outside = [place for place in changed.nonzero().flatten().tolist() if place not in context]
        assert not outside, text.text


def test_scoring_sees_the_video(job: MakeJob, loop: asyncio.Runner) -> None:
    trainer = trainer_of(job(), loop)
    rows, ids, generated = _generate(trainer, ["0", "1", "2", "3"])
    scored = _score(trainer, rows, ids)
    assert torch.allclose(scored, generated, atol=1e-4)
    settings = trainer.params.format
    trainer._media = [trainer.encoder.encode(trainer.examples[row], settings, "blind") for row in range(4)]
    blinded = (_score(trainer, rows, ids) - scored).abs().amax(1)
    assert (blinded[:3] > 1e-3).all() and blinded[3] == 0


def _generate(trainer: OmniGRPOTrainer, prompts: list[str]) -> tuple[list[list[int]], torch.Tensor, torch.Tensor]:
    """Prompt tokens, completions (N, T), and the log-probabilities that they were drawn with."""
    rows, _, media = trainer._tokenize_prompts(prompts)
    length = max(map(len, rows))
    pad = trainer._tokenizer.pad_token_id
    padded = torch.tensor([[pad] * (length - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (length - len(row)) + [1] * len(row) for row in rows])
    torch.manual_seed(0)
    with torch.no_grad():
        result = trainer.model.generate(
            input_ids=padded,
            attention_mask=mask,
            **media,
            generation_config=trainer.generation_config,
            min_new_tokens=12,
            max_new_tokens=12,
            return_dict_in_generate=True,
            output_logits=True,
        )
    ids = result.sequences[:, length:]
    logps = torch.stack(result.logits, 1).div(trainer.temperature).log_softmax(-1)
    return rows, ids, logps.gather(2, ids[..., None])[..., 0]


def _score(trainer: OmniGRPOTrainer, rows: list[list[int]], ids: torch.Tensor) -> torch.Tensor:
    length = max(map(len, rows))
    pad = trainer._tokenizer.pad_token_id
    padded = torch.tensor([[pad] * (length - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (length - len(row)) + [1] * len(row) for row in rows])
    with torch.no_grad():
        return trainer._get_per_token_logps_and_entropies(
            trainer.model,
            torch.cat([padded, ids], 1),
            torch.cat([mask, torch.ones_like(ids)], 1),
            ids.shape[1],
        )[0]


def test_judge_failure_is_left_out_not_zero(job: MakeJob, loop: asyncio.Runner) -> None:
    replies = iter([None, '{"score": 5}', '{"score": 0}', "I would say five", *['{"score": 5}'] * 100])
    task = job()
    trainer = trainer_of(task, loop, replying(lambda _: next(replies)))
    sampled(trainer)
    written = pq.read_table(Path(task.work) / "completions" / "0000001-0000.parquet").to_pylist()
    judged = [row for row in written if parse(row["text"]).body("context")]
    unknown = [row for row in written if "context" not in dict(row["rewards"])]
    assert unknown == [judged[0], judged[3]]
    assert all(dict(row["advantages"])["context"] == 0 for row in unknown)
    group = [dict(row["rewards"]).get("context") for row in written[:4]]
    known = [value for value in group if value is not None]
    for row, value in zip(written[:4], group, strict=True):
        expected = 0 if value is None else value - sum(known) / len(known)
        assert dict(row["advantages"])["context"] == pytest.approx(expected)


def test_judge_that_stays_silent_stops_the_run(job: MakeJob, loop: asyncio.Runner) -> None:
    task = job(max_unknown_rewards=3)
    with pytest.raises(UserError, match=r"3 judged rewards in a row are not known.*timeout.*fake/fake"):
        grpo.train(task, Referee(JUDGE, replying(lambda _: None)), loop)


def test_zero_variance_groups_are_dropped(job: MakeJob, loop: asyncio.Runner, tiny: Path) -> None:
    """A policy that never keeps the format learns nothing from it, not even from KL."""
    terms = (RewardTerm(reward="format", weight=1.0),)
    task = job(rewards=terms, mask_truncated=False).model_copy(update={"checkpoint": str(tiny)})
    grpo.train(task, None, loop)
    before, after = load_model(tiny).state_dict(), load_model(Path(task.out) / "model").state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    logged = _metrics(task)
    assert logged[1, "silent"] == logged[2, "silent"] == 1.0 and logged[2, "loss"] == 0.0
    assert not any(row["trained"] for row in _completions(task))


def test_group_that_differs_is_trained_beside_a_silent_one(job: MakeJob, loop: asyncio.Runner) -> None:
    def reply(request: Request) -> str:
        return by_words(request) if "video" in request.fields["reference"] else '{"score": 2}'

    terms = (RewardTerm(reward="context", weight=1.0, target="until_end(context)"),)
    trainer = trainer_of(job(rewards=terms, kl=Kl(start=0, end=0)), loop, replying(reply))
    batch = sampled(trainer)
    silent = [not any(row) for row in batch["advantages"].view(2, -1).tolist()]
    used = batch["tool_mask"].view(2, 4, -1).sum((1, 2)) > 0
    assert used.tolist() == [not each for each in silent]
    assert batch["num_items_in_batch"] == (batch["completion_mask"] * batch["tool_mask"]).sum()


def test_truncated_completions_are_masked_and_still_counted(job: MakeJob, loop: asyncio.Runner) -> None:
    task = job(decoding=Decoding(max_new_tokens=4, temperature=1.0), mask_truncated=True)
    grpo.train(task, Referee(JUDGE, replying(by_words)), loop)
    cut = [row for row in _completions(task) if row["truncated"]]
    assert cut and not any(row["trained"] for row in cut)
    assert _metrics(task)[1, "truncated"] > 0


def test_training_writes_what_the_stage_publishes(whole: GrpoJob) -> None:
    assert len(_completions(whole)) == 3 * 2 * 4
    logged = _metrics(whole)
    assert logged[1, "kl"] == 0.0 and logged[1, "beta"] == 0.04 and logged[3, "beta"] == 0.01
    assert {"reward/format", "reward/accuracy", "reward/context", "loss"} <= {name for _, name in logged}
    trained = load_model(Path(whole.out) / "model").state_dict()
    start = load_model(Path(whole.checkpoint)).state_dict()
    changed = {name for name in trained if not torch.equal(trained[name], start[name])}
    assert changed and not any("visual" in name or "audio_tower" in name for name in changed)


def test_killed_run_goes_on_to_the_same_bytes(
    whole: GrpoJob, job: MakeJob, loop: asyncio.Runner, capsys: pytest.CaptureFixture[str]
) -> None:
    killed = job("killed", **WHOLE)
    shutil.copytree(whole.work, killed.work)
    for late in [*Path(killed.work).glob("checkpoint-3"), *Path(killed.work).glob("completions/0000003-*")]:
        shutil.rmtree(late) if late.is_dir() else late.unlink()
    grpo.train(killed, Referee(JUDGE, replying(by_words)), loop)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("step ")]
    assert len(lines) == 1 and lines[0].startswith("step 3/3 reward=") and "kl=" in lines[0]
    for name in ("model/model.safetensors", "metrics.parquet", "completions.parquet"):
        assert (Path(killed.out) / name).read_bytes() == (Path(whole.out) / name).read_bytes(), name


def test_prompt_with_unreadable_media_is_left_out_and_counted(
    job: MakeJob, loop: asyncio.Runner, tmp_path: Path, asked: dict[str, Example]
) -> None:
    lost = asked["video"].model_copy(
        update={"id": "lost", "media": (asked["video"].media[0].model_copy(update={"digest": "0" * 64}),)}
    )
    path = tmp_path / "with-lost.parquet"
    rows = [lost, asked["video"], asked["text"]]
    pq.write_table(to_table(rows), path)
    task = job(steps=1).model_copy(update={"examples": str(path)})
    grpo.train(task, Referee(JUDGE, replying(by_words)), loop)
    assert _metrics(task)[0, "prompts_left_out"] == 1.0
    assert {row["id"] for row in _completions(task)} == {"video", "text"}


def test_plan_fills_the_place_of_an_unreadable_prompt_and_keeps_the_rest(
    processor: Qwen2_5OmniProcessor, blobs: Path, asked: dict[str, Example], job: MakeJob
) -> None:
    params = job(steps=3).params
    examples = [asked[mix] for mix in ("video", "short", "silent", "text", "picture")]
    whole = plan_prompts(Encoder(processor, SMALL, blobs), examples, params)
    lost = examples[whole.rows[1]]
    examples[whole.rows[1]] = lost.model_copy(
        update={"media": (asked["video"].media[0].model_copy(update={"digest": "0" * 64}),)}
    )
    plan = plan_prompts(Encoder(processor, SMALL, blobs), examples, params)
    assert list(plan.left_out) == [lost.id] and len(plan.rows) == len(whole.rows) == 6
    rest = [row for row in whole.rows if row != whole.rows[1]]
    assert plan.rows[: len(rest)] == rest


def test_run_without_a_readable_prompt_is_refused(encoder: Encoder, asked: dict[str, Example], job: MakeJob) -> None:
    lost = asked["video"].model_copy(
        update={"media": (asked["video"].media[0].model_copy(update={"digest": "0" * 64}),)}
    )
    with pytest.raises(UserError, match="no prompt can be made"):
        plan_prompts(encoder, [lost], job().params)


def test_several_updates_of_one_generation_keep_their_media(job: MakeJob, loop: asyncio.Runner) -> None:
    task = job(steps=2, iterations=2, save_every=2, loss="gspo", mask_truncated=False)
    grpo.train(task, Referee(JUDGE, replying(by_words)), loop)
    logged = _metrics(task)
    assert {row["step"] for row in _completions(task)} == {1}
    assert logged[1, "kl"] == pytest.approx(0.0, abs=1e-6) and 0 < logged[2, "kl"] < 1


def test_real_judge_engine_scores_by_the_offline_rules(job: MakeJob, loop: asyncio.Runner, tmp_path: Path) -> None:
    task = job(steps=1, judge=Llm(provider="offline", model="rules-1"))
    engine = Engine(tmp_path / "responses.sqlite", Path(task.blobs))
    grpo.train(task, Referee(task.params.judge, engine.complete), loop)
    assert engine.usage.calls > 0 and engine.usage.failures == 0
    engine.close()
    assert _metrics(task)[1, "unknown/context"] == 0.0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rewards": (RewardTerm(reward="charm", weight=1.0),)}, "unknown reward 'charm'"),
        ({"gates": (Gate(reward="charm", at_most=0.4, zeroes=("format",)),)}, "unknown reward 'charm'"),
        ({"rewards": ()}, "no rewards"),
        ({"decoding": Decoding(max_new_tokens=8)}, "temperature"),
        ({"completions_per_prompt": 1}, "its own baseline"),
        ({"world_size": 3}, "does not divide"),
        ({"iterations": 2, "save_every": 3}, "multiple"),
        ({"kl": Kl(start=0.04, end=0.0)}, "kl"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_line(changes: dict[str, Any], said: str, job: MakeJob) -> None:
    with pytest.raises(UserError, match=said):
        grpo.check(job(**changes).params)


def test_sequence_ratio_has_gspo_values_and_each_tokens_own_gradient() -> None:
    logps = torch.tensor([[-1.0, -2.0, -3.0, -9.0]], requires_grad=True)
    mask = torch.tensor([[1, 1, 1, 0]])
    inputs = {
        "old_per_token_logps": torch.tensor([[-1.2, -2.1, -2.9, 0.0]]),
        "completion_mask": mask,
        "tool_mask": torch.ones_like(mask),
    }
    ratio = (logps - sequence_reference(logps.detach(), inputs)).exp()
    sequence = torch.tensor([0.2, 0.1, -0.1]).mean().exp()
    assert torch.allclose(ratio, sequence.expand(1, 4))
    (ratio * torch.tensor([[1.0, 0.0, 2.0, 0.0]])).sum().backward()
    assert logps.grad is not None
    assert torch.allclose(logps.grad, torch.tensor([[1.0, 0.0, 2.0, 0.0]]) * sequence)


def _metrics(job: GrpoJob) -> dict[tuple[int, str], float]:
    rows = pq.read_table(Path(job.out) / "metrics.parquet").to_pylist()
    return {(row["step"], row["name"]): row["value"] for row in rows}


def _completions(job: GrpoJob) -> list[dict[str, Any]]:
    return pq.read_table(Path(job.out) / "completions.parquet").to_pylist()
