"""Completions: none is lost, none depends on where a run was cut off, and none holds a placeholder."""

import fcntl
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from transformers import Qwen2_5OmniThinkerForConditionalGeneration

from schemas.example import Example, to_table
from schemas.failures import USER_FAULT
from schemas.tables import PREDICTIONS
from schemas.training import Altering, Decoding, GenerateJob, GenerateParams, OrderedTags, Questions, Wording
from schemas.values import UserError
from tests.stages import one_line
from tests.training.clips import example, keep
from tests.training.conftest import SMALL
from training.engines.contract import Written
from training.engines.local import TransformersEngine, suppressed
from training.generate import Policy, Shards, main
from training.inputs import Encoder, Inputs, specials
from training.views import NO_SUBTITLES, Shown

Model = Qwen2_5OmniThinkerForConditionalGeneration

GREEDY = GenerateParams(
    format="context_first", media=SMALL, decoding=Decoding(max_new_tokens=8), batch_size=3, rows_per_shard=2
)
SAMPLED = GREEDY.model_copy(update={"decoding": Decoding(max_new_tokens=8, temperature=1.0, draws=3, seed=5)})


def policy_of(model: Model, encoder: Encoder, params: GenerateParams) -> Policy:
    return Policy(TransformersEngine(model, encoder.processor.tokenizer, params.batch_size), encoder, params)


def shards(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def rows_of(examples: Iterable[Example]) -> list[Shown]:
    return [Shown(each) for each in examples]


def test_rows_come_in_the_order_of_examples_then_draws(
    model: Model, encoder: Encoder, asked: dict[str, Example]
) -> None:
    table = policy_of(model, encoder, SAMPLED).predict(rows_of(asked.values()), seed=0)
    assert table.schema.equals(PREDICTIONS)
    assert [(row["id"], row["draw"]) for row in table.to_pylist()] == [
        (name, draw) for name in asked for draw in range(3)
    ]


def test_draws_differ_and_the_same_seed_repeats_them(model: Model, encoder: Encoder, asked: dict[str, Example]) -> None:
    policy = policy_of(model, encoder, SAMPLED)
    first = policy.predict(rows_of([asked["video"]]), seed=1)
    assert len(set(first["text"].to_pylist())) > 1
    assert first.equals(policy.predict(rows_of([asked["video"]]), seed=1))
    assert not first.equals(policy.predict(rows_of([asked["video"]]), seed=2))


def test_greedy_completions_do_not_depend_on_their_neighbours(
    model: Model, encoder: Encoder, asked: dict[str, Example]
) -> None:
    policy = policy_of(model, encoder, GREEDY)
    together = policy.predict(rows_of(asked.values()), seed=0)
    alone = [policy.predict(rows_of([each]), seed=0) for each in asked.values()]
    assert together.equals(pa.concat_tables(alone).combine_chunks())


def test_unreadable_media_and_text_give_rows_that_say_so(
    model: Model, encoder: Encoder, blobs: Path, tmp_path: Path, asked: dict[str, Example]
) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"broken" * 50)
    broken = example("broken", keep(blobs, path, "video", has_audio=True))
    spoiled = example("spoiled").model_copy(update={"question": "What is <|VIDEO|>?"})
    given = rows_of([broken, asked["video"], spoiled])
    rows = policy_of(model, encoder, SAMPLED).predict(given, seed=0).to_pylist()
    assert len(rows) == 9
    for row in rows:
        assert (row["load_error"] is not None) == (row["id"] != "video")
        assert row["prompt"].endswith("<|im_start|>assistant\n")
    assert all(row["text"] == "" and row["tokens"] == 0 for row in rows if row["load_error"])


