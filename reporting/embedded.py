"""What the page's browsers read, as inert text inside the page: base64 alone, in which no markup can be written.

Examples and pairs are JSON, compressed, so that thousands fit. Media stand beside them once each, by number, and are
read only when they are shown.
"""

import base64
import gzip
import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from reporting.exhibits import Asked, Exhibit
from reporting.pairs import Pair


class Embedded(NamedTuple):
    """examples, pairs: base64 of gzip of JSON. media: data URIs; a clip's `source` is a place among them, or None."""

    examples: str
    pairs: str
    media: tuple[str, ...]


class _Shelf:
    """Data URIs, each once."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {}

    def dump(self, asked: Asked | None) -> dict[str, object] | None:
        """An example with the place of each clip's bytes in place of the bytes."""
        if asked is None:
            return None
        clips = [{**clip.model_dump(), "source": self._place(clip.source)} for clip in asked.clips]
        return {**asked.model_dump(exclude={"clips"}), "clips": clips}

    def _place(self, source: str) -> int | None:
        return self.places.setdefault(source, len(self.places)) if source else None


def embed(exhibits: Sequence[Exhibit], pairs: Sequence[Pair]) -> Embedded:
    """The same values give the same text."""
    shelf = _Shelf()
    examples = [shelf.dump(exhibit) for exhibit in exhibits]
    rows = [{"accepted": shelf.dump(pair.accepted), "rejected": shelf.dump(pair.rejected)} for pair in pairs]
    return Embedded(_packed(examples), _packed(rows), tuple(shelf.places))


def unpack(text: str) -> object:
    """What `embed` packed."""
    return json.loads(gzip.decompress(base64.b64decode(text)))


def _packed(values: Iterable[object]) -> str:
    written = json.dumps(list(values), separators=(",", ":")).encode("ascii")
    return base64.b64encode(gzip.compress(written, mtime=0)).decode("ascii")
