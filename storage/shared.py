"""A store that several machines share: a bucket holds it, and a folder here keeps what this machine reads and writes.

    {url}/{stage}/{fingerprint}/manifest.json   written last; the artifact is there when it is
    {url}/{stage}/{fingerprint}/{content}/      its files, see `storage.bucket_files`
    {url}/blobs/                                media by digest, see `storage.bucket_media`
    {url}/names/, runs/, llm/segments/          as in a folder; a run's file is called by its machine too
    {url}/leases/                               who makes what, see `storage.heartbeat`

A manifest is written only over the version that was there when the draft was begun. A run that was held up for so long
that another took its lease over therefore publishes nothing, whatever either of them believes.
"""

import socket
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path

from schemas.artifact import Artifact, Manifest
from schemas.failures import LeaseLost
from schemas.values import UserError
from storage.alone import TRASH, Alone, Where
from storage.bucket_files import BucketFiles
from storage.bucket_media import BLOBS, BucketMedia
from storage.digests import DigestIndex
from storage.filenames import fault_of
from storage.files import drop_folder, new_file, whole_file
from storage.heartbeat import LEASES, USUAL, Held, Timing, await_end, check_conditions, hold, living
from storage.manifests import MANIFEST
from storage.named_media import tables_with_media
from storage.remote import Remote
from storage.tags import Tags
from storage.transfer import each

_COLLECTOR = f"{LEASES}collector.json"
_AT_ONCE = 1_000
_NO_STAGES = frozenset({BLOBS, "names", "runs", "llm", LEASES.rstrip("/")})