@pytest.mark.parametrize("fault", [UserError("a setting is wrong"), ValueError("a fault of ours")])
def test_only_a_fault_of_the_row_is_a_load_error(
    fault: Exception, model: Model, encoder: Encoder, asked: dict[str, Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Inputs:
        raise fault

    monkeypatch.setattr(encoder, "encode", fail)
    with pytest.raises(type(fault), match=str(fault)):
        policy_of(model, encoder, GREEDY).predict(rows_of([asked["video"]]), seed=0)


def test_benchmark_of_which_not_one_row_can_be_shown_stops_before_anything_is_written(
    tiny: Path, blobs: Path, asked: dict[str, Example], tmp_path: Path
) -> None:
    spoiled = [example(name).model_copy(update={"question": "What is <|VIDEO|>?"}) for name in ("odd", "worse")]
    job = make_job(tmp_path, tiny, blobs, {**asked, **{each.id: each for each in spoiled}})
    with pytest.raises(UserError) as error:
        main(job.model_copy(update={"parts": {"whole": len(asked), "broken": 2, "none": 0}}))
    assert one_line(error.value).startswith(
        "not one of 2 rows of broken can be shown to the model (odd: its text holds"
    )
    assert not shards(tmp_path / "out")
    main(job.model_copy(update={"parts": {"whole": len(asked) - 1, "half": 3}}))
    assert len(shards(tmp_path / "out")) == 5


def test_benchmark_of_which_a_view_cannot_be_made_is_a_table_of_load_errors(
    tiny: Path, blobs: Path, asked: dict[str, Example], tmp_path: Path
) -> None:
    job = make_job(tmp_path, tiny, blobs, {"sound": asked["sound"], "video": asked["video"]})
    main(job.model_copy(update={"params": GREEDY.seen_as("transcript", Altering())}))
    assert pq.read_table(tmp_path / "out")["load_error"].to_pylist() == [NO_SUBTITLES] * 2


def test_mistake_is_the_last_line_of_its_process(
    tiny: Path, blobs: Path, asked: dict[str, Example], tmp_path: Path
) -> None:
    ordered = GREEDY.decoding.model_copy(update={"ordered_tags": OrderedTags()})
    mistaken = GREEDY.model_copy(update={"format": "direct", "decoding": ordered})
    job = make_job(tmp_path, tiny, blobs, asked).model_copy(update={"params": mistaken})
    process = _start(job, tmp_path / "job.json", stdout=subprocess.PIPE)
    said, _ = process.communicate()
    assert process.returncode == USER_FAULT
    assert said.decode().splitlines()[-1].startswith("decoding.ordered_tags: the format direct")


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
    policy, rows, out = policy_of(model, encoder, SAMPLED), rows_of(asked.values()), tmp_path / "out"
    shelf = Shards(out, tmp_path / "work", 4)
    shelf.write(policy, rows, SAMPLED)
    whole = shards(out)
    assert sorted(whole) == [f"predictions-{number:05d}.parquet" for number in range(4)]
    (out / "predictions-00001.parquet").unlink()
    (out / "predictions-00003.parquet").rename(out / "predictions-00003.partial")
    kept = (out / "predictions-00000.parquet").stat().st_mtime_ns
    shelf.write(policy, rows, SAMPLED)
    assert shards(out) == whole
    assert (out / "predictions-00000.parquet").stat().st_mtime_ns == kept


def test_a_job_reads_parquet_and_leaves_shards(
    tiny: Path, blobs: Path, asked: dict[str, Example], tmp_path: Path
) -> None:
    main(make_job(tmp_path, tiny, blobs, asked))
    table = pq.read_table(tmp_path / "out")
    assert list(dict.fromkeys(table["id"].to_pylist())) == list(asked)


def test_a_direct_answer_cannot_have_its_tags_ordered(model: Model, encoder: Encoder) -> None:
    ordered = GREEDY.decoding.model_copy(update={"ordered_tags": OrderedTags()})
    with pytest.raises(UserError, match="has not all those tags"):
        policy_of(model, encoder, GREEDY.model_copy(update={"format": "direct", "decoding": ordered}))


class Interrupted(Exception):
    """The engine's machine is gone."""


class Failing:
    """An engine that writes so many batches and then none; counts them."""

    def __init__(self, engine: TransformersEngine, most: int) -> None:
        self._engine, self._left, self.written = engine, most, 0

    def complete(self, inputs: Sequence[Inputs], decoding: Decoding) -> list[Written]:
        if self.written == self._left:
            raise Interrupted
        self.written += 1
        return self._engine.complete(inputs, decoding)

    def sync(self, model: object) -> None:
        raise AssertionError("nothing is trained here")

    def close(self) -> None:
        self._engine.close()


@pytest.mark.parametrize("most", [0, 1, 3, 6])
def test_shard_that_breaks_off_goes_on_with_its_next_batch_and_draws_the_same(
    most: int, model: Model, encoder: Encoder, asked: dict[str, Example], tmp_path: Path
) -> None:
    rows, engine = rows_of(asked.values()), TransformersEngine(model, encoder.processor.tokenizer, 3)
    whole = Policy(engine, encoder, SAMPLED).predict(rows, seed=7)
    with pytest.raises(Interrupted):
        Policy(Failing(engine, most), encoder, SAMPLED).predict(rows, seed=7, kept=tmp_path)
    rest = Failing(engine, 99)
    assert Policy(rest, encoder, SAMPLED).predict(rows, seed=7, kept=tmp_path).equals(whole)
    assert rest.written == 7 - most


def test_shard_that_another_process_writes_is_left_to_it(
    model: Model, encoder: Encoder, asked: dict[str, Example], tmp_path: Path
) -> None:
    policy, rows = policy_of(model, encoder, SAMPLED), rows_of(asked.values())
    Shards(tmp_path / "whole", tmp_path / "work-whole", 4).write(policy, rows, SAMPLED)
    work = tmp_path / "work"
    work.mkdir()
    with (work / "shard-00001.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        Shards(tmp_path / "out", work, 4).write(policy, rows, SAMPLED)
    assert shards(tmp_path / "whole").keys() - shards(tmp_path / "out").keys() == {"predictions-00001.parquet"}
    Shards(tmp_path / "out", work, 4).write(policy, rows, SAMPLED)
    assert shards(tmp_path / "out") == shards(tmp_path / "whole")


def test_examples_that_are_answered_in_other_ways_follow_in_shards_of_their_own(
    tiny: Path, blobs: Path, asked: dict[str, Example], tmp_path: Path
) -> None:
    job = make_job(tmp_path, tiny, blobs, asked)
    wording = Wording(question="{question}\n{options}\nOne of {letters}:", option="({label}) {text}")
    other = SAMPLED.model_copy(update={"wording": wording, "format": "direct"})
    main(job.model_copy(update={"also": (Questions(params=other, examples=job.examples),)}))
    table = pq.read_table(tmp_path / "out").to_pylist()
    assert len(shards(tmp_path / "out")) == 8
    assert [row["id"] for row in table] == [id for id in [*asked, *asked] for _ in range(3)]
    assert all("(A) red\n(B) blue\nOne of A or B:" in row["prompt"] for row in table[21:])
    assert not any("One of" in row["prompt"] for row in table[:21])


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, tiny: Path, blobs: Path, asked: dict[str, Example]
) -> dict[str, bytes]:
    job = make_job(tmp_path_factory.mktemp("undisturbed"), tiny, blobs, asked)
    main(job)
    return shards(Path(job.out))


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 8))])
def test_a_killed_job_ends_in_the_same_bytes(
    seed: int, tiny: Path, blobs: Path, asked: dict[str, Example], tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    job = make_job(tmp_path, tiny, blobs, asked)
    moment = random.Random(seed).randrange(1, 12)
    process = _start(job, tmp_path / "job.json", str(moment), module="tests.training.mortal")
    assert process.wait() == -signal.SIGKILL
    assert shards(Path(job.out)).keys() < undisturbed.keys() or list(Path(job.work).glob("shard-*/*.json"))
    main(job)
    assert shards(Path(job.out)) == undisturbed


def test_shard_that_another_process_leaves_undone_is_waited_for_and_written(
    tiny: Path, blobs: Path, asked: dict[str, Example], tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    job = make_job(tmp_path, tiny, blobs, asked)
    Path(job.work).mkdir()
    with (Path(job.work) / "shard-00001.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = _start(job, tmp_path / "job.json", stdout=subprocess.PIPE)
        assert process.stdout
        told = next((line for line in process.stdout if b"waiting" in line), b"it did not wait")
        there = shards(Path(job.out)).keys()
    process.communicate()
    assert process.returncode == 0
    assert told == b"waiting for shard 1, which another process writes\n"
    assert there == undisturbed.keys() - {"predictions-00001.parquet"}
    assert shards(Path(job.out)) == undisturbed


@pytest.mark.slow
def test_processes_that_share_a_job_end_in_the_same_bytes(
    tiny: Path, blobs: Path, asked: dict[str, Example], tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    job = make_job(tmp_path, tiny, blobs, asked)
    ranks = [_start(job.model_copy(update={"rank": rank}), tmp_path / f"job-{rank}.json") for rank in range(2)]
    assert [process.wait() for process in ranks] == [0, 0]
    assert shards(Path(job.out)) == undisturbed


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


def _start(
    job: GenerateJob, job_file: Path, *words: str, module: str = "training.generate", stdout: int = subprocess.DEVNULL
) -> "subprocess.Popen[bytes]":
    job_file.write_text(job.model_dump_json())
    return subprocess.Popen(
        [sys.executable, "-m", module, str(job_file), *words],
        stdout=stdout,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
