"""Completions: none is lost, none depends on where a run was cut off, and none holds a placeholder."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from transformers import Qwen2_5OmniThinkerForConditionalGeneration

from schemas.example import Example, to_table
from schemas.tables import PREDICTIONS
from schemas.training import Decoding, GenerateJob, GenerateParams, OrderedTags
from schemas.values import UserError
from tests.training.clips import example, keep
from tests.training.conftest import SMALL
from training.engines.local import TransformersEngine, suppressed
from training.generate import Policy, main, write_shards
from training.inputs import Encoder, specials

Model = Qwen2_5OmniThinkerForConditionalGeneration

GREEDY = GenerateParams(
    format="context_first", media=SMALL, decoding=Decoding(max_new_tokens=8), batch_size=3, rows_per_shard=2
)
SAMPLED = GREEDY.model_copy(update={"decoding": Decoding(max_new_tokens=8, temperature=1.0, draws=3, seed=5)})


def policy_of(model: Model, encoder: Encoder, params: GenerateParams) -> Policy:
    return Policy(TransformersEngine(model, encoder.processor.tokenizer, params.batch_size), encoder, params)


def shards(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_rows_come_in_the_order_of_examples_then_draws(
    model: Model, encoder: Encoder, asked: dict[str, Example]
) -> None:
    table = policy_of(model, encoder, SAMPLED).predict(list(asked.values()), seed=0)
    assert table.schema.equals(PREDICTIONS)
    assert [(row["id"], row["draw"]) for row in table.to_pylist()] == [
        (name, draw) for name in asked for draw in range(3)
    ]


def test_draws_differ_and_the_same_seed_repeats_them(model: Model, encoder: Encoder, asked: dict[str, Example]) -> None:
    policy = policy_of(model, encoder, SAMPLED)
    first = policy.predict([asked["video"]], seed=1)
    assert len(set(first["text"].to_pylist())) > 1
    assert first.equals(policy.predict([asked["video"]], seed=1))
    assert not first.equals(policy.predict([asked["video"]], seed=2))


def test_greedy_completions_do_not_depend_on_their_neighbours(
    model: Model, encoder: Encoder, asked: dict[str, Example]
) -> None:
    policy = policy_of(model, encoder, GREEDY)
    together = policy.predict(list(asked.values()), seed=0)
    alone = [policy.predict([each], seed=0) for each in asked.values()]
    assert together.equals(pa.concat_tables(alone).combine_chunks())


def test_unreadable_media_and_text_give_rows_that_say_so(
    model: Model, encoder: Encoder, blobs: Path, tmp_path: Path, asked: dict[str, Example]
) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"broken" * 50)
    broken = example("broken", keep(blobs, path, "video", has_audio=True))
    spoiled = example("spoiled").model_copy(update={"question": "What is <|VIDEO|>?"})
    rows = policy_of(model, encoder, SAMPLED).predict([broken, asked["video"], spoiled], seed=0).to_pylist()
    assert len(rows) == 9
    for row in rows:
        assert (row["load_error"] is not None) == (row["id"] != "video")
        assert row["prompt"].endswith("<|im_start|>assistant\n")
    assert all(row["text"] == "" and row["tokens"] == 0 for row in rows if row["load_error"])


def test_a_completion_without_an_end_is_truncated(model: Model, encoder: Encoder, asked: dict[str, Example]) -> None:
    inputs = [encoder.encode(asked["video"], "direct")]
    (written,) = TransformersEngine(model, encoder.processor.tokenizer).complete(inputs, Decoding(max_new_tokens=3))
    assert written.truncated == (encoder.processor.tokenizer.eos_token_id not in written.ids)
    assert len(written.ids) <= 3


def test_no_completion_can_hold_a_special_token_but_the_end(model: Model, encoder: Encoder) -> None:
    tokenizer = encoder.processor.tokenizer
    banned = suppressed(tokenizer, len(tokenizer) + 3)
    assert set(banned) == {*specials(tokenizer), len(tokenizer), len(tokenizer) + 1, len(tokenizer) + 2} - {
        tokenizer.eos_token_id
    }


def test_lost_shards_are_written_again_with_the_same_bytes_and_others_left_alone(
    model: Model, encoder: Encoder, asked: dict[str, Example], tmp_path: Path
) -> None:
    policy, examples = policy_of(model, encoder, SAMPLED), list(asked.values())
    write_shards(policy, examples, tmp_path, SAMPLED)
    whole = shards(tmp_path)
    assert sorted(whole) == [f"predictions-{number:05d}.parquet" for number in range(4)]
    (tmp_path / "predictions-00001.parquet").unlink()
    (tmp_path / "predictions-00003.parquet").rename(tmp_path / "predictions-00003.partial")
    kept = (tmp_path / "predictions-00000.parquet").stat().st_mtime_ns
    write_shards(policy, examples, tmp_path, SAMPLED)
    assert shards(tmp_path) == whole
    assert (tmp_path / "predictions-00000.parquet").stat().st_mtime_ns == kept


def test_a_job_reads_parquet_and_leaves_shards(
    tiny: Path, blobs: Path, asked: dict[str, Example], tmp_path: Path
) -> None:
    main(make_job(tmp_path, tiny, blobs, asked))
    table = pq.read_table(tmp_path / "out")
    assert list(dict.fromkeys(table["id"].to_pylist())) == list(asked)


def test_a_direct_answer_cannot_have_its_tags_ordered(model: Model, encoder: Encoder) -> None:
    ordered = GREEDY.decoding.model_copy(update={"ordered_tags": OrderedTags()})
    with pytest.raises(UserError, match="no tags"):
        policy_of(model, encoder, GREEDY.model_copy(update={"format": "direct", "decoding": ordered}))


@pytest.mark.slow
def test_a_job_killed_between_shards_ends_in_the_same_bytes(
    tiny: Path, blobs: Path, asked: dict[str, Example], tmp_path: Path
) -> None:
    whole = make_job(tmp_path / "whole", tiny, blobs, asked)
    cut = make_job(tmp_path / "cut", tiny, blobs, asked)
    _generate(whole, tmp_path / "job.json", None)
    _generate(cut, tmp_path / "job.json", "step 2/")
    _generate(cut, tmp_path / "job.json", None)
    assert shards(Path(cut.out)) == shards(Path(whole.out))


def make_job(folder: Path, tiny: Path, blobs: Path, asked: dict[str, Example]) -> GenerateJob:
    folder.mkdir(exist_ok=True)
    rows = to_table(list(asked.values()))
    pq.write_table(rows, folder / "examples-00000.parquet")
    return GenerateJob(
        examples=str(folder),
        blobs=str(blobs),
        checkpoint=str(tiny),
        out=str(folder / "out"),
        work=str(folder / "work"),
        params=SAMPLED,
    )


def _generate(job: GenerateJob, job_file: Path, killed_at: str | None) -> None:
    job_file.write_text(job.model_dump_json())
    process = subprocess.Popen(
        [sys.executable, "-m", "training.generate", str(job_file)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert process.stdout
    for line in process.stdout:
        if killed_at and line.startswith(killed_at):
            process.send_signal(signal.SIGKILL)
    assert process.wait() == (-signal.SIGKILL if killed_at else 0)
