"""How long a source takes to be listed when nothing in it changed.

    python -m benchmarks.unchanged_folder [FILES]

Makes a folder of small files (100,000 unless told otherwise), lists it twice as the `source` stage does, and reads the
listing back as `ingest` does. The baseline is the least that any listing must do: a bare os.walk with one os.stat a
file over the same folder.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from storage.folder import list_folder, read_listing, tree_digest, write_listing
from storage.store import Store

_IN_ONE_FOLDER = 1_000


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory(prefix="unchanged-folder-") as place:
        root, store = Path(place, "dataset"), Store(Path(place, "store"))
        _fill(root, count)
        print(f"{count} files of a few bytes, {os.cpu_count()} cores")
        baseline = _timed("os.walk and os.stat", lambda: _bare(root))
        _timed("first listing: hash and link every file", lambda: _listed(root, store), baseline)
        _timed("second listing: nothing changed", lambda: _listed(root, store), baseline)
        _timed("listing read back", lambda: read_listing(Path(place, "listing"), store.blobs), baseline)


def _fill(root: Path, count: int) -> None:
    for number in range(count):
        folder = root / f"part-{number // _IN_ONE_FOLDER:03d}"
        if number % _IN_ONE_FOLDER == 0:
            folder.mkdir(parents=True)
        (folder / f"{number:06d}.mp4").write_text(str(number))


def _listed(root: Path, store: Store) -> None:
    entries = list_folder(root, store.blobs, store.index, workers=os.cpu_count() or 1)
    tree_digest(entries)
    write_listing(root.with_name("listing"), entries)


def _bare(root: Path) -> None:
    for folder, _, names in os.walk(root):
        for name in names:
            os.stat(f"{folder}/{name}")


def _timed(what: str, work: Callable[[], object], baseline: float | None = None) -> float:
    began = time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    print(f"{what}: {seconds:.2f} s" + (f", {seconds / baseline:.1f} times the baseline" if baseline else ""))
    return seconds


if __name__ == "__main__":
    main()
