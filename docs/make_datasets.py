"""Write docs/datasets.md: every reader, what it reads, and how it fared on made and on real rows.

    python docs/make_datasets.py [--samples FOLDER]

The made corpus goes through ingestion, faulty clips and all. FOLDER holds real rows as their publishers ship them; they
are not part of this repository, and their clips are not there, so only their format is tried. Without it the column of
real rows stays as the page has it.
"""

import argparse
import csv
import io
import json
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from corpus.make import CorpusParams, make_corpus
from schemas.example import Reject
from schemas.runtime import Runtime
from storage.digests import DigestIndex
from storage.folder import Folder, list_folder
from storage.store import Store
from tasks.benchmarks import BENCHMARKS
from tasks.datasets import DATASETS
from tasks.ingest import ingest
from tasks.reader import REASONS, Reader
from tasks.reading.blocks import IngestParams
from tasks.source import SourceParams, SourceRuntime, source

PAGE = Path(__file__).with_name("datasets.md")
Rows = list[dict[str, Any]]

MADE = {
    "video_r1": "train/video_r1",
    "social_iq2": "train/social_iq2",
    "intent_train": "train/emer",
    "omni_instruct": "train/omni_instruct",
    "intentbench": "benchmarks/intentbench",
    "daily_omni": "benchmarks/daily_omni",
    "worldsense": "benchmarks/worldsense",
}
"""Readers and the folders that the corpus makes for them."""


class Sample(NamedTuple):
    """Real rows: the reader, the file kept, the publisher's name for it, and how its rows are written there."""

    reader: str
    kept: str
    published: str
    write: Callable[[Rows], bytes]


def as_json(rows: Rows) -> bytes:
    return json.dumps(rows).encode()


def as_lines(rows: Rows) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def as_csv(rows: Rows) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_flat_table(videos: Rows) -> bytes:
    """Video-MME's table has one row a question."""
    shared = [{key: value for key, value in video.items() if key != "questions"} for video in videos]
    rows = [
        video | {"videoID": f"id-{video['video_id']}"} | row
        for video, asked in zip(shared, videos, strict=True)
        for row in asked["questions"]
    ]
    return as_table(rows)


def as_table_with_media(rows: Rows) -> bytes:
    """OmniBench ships picture and sound in its rows; the kept row has none, so that a blank one stands in."""
    picture = io.BytesIO()
    Image.new("RGB", (4, 4)).save(picture, "PNG")
    media = {"image": {"bytes": picture.getvalue(), "path": None}, "audio": {"bytes": b"ID3....", "path": None}}
    return as_table([row | media for row in rows])


def as_table(rows: Rows) -> bytes:
    written = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), written)
    return written.getvalue()


SAMPLES: tuple[Sample, ...] = (
    Sample("video_r1", "videor1_card", "Video-R1-COT-165k.json", as_json),
    Sample("social_iq2", "socialiq2_qa_train", "qa/qa_train.json", as_lines),
    Sample("social_iq2", "socialiq2_qa_val", "qa/qa_val.json", as_lines),
    Sample("social_iq2", "socialiq2_qa_test", "qa/qa_test.json", as_lines),
    Sample("emer", "emer_v1_gt_eng", "gt-eng.csv", as_csv),
    Sample("emer", "emer_v2_final_reason", "final-EMER-reason.csv", as_csv),
    Sample("mer2024_ov", "mer2024_ov_check_openset", "check-openset.csv", as_csv),
    Sample("intent_train", "intenttrain_emer_rewrite", "emer_rewrite.json", as_json),
    Sample("llava_video_178k", "llava_video_178k_one_row", "0_30_s_nextqa_mc_qa_processed.json", as_json),
    Sample("intentbench", "intentbench", "qa.json", as_json),
    Sample("daily_omni", "daily_omni", "qa.json", as_json),
    Sample("omnivideobench", "omnivideobench", "data.json", as_json),
    Sample("video_holmes", "video_holmes_pipeline_examples", "test_Video-Holmes.json", as_json),
    Sample("video_mme", "videomme_template", "videomme/test-00000-of-00001.parquet", as_flat_table),
    Sample("lvbench", "lvbench_one_row", "video_info.meta.jsonl", as_lines),
    Sample("omnibench", "omnibench_one_row", "data/train-00000-of-00001.parquet", as_table_with_media),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=Path, help="folder with real rows")
    samples = parser.parse_args().samples
    with tempfile.TemporaryDirectory() as place:
        made = made_counts(Path(place))
        real = real_counts(samples, Path(place)) if samples else kept_counts(PAGE)
    PAGE.write_text("\n".join(page(made, real)) + "\n")


