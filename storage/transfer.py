"""Bytes to and from a bucket, several files at a time, each compared with the digest that somebody vouched for."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

from schemas.values import UserError
from storage.digests import hash_file
from storage.files import whole_file
from storage.remote import Remote

_AT_ONCE = 8
_TRIES = 2

T = TypeVar("T")


class Damaged(UserError):
    """An object's bytes are not those that were written."""


class Copy(NamedTuple):
    """An object, its file here, and the SHA-256 of both."""

    key: str
    path: Path
    sha256: str


def fetch(remote: Remote, copy: Copy) -> None:
    """Bring one object; its file is whole and right, or absent.

    Raises Damaged when its bytes came wrong twice, and FileNotFoundError where there is none.
    """
    with whole_file(copy.path) as temporary:
        for _ in range(_TRIES):
            remote.download(copy.key, temporary)
            if hash_file(temporary) == copy.sha256:
                return
        raise Damaged(f"{remote.url}/{copy.key} is not what was written: `contextfirst verify` finds all that is so")


def each(change: Callable[[T], object], items: Iterable[T]) -> None:
    """Do something with every one, several at a time. Raises what the first failure raises, and begins no more then."""
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        asked = [pool.submit(change, one) for one in items]
        try:
            for future in asked:
                future.result()
        finally:
            pool.shutdown(cancel_futures=True)
