"""Media in a bucket, by digest: `blobs/ab/<sha256>`, the bytes themselves, whatever links to them here.

They are uploaded once, before the first artifact whose rows show them (`ingest` in practice). The files that a `source`
lists stay where they are: who reads that dataset has it.
"""

from collections.abc import Collection, Iterable
from pathlib import Path

from media.blobs import blob_path
from schemas.values import UserError
from storage.bucket_files import alone
from storage.named_media import named_in
from storage.remote import Remote
from storage.transfer import Copy, each, fetch

BLOBS = "blobs"


class BucketMedia:
    """root: the folder of this machine."""

    def __init__(self, remote: Remote, root: Path) -> None:
        self._remote = remote
        self._root = root

    def push(self, tables: Iterable[Path]) -> None:
        """Have the media that tables show in the bucket. Raises UserError for one that is nowhere."""
        digests = {digest for table in tables for digest in named_in(table)}
        starts = {digest[:2] for digest in digests}
        there = {found.key for start in starts for found in self._remote.list(f"{BLOBS}/{start}/")}
        each(self._push, sorted(digest for digest in digests if _key(digest) not in there))

    def bring(self, digests: Iterable[str]) -> None:
        """Have media here; one process of this machine brings them, the others wait.

        Raises UserError for one that is gone, Damaged for one that is not what was written.
        """
        with alone(self._root, BLOBS):
            places = {digest: blob_path(self._root / BLOBS, digest) for digest in digests}
            missing = [Copy(_key(digest), place, digest) for digest, place in places.items() if not place.exists()]
            try:
                each(lambda copy: fetch(self._remote, copy), missing)
            except FileNotFoundError as error:
                raise UserError(
                    f"{error} is gone, though rows show it: have its `ingest` made anew where its dataset lies"
                ) from error

    def stray(self, kept: Collection[str]) -> list[str]:
        """Keys of media other than the kept ones."""
        return [found.key for found in self._remote.list(f"{BLOBS}/") if found.key.rpartition("/")[2] not in kept]

    def _push(self, digest: str) -> None:
        place = blob_path(self._root / BLOBS, digest)
        if not place.exists():
            raise UserError(
                f"{place} leads nowhere, though rows show it: put its dataset back where it lay, and run again"
            )
        self._remote.upload(place, _key(digest))


def _key(digest: str) -> str:
    return f"{BLOBS}/{digest[:2]}/{digest}"
