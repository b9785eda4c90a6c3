"""Completions as they are drawn, and scored by the model that drew them."""

from pathlib import Path
from typing import Any

import pytest
import torch

from schemas.training import Decoding, OrderedTags, RewardTerm
from schemas.values import UserError
from tests.training.grpo.runs import BY_WORDS, MakeJob, completions_of, sampled, token_gradient, trainer_of
from training import grpo
from training.inputs import NoPrompt, merge, pad_ids, specials
from training.judging import SideLoop
from training.omni_grpo import OmniGRPOTrainer


def test_scoring_sees_the_video(job: MakeJob, loop: SideLoop) -> None:
    trainer = trainer_of(job(), loop)
    rows, ids, generated = _generate(trainer)
    scored = _score(trainer, rows, ids)
    assert torch.allclose(scored, generated, atol=1e-4)
    settings = trainer.params.format
    trainer._media = [trainer.encoder.encode(trainer.examples[row], settings, "blind") for row in range(4)]
    blinded = (_score(trainer, rows, ids) - scored).abs().amax(1)
    assert (blinded[:3] > 1e-3).all() and blinded[3] == 0


def _generate(trainer: OmniGRPOTrainer) -> tuple[list[list[int]], torch.Tensor, torch.Tensor]:
    """Prompt tokens of all examples, completions (N, T), and the log-probabilities that they were drawn with."""
    trainer._media = [trainer._drawer.encode(row) for row in range(4)]
    rows = [list(each.ids) for each in trainer._media]
    padded, mask = pad_ids(rows, trainer._tokenizer.pad_token_id, "left")
    torch.manual_seed(0)
    model: Any = trainer.model
    with torch.no_grad():
        result = model.generate(
            input_ids=padded,
            attention_mask=mask,
            **merge(trainer._media),
            suppress_tokens=sorted(specials(trainer._tokenizer)),
            do_sample=True,
            temperature=trainer.temperature,
            min_new_tokens=12,
            max_new_tokens=12,
            return_dict_in_generate=True,
            output_logits=True,
        )
    ids = result.sequences[:, padded.shape[1] :]
    logps = torch.stack(result.logits, 1).div(trainer.temperature).log_softmax(-1)
    return rows, ids, logps.gather(2, ids[..., None])[..., 0]


def _score(trainer: OmniGRPOTrainer, rows: list[list[int]], ids: torch.Tensor) -> torch.Tensor:
    padded, mask = pad_ids(rows, trainer._tokenizer.pad_token_id, "left")
    with torch.no_grad():
        return trainer._get_per_token_logps_and_entropies(
            trainer.model,
            torch.cat([padded, ids], 1),
            torch.cat([mask, torch.ones_like(ids)], 1),
            ids.shape[1],
        )[0]


@pytest.mark.parametrize(
    "decoding",
    [
        Decoding(max_new_tokens=8, temperature=5.0),
        Decoding(max_new_tokens=8, temperature=0.9, top_k=3),
        Decoding(max_new_tokens=8, temperature=1.0, top_p=0.5),
        Decoding(max_new_tokens=8, temperature=0.0),
    ],
)
def test_placeholders_are_never_sampled_however_likely(decoding: Decoding, job: MakeJob, loop: SideLoop) -> None:
    trainer = trainer_of(job(), loop)
    special = sorted(specials(trainer._tokenizer).keys() - {trainer._tokenizer.eos_token_id})
    assert len(special) > 5

    def prefer_placeholders(_: Any, __: Any, logits: torch.Tensor) -> torch.Tensor:
        logits[..., special] += 1000.0
        return logits

    trainer.model.get_output_embeddings().register_forward_hook(prefer_placeholders)
    with trainer._writing(decoding) as write:
        draws = write([trainer._drawer.encode(row) for row in range(4)])
    assert all(draw.ids for draw in draws)
    assert not {id for draw in draws for id in draw.ids} & set(special)


def test_groups_written_in_parts_are_whole_and_in_order(job: MakeJob, loop: SideLoop) -> None:
    task = job(steps=1, rollout_batch=4)
    grpo.train(task, BY_WORDS, loop)
    ids = [row["id"] for row in completions_of(task)]
    assert len(ids) == 8 and len(set(ids[:4])) == len(set(ids[4:])) == 1 and ids[0] != ids[4]


def test_forced_tokens_have_no_gradient(job: MakeJob, loop: SideLoop) -> None:
    tags = OrderedTags(context=6, think=4, answer=3)
    terms = (RewardTerm(reward="context", weight=1.0), RewardTerm(reward="accuracy", weight=1.0))
    decoding = Decoding(max_new_tokens=40, temperature=0.9, ordered_tags=tags)
    trainer = trainer_of(job(rewards=terms, decoding=decoding, loss="grpo"), loop)
    batch = sampled(trainer)
    moved = token_gradient(trainer, batch) != 0
    chosen = [draw.chosen for draw in trainer._draws]
    assert moved.any() and any(not all(each) for each in chosen)
    for row, flags in zip(moved, chosen, strict=True):
        assert not row[: len(flags)][~torch.tensor(flags)].any()


def test_file_that_breaks_during_the_run_stops_it_and_changes_no_group(
    job: MakeJob, loop: SideLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = job()
    trainer = trainer_of(task, loop)

    def gone(*_: Any) -> None:
        raise NoPrompt("red.mp4: truncated")

    monkeypatch.setattr(trainer.encoder, "encode", gone)
    with pytest.raises(UserError, match=r"now it cannot: red\.mp4: truncated; put its media back"):
        trainer.train()
    assert not list(Path(task.work).glob("completions/*"))
