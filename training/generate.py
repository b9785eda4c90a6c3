"""Completions of a checkpoint: `python -m training.generate JOB.json`.

Examples are taken in shards of `rows_per_shard`; a finished shard appears as one Parquet file under its name, and a
run that starts again skips it, and of a shard begun the batches that are there. Each shard has its own seed, so the
same bytes come out wherever a run was cut off. Several processes may share a job's shards (`rank`): a shard is taken by
a lock that the kernel drops with its process, and none leaves before all of them are there.

A row that cannot be shown, because its media cannot be read or a view cannot be made of it, has a `load_error` and
stops nothing. A benchmark without any row that can be shown is no such table, and stops the job at its beginning.
"""

import fcntl
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from schemas.canonical import fingerprint
from schemas.tables import PREDICTIONS
from schemas.training import GenerateJob, GenerateParams, View
from schemas.values import UserError
from training.checkpoint import device, load_model, load_processor
from training.engines.contract import RolloutEngine, Written
from training.engines.local import TransformersEngine
from training.faults import saying_faults
from training.inputs import Encoder, Inputs, NoPrompt
from training.media_cache import open_cache
from training.start import read_examples, start
from training.views import DECODED, OF_THE_VIEW, Shown, not_one, shown
from training.written import Row, WrittenBatches


@dataclass(frozen=True)
class Unreadable:
    """An example whose media or text cannot become a prompt."""

    prompt: str
    reason: str


class _Place(NamedTuple):
    """One completion to be written."""

    row: Shown
    draw: int


_Encoded = Inputs | Unreadable


class Policy:
    """A model that answers examples in one way: format, view, media settings and decoding are fixed."""

    def __init__(self, engine: RolloutEngine, encoder: Encoder, params: GenerateParams) -> None:
        if params.decoding.ordered_tags is not None and params.format in ("direct", "reasoned"):
            raise UserError(f"decoding.ordered_tags: the format {params.format} has not all those tags; leave it out")
        self._engine, self._encoder, self._params = engine, encoder, params
        self._view: View = params.view if params.view in DECODED else "full"

    def predict(self, rows: Sequence[Shown], seed: int, kept: Path | None = None) -> pa.Table:
        """PREDICTIONS, in the order of rows, then draws. Equal arguments give an equal table.

        kept: folder for finished batches, with which a call that was cut off goes on.
        """
        torch.manual_seed(seed)
        places = [_Place(row, draw) for row in rows for draw in range(self._params.decoding.draws)]
        batches = WrittenBatches(kept)
        written = batches.take_up()
        for batch in self._batches(places[len(written) :]):
            batches.add(found := self._write(batch))
            written += found
        return pa.Table.from_pylist(written, schema=PREDICTIONS)

    def check(self, name: str, rows: Sequence[Shown]) -> None:
        """Raises UserError where not one of a benchmark's rows can be shown, and not for want of what a view needs."""
        first = None
        for row in rows:
            encoded = self._encode(row)
            if isinstance(encoded, Inputs) or encoded.reason in OF_THE_VIEW:
                return
            first = first or encoded
        if first:
            raise not_one(name, len(rows), first.reason)

    def _batches(self, places: Sequence[_Place]) -> Iterator[list[tuple[_Place, _Encoded]]]:
        """The places with their prompts, as many readable ones together as the model takes at once.

        What comes next is decoded while the model writes.
        """
        self._look_ahead(places)
        batch: list[tuple[_Place, _Encoded]] = []
        last: tuple[Shown, _Encoded] | None = None
        for number, place in enumerate(places, 1):
            last = last if last and last[0] is place.row else (place.row, self._encode(place.row))
            batch.append((place, last[1]))
            if sum(isinstance(encoded, Inputs) for _, encoded in batch) == self._params.batch_size:
                self._look_ahead(places[number:])
                yield batch
                batch = []
        if batch:
            yield batch

    def _look_ahead(self, places: Sequence[_Place]) -> None:
        rows = (place.row for place in places[: self._params.batch_size])
        self._encoder.prefetch((row.example for row in rows if not row.fault), self._view)

    def _write(self, batch: Sequence[tuple[_Place, _Encoded]]) -> list[Row]:
        asked = [encoded for _, encoded in batch if isinstance(encoded, Inputs)]
        written = iter(self._engine.complete(asked, self._params.decoding) if asked else ())
        return [
            {
                "id": place.row.example.id,
                "draw": place.draw,
                **(_unread(encoded) if isinstance(encoded, Unreadable) else _said(encoded, next(written))),
            }
            for place, encoded in batch
        ]

    def _encode(self, row: Shown) -> _Encoded:
        try:
            if row.fault:
                raise NoPrompt(row.fault)
            return self._encoder.encode(row.example, self._params.format, self._view)
        except NoPrompt as error:
            return Unreadable(self._encoder.render(row.example, self._params.format), str(error))


