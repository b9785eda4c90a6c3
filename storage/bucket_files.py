"""The data files of artifacts in a bucket, and what this machine has of them.

    {stage}/{fingerprint}/{content}/    the files, in a folder called by the digest of their content
    {stage}/{fingerprint}/damaged       some of them are not what was written: the artifact is to be made anew

Two runs that make one artifact with other bytes so never write the same object.
"""

import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.artifact import File, Manifest
from schemas.values import UserError
from storage.digests import DigestIndex
from storage.draft import lease
from storage.manifests import MANIFEST
from storage.remote import Remote
from storage.transfer import Copy, Damaged, each, fetch

_MARK = "damaged"


class BucketFiles:
    """root: the folder of this machine."""

    def __init__(self, remote: Remote, root: Path, index: DigestIndex) -> None:
        self._remote = remote
        self._root = root
        self._index = index

    def are_there(self, manifest: Manifest) -> bool:
        """Whether the bucket has all files in their size, and nobody has found a damaged one."""
        place = _place(manifest)
        sizes = {found.key: found.size for found in self._remote.list(f"{place}/")}
        return f"{place}/{_MARK}" not in sizes and all(
            sizes.get(_key(manifest, file)) == file.size for file in manifest.files
        )

    def push(self, draft: Path, manifest: Manifest) -> None:
        each(lambda file: self._remote.upload(draft / file.path, _key(manifest, file)), manifest.files)

    def bring(self, manifest: Manifest, only: Collection[str] | None) -> None:
        """Have files here that are missing or changed; one process of this machine does, the others wait.

        Raises UserError for one that is gone or damaged, after marking the artifact.
        """
        with alone(self._root, f"{manifest.stage}-{manifest.fingerprint}"):
            self._drop_others(manifest)
            wanted = [file for file in manifest.files if only is None or file.path in only]
            try:
                each(
                    lambda file: self._bring(manifest, file),
                    [one for one in wanted if not self._is_right(manifest, one)],
                )
            except (Damaged, FileNotFoundError) as error:
                self.mark(manifest)
                raise UserError(
                    f"{manifest.artifact} in {self._remote.url} is damaged ({error}): run again to have it made anew"
                ) from error

    def faults(self, manifest: Manifest) -> list[str]:
        """What the bucket has otherwise than the manifest says, every byte read; then the artifact is marked."""
        lines = [line for file in manifest.files if (line := self._fault(manifest, file))]
        if lines:
            self.mark(manifest)
        return lines

    def mark(self, manifest: Manifest) -> None:
        """Have the artifact made anew."""
        self._remote.write(f"{_place(manifest)}/{_MARK}", b"", over=None)

    def unmark(self, manifest: Manifest) -> None:
        self._remote.remove([f"{_place(manifest)}/{_MARK}"])

    def here(self, manifest: Manifest) -> Manifest:
        """The manifest with those files alone that this machine has a copy of."""
        files = [file for file in manifest.files if self._path(manifest, file).is_file()]
        return manifest.model_copy(update={"files": files})

    def _bring(self, manifest: Manifest, file: File) -> None:
        path = self._path(manifest, file)
        fetch(self._remote, Copy(_key(manifest, file), path, file.sha256))
        self._index.remember(path, file.sha256)

    def _drop_others(self, manifest: Manifest) -> None:
        """Remove files of an earlier content, which a reader would take for some of this one."""
        folder = self._root / _place(manifest)
        names = {MANIFEST, *(file.path for file in manifest.files)}
        for path in folder.rglob("*"):
            if not path.is_dir() and path.relative_to(folder).as_posix() not in names:
                path.unlink()

    def _is_right(self, manifest: Manifest, file: File) -> bool:
        path = self._path(manifest, file)
        return path.is_file() and path.stat().st_size == file.size and self._index.digest(path) == file.sha256

    def _fault(self, manifest: Manifest, file: File) -> str | None:
        path = self._root / ".verified" / uuid.uuid4().hex
        try:
            fetch(self._remote, Copy(_key(manifest, file), path, file.sha256))
        except FileNotFoundError:
            return f"{manifest.artifact}: {file.path} is missing"
        except Damaged:
            return f"{manifest.artifact}: {file.path} is not what was written"
        finally:
            path.unlink(missing_ok=True)
        return None

    def _path(self, manifest: Manifest, file: File) -> Path:
        return self._root / _place(manifest) / file.path


@contextmanager
def alone(root: Path, what: str) -> Iterator[None]:
    """One process of this machine at a time: what one brings the others need not."""
    with lease(root / ".bringing" / f"{what}.lease", lambda _: None):
        yield


def _place(manifest: Manifest) -> str:
    return f"{manifest.stage}/{manifest.fingerprint}"


def _key(manifest: Manifest, file: File) -> str:
    return f"{_place(manifest)}/{manifest.content}/{file.path}"
