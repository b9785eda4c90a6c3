"""The artifact store: the one source of truth about what has been made.

    {store}/{stage}/{fingerprint}/      data files, and manifest.json written last
    {store}/.drafts/{stage}/{fingerprint}/   an artifact being made, and its lease
    {store}/blobs/                      media by digest, as links
    {store}/unpacked/                   listings of archives whose members are in blobs/
    {store}/media/                      what training has decoded, by digest; may be deleted at any time
    {store}/llm/responses.sqlite        the LLM response log
    {store}/llm/segments/               what the logs of several hosts share
    {store}/names/, runs/, logs/, reports/, .index/

An artifact is there when its manifest is. A hit also needs its files present and unchanged, by size and mtime in a
local index and rehashed where those differ, and its inputs' content as it was recorded.

A store at a URL is such a folder in front of a bucket (`storage.shared`): stages read and write the folder, and what
stands behind it brings what they miss and shares what they make.
"""

import json
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from schemas.artifact import Artifact, Input, Manifest, content_digest
from schemas.canonical import canonical_json
from schemas.canonical import fingerprint as fingerprint_of
from schemas.values import Params, UserError
from storage.alone import TRASH
from storage.digests import hash_file
from storage.disk_faults import told_plainly
from storage.draft import Draft, set_work_aside
from storage.environment import environment
from storage.files import drop_folder, write_text
from storage.manifests import MANIFEST, parsed, sealed
from storage.named_media import named_in, tables_with_media
from storage.origin import open_origin

_REFERENCE = re.compile(r"([a-z][a-z0-9_]*)/([0-9a-f]{1,64})")
_SEGMENTS = "llm/segments"
_RESERVED = frozenset({"blobs", "media", "llm", "names", "runs", "logs", "reports"})


class ArtifactNotFound(UserError):
    """The store holds no such artifact."""


