"""The dataset card, README.md: YAML for the hub and for `datasets`, then what a reader should know."""

from collections.abc import Iterable, Sequence

import pyarrow.parquet as pq
import yaml

from schemas.example import CHOICE_KINDS
from storage.publishing.contents import Contents, counted, written_by
from storage.publishing.features import yaml_features
from storage.publishing.licences import hub_fields
from storage.publishing.tally import Counts

_TASKS = {"video": "video-text-to-text", "audio": "audio-text-to-text", "image": "image-text-to-text"}
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_MORE = "1M<n<10M"

LIMITS = (
    "Ratings, contexts and reasoning that a model wrote were checked for form and for the answer they end in, not by "
    "people for their truth.",
    "Questions and answers are the sources' own; their mistakes and their biases are kept.",
    "Rows were kept clear of the benchmarks in the table of overlaps, and of no others.",
)


def card(contents: Contents) -> str:
    """README.md as text."""
    header = yaml.safe_dump(_header(contents), sort_keys=False, allow_unicode=True, width=1000)
    parts = [
        f"---\n{header}---",
        f"# {contents.naming.title}",
        _summary(contents),
        *_section("Loading", _loading(contents)),
        *_section("Sources", _sources(contents)),
        *_section("Splits", _splits(contents)),
        *_section("Answers", _table(("answer kind", "rows"), _lines(contents.tally.answers))),
        *_section("Media", _media(contents)),
        *_section("Generated fields", _generated(contents)),
        *_section("How the rows were chosen", _chosen(contents)),
        *_section("Overlap with benchmarks", _overlaps(contents)),
        *_section("Known limits", "\n".join(f"- {limit}" for limit in LIMITS)),
        *_section("Citation", f"```bibtex\n{contents.citation()}\n```"),
    ]
    return "\n\n".join(parts) + "\n"


def _header(contents: Contents) -> dict[str, object]:
    kinds = [kind for (kind,) in sorted(contents.tally.media)]
    choices = any(kind in CHOICE_KINDS for (kind,) in contents.tally.answers)
    return {
        "pretty_name": contents.naming.title,
        **hub_fields(contents.tally),
        "task_categories": [_TASKS[kind] for kind in kinds] + ["multiple-choice"] * choices or ["question-answering"],
        "size_categories": [next((name for least, name in _SIZES if contents.rows < least), _MORE)],
        "tags": ["contextfirst", "reasoning", *kinds],
        "configs": [_config("default", {split.name: f"data/{split.name}-*.parquet" for split in contents.splits})],
        "dataset_info": _info(contents),
    }


def _config(name: str, files: dict[str, str]) -> dict[str, object]:
    return {"config_name": name, "data_files": [{"split": split, "path": path} for split, path in files.items()]}


def _info(contents: Contents) -> dict[str, object]:
    return {
        "config_name": "default",
        "features": yaml_features(contents.schema),
        "splits": [
            {"name": split.name, "num_bytes": split.size, "num_examples": split.rows} for split in contents.splits
        ],
        "download_size": sum(path.stat().st_size for split in contents.splits for path in split.files),
        "dataset_size": sum(split.size for split in contents.splits),
    }


def _summary(contents: Contents) -> str:
    kinds = ", ".join(kind for (kind,) in sorted(contents.tally.media)) or "none"
    return (
        f"`{contents.naming.name}`: {counted(contents.rows, 'question', 'questions')} about media ({kinds}), each with "
        "its gold answer and, where it was rewritten, a description of the scene (`context`) and reasoning from it "
        f"(`think`). Made by contextfirst from artifact `{contents.manifest.artifact}`."
    )


def _loading(contents: Contents) -> str:
    first = contents.splits[0].name
    return "\n".join(
        [
            "`FOLDER` is this folder, or `OWNER/NAME` on the hub for `datasets`.",
            "",
            "```python",
            "from datasets import load_dataset",
            "",
            'dataset = load_dataset("FOLDER")',
            f'stream = load_dataset("FOLDER", split="{first}", streaming=True).shuffle(seed=0, buffer_size=1000)',
            "",
            "import duckdb, polars",
            "",
            f"duckdb.sql(\"SELECT source, count(*) FROM 'FOLDER/data/{first}-*.parquet' GROUP BY source\")",
            f'polars.scan_parquet("FOLDER/data/{first}-*.parquet").filter(polars.col("answer_kind") == "choice")',
            "```",
        ]
    )