def made_counts(place: Path) -> dict[str, str]:
    make_corpus(place / "corpus", CorpusParams(), workers=2)
    counts = {}
    for name, folder in MADE.items():
        where = SourceRuntime(store=str(place / "store"), folder=str(place / "corpus" / folder))
        listed = source.fn(SourceParams(dataset=name, revision="made"), None, where)
        done = ingest.fn(IngestParams(dataset=name, revision="made"), listed.data, Runtime(store=where.store))
        rows = Store(where.store).manifest(done.data).rows
        counts[name] = shown(rows.left, rows.rejected)
    return counts


def real_counts(samples: Path, place: Path) -> dict[str, str]:
    by_reader: dict[str, list[tuple[str, bytes]]] = defaultdict(list)
    for sample in SAMPLES:
        rows = read_rows(samples / f"{sample.kept}.json")
        by_reader[sample.reader].append((sample.published, sample.write(rows)))
    for row in read_rows(samples / "mlvu_dev.json"):  # one file for each of its tasks
        by_reader["mlvu"].append((f"json/{row.pop('_file').rpartition('/')[2]}", as_json([row])))
    return {name: read_real(name, files, place / "real" / name) for name, files in by_reader.items()}


def read_rows(path: Path) -> Rows:
    text = path.read_text()
    return json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]


def read_real(name: str, files: Sequence[tuple[str, bytes]], root: Path) -> str:
    merged: dict[str, bytes] = {}
    for path, content in files:  # rows of one file of MLVU come one by one
        known = merged.get(path)
        merged[path] = as_json(json.loads(known) + json.loads(content)) if known else content
    for path, content in merged.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    blobs = root.parent / f"{name}.blobs"
    index = DigestIndex(root.parent / f"{name}.sqlite")
    rows = list(readers()[name].read(Folder(blobs, list_folder(root, blobs, index, 1))))
    rejected = Counter(row.reason for row in rows if isinstance(row, Reject))
    return shown(len(rows) - rejected.total(), rejected)


def kept_counts(page: Path) -> dict[str, str]:
    cells = (line.split("|") for line in page.read_text().splitlines() if re.match(r"\| \[", line))
    return {re.sub(r".*\[(\w+)\].*", r"\1", row[1]): row[-2].strip() for row in cells}


def shown(read: int, rejected: dict[str, int] | Counter[str]) -> str:
    why = ", ".join(f"{count} {reason}" for reason, count in sorted(rejected.items()))
    return f"{read} read" + (f"; {why}" if why else "")


def readers() -> dict[str, Reader]:
    return DATASETS | BENCHMARKS


def page(made: dict[str, str], real: dict[str, str]) -> Iterator[str]:
    yield "# Datasets and benchmarks"
    yield ""
    yield (
        "Made by `python docs/make_datasets.py`. A folder in its publisher's own layout goes in, one clean table comes "
        "out: every row is an example or a reject with its reason. *Known from* says what the publisher's format was "
        "checked on. *Made corpus* is the demo's, of 420 training questions, with its broken and missing clips; *real "
        "rows* are a few of the publisher's own, whose clips were not there, so that only their format was tried."
    )
    for title, table in (("Training", DATASETS), ("Benchmarks", BENCHMARKS)):
        yield from ("", f"## {title}", "")
        yield "| reader | files, one of | answer kinds | media | licence | known from | made corpus | real rows |"
        yield "| --- " * 8 + "|"
        for name, reader in table.items():
            yield from line(name, reader, made.get(name, "–"), real.get(name, "–"))
    yield from ("", "## Why rows are left out", "", "| reason | meaning |", "| --- | --- |")
    for reason, meaning in REASONS.items():
        yield f"| {reason} | {meaning} |"
    yield ""
    yield (
        "Media add `missing_media`, `empty_media`, `undecodable_media`, `truncated_media`, `no_frames_media`, "
        "`too_long_media`, `too_large_media`, `deadline_media`, `crashed_media` and `wrong_media_kind`; the removal "
        "list adds `removed`. A benchmark keeps rows whose media cannot be read and counts them as load errors."
    )


def line(name: str, reader: Reader, made: str, real: str) -> Iterator[str]:
    cells = (
        f"[{name}]({reader.homepage})",
        ", ".join(f"`{pattern}`" for pattern in reader.files),
        ", ".join(reader.kinds),
        ", ".join(reader.media),
        reader.licence,
        reader.verified,
        made,
        real,
    )
    yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