class Shards:
    """The shards of a job: `predictions-00000.parquet` and on, each whole or not at all, in `out`.

    work: for what is begun. total: of the whole job, for the bar.
    """

    def __init__(self, out: Path, work: Path, total: int) -> None:
        self._out, self._work, self._total = out, work, total
        for folder in (out, work):
            folder.mkdir(parents=True, exist_ok=True)

    def write(
        self, policy: Policy, rows: Sequence[Shown], params: GenerateParams, first: int = 0, wait: bool = False
    ) -> None:
        """Write the shards of these rows, of which the first has the number `first`, but those that are there.

        wait: for shards that another process has, and write them where that leaves them; else they are left to it.
        """
        for number, begin in enumerate(range(0, len(rows), params.rows_per_shard), first):
            with self._taken(number, wait) as mine:
                if mine and not self._place(number).exists():
                    self._write(policy, rows[begin : begin + params.rows_per_shard], params, number)
            done = sum(1 for _ in self._out.glob("predictions-*.parquet"))
            print(f"step {done}/{self._total} shards", flush=True)

    def are_there(self, numbers: Iterable[int]) -> bool:
        """Whether all shards of these numbers are written."""
        return all(self._place(number).exists() for number in numbers)

    def _write(self, policy: Policy, rows: Sequence[Shown], params: GenerateParams, number: int) -> None:
        seed = int(fingerprint([params.decoding.seed, number])[:15], 16)
        begun = self._work / f"shard-{number:05d}"
        table = policy.predict(rows, seed, begun)
        temporary = self._place(number).with_suffix(".partial")
        pq.write_table(table, temporary, compression="zstd")
        os.replace(temporary, self._place(number))
        WrittenBatches(begun).drop()

    def _place(self, number: int) -> Path:
        return self._out / f"predictions-{number:05d}.parquet"

    @contextmanager
    def _taken(self, number: int, wait: bool) -> Iterator[bool]:
        """Whether the shard is ours to write; another process that lives may have it."""
        with (self._work / f"shard-{number:05d}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if wait:
                    print(f"waiting for shard {number}, which another process writes", flush=True)
                    fcntl.flock(lock, fcntl.LOCK_EX)
                yield wait
            else:
                yield True


class _Part(NamedTuple):
    """Rows that are answered in one way. benchmarks: as `Questions.parts`. shards: their numbers."""

    params: GenerateParams
    rows: list[Shown]
    benchmarks: dict[str, int]
    shards: range


def main(job: GenerateJob) -> None:
    """Raises UserError for a benchmark of which not one row can be shown, before hours are spent on the others."""
    start(job.parent, job.threads)
    if torch.cuda.is_available():
        torch.cuda.set_device(job.rank % torch.cuda.device_count())
    folder = Path(job.checkpoint)
    processor, pieces = load_processor(folder), open_cache(job)
    model = cast(Any, load_model(folder, job.params.dtype)).to(device())

    def policy(params: GenerateParams) -> Policy:
        """A new one each time, since it keeps what it has read."""
        encoder = Encoder(
            processor,
            params.media,
            Path(job.blobs),
            pieces=pieces,
            wording=params.wording,
            altering=params.altering,
        )
        return Policy(TransformersEngine(model, encoder.processor.tokenizer, params.batch_size), encoder, params)

    parts = _parts(job)
    shards = Shards(Path(job.out), Path(job.work), parts[-1].shards.stop)
    for part in parts:
        _check(policy(part.params), part)
    for wait in (False, True):  # what others have begun is their own as long as there is anything else to do
        for part in parts:
            if not shards.are_there(part.shards):
                shards.write(policy(part.params), part.rows, part.params, part.shards.start, wait)


def _parts(job: GenerateJob) -> list[_Part]:
    found, first = list[_Part](), 0
    for asked in job.questions:
        params = asked.params
        rows = shown(read_examples(Path(asked.examples)), params.view, params.altering)
        numbers = range(first, first - (-len(rows) // params.rows_per_shard))
        found.append(_Part(params, rows, asked.parts or {"the examples": len(rows)}, numbers))
        first = numbers.stop
    return found


def _check(policy: Policy, part: _Part) -> None:
    begin = 0
    for name, number in part.benchmarks.items():
        policy.check(name, part.rows[begin : begin + number])
        begin += number


def _unread(encoded: Unreadable) -> Row:
    return {"prompt": encoded.prompt, "text": "", "tokens": 0, "truncated": False, "load_error": encoded.reason}


def _said(encoded: Inputs, written: Written) -> Row:
    return {
        "prompt": encoded.prompt,
        "text": written.text,
        "tokens": len(written.ids),
        "truncated": written.truncated,
        "load_error": None,
    }


if __name__ == "__main__":
    job_file = Path(sys.argv[1])
    with saying_faults(job_file):
        main(GenerateJob.model_validate_json(job_file.read_text()))
