"""What curation looks at: the few columns of an example that decide whether it stays.

Outlines of all rows fit in memory where their contexts, reasoning and media do not, so rows are judged by outline and
then streamed once from the sources to the result.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from llm.prompts.rate import DIMENSIONS, composite
from schemas.example import gold_text
from schemas.values import UserError
from storage.parquet import read_rows

_COLUMNS = (
    "id",
    "source",
    "source_row",
    "group",
    "split",
    "question",
    "options",
    "answer_kind",
    "answer",
    "media.list.element.digest",
    "ratings.list.element.name",
    "ratings.list.element.value",
    "categories",
)
Categories = tuple[tuple[str, str], ...]


class Outline(NamedTuple):
    """One row. origin: the recipe's name for where it comes from. options: their texts, in order.

    gold: the gold answer as a reader would say it. digests: of its media, where they were found. quality: the
    composite rating, None for a row that was never rated. The other fields are the example's.
    """

    id: str
    origin: str
    source: str
    source_row: str
    group: str
    split: str
    question: str
    options: tuple[str, ...]
    answer_kind: str
    gold: str
    digests: tuple[str, ...]
    quality: float | None
    categories: Categories


class Verdict(NamedTuple):
    """Why a row leaves: `reason` is a short fixed word for counting, `detail` says what was seen."""

    reason: str
    detail: str


Verdicts = dict[str, Verdict]
"""Verdicts on the rows that leave, by row id."""


def read_outlines(folders: Mapping[str, Path]) -> list[Outline]:
    """Outlines of all examples: folder by folder in the mapping's order, in each in the order of its rows."""
    seen: dict[Any, Any] = {}
    return [
        outline_of(origin, row, seen)
        for origin, folder in folders.items()
        for row in read_rows(folder, "examples", _COLUMNS)
    ]


def outline_of(origin: str, row: dict[str, Any], seen: dict[Any, Any]) -> Outline:
    """The outline of an Arrow row. seen: equal values are kept there once, because many rows share them."""
    texts = {option["label"]: option["text"] for option in row["options"]}
    ratings = {rating["name"]: rating["value"] for rating in row["ratings"]}
    options = tuple(texts.values())
    digests = tuple(medium["digest"] for medium in row["media"] if medium["digest"])
    categories = tuple((pair["name"], pair["value"]) for pair in row["categories"])
    group, source, split = row["group"], row["source"], row["split"]
    return Outline(
        id=row["id"],
        origin=origin,
        source=seen.setdefault(source, source),
        source_row=row["source_row"],
        group=seen.setdefault(group, group),
        split=seen.setdefault(split, split),
        question=seen.setdefault(row["question"], row["question"]),
        options=seen.setdefault(options, options),
        answer_kind=seen.setdefault(row["answer_kind"], row["answer_kind"]),
        gold=gold_text(row["answer_kind"], row["answer"], texts),
        digests=seen.setdefault(digests, digests),
        quality=composite(ratings) if ratings.keys() >= set(DIMENSIONS) else None,
        categories=seen.setdefault(categories, categories),
    )


def require_unique_ids(rows: list[Outline]) -> None:
    """Raises UserError for an id that two rows have: then two sources read the same rows of one dataset."""
    origins: dict[str, str] = {}
    for row in rows:
        if row.id in origins:
            raise UserError(
                f"row {row.id} comes from source {origins[row.id]!r} and again from source {row.origin!r}: drop one of "
                "the two; let each `take` rows of its own, such as first:50% and last:50%, where both read one folder; "
                "or give each folder a recipe of its own, since rows are told apart by dataset and place in it"
            )
        origins[row.id] = row.origin