class Shared(Alone):
    """A folder that mirrors a bucket."""

    def __init__(self, root: Path, index: DigestIndex, remote: Remote, timing: Timing = USUAL) -> None:
        """Raises UserError for a bucket that cannot write on condition."""
        super().__init__(root, index)
        self.name = remote.url
        self._remote = remote
        self._timing = timing
        self._files = BucketFiles(remote, root, index)
        self._media = BucketMedia(remote, root)
        self._tags = Tags(root / ".index" / "remote.sqlite")
        self._looked: set[Where] = set()
        self._making: dict[Where, tuple[Held, str | None]] = {}
        self._collecting: Held | None = None
        self.mark = f"@{self._own_name()}"

    @contextmanager
    def lease(self, artifact: Artifact, on_wait: Callable[[str], None], run: str) -> Iterator[None]:
        where = (artifact.stage, artifact.fingerprint)
        key = f"{LEASES}{'/'.join(where)}.json"
        with ExitStack() as stack:
            stack.enter_context(super().lease(artifact, on_wait, run))
            held = stack.enter_context(hold(self._remote, key, run, on_wait, self._timing))
            await_end(self._remote, _COLLECTOR, self._timing)
            there = self._remote.read(_manifest_key(where))
            self._making[where] = held, there.tag if there else None
            yield

    @contextmanager
    def collecting(self) -> Iterator[set[str]]:
        """Runs that begin something meanwhile wait for the end."""
        with super().collecting() as here, hold(self._remote, _COLLECTOR, "", lambda _: None, self._timing) as held:
            self._collecting = held
            try:
                others = living(self._remote, _COLLECTOR, self._timing)
                yield here | {holder.run if holder else "" for holder in others}
            finally:
                self._collecting = None

    def look(self, where: Where, anew: bool = False) -> None:
        if where in self._looked and not anew:
            return
        was_here = self._is_here(where)
        there = self._remote.read(_manifest_key(where))
        if there:
            self._keep_manifest(where, there.content)
            self._tags.put(_manifest_key(where), there.tag)
        elif was_here:  # else what is here by now was published after the bucket was asked
            self._drop(where)
        self._looked.add(where)

    def look_everywhere(self) -> None:
        listed, known = dict(self._listed()), self._tags.all()
        changed = [
            where for where, tag in listed.items() if known.get(_manifest_key(where)) != tag or not self._is_here(where)
        ]
        here = ((path.parts[-3], path.parts[-2]) for path in self.root.glob(f"[!.]*/*/{MANIFEST}"))
        unlisted = [where for where in here if where not in listed]  # gone, or published since
        each(lambda where: self.look(where, anew=True), changed + unlisted)

    def is_whole(self, manifest: Manifest) -> bool:
        return self._files.are_there(manifest)

    def faults(self, manifest: Manifest, reread: bool) -> list[str]:
        """Of the bucket, marked there so that a rerun mends them, and of copies here, which are fetched anew."""
        if not reread:
            return [] if self.is_whole(manifest) else [f"{manifest.artifact}: its files are not all in {self.name}"]
        copies = super().faults(self._files.here(manifest), reread=True)
        return self._files.faults(manifest) + [f"{line} (the copy in {self.root})" for line in copies]

    def bring(self, manifest: Manifest, only: Collection[str] | None = None) -> None:
        self._files.bring(manifest, only)

    def bring_media(self, digests: Iterable[str]) -> None:
        self._media.bring(digests)

    def push(self, draft: Path, manifest: Manifest, text: str) -> None:
        where = (manifest.stage, manifest.fingerprint)
        held, before = self._making[where]
        held.confirm()
        self._media.push(draft / table for table in tables_with_media(manifest))
        self._files.push(draft, manifest)
        held.confirm()
        tag = self._remote.write(_manifest_key(where), text.encode(), over=before)
        if tag is None:
            raise LeaseLost(f"{self.name} has another {manifest.artifact} by now: run again to reuse it")
        self._tags.put(_manifest_key(where), tag)
        self._files.unmark(manifest)

    def discard(self, where: Where) -> None:
        self.remove([_manifest_key(where)])
        self.remove(found.key for found in self._remote.list(f"{'/'.join(where)}/"))

    def claim(self, key: str, text: str) -> bool:
        if self._remote.write(key, text.encode(), over=None) is None:
            return False
        new_file(self.root / key, text)
        return True

    def share(self, key: str) -> None:
        self._remote.upload(self.root / key, key)

    def share_all(self, folder: str) -> None:
        there = {found.key for found in self._remote.list(f"{folder}/")}
        keys = [f"{folder}/{path.name}" for path in (self.root / folder).glob("*.parquet")]
        each(self.share, [key for key in keys if key not in there])

    def pull(self, folder: str) -> None:
        known = self._tags.all()
        changed = {
            found.key: found.tag
            for found in self._remote.list(f"{folder}/")
            if not Path(found.key).stem.endswith(self.mark)
            and (known.get(found.key) != found.tag or not (self.root / found.key).exists())
        }
        for key in changed:
            if fault := fault_of(key):
                raise UserError(f"{self.name} holds {key!r}, which {fault}: remove it")
        each(self._pull, changed)
        self._tags.put_all(changed)

    def stray(self, contents: Mapping[Where, str], media: Collection[str] | None) -> list[str]:
        keys = [found.key for stage in self._stages() for found in self._remote.list(f"{stage}/")]
        stray = [key for key in keys if _is_stray(key, contents)]
        return stray if media is None else stray + self._media.stray(media)

    def called(self, where: Where) -> str:
        return f"{self.name}/{'/'.join(where)}"

    def remove(self, keys: Iterable[str]) -> None:
        """Raises LeaseLost when this collection was held up for so long that runs have gone on without it."""
        left = iter(keys)
        while some := list(islice(left, _AT_ONCE)):
            if self._collecting:
                self._collecting.confirm()
            self._remote.remove(some)

    def _own_name(self) -> str:
        """Of this folder, for what it shares under a name of its own; a new one tries the bucket out first."""
        path = self.root / ".index" / "name"
        if not path.exists():
            check_conditions(self._remote)
            new_file(path, f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}")
        return path.read_text(encoding="utf-8")

    def _keep_manifest(self, where: Where, content: bytes) -> None:
        path = self.folder(where) / MANIFEST
        if not path.exists() or path.read_bytes() != content:
            with whole_file(path) as temporary:
                temporary.write_bytes(content)

    def _is_here(self, where: Where) -> bool:
        return (self.folder(where) / MANIFEST).exists()

    def _drop(self, where: Where) -> None:
        drop_folder(self.folder(where), self.root / TRASH)

    def _listed(self) -> Iterator[tuple[Where, str]]:
        """All artifacts, and the tags of their manifests."""
        for stage in self._stages():
            for found in self._remote.list(f"{stage}/"):
                parts = found.key.split("/")
                if len(parts) == 3 and parts[2] == MANIFEST:
                    yield (parts[0], parts[1]), found.tag

    def _stages(self) -> list[str]:
        return [folder for folder in self._remote.folders() if folder not in _NO_STAGES]

    def _pull(self, key: str) -> None:
        with whole_file(self.root / key) as temporary:
            self._remote.download(key, temporary)


def _manifest_key(where: Where) -> str:
    return f"{'/'.join(where)}/{MANIFEST}"


def _is_stray(key: str, contents: Mapping[Where, str]) -> bool:
    """Whether it is a file of no artifact that is there, or of an earlier content of one."""
    stage, fingerprint, *within = key.split("/")
    return len(within) > 1 and contents.get((stage, fingerprint)) != within[0]
