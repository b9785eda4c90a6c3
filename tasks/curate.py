"""Choose the rows to train on: quality, duplicates, contamination, splits, and the solve-rate band.

Everything here is cheap and pays no one, so that a threshold can be moved without rewriting or rating again. Each
step maps rows to kept rows and rejects; a row leaves with the first reason it meets.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import pyarrow as pa
from prefect import task
from prefect.cache_policies import NO_CACHE

from llm.prompts.rate import composite
from schemas.artifact import Artifact
from schemas.canonical import fingerprint
from schemas.example import Example, Reject
from schemas.values import Params, Runtime, UserError, Value
from storage.draft import Draft
from storage.parquet import read_examples, read_rows, shard_name, write_examples, write_rejects, write_rows
from storage.store import Store
from tasks.stage import stage

OVERLAPS = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("benchmark", pa.string(), nullable=False),
        pa.field("rows_by_video", pa.int64(), nullable=False),
        pa.field("rows_by_media", pa.int64(), nullable=False),
    ]
)


class Band(Value):
    """Solve rates to keep: `above` < rate <= `up_to`, over draws whose accuracy is at least `correct_from`."""

    above: float
    up_to: float
    correct_from: float


class CurateParams(Params):
    """min_quality: least composite rating of a rated row. contamination: what to do with rows that meet a benchmark.
    validation_share: share of groups held out. band: needs solve rates."""

    min_quality: float = 0.0
    contamination: Literal["remove", "stop"] = "stop"
    validation_share: float = 0.0
    seed: int = 0
    band: Band | None = None


class Verdict(Value):
    """Why a row leaves."""

    reason: str
    detail: str


@task(cache_policy=NO_CACHE, persist_result=False)
@stage(version="1", kind="examples")
def curate(
    draft: Draft,
    params: CurateParams,
    sources: Mapping[str, Artifact],
    benchmarks: Mapping[str, Artifact],
    solve_rates: Artifact | None,
    runtime: Runtime,
) -> None:
    store = Store(runtime.store)
    rows = [row for _, source in sorted(sources.items()) for row in read_examples(store.folder(source))]
    held_out = {name: list(read_examples(store.folder(item))) for name, item in sorted(benchmarks.items())}
    overlaps = count_overlaps(rows, held_out)
    write_rows(draft.folder / shard_name("overlaps", 0), overlaps, OVERLAPS)
    rates = solved_shares(read_rows(store.folder(solve_rates), "solved"), params) if solve_rates else None
    kept, rejects = choose(rows, held_out, params, rates)
    draft.entered, draft.left = len(rows), len(kept)
    draft.rejected.update(reject.reason for reject in rejects)
    draft.notes["splits"] = dict(Counter(example.split for example in kept))
    write_examples(draft.folder / shard_name("examples", 0), kept)
    write_rejects(draft.folder / shard_name("rejects", 0), rejects)


def choose(
    rows: Sequence[Example],
    benchmarks: Mapping[str, Sequence[Example]],
    params: CurateParams,
    rates: Mapping[str, float] | None,
) -> tuple[list[Example], list[Reject]]:
    """Kept rows with their split, and rejects. Raises UserError for contamination when that is to stop the run."""
    kept: list[Example] = []
    rejects: list[Reject] = []
    seen: set[str] = set()
    videos = {example.group for held_out in benchmarks.values() for example in held_out}
    digests = {digest for held_out in benchmarks.values() for example in held_out for digest in _digests(example)}
    for example in rows:
        split = example.split or split_of(example.group, params.validation_share, params.seed)
        verdict = (
            _too_poor(example, params.min_quality)
            or _repeated(example, seen)
            or _contaminated(example, videos, digests)
            or _outside_band(example, split, params.band, rates)
        )
        if verdict:
            rejects.append(_reject(example, verdict))
        else:
            kept.append(example.model_copy(update={"split": split}))
    _stop_if_contaminated(rejects, params.contamination)
    return kept, rejects


def split_of(group: str, validation_share: float, seed: int) -> str:
    """The split of a whole group: the same on every run, whatever other rows there are."""
    place = int(fingerprint(["split", seed, group])[:12], 16) / 16**12
    return "validation" if place < validation_share else "train"


def count_overlaps(rows: Iterable[Example], benchmarks: Mapping[str, Sequence[Example]]) -> list[dict[str, object]]:
    """Rows of each source that share a video, or a file, with each benchmark; also where there are none."""
    by_source: dict[str, list[Example]] = defaultdict(list)
    for example in rows:
        by_source[example.source].append(example)
    table: list[dict[str, object]] = []
    for source, examples in sorted(by_source.items()):
        for benchmark, held_out in sorted(benchmarks.items()):
            videos = {example.group for example in held_out}
            digests = {digest for example in held_out for digest in _digests(example)}
            table.append(
                {
                    "source": source,
                    "benchmark": benchmark,
                    "rows_by_video": sum(example.group in videos for example in examples),
                    "rows_by_media": sum(not digests.isdisjoint(_digests(example)) for example in examples),
                }
            )
    return table


def solved_shares(rows: Iterable[dict[str, object]], params: CurateParams) -> dict[str, float]:
    """Share of known draws that solved each question; a question without a known draw is absent."""
    if params.band is None:
        raise TypeError("solve rates need a band")
    draws: dict[str, list[bool]] = defaultdict(list)
    for row in rows:
        if row["value"] is not None:
            draws[str(row["id"])].append(float(row["value"]) >= params.band.correct_from)  # type: ignore[arg-type]
    return {name: sum(solved) / len(solved) for name, solved in draws.items()}


def _too_poor(example: Example, least: float) -> Verdict | None:
    if not example.ratings:
        return None
    quality = composite({rating.name: rating.value for rating in example.ratings})
    if quality >= least:
        return None
    return Verdict(reason="low_quality", detail=f"quality {quality:.3f} is under {least:g}")


def _repeated(example: Example, seen: set[str]) -> Verdict | None:
    words = " ".join(example.question.lower().split())
    key = fingerprint([example.group, words, [option.text.lower() for option in example.options], example.answer])
    if key in seen:
        return Verdict(reason="duplicate", detail="the same question about the same video")
    seen.add(key)
    return None


def _contaminated(example: Example, videos: set[str], digests: set[str]) -> Verdict | None:
    if example.group in videos:
        return Verdict(reason="contaminated", detail=f"video {example.group} is in a benchmark")
    if not digests.isdisjoint(_digests(example)):
        return Verdict(reason="contaminated", detail="one of its files is in a benchmark")
    return None


def _outside_band(example: Example, split: str, band: Band | None, rates: Mapping[str, float] | None) -> Verdict | None:
    """Held-out rows are never drawn, and stay."""
    if band is None or rates is None or split != "train":
        return None
    rate = rates.get(example.id)
    if rate is None:
        return Verdict(reason="no_solve_rate", detail="no draw of it could be scored")
    if band.above < rate <= band.up_to:
        return None
    return Verdict(reason="outside_band", detail=f"solve rate {rate:.2f} outside ({band.above:g}, {band.up_to:g}]")


def _stop_if_contaminated(rejects: Sequence[Reject], what_to_do: str) -> None:
    met = [reject for reject in rejects if reject.reason == "contaminated"]
    if met and what_to_do == "stop":
        by_source = ", ".join(f"{name} {count}" for name, count in Counter(item.source for item in met).items())
        raise UserError(
            f"{len(met)} training rows meet a benchmark ({by_source}; the first: {met[0].id}, {met[0].detail}); drop "
            "them with --set curation.contamination=remove, or evaluate on another benchmark"
        )


def _digests(example: Example) -> set[str]:
    return {medium.digest for medium in example.media if medium.digest}


def _reject(example: Example, verdict: Verdict) -> Reject:
    return Reject(
        id=example.id,
        source=example.source,
        source_row=example.source_row,
        reason=verdict.reason,
        detail=verdict.detail,
    )
