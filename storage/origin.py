"""What a store is given by: a folder, or the URL of a bucket and a folder of this machine that mirrors it."""

import hashlib
import os
import re
import sqlite3
from pathlib import Path

from schemas.values import UserError
from storage.alone import Alone
from storage.digests import DigestIndex
from storage.remote import open_remote, path_of, url_of
from storage.shared import Shared

CACHE = "CONTEXTFIRST_CACHE"


def open_origin(place: str | Path, rehash: bool) -> Alone:
    """Open or make the store's folder, and reach its bucket if it has one. Raises UserError when it cannot be used."""
    url = url_of(place)
    remote = open_remote(url) if url else None
    root = local_folder(place)
    mend = f"set {CACHE} to a folder that can" if url else "set CONTEXTFIRST_STORE or --store to a folder that can"
    try:
        (root / ".drafts").mkdir(parents=True, exist_ok=True)
        index = DigestIndex(root / ".index" / "digests.sqlite", reread=rehash)
    except (OSError, sqlite3.Error) as error:
        if root.exists() and not root.is_dir():
            raise UserError(f"store {root} is a file: {mend.replace('that can', 'of its own')}") from error
        why = error.strerror if isinstance(error, OSError) else f"{root / '.index'}: {error}"
        raise UserError(f"store {root} cannot be written ({why}): {mend}") from error
    return Shared(root, index, remote) if remote else Alone(root, index)


def exists(place: str | Path) -> bool:
    """Whether there may be a store, without making one."""
    return url_of(place) is not None or path_of(place).is_dir()


def local_folder(place: str | Path) -> Path:
    """The store's folder, or that of this machine which mirrors its bucket."""
    url = url_of(place)
    return _folder_for(url) if url else path_of(place).absolute()


def _folder_for(url: str) -> Path:
    usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "contextfirst"
    readable = re.sub(r"[^A-Za-z0-9.]+", "-", url)[:60]
    return (
        Path(os.environ.get(CACHE) or usual).absolute() / f"{readable}-{hashlib.sha256(url.encode()).hexdigest()[:12]}"
    )
