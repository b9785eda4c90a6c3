"""What can be removed: artifacts that no name, no recent run and nothing kept was made from, and what only they need.

Kept are all named artifacts, those that a run touched within `keep_days` or that a run which is making something now
ever touched, and all that they were made from. Media, unpacked archives and what training has decoded go with the last
artifact or draft that names them, but not while anything is being made: its media are not in any table yet. Runs that
begin something meanwhile wait for the end; what such a run has taken over stays.
"""

import re
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from schemas.artifact import Artifact, Manifest
from schemas.values import UserError, Value
from storage import names, runs
from storage.alone import TRASH, Where
from storage.archives import archives_of
from storage.draft import is_held, lease_if_free
from storage.folder import is_listed, read_entries
from storage.named_media import named_in, tables_with_digests
from storage.store import Store

_DAY = 86_400.0
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NO_MEDIA = {"media": (), "media_size": 0, "objects": ()}


class Garbage(Value):
    """What may go: artifacts and their bytes, abandoned drafts, media and what was made of media, by path here, and
    objects of the bucket behind the store, by key."""

    artifacts: tuple[Artifact, ...]
    size: int
    drafts: tuple[str, ...]
    media: tuple[str, ...]
    media_size: int
    objects: tuple[str, ...]


def find_garbage(store: Store, keep_days: float) -> Garbage:
    """What nothing reaches. Raises UserError for a manifest, name or run that cannot be read: it may keep anything."""
    with store.origin.collecting() as living:
        return _Search(store, keep_days, living).garbage()


def collect(store: Store, keep_days: float) -> Garbage:
    """Remove what nothing reaches; what was removed. Raises as `find_garbage` does."""
    with store.origin.collecting() as living:
        search = _Search(store, keep_days, living)
        found = _drop_drafts(search.still_loose(search.garbage()))
        for artifact in found.artifacts:
            store.discard(artifact)
        store.origin.remove(found.objects)
        for path in map(Path, found.media):
            _remove(path)
    for grave in (store.root / TRASH).glob("*"):
        shutil.rmtree(grave, ignore_errors=True)  # another process may be removing it too
    return found


class _Search:
    """One look through a store. living: the runs that are making something."""

    def __init__(self, store: Store, keep_days: float, living: set[str]) -> None:
        self._store = store
        self._living = living
        self._since = time.time() - keep_days * _DAY
        self._manifests = {(manifest.stage, manifest.fingerprint): manifest for manifest in store.manifests()}

    def garbage(self) -> Garbage:
        store, kept = self._store, self.kept()
        drafts = {path: self._is_abandoned(path) for path in (store.root / ".drafts").glob("*/*") if path.is_dir()}
        media = None if self._living else self._named(kept, [path for path, gone in drafts.items() if not gone])
        loose = [manifest for where, manifest in self._manifests.items() if where not in kept]
        unneeded = [] if media is None else sorted(self._unneeded(media))
        contents = {where: manifest.content for where, manifest in self._manifests.items()}
        return Garbage(
            artifacts=tuple(manifest.artifact for manifest in loose),
            size=sum(file.size for manifest in loose for file in manifest.files),
            drafts=tuple(str(path) for path, gone in drafts.items() if gone),
            media=tuple(map(str, unneeded)),
            media_size=sum(map(_size, unneeded)),
            objects=() if self._living else tuple(store.origin.stray(contents, media)),
        )

    def still_loose(self, found: Garbage) -> Garbage:
        """Without what a run has reused while all the rest was looked at; then its media stay too, with all others."""
        kept = self.kept()
        loose = tuple(one for one in found.artifacts if (one.stage, one.fingerprint) not in kept)
        if loose == found.artifacts:
            return found
        size = sum(file.size for one in loose for file in self._manifests[one.stage, one.fingerprint].files)
        return found.model_copy(update={"artifacts": loose, "size": size} | _NO_MEDIA)

    def kept(self) -> set[Where]:
        """All that a root was made from, roots included."""
        kept: set[Where] = set()
        ahead = [where for where in self._roots() if where in self._manifests]
        while ahead:
            where = ahead.pop()
            if where not in kept:
                kept.add(where)
                made_from = self._manifests[where].inputs.values()
                ahead += [place for one in made_from if (place := (one.stage, one.fingerprint)) in self._manifests]
        return kept

    def _roots(self) -> Iterator[Where]:
        """What a name, a recent run or a living one holds."""
        artifacts = [line.artifact for line in runs.lines_since(self._store, self._since, self._living)]
        artifacts += [name.artifact for name in names.every(self._store)]
        yield from {(artifact.stage, artifact.fingerprint) for artifact in artifacts}

    def _is_abandoned(self, draft: Path) -> bool:
        """Whether nobody holds it, nor has written into it lately, however deep: checkpoints are below its folders."""
        if is_held(_lease(draft)) or not draft.exists():  # what was held a moment ago may have been published
            return False
        return all(path.lstat().st_mtime < self._since for path in (draft, *draft.rglob("*")))

    def _named(self, kept: set[Where], drafts: Iterable[Path]) -> set[str]:
        """Digests of files and archives that what stays names."""
        digests: set[str] = set()
        read: set[str] = set()
        for where in kept:
            digests |= self._named_by(self._manifests[where], read)
        for table in (path for draft in drafts for path in draft.rglob("*.parquet")):
            digests |= set(named_in(table))
        return digests

    def _named_by(self, manifest: Manifest, read: set[str]) -> set[str]:
        """read: digests of tables that were read for another artifact, which are most in a store of many curations."""
        named = set(tables_with_digests(manifest))
        tables = [file for file in manifest.files if file.path in named and file.sha256 not in read]
        if not tables:
            return set()
        read |= {file.sha256 for file in tables}
        self._store.origin.bring(manifest, only=named)
        folder = self._store.origin.folder((manifest.stage, manifest.fingerprint))
        found = {digest for file in tables for digest in named_in(folder / file.path)}
        return found | set(_archives(folder))

    def _unneeded(self, media: set[str]) -> Iterator[Path]:
        """What is called by the digest of no medium that stays, and has lain here long enough."""
        store = self._store
        for path in (*store.blobs.glob("*/*"), *store.media.glob("*/*"), *(store.root / "unpacked").glob("*")):
            digest = _DIGEST.match(path.name)
            if digest and digest[0] not in media and path.lstat().st_mtime < self._since:
                yield path


def _archives(folder: Path) -> list[str]:
    """What the archives of a listing are called once they are unpacked."""
    if not is_listed(folder):
        return []
    try:
        return [archive.digest for archive in archives_of(read_entries(folder))]
    except UserError:  # a part of one is missing, so that it was never unpacked
        return []


def _drop_drafts(found: Garbage) -> Garbage:
    """Remove drafts; those that a run has taken over since they were found stay, and then media do, with all others."""
    dropped = tuple(path for path in found.drafts if _is_dropped(Path(path)))
    return found if dropped == found.drafts else found.model_copy(update={"drafts": dropped} | _NO_MEDIA)


def _is_dropped(draft: Path) -> bool:
    with lease_if_free(_lease(draft)) as free:
        if free:
            shutil.rmtree(draft)
        return free


def _lease(draft: Path) -> Path:
    return draft.with_name(f"{draft.name}.lease")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _size(path: Path) -> int:
    """Bytes of a file or of the files of a folder; of a link none."""
    if path.is_symlink():
        return 0
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
