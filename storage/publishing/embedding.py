"""Media inside a dataset: a column for each kind, holding the bytes of a row's first medium of that kind.

Several rows may share a file; each then holds it, so that any row can be read alone.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pyarrow as pa

from media.blobs import blob_path
from schemas.example import MediaKind
from schemas.values import UserError
from storage.publishing.features import MEDIUM

MEDIUM_BYTES = 256 << 20
"""A larger file makes rows that common readers refuse."""


class Embedding:
    """Puts media into rows, and counts what it did: bytes and files embedded, media that had no room or no file."""

    def __init__(self, blobs: Path, kinds: Sequence[MediaKind]) -> None:
        self.kinds = tuple(kinds)
        self.files = self.bytes = self.further = self.absent = 0
        self._blobs = blobs
        self._sizes: dict[str, int] = {}

    def columns(self) -> list[pa.Field]:
        return [pa.field(kind, MEDIUM) for kind in self.kinds]

    def size(self, rows: pa.Table) -> int:
        """Bytes that embedding adds to the rows. Raises UserError for a file that is missing or too large."""
        if not self.kinds:
            return 0
        return sum(self._size(item) for media in rows.column("media").to_pylist() for item in self._first(media))

    def embed(self, rows: pa.Table) -> pa.Table:
        """The rows with the columns of media. Raises UserError for a file that is not what it was."""
        if not self.kinds:
            return rows
        media = rows.column("media").to_pylist()
        for kind in self.kinds:
            column = [self._column(items, kind) for items in media]
            rows = rows.append_column(pa.field(kind, MEDIUM), pa.array(column, MEDIUM))
        self._count(media)
        return rows

    def _column(self, media: list[dict], kind: MediaKind) -> dict[str, object] | None:
        item = next((item for item in self._first(media) if item["kind"] == kind), None)
        if item is None:
            return None
        suffix = PurePosixPath(item["path"]).suffix.lower()
        return {"bytes": self._read(item), "path": f"{item['digest']}{suffix}"}

    def _first(self, media: list[dict]) -> list[dict]:
        """The first medium of each kind, where it has a file."""
        by_kind = {item["kind"]: item for item in reversed(media)}
        return [item for item in by_kind.values() if item["digest"]]

    def _count(self, media: list[list[dict]]) -> None:
        embedded = [item for items in media for item in self._first(items)]
        self.files += len(embedded)
        self.bytes += sum(map(self._size, embedded))
        for items in media:
            self.further += sum(count - 1 for count in Counter(item["kind"] for item in items).values())
            self.absent += sum(not item["digest"] for item in items)

    def _size(self, item: dict) -> int:
        digest = item["digest"]
        if digest not in self._sizes:
            size = self._present(item).stat().st_size
            if size > MEDIUM_BYTES:
                raise UserError(
                    f"{item['path']} has {size} bytes, and an embedded file at most {MEDIUM_BYTES}: publish with "
                    "--set publishing.media=referenced"
                )
            self._sizes[digest] = size
        return self._sizes[digest]

    def _read(self, item: dict) -> bytes:
        place = self._present(item)
        content = place.read_bytes()
        if hashlib.sha256(content).hexdigest() != item["digest"]:
            raise UserError(
                f"{item['path']} ({place.resolve()}) has changed since it was read into the store: put the file back, "
                "or run the recipe again with --rehash"
            )
        return content

    def _present(self, item: dict) -> Path:
        place = blob_path(self._blobs, item["digest"])
        if not place.is_file():
            raise UserError(
                f"{item['path']} is no longer where it was read ({place.resolve()}): put the file back, or publish "
                "with --set publishing.media=referenced"
            )
        return place
