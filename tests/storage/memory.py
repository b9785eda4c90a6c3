"""A bucket in memory: the network's far end, with the conditions that real ones keep."""

import hashlib
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from storage.heartbeat import Timing
from storage.remote import Found, Version

QUICK = Timing(beat=0.02, look=0.01, lapse=60.0)
"""For runs in threads of one test."""


class Memory:
    """`storage.remote.Remote`. before: told of each verb and key before it happens."""

    def __init__(self, url: str = "s3://memory/store", before: Callable[[str, str], None] = lambda _verb, _key: None):
        self.url = url
        self.before = before
        self.objects: dict[str, Version] = {}
        self._lock = threading.Lock()
        self._tags = itertools.count()

    def read(self, key: str) -> Version | None:
        self.before("read", key)
        return self.objects.get(key)

    def write(self, key: str, content: bytes, over: str | None) -> str | None:
        self.before("write", key)
        with self._lock:
            there = self.objects.get(key)
            if (there.tag if there else None) == over:
                return self._put(key, content)
            return there.tag if there and there.content == content else None

    def upload(self, path: Path, key: str) -> None:
        self.before("upload", key)
        with self._lock:
            self._put(key, path.read_bytes())

    def download(self, key: str, path: Path) -> None:
        self.before("download", key)
        if key not in self.objects:
            raise FileNotFoundError(f"{self.url}/{key}")
        path.write_bytes(self.objects[key].content)

    def folders(self) -> list[str]:
        return sorted({key.partition("/")[0] for key in self.objects if "/" in key})

    def list(self, prefix: str) -> Iterator[Found]:
        found = [(key, there) for key, there in sorted(self.objects.items()) if key.startswith(prefix)]
        yield from (Found(key, len(there.content), there.tag) for key, there in found)

    def remove(self, keys: Iterable[str]) -> None:
        for key in list(keys):
            self.before("remove", key)
            self.objects.pop(key, None)

    def flip(self, key: str, at: int, bit: int) -> None:
        """What a failing disk does."""
        content = bytearray(self.objects[key].content)
        content[at % len(content)] ^= 1 << bit
        with self._lock:
            self._put(key, bytes(content))

    def _put(self, key: str, content: bytes) -> str:
        tag = f"{next(self._tags)}-{hashlib.md5(content).hexdigest()}"
        self.objects[key] = Version(content, tag)
        return tag
