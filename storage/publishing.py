"""Writing examples as a dataset in Hugging Face layout, with its card and Croissant metadata."""

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import yaml

from schemas.artifact import Manifest
from schemas.example import EXAMPLES, Example
from schemas.values import UserError
from storage.files import write_text
from storage.parquet import count_rows, read_examples, shards, write_examples

_ORDER = ("train", "validation", "test")


def write_dataset(examples: Path, folder: Path, name: str, title: str, rows_per_file: int, manifest: Manifest) -> int:
    """Write the dataset of an examples artifact into `folder` and return its rows. Raises UserError for none."""
    by_split: dict[str, list[Example]] = defaultdict(list)
    for example in read_examples(examples):
        by_split[example.split or "train"].append(example)
    if not by_split:
        raise UserError(f"{manifest.artifact} holds no rows to publish: loosen curation, or add data")
    splits = {split: by_split[split] for split in sorted(by_split, key=_place)}
    for split, rows in splits.items():
        _write_split(folder / "data", split, rows, rows_per_file)
    for table in ("rejects", "overlaps"):
        for shard in shards(examples, table):
            target = folder / table / shard.name
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(shard.read_bytes())
    write_text(folder / "README.md", _card(folder, name, title, splits, manifest))
    write_text(folder / "croissant.json", json.dumps(_croissant(folder, name, title, splits), indent=2))
    return sum(len(rows) for rows in splits.values())


def _write_split(folder: Path, split: str, rows: Sequence[Example], rows_per_file: int) -> None:
    count = -(-len(rows) // rows_per_file)
    for index in range(count):
        part = rows[index * rows_per_file : (index + 1) * rows_per_file]
        write_examples(folder / f"{split}-{index:05d}-of-{count:05d}.parquet", part)


def _place(split: str) -> tuple[int, str]:
    return (_ORDER.index(split) if split in _ORDER else len(_ORDER), split)


def _card(folder: Path, name: str, title: str, splits: dict[str, list[Example]], manifest: Manifest) -> str:
    header = {
        "pretty_name": title,
        "license": "other",
        "license_name": "mixed",
        "task_categories": ["video-text-to-text"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": f"data/{split}-*.parquet"} for split in splits],
            }
        ],
        "dataset_info": {
            "splits": [
                {"name": split, "num_examples": len(rows), "num_bytes": _size(folder, split)}
                for split, rows in splits.items()
            ]
        },
    }
    rows = [example for split in splits.values() for example in split]
    return "\n".join(
        [
            "---",
            yaml.safe_dump(header, sort_keys=False, allow_unicode=True).rstrip(),
            "---",
            f"# {title}",
            "",
            f"`{name}`, made by contextfirst from artifact `{manifest.artifact}`: questions about video, sound and "
            "pictures, each with its gold answer, a description of the scene (`context`) and reasoning (`think`).",
            "",
            "Media are named by SHA-256 digest and by the publisher's own path; the files are not part of this "
            "dataset. Every generated field has its provider, model, prompt version and request in `provenance`.",
            "",
            "| source | rows | licence |",
            "| --- | --- | --- |",
            *_source_lines(rows),
            "",
            "Rows that were left out, with their reasons, are in `rejects/`; rows that met a benchmark, by video or by "
            "file, are counted in `overlaps/`.",
            "",
        ]
    )


def _source_lines(rows: Sequence[Example]) -> list[str]:
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for example in rows:
        counts[example.source, example.licence] += 1
    return [f"| {source} | {count} | {licence} |" for (source, licence), count in sorted(counts.items())]


def _size(folder: Path, split: str) -> int:
    return sum(path.stat().st_size for path in (folder / "data").glob(f"{split}-*.parquet"))


_TYPES = {"string": "sc:Text", "double": "sc:Float", "int32": "sc:Integer", "bool": "sc:Boolean"}


def _croissant(folder: Path, name: str, title: str, splits: dict[str, list[Example]]) -> dict[str, object]:
    """Croissant 1.0: the files, and one record set whose fields are the columns that have a plain type."""
    files = sorted((folder / "data").glob("*.parquet"))
    columns = {field.name: _TYPES[str(field.type)] for field in EXAMPLES if str(field.type) in _TYPES}
    return {
        "@context": {
            "@vocab": "https://schema.org/",
            "sc": "https://schema.org/",
            "cr": "http://mlcommons.org/croissant/",
        },
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": name,
        "description": title,
        "distribution": [
            {
                "@type": "cr:FileSet",
                "@id": "parquet",
                "name": "parquet",
                "encodingFormat": "application/x-parquet",
                "includes": "data/*.parquet",
            }
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "examples",
                "name": "examples",
                "field": [
                    {
                        "@type": "cr:Field",
                        "@id": f"examples/{column}",
                        "name": column,
                        "dataType": kind,
                        "source": {"fileSet": {"@id": "parquet"}, "extract": {"column": column}},
                    }
                    for column, kind in columns.items()
                ],
            }
        ],
        "size": sum(count_rows(path)[0] for path in files),
        "splits": {split: len(rows) for split, rows in splits.items()},
    }
