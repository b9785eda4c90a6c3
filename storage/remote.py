"""The far end of a store that several machines share: a bucket, in the few verbs that the store asks of it.

A tag names one version of an object, as the bucket does (an ETag, a generation). All safety between machines rests on
`write`: it changes an object only from the version that the writer has seen. A bucket that cannot do that is refused.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from schemas.values import UserError

_URL = re.compile(r"([a-z][a-z0-9+.-]+):/+(.+?)/*", re.DOTALL)
_FILE = "file"


class Version(NamedTuple):
    """An object's bytes, and the tag of that version."""

    content: bytes
    tag: str


class Found(NamedTuple):
    """An object of a listing: its key, bytes and tag."""

    key: str
    size: int
    tag: str


class Remote(Protocol):
    """Objects by key, below one URL. Everything raises StoreUnreachable when the bucket does not answer, and UserError
    for what the user can mend (no such bucket, no right to it)."""

    @property
    def url(self) -> str:
        """Where the keys begin, without a slash at the end."""
        ...

    def read(self, key: str) -> Version | None:
        """A small object as a whole; None where there is none."""
        ...

    def write(self, key: str, content: bytes, over: str | None) -> str | None:
        """Write a small object over the version with the tag `over`, or where there is none, and return its new tag.

        None where another version is there. A version with this very content counts as written: an answer may get lost.
        """
        ...

    def upload(self, path: Path, key: str) -> None:
        """Write a file of any size, over whatever is there; whole or not at all."""
        ...

    def download(self, key: str, path: Path) -> None:
        """Raises FileNotFoundError where there is no such object."""
        ...

    def folders(self) -> list[str]:
        """The first parts of all keys that have several."""
        ...

    def list(self, prefix: str) -> Iterator[Found]:
        """All objects whose key begins with `prefix`, which ends with a slash."""
        ...

    def remove(self, keys: Iterable[str]) -> None:
        """Remove objects, also those that are gone already."""
        ...


def url_of(place: str | Path) -> str | None:
    """The URL of a bucket that a store is given by; None for a folder, also one given as file://.

    A path that was made of a URL has lost a slash, which is put back.
    """
    match = _URL.fullmatch(str(place))
    return f"{match[1]}://{match[2]}" if match and match[1] != _FILE else None


def path_of(place: str | Path) -> Path:
    """The folder that a store is given by."""
    match = _URL.fullmatch(str(place))
    return Path("/", match[2]) if match else Path(place)


def open_remote(url: str) -> Remote:
    """Raises UserError for a kind of URL that no store can be at."""
    # Each client takes long to import, and few stores need one.
    scheme, _, path = url.partition("://")
    if scheme == "s3":
        from storage.s3 import S3

        return S3(path)
    if scheme == "gs":
        from storage.gcs import Gcs

        return Gcs(path)
    raise UserError(
        f"no store can be at {url}: give a folder, s3://BUCKET/PREFIX or gs://BUCKET/PREFIX, where an object can be "
        "written on condition that nobody else has"
    )
