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
"""

import json
import re
import shutil
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from schemas.artifact import MANIFEST_FORMAT, Artifact, Input, Manifest, content_digest
from schemas.canonical import canonical_json
from schemas.canonical import fingerprint as fingerprint_of
from schemas.values import Params, UserError
from storage.digests import DigestIndex, hash_file
from storage.draft import Draft, drop_work, lease
from storage.environment import environment
from storage.files import write_text

MANIFEST = "manifest.json"
TRASH = ".trash"
_REFERENCE = re.compile(r"([a-z][a-z0-9_]*)/([0-9a-f]{1,64})")
_RESERVED = frozenset({"blobs", "media", "llm", "names", "runs", "logs", "reports"})


class ArtifactNotFound(UserError):
    """The store holds no such artifact."""


class Store:
    """One store on a local file system."""

    def __init__(self, root: str | Path, rehash: bool = False) -> None:
        """Open or create the store. Raises UserError when it cannot be written."""
        self.root = Path(root).absolute()
        self.blobs = self.root / "blobs"
        self.media = self.root / "media"
        self.probes = self.root / ".index" / "probes.sqlite"
        self.responses = self.root / "llm" / "responses.sqlite"
        self.segments = self.root / "llm" / "segments"
        self.logs = self.root / "logs"
        self._drafts = self.root / ".drafts"
        try:
            self._drafts.mkdir(parents=True, exist_ok=True)
            self.index = DigestIndex(self.root / ".index" / "digests.sqlite", reread=rehash)
        except (OSError, sqlite3.Error) as error:
            why = error.strerror if isinstance(error, OSError) else f"{self.root / '.index'}: {error}"
            raise UserError(
                f"store {self.root} cannot be written ({why}): set CONTEXTFIRST_STORE or --store to a folder that can"
            ) from error

    def folder(self, artifact: Artifact) -> Path:
        """Where the files of an artifact lie. Raises ArtifactNotFound."""
        self.manifest(artifact)
        return self._place(artifact.stage, artifact.fingerprint)

    def manifest(self, artifact: Artifact) -> Manifest:
        """Raises ArtifactNotFound, or UserError for a manifest of a newer format."""
        path = self._place(artifact.stage, artifact.fingerprint) / MANIFEST
        if not path.exists():
            raise ArtifactNotFound(f"store {self.root} holds no artifact {artifact}: rerun the recipe that makes it")
        return read_manifest(path)

    def manifests(self) -> Iterator[Manifest]:
        """All artifacts, oldest first."""
        paths = [path for path in self.root.glob(f"[!.]*/*/{MANIFEST}") if path.parts[-3] not in _RESERVED]
        yield from sorted(map(read_manifest, paths), key=lambda manifest: (manifest.finished_at, manifest.stage))

    def resolve(self, reference: str) -> Artifact:
        """The artifact of `stage/abcdef`, by a unique start of its fingerprint. Raises ArtifactNotFound."""
        match = _REFERENCE.fullmatch(reference)
        found = [path.parent for path in self.root.glob(f"{match[1]}/{match[2]}*/{MANIFEST}")] if match else []
        if len(found) != 1:
            number = f"{len(found)} artifacts start with" if found else "no artifact is called"
            raise ArtifactNotFound(f"{number} {reference!r} in {self.root}: `contextfirst ls` lists them")
        return read_manifest(found[0] / MANIFEST).artifact

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

    def find(self, stage: str, fingerprint: str, inputs: Mapping[str, Input]) -> Manifest | None:
        """The artifact if it can be reused: whole, unchanged, and made from inputs with the present content."""
        path = self._place(stage, fingerprint) / MANIFEST
        if not path.exists():
            return None
        manifest = read_manifest(path)
        return manifest if manifest.inputs == inputs and not self.faults(manifest) else None

    def faults(self, manifest: Manifest, reread: bool = False) -> list[str]:
        """What differs from the manifest, a line each; `reread` reads every byte instead of trusting the index."""
        folder = self._place(manifest.stage, manifest.fingerprint)
        digest = hash_file if reread else self.index.digest
        lines = []
        for file in manifest.files:
            path = folder / file.path
            if not path.is_file():
                lines.append(f"{manifest.artifact}: {file.path} is missing")
            elif path.stat().st_size != file.size or digest(path) != file.sha256:
                lines.append(f"{manifest.artifact}: {file.path} is not what was written")
        return lines

    @contextmanager
    def draft(
        self,
        artifact: Artifact,
        inputs: Mapping[str, Input],
        progress: Callable[[int, int, str], None],
        on_wait: Callable[[str], None],
        run: str = "",
    ) -> Iterator[Draft]:
        """Hold the draft of an artifact alone, for a run. What an earlier holder made of the same inputs is kept."""
        folder = self._drafts / artifact.stage / artifact.fingerprint
        with lease(folder.with_name(f"{artifact.fingerprint}.lease"), on_wait, run):
            yield Draft(folder, fingerprint_of(inputs), progress)

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
        """Move a finished draft into place. The manifest is written last, then the folder is renamed."""
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
        drop_work(draft.folder)
        write_text(draft.folder / MANIFEST, manifest.model_dump_json(indent=2))
        self._move_in(draft.folder, self._place(artifact.stage, artifact.fingerprint))
        for file in files:
            self.index.remember(self._place(artifact.stage, artifact.fingerprint) / file.path, file.sha256)
        return manifest

    def discard(self, artifact: Artifact) -> None:
        """Remove an artifact: renamed away first, so that it is never seen half removed."""
        place = self._place(artifact.stage, artifact.fingerprint)
        if place.exists():
            grave = self.root / TRASH / f"{artifact.stage}-{uuid.uuid4().hex}"
            grave.parent.mkdir(exist_ok=True)
            place.rename(grave)
            shutil.rmtree(grave, ignore_errors=True)  # what is left of it goes with the garbage

    def _move_in(self, folder: Path, place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        self.discard(Artifact(stage=place.parent.name, fingerprint=place.name, kind="folder"))
        folder.rename(place)

    def _place(self, stage: str, fingerprint: str) -> Path:
        return self.root / stage / fingerprint


def read_manifest(path: Path) -> Manifest:
    """Raises UserError for a manifest that a newer or older program wrote, or that is not one."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        written = content["format"]
        if written != MANIFEST_FORMAT:
            age = "newer" if written > MANIFEST_FORMAT else "older"
            raise UserError(
                f"{path} has manifest format {written}, {age} than {MANIFEST_FORMAT} which this version reads: "
                "use the matching version of contextfirst or another store"
            )
        return Manifest.model_validate(content)
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, ValidationError) as error:
        first = str(error).splitlines()[0]
        raise UserError(f"{path} is not a manifest ({first}): remove its folder to have it made again") from error
