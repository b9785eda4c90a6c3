"""Which examples the report shows, with their clips and with what every run wrote for them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from media.blobs import blob_path
from reporting.clips import Clip, Room, clips_of, thumbnail
from reporting.exhibits import Exhibit, exhibit, pick, shown
from reporting.runs import Run
from schemas.completion import FormatName
from schemas.example import Example, Media, MediaKind
from schemas.training import Target
from schemas.values import Value
from storage.parquet import find_examples, read_rows

_MOST_BYTES_IN_ALL = 6_000_000
"""Of embedded clips; the others are named and have a thumbnail."""


class Formats(Value):
    """In which format a run's completions are: the usual one, and others by benchmark."""

    usual: FormatName
    others: Mapping[str, FormatName] = {}

    def of(self, benchmark: str) -> FormatName:
        return self.others.get(benchmark, self.usual)


class Written(NamedTuple):
    """One run: what people call it, its rows of SCORES, one a completion, and where its predictions lie."""

    title: str
    formats: Formats
    scores: pa.Table
    predictions: Path


class Gallery:
    """The examples of one page, which share its room for clips. targets: of rewards by name."""

    def __init__(self, blobs: Path, seed: int, targets: Mapping[str, Target], threads: int) -> None:
        self._blobs, self._seed, self._targets, self._threads = blobs, seed, targets, threads
        self._room = Room(_MOST_BYTES_IN_ALL)

    def exhibits(self, runs: Sequence[Written], folders: Iterable[Path], count: int) -> Iterator[Exhibit]:
        """Up to `count` examples of the first run, with what all runs wrote; folders: where the examples lie."""
        if not runs:
            return
        chosen = pick(Run(runs[0].title, runs[0].title, "model", runs[0].scores), count, self._seed)
        ids = sorted({id for _, id in chosen})
        examples = {example.id: example for folder in folders for example in find_examples(folder, ids)}
        rows = [_rows(run, examples) for run in runs]
        pictures = self._thumbnails([examples[id] for id in ids if not any(_failed(of, id) for of in rows)])
        for benchmark, id in chosen:
            told = [
                shown(run.title, run.formats.of(benchmark), row["text"], row, self._targets, _note(row))
                for run, of in zip(runs, rows, strict=True)
                if (row := of.get(id))
            ]
            category = next(row["category"] for of in rows if (row := of.get(id)))
            yield exhibit(examples[id], benchmark, category, self._clips(examples[id].media, pictures), told)

    def _clips(self, media: Sequence[Media], pictures: Mapping[str, str]) -> list[Clip]:
        clips = clips_of(media, self._blobs, self._room)
        found = [pictures.get(medium.digest, "") for medium in media]
        return [clip.model_copy(update={"thumbnail": one}) for clip, one in zip(clips, found, strict=True)]

    def _thumbnails(self, examples: Iterable[Example]) -> dict[str, str]:
        """By digest."""
        kinds: dict[str, MediaKind] = {medium.digest: medium.kind for one in examples for medium in one.media}
        with ThreadPoolExecutor(self._threads) as threads:
            made = threads.map(lambda digest: thumbnail(kinds[digest], blob_path(self._blobs, digest)), kinds)
            return dict(zip(kinds, made, strict=True))


def _rows(run: Written, ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """A run's scores with their texts, by id."""
    scores = {row["id"]: row for row in run.scores.to_pylist() if row["id"] in ids}
    columns = ("id", "draw", "text", "load_error", "refusal")
    return {
        row["id"]: {**scores[row["id"]], **row}
        for row in read_rows(run.predictions, "predictions", columns)
        if row["id"] in scores and row["draw"] == scores[row["id"]]["draw"]
    }


def _note(row: Mapping[str, Any]) -> str:
    """Why there is no text of the model's own, in a load error's words or its provider's."""
    return row["load_error"] or row["refusal"] or ""


def _failed(rows: Mapping[str, dict[str, Any]], id: str) -> bool:
    return id in rows and bool(rows[id]["load_error"])
