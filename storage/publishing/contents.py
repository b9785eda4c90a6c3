"""What was published, for those who describe it: the card and the Croissant metadata."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from schemas.artifact import Manifest
from schemas.values import Value
from storage.publishing.embedding import Embedding
from storage.publishing.tables import Split
from storage.publishing.tally import Tally

_PROVIDERS = {
    "offline": "rules of contextfirst, no language model",
    "publisher": "as the source ships it",
}


class Naming(Value):
    """What only a person knows of a dataset. date: of publication, as 2026-01-31. url, date: empty if not given."""

    name: str
    title: str
    creator: str
    url: str
    date: str


@dataclass(frozen=True)
class Contents:
    """A dataset as it lies in `folder`.

    manifest: of the examples. steps: the manifests of all stages behind it, nearest first. homepages: by source.
    schema: of the rows as they were written.
    """

    folder: Path
    naming: Naming
    manifest: Manifest
    steps: Sequence[Manifest]
    homepages: Mapping[str, str]
    tally: Tally
    embedding: Embedding
    schema: pa.Schema
    splits: Sequence[Split]

    @property
    def rows(self) -> int:
        return self.tally.rows

    def tables(self) -> list[Path]:
        """Every Parquet file, the examples first."""
        beside = [path for name in ("rejects", "overlaps") for path in sorted((self.folder / name).glob("*.parquet"))]
        return [*(path for split in self.splits for path in split.files), *beside]

    def citation(self) -> str:
        """A BibTeX entry that names the very rows and the code that chose them."""
        fields = {
            "title": self.naming.title,
            "author": self.naming.creator,
            **({"year": self.naming.date[:4]} if self.naming.date else {}),
            **({"url": self.naming.url} if self.naming.url else {}),
            "note": f"contextfirst artifact {self.manifest.stage}/{self.manifest.fingerprint}, "
            f"code {self.manifest.environment.commit}",
        }
        lines = [f"  {name} = {{{value}}}," for name, value in fields.items()]
        return "\n".join([f"@misc{{{self.naming.name},", *lines, "}"])


def written_by(provider: str, model: str) -> str:
    """Who wrote a generated field, for people."""
    return _PROVIDERS.get(provider, f"{model} by {provider}")


def counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