def _sources(contents: Contents) -> str:
    lines = [
        (source, f"{count:,}", licence, contents.homepages.get(source, "not stated"))
        for (source, licence), count in sorted(contents.tally.sources.items())
    ]
    return _table(("source", "rows", "licence", "homepage"), lines)


def _splits(contents: Contents) -> str:
    lines = [(split.name, f"{split.rows:,}", str(len(split.files)), f"{split.size:,}") for split in contents.splits]
    return _table(("split", "rows", "files", "bytes in Arrow"), lines)


def _media(contents: Contents) -> str:
    counts = _table(("kind", "media of all rows"), _lines(contents.tally.media))
    found = (
        "`media` names every file by the SHA-256 digest of its bytes and by the publisher's own path (`start` and "
        "`end` are seconds within it). To have the files, download each source from its homepage; a file is the right "
        "one when its digest is."
    )
    return f"{counts}\n\n{found}\n\n{_embedded(contents)}"


def _embedded(contents: Contents) -> str:
    embedding = contents.embedding
    if not embedding.kinds:
        return "The files are not part of this dataset."
    columns = ", ".join(f"`{kind}`" for kind in embedding.kinds)
    return (
        f"The bytes of the first medium of each kind are in {columns}: {embedding.bytes:,} bytes in "
        f"{counted(embedding.files, 'value', 'values')}; a file that several rows share is in each of them. "
        f"{counted(embedding.further, 'further medium', 'further media')} of a kind that its row has already, and "
        f"{counted(embedding.absent, 'medium without a file', 'media without a file')}, are named in `media` alone. "
        'A value is `{"bytes", "path"}`; `dataset.cast_column("video", datasets.Video())` decodes it. The files keep '
        "the terms of their sources."
    )


def _generated(contents: Contents) -> str:
    lines = [
        (field, written_by(provider, model), prompt or "none", f"{count:,}")
        for (field, provider, model, prompt), count in sorted(contents.tally.generated.items())
    ]
    ratings = ", ".join(f"{name} {count:,}" for (name,), count in sorted(contents.tally.ratings.items()))
    return "\n\n".join(
        [
            "Every generated field has its provider, model, prompt version and request in `provenance`.",
            _table(("field", "written by", "prompt", "rows"), lines),
            f"Ratings, from 0 to 1 with their reasons: {ratings or 'none'}.",
        ]
    )


def _chosen(contents: Contents) -> str:
    lines = [
        (
            str(step.artifact),
            str(step.params.get("dataset", "")),
            f"{step.rows.entered:,}",
            f"{step.rows.left:,}",
            ", ".join(f"{reason} {count:,}" for reason, count in step.rows.rejected.items()) or "none",
        )
        for step in contents.steps
        if step.kind == "examples"
    ]
    return (
        "From the last step back to the first; benchmarks that were compared are among them. `rejects/` holds the "
        "rows that the last step left out, each with its reason.\n\n"
        + _table(("step", "dataset", "rows in", "rows out", "rejected by reason"), lines)
    )


def _overlaps(contents: Contents) -> str:
    """The table as it lies in overlaps/, zeros included."""
    rows = [
        row
        for path in sorted((contents.folder / "overlaps").glob("*.parquet"))
        for row in pq.read_table(path).to_pylist()
    ]
    if not rows:
        return "The rows were compared with no benchmark."
    lines = [tuple(str(value) for value in row.values()) for row in rows]
    return (
        "Rows of each source, before any was left out, that met a benchmark; the same table is in `overlaps/`.\n\n"
        + _table([name.replace("_", " ") for name in rows[0]], lines)
    )


def _section(title: str, text: str) -> tuple[str, str]:
    return f"## {title}", text


def _lines(counts: Counts) -> list[tuple[str, ...]]:
    return [(*key, f"{count:,}") for key, count in sorted(counts.items())]


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *([_cell(text) for text in line] for line in lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
