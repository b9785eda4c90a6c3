"""What stands behind a store's folder. Behind a plain folder: nothing, so there is nothing to bring or to share.

`storage.shared.Shared` is the other answer, a bucket; the store asks both in the same words.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from schemas.artifact import Artifact, Manifest
from schemas.values import UserError
from storage.digests import DigestIndex, hash_file
from storage.draft import await_end, holders, lease
from storage.files import new_file

TRASH = ".trash"
_COLLECTOR = ".collector.lease"
_WORD = re.compile(r"[A-Za-z0-9_-]+")

Where = tuple[str, str]
"""Stage and fingerprint."""


class Alone:
    """A folder that is all there is. name: what people call the store. mark: what files of this machine end in."""

    def __init__(self, root: Path, index: DigestIndex) -> None:
        self.root = root
        self.index = index
        self.name = str(root)
        self.mark = ""

    @contextmanager
    def lease(self, artifact: Artifact, on_wait: Callable[[str], None], run: str) -> Iterator[None]:
        """Hold the draft of an artifact alone, for a run, once nobody collects; `on_wait` is told who is waited for."""
        path = self.root / ".drafts" / artifact.stage / f"{artifact.fingerprint}.lease"
        with lease(path, on_wait, run):
            await_end(self.root / _COLLECTOR, on_wait)  # one that begins from here on sees the draft's lease
            yield

    @contextmanager
    def collecting(self) -> Iterator[set[str]]:
        """Remove what may go, alone; runs that begin something meanwhile wait for the end. Gives the runs that are
        making something, empty for what belongs to no run."""
        with lease(self.root / _COLLECTOR, lambda _: None, "gc"):
            found = [*holders(self.root / ".drafts"), *holders(self.root)]  # drafts, and archives being unpacked
            yield {str(holder.get("run", "")) for holder in found}

    def look(self, where: Where, anew: bool = False) -> None:
        """Bring an artifact's manifest as it is, once or anew; take it away where there is none any more."""

    def look_everywhere(self) -> None:
        """Bring all manifests."""

    def is_whole(self, manifest: Manifest) -> bool:
        """Whether all files of an artifact can be had, as far as can be told without reading them."""
        return not self.faults(manifest, reread=False)

    def faults(self, manifest: Manifest, reread: bool) -> list[str]:
        """What differs from the manifest, a line each; `reread` reads every byte instead of trusting the index."""
        digest = hash_file if reread else self.index.digest
        folder = self.folder((manifest.stage, manifest.fingerprint))
        lines = []
        for file in manifest.files:
            path = folder / file.path
            if not path.is_file():
                lines.append(f"{manifest.artifact}: {file.path} is missing")
            elif path.stat().st_size != file.size or digest(path) != file.sha256:
                lines.append(f"{manifest.artifact}: {file.path} is not what was written")
        return lines

    def bring(self, manifest: Manifest, only: Collection[str] | None = None) -> None:
        """Bring the files of an artifact that the folder lacks, all or only some."""

    def bring_media(self, digests: Iterable[str]) -> None:
        """Bring the media that the folder lacks."""

    def push(self, draft: Path, manifest: Manifest, text: str) -> None:
        """Share a finished draft. text: its manifest's. Raises LeaseLost when another run has taken it over."""

    def discard(self, where: Where) -> None:
        """Take an artifact out."""

    def claim(self, key: str, text: str) -> bool:
        """Write a small file unless there is one; whether it was written."""
        return new_file(self.root / key, text)

    def share(self, key: str) -> None:
        """Share a small file that was written or appended to."""

    def share_all(self, folder: str) -> None:
        """Share the tables of a folder that nobody has shared yet."""

    def pull(self, folder: str) -> None:
        """Bring the small files of a folder as others left them."""

    def stray(self, contents: Mapping[Where, str], media: Collection[str] | None) -> list[str]:
        """What lies behind the folder and belongs to nothing. contents: of artifacts that stay. media: that stay; None
        for all."""
        return []

    def remove(self, keys: Iterable[str]) -> None:
        """Remove what is stray."""

    def called(self, where: Where) -> str:
        """Where people find an artifact."""
        return str(self.folder(where))

    def folder(self, where: Where) -> Path:
        """Where an artifact's files lie here, if they do. Raises UserError for words that no artifact is called by."""
        if not all(map(_WORD.fullmatch, where)):
            raise UserError(f"no artifact is called {'/'.join(where)!r}: whoever names it so is mistaken, or damaged")
        return self.root.joinpath(*where)