class Store:
    """One store: a folder, and the bucket behind it if it has one."""

    def __init__(self, place: str | Path, rehash: bool = False) -> None:
        """Open or create the store in a folder or at a URL. Raises UserError when it cannot be used."""
        self.origin = open_origin(place, rehash)
        self.root = self.origin.root
        self.name = self.origin.name
        self.index = self.origin.index
        self.blobs = self.root / "blobs"
        self.media = self.root / "media"
        self.probes = self.root / ".index" / "probes.sqlite"
        self.responses = self.root / "llm" / "responses.sqlite"
        self.segments = self.root / _SEGMENTS
        self.logs = self.root / "logs"
        self._drafts = self.root / ".drafts"

    def folder(self, artifact: Artifact) -> Path:
        """Where the files of an artifact lie. Raises ArtifactNotFound."""
        self.origin.bring(self.manifest(artifact))
        return self._place(artifact.stage, artifact.fingerprint)

    def manifest(self, artifact: Artifact) -> Manifest:
        """Raises ArtifactNotFound, or UserError for a manifest of another format or a damaged one."""
        self.origin.look((artifact.stage, artifact.fingerprint))
        path = self._place(artifact.stage, artifact.fingerprint) / MANIFEST
        if not path.exists():
            raise ArtifactNotFound(f"store {self.name} holds no artifact {artifact}: rerun the recipe that makes it")
        return self.read(artifact.stage, artifact.fingerprint)

    def read(self, stage: str, fingerprint: str) -> Manifest:
        """The manifest that the folder holds. Raises UserError for one of another format or a damaged one."""
        where = (stage, fingerprint)
        path = self.origin.folder(where) / MANIFEST
        return parsed(path.read_bytes(), f"{self.origin.called(where)}/{MANIFEST}", *where)

    def address(self, artifact: Artifact) -> str:
        """Where people find an artifact, which is not brought here for that."""
        return self.origin.called((artifact.stage, artifact.fingerprint))

    def manifests(self) -> Iterator[Manifest]:
        """All artifacts, oldest first. Raises UserError for a manifest of another format or a damaged one."""
        found = (self.read(path.parts[-3], path.parts[-2]) for path in self.manifest_files())
        yield from sorted(found, key=lambda manifest: (manifest.finished_at, manifest.stage))

    def manifest_files(self) -> list[Path]:
        """Where the manifests of all artifacts lie."""
        self.origin.look_everywhere()
        return [path for path in self.root.glob(f"[!.]*/*/{MANIFEST}") if path.parts[-3] not in _RESERVED]

    def resolve(self, reference: str) -> Artifact:
        """The artifact of `stage/abcdef`, by a unique start of its fingerprint. Raises ArtifactNotFound."""
        self.origin.look_everywhere()
        match = _REFERENCE.fullmatch(reference)
        found = [path.parent for path in self.root.glob(f"{match[1]}/{match[2]}*/{MANIFEST}")] if match else []
        if len(found) != 1:
            number = f"{len(found)} artifacts start with" if found else "no artifact is called"
            raise ArtifactNotFound(f"{number} {reference!r} in {self.name}: `contextfirst ls` lists them")
        return self.read(found[0].parent.name, found[0].name).artifact

    def inputs(self, artifacts: Mapping[str, Artifact]) -> dict[str, Input]:
        """The inputs of a stage as they are now."""
        return {
            name: Input(
                stage=artifact.stage,
                fingerprint=artifact.fingerprint,
                content=self.manifest(artifact).content,
            )
            for name, artifact in sorted(artifacts.items())
        }

    def bring_media(self, artifacts: Iterable[Artifact]) -> None:
        """Have all media that the artifacts' rows show in `blobs`, for a stage that reads them."""
        for artifact in artifacts:
            tables = tables_with_media(self.manifest(artifact))
            self.origin.bring_media(digest for table in tables for digest in named_in(self.folder(artifact) / table))

    def find(self, stage: str, fingerprint: str, inputs: Mapping[str, Input]) -> Manifest | None:
        """The artifact if it can be reused: whole, unchanged, and made from inputs with the present content."""
        self.origin.look((stage, fingerprint), anew=True)
        path = self._place(stage, fingerprint) / MANIFEST
        if not path.exists():
            return None
        manifest = self.read(stage, fingerprint)
        return manifest if manifest.inputs == inputs and self.origin.is_whole(manifest) else None

    def faults(self, manifest: Manifest, reread: bool = False) -> list[str]:
        """What differs from the manifest, a line each; `reread` reads every byte instead of trusting the index."""
        return self.origin.faults(manifest, reread)

    @property
    def is_shared(self) -> bool:
        """Whether a bucket stands behind the folder, so that other machines do not see what lies here alone."""
        return bool(self.origin.mark)

    def pull_segments(self) -> None:
        """Have what other machines have shared of their response logs in `segments`."""
        self.origin.pull(_SEGMENTS)

    def share_segments(self) -> None:
        """Share what this machine has laid into `segments`."""
        self.origin.share_all(_SEGMENTS)

    @contextmanager
    def draft(
        self,
        artifact: Artifact,
        inputs: Mapping[str, Input],
        progress: Callable[[int, int, str], None],
        on_wait: Callable[[str], None],
        run: str = "",
    ) -> Iterator[Draft]:
        """Hold the draft of an artifact alone, for a run. What an earlier holder made of the same inputs is kept.

        Raises UserError where the disk is full or may not be written, also for what happens to it in the block.
        """
        with told_plainly(self.root), self.origin.lease(artifact, on_wait, run):
            yield Draft(self._drafts / artifact.stage / artifact.fingerprint, fingerprint_of(inputs), progress)

    def publish(
        self,
        draft: Draft,
        artifact: Artifact,
        version: str,
        params: Params,
        inputs: dict[str, Input],
        began: float,
        threads: int,
    ) -> Manifest:
        """Share a finished draft and move it into place. The manifest is written last, then the folder is renamed.

        Raises LeaseLost when another run has taken the artifact over, which a bucket alone allows.
        """
        files = draft.files(hash_file)
        manifest = Manifest(
            stage=artifact.stage,
            version=version,
            kind=artifact.kind,
            fingerprint=artifact.fingerprint,
            content=content_digest(files),
            params=json.loads(canonical_json(params)),
            inputs=inputs,
            files=files,
            rows=draft.rows(),
            usage=draft.usage,
            notes=draft.notes,
            environment=environment(threads),
            finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - began, 3),
        )
        text = sealed(manifest)
        self.origin.push(draft.folder, manifest, text)
        write_text(draft.work / MANIFEST, text)
        (draft.work / MANIFEST).rename(draft.folder / MANIFEST)  # what a full disk stops before here is not lost
        place = self._place(artifact.stage, artifact.fingerprint)
        aside = set_work_aside(draft.folder, self.root / TRASH)
        self._move_in(draft.folder, place)
        for file in files:
            self.index.remember(place / file.path, file.sha256)
        # Gigabytes of checkpoints: by now the artifact is where it belongs, and what stays of them is garbage.
        shutil.rmtree(aside, ignore_errors=True)
        return manifest

    def discard(self, artifact: Artifact) -> None:
        """Remove an artifact: renamed away first, so that it is never seen half removed."""
        self.origin.discard((artifact.stage, artifact.fingerprint))
        drop_folder(self._place(artifact.stage, artifact.fingerprint), self.root / TRASH)

    def _move_in(self, folder: Path, place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        drop_folder(place, self.root / TRASH)
        folder.rename(place)

    def _place(self, stage: str, fingerprint: str) -> Path:
        return self.origin.folder((stage, fingerprint))
