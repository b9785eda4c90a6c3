"""Writing an export: a whole folder or none, its rows counted, and those that were left out listed with a reason."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.example import Example
from schemas.values import UserError
from storage.exports.conversation import Ask, Conversation, LeftOut, check
from storage.exports.form import Form, Row, Table
from storage.exports.gallery import Gallery, Way
from storage.outside import whole_folder
from storage.parquet import ROW_GROUP
from storage.publishing.tables import split_name

LEFT_OUT = "left_out.jsonl"


class Exported(NamedTuple):
    """What was written: the tables, and how many rows were left out for which reason."""

    tables: list[Table]
    left_out: Counter[str]


def export(
    examples: Iterable[Example], ask: Ask, form: Form, to: Path, blobs: Path, way: Way, facts: Mapping[str, str]
) -> Exported:
    """Write examples as a folder in a project's form.

    to: a folder that is not there or empty. facts: what `export.json` says of their origin, with `name` for the
    dataset's own. Raises UserError for a folder with something in it, for one that cannot be written, for media that
    are gone or have changed, and where no row can be written at all.
    """
    with whole_folder(to, "--out") as folder:
        gallery = Gallery(blobs, folder, way)
        with ExitStack() as held, (folder / LEFT_OUT).open("w", encoding="utf-8") as listed:
            tables = _Tables(form, folder, to, held)
            left_out: Counter[str] = Counter()
            for example in examples:
                try:
                    tables.add(_placed(example, ask, form, gallery))
                except LeftOut as left:
                    left_out[left.reason] += 1
                    _add_line(listed, {"id": example.id, "reason": left.reason, "detail": left.detail})
        written = tables.listed()
        if not written:
            raise UserError(_nothing(left_out))
        _describe(folder, form, written, left_out, facts)
    return Exported(written, left_out)


def _placed(example: Example, ask: Ask, form: Form, gallery: Gallery) -> Conversation:
    asked = ask(example)
    check(asked, form.needs_reply)
    conversation = Conversation(example, asked, {})
    for kind, medium in asked.parts:
        conversation.files.setdefault(kind, []).append(gallery.place(kind, medium))
    return conversation


class _Tables:
    """The files of rows, opened as rows come: JSON Lines by split and media, or Parquet by split."""

    def __init__(self, form: Form, folder: Path, to: Path, held: ExitStack) -> None:
        self._form, self._folder, self._to, self._held = form, folder, to, held
        self._rows: Counter[tuple[str, str]] = Counter()
        self._lines: dict[tuple[str, str], IO[str]] = {}
        self._batches: dict[tuple[str, str], _Batches] = {}

    def add(self, conversation: Conversation) -> None:
        key = (split_name(conversation.split), conversation.kinds if self._form.schema is None else "any")
        row = self._form.row(conversation, self._to)
        if self._form.schema is None:
            if key not in self._lines:
                place = self._folder / self._file(key)
                self._lines[key] = self._held.enter_context(place.open("w", encoding="utf-8"))
            _add_line(self._lines[key], row)
        else:
            row["extra_info"]["index"] = self._rows[key]
            if key not in self._batches:
                writer = pq.ParquetWriter(self._folder / self._file(key), self._form.schema, compression="zstd")
                self._batches[key] = self._held.enter_context(_Batches(writer, self._form.schema))
            self._batches[key].add(row)
        self._rows[key] += 1

    def listed(self) -> list[Table]:
        return [Table(self._file(key), *key, rows) for key, rows in sorted(self._rows.items())]

    def _file(self, key: tuple[str, str]) -> str:
        split, kinds = key
        return f"{split}.parquet" if self._form.schema is not None else f"{split}-{kinds}.jsonl"


class _Batches:
    """Rows of one Parquet file, written a row group at a time."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._writer, self._schema = writer, schema
        self._waiting: list[Row] = []

    def add(self, row: Row) -> None:
        self._waiting.append(row)
        if len(self._waiting) == ROW_GROUP:
            self._flush()

    def __enter__(self) -> "_Batches":
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        self._writer.write_table(pa.Table.from_pylist(self._waiting, schema=self._schema))
        self._waiting.clear()


def _add_line(stream: IO[str], row: Mapping[str, object]) -> None:
    stream.write(json.dumps(row, ensure_ascii=False) + "\n")


def _describe(folder: Path, form: Form, tables: list[Table], left_out: Counter[str], facts: Mapping[str, str]) -> None:
    for name, text in form.describe(facts["name"], tables).items():
        (folder / name).write_text(text, encoding="utf-8")
    rows = {table.file: table.rows for table in tables}
    said = {"form": form.title, **facts, "rows": rows, "left_out": dict(sorted(left_out.items()))}
    (folder / "export.json").write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")


def _nothing(left_out: Counter[str]) -> str:
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(left_out.items()))
    if not reasons:
        return "there is no row to export: look at the dataset's splits, or leave --split away"
    return f"no row can be exported ({reasons}): --format direct needs no rewritten context"
