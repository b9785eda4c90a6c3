"""What every bucket does in the same way, over fsspec's file systems; what differs is in `s3` and `gcs`."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from typing import Any

from storage.remote import Found, Version

_AT_ONCE = 1_000


class Bucket(ABC):
    """Objects below `BUCKET/PREFIX`; see `storage.remote.Remote`, which this is."""

    scheme: str

    def __init__(self, path: str, files: Any) -> None:
        """files: the fsspec file system, one that keeps no listings."""
        self._path = path
        self._files = files
        bucket, _, prefix = path.partition("/")
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self._path}"

    def read(self, key: str) -> Version | None:
        with self._told_plainly(key):
            return self._read(self._prefix + key)

    def write(self, key: str, content: bytes, over: str | None) -> str | None:
        with self._told_plainly(key):
            tag = self._write(self._prefix + key, content, over)
        if tag is None and (there := self.read(key)) and there.content == content:
            return there.tag  # it was written, and the answer got lost
        return tag

    def upload(self, path: Path, key: str) -> None:
        with self._told_plainly(key):
            self._files.put_file(str(path), self._place(key))

    def download(self, key: str, path: Path) -> None:
        with self._told_plainly(key):
            self._files.get_file(self._place(key), str(path))

    def folders(self) -> list[str]:
        with self._told_plainly(""):
            self._files.invalidate_cache()
            found = self._files.ls(self._path, detail=True) if self._files.exists(self._path) else []
        return sorted(facts["name"].rpartition("/")[2] for facts in found if facts["type"] == "directory")

    def list(self, prefix: str) -> Iterator[Found]:
        with self._told_plainly(prefix):
            self._files.invalidate_cache()
            found = self._files.find(self._place(prefix), detail=True)
        start = len(self._path) + 1
        for name, facts in sorted(found.items()):
            if name[start:].startswith(prefix):
                yield Found(name[start:], int(facts["size"]), self._tag(facts))

    def remove(self, keys: Iterable[str]) -> None:
        places = (self._place(key) for key in keys)
        while some := list(islice(places, _AT_ONCE)):
            with self._told_plainly(""):
                self._remove(some)

    def _place(self, key: str) -> str:
        return f"{self._path}/{key}"

    def _remove(self, places: Iterable[str]) -> None:
        self._files.rm(list(places))

    @abstractmethod
    def _read(self, key: str) -> Version | None: ...

    @abstractmethod
    def _write(self, key: str, content: bytes, over: str | None) -> str | None: ...

    @abstractmethod
    def _tag(self, facts: dict[str, Any]) -> str:
        """The tag of an object as a listing shows it."""

    @abstractmethod
    def _told_plainly(self, key: str) -> AbstractContextManager[None]:
        """Turn the client's errors into UserError or StoreUnreachable."""
