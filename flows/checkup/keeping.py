"""The store: can it be written, is it whole as far as a sample shows, who works in it; and its response log."""

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from flows.checkup.finding import Finding
from llm.log import FORMAT
from schemas.artifact import Manifest
from schemas.failures import StoreUnreachable
from schemas.values import UserError
from storage.draft import holders
from storage.origin import exists
from storage.store import Store

_SAMPLE = 5
_SAMPLE_BYTES = 50_000_000
_FEW_BYTES, _ENOUGH_BYTES = 1 << 30, 10 << 30


def store(place: Path, responses: str) -> Iterator[Finding]:
    """What is found of a store, without making one. responses: folder of this host's log, empty for the store's."""
    try:
        if not exists(place):
            yield from _absent(place)
            return
        opened = Store(place)
    except (UserError, StoreUnreachable) as error:
        yield _finding("place", "broken", str(error))
        return
    yield _writable(opened.root)
    yield _room(opened.root)
    yield from _whole(opened)
    yield from _leases(opened.root)
    yield _log(Path(responses) / opened.responses.name if responses else opened.responses)


def _absent(place: Path) -> Iterator[Finding]:
    above = next(folder for folder in place.absolute().parents if folder.exists())
    if fault := _refused(above):
        mend = "name another with --store or CONTEXTFIRST_STORE"
        yield _finding("place", "broken", f"{place.absolute()} is not there and cannot be made ({fault})", mend)
    else:
        yield _finding("place", "ok", f"{place.absolute()} is not there yet: the first run makes it")
        yield _room(above)


def _writable(root: Path) -> Finding:
    if fault := _refused(root):
        mend = "see to its permissions and its disk, or name another with --store"
        return _finding("place", "broken", f"{root} cannot be written ({fault})", mend)
    return _finding("place", "ok", f"{root} can be written")


def _refused(folder: Path) -> str | None:
    """Why no file can be made in a folder. Asking for permission is not enough: root always has it."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-"):
            return None
    except OSError as error:
        return error.strerror or type(error).__name__


def _room(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    said = f"{free / 2**30:.1f} GiB free"
    if free >= _ENOUGH_BYTES:
        return _finding("disk", "ok", said)
    mend = "make room: `contextfirst gc --dry-run` says what could go, and media/ in the store may be deleted"
    return _finding("disk", "broken" if free < _FEW_BYTES else "note", said, mend)


def _whole(opened: Store) -> Iterator[Finding]:
    """Every manifest is read; of the newest artifacts the bytes are too."""
    manifests: list[Manifest] = []
    for path in opened.manifest_files():
        try:
            manifests.append(opened.read(path.parts[-3], path.parts[-2]))
        except UserError as error:
            yield _finding("artifacts", "broken", str(error))
    sample = _sample(manifests)
    faults = [line for manifest in sample for line in opened.faults(manifest, reread=True)]
    for line in faults:
        yield _finding("artifacts", "broken", line, "run the recipe again: what is faulty is made anew")
    if not faults:
        said = f"{len(manifests)} artifacts; the bytes of {len(sample)} were read and are as written"
        yield _finding("artifacts", "ok", f"{said} (`contextfirst verify` reads all)" if manifests else "none yet")


def _sample(manifests: list[Manifest]) -> list[Manifest]:
    """The newest that can be read in a second or two."""
    small = [one for one in manifests if sum(file.size for file in one.files) <= _SAMPLE_BYTES // _SAMPLE]
    return sorted(small, key=lambda one: one.finished_at)[-_SAMPLE:]


def _leases(root: Path) -> Iterator[Finding]:
    held = holders(root / ".drafts")
    for holder in held:
        since = holder.get("since")
        minutes = f" for {(time.time() - since) / 60:.0f} min" if isinstance(since, (int, float)) else ""
        who = f"process {holder.get('pid', '?')} on {holder.get('host', '?')}, run {holder.get('run') or '?'}"
        yield _finding("leases", "note", f"{who} is making an artifact{minutes}", "another run waits for it")
    if not held:
        yield _finding("leases", "ok", "nobody is making an artifact")


def _log(path: Path) -> Finding:
    """The log is opened to read alone, so that looking never makes or migrates one."""
    if not path.exists():
        return _finding("responses", "ok", "no language model has been asked yet")
    mend = "move it away; answers that are lost with it are paid for again"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            (found,) = connection.execute("PRAGMA user_version").fetchone()
            if found != FORMAT:
                return _finding("responses", "broken", f"{path} has format {found}, and this version {FORMAT}", mend)
            (state,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            query = "SELECT count(*), count(*) FILTER (WHERE failure IS NULL) FROM responses"
            rows, answers = connection.execute(query).fetchone()
    except sqlite3.Error as error:
        return _finding("responses", "broken", f"{path} cannot be read ({error})", mend)
    if state != "ok":
        return _finding("responses", "broken", f"{path} is damaged ({' '.join(state.split())[:200]})", mend)
    return _finding("responses", "ok", f"{answers} answers and {rows - answers} failures kept")


def _finding(name: str, verdict: str, said: str, mend: str = "") -> Finding:
    return Finding.model_validate({"part": "store", "name": name, "verdict": verdict, "said": said, "mend": mend})
