"""What can be removed: artifacts that no name, no recent run, no unfinished draft, and nothing kept was made from."""

import json
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from schemas.artifact import Artifact, Manifest
from schemas.values import Value
from storage import names, runs
from storage.draft import holder_of, is_held
from storage.store import TRASH, Store

_DAY = 86_400.0


class Garbage(Value):
    """Artifacts, abandoned drafts and dangling media links that may go, and the bytes of the artifacts."""

    artifacts: tuple[Artifact, ...]
    drafts: tuple[str, ...]
    links: tuple[str, ...]
    size: int


def find_garbage(store: Store, keep_days: float) -> Garbage:
    """What nothing reaches. Kept are: all named artifacts, those that a run touched within `keep_days` or that a run
    which is making something now ever touched, and all that they were made from."""
    manifests = {manifest.artifact: manifest for manifest in store.manifests()}
    kept = _reach(manifests, _roots(store, keep_days))
    loose = [artifact for artifact in manifests if artifact not in kept]
    size = sum(file.size for artifact in loose for file in manifests[artifact].files)
    return Garbage(
        artifacts=tuple(loose),
        drafts=tuple(str(path) for path in _abandoned(store, keep_days)),
        links=tuple(str(path) for path in store.blobs.glob("*/*") if not path.exists()),
        size=size,
    )


def collect(store: Store, garbage: Garbage) -> None:
    for artifact in garbage.artifacts:
        store.discard(artifact)
    for draft in garbage.drafts:
        shutil.rmtree(draft)
    for link in garbage.links:
        Path(link).unlink(missing_ok=True)
    for grave in (store.root / TRASH).glob("*"):
        shutil.rmtree(grave, ignore_errors=True)  # another process may be removing it too


def _roots(store: Store, keep_days: float) -> set[Artifact]:
    since = time.time() - keep_days * _DAY
    living = _living_runs(store)
    recent = {line.artifact for line in runs.lines(store.root) if line.at >= since or line.run in living}
    return recent | {name.artifact for name in names.every(store.root)}


def _living_runs(store: Store) -> set[str]:
    holders = (holder_of(path) for path in (store.root / ".drafts").glob("*/*.lease"))
    return {json.loads(holder)["run"] for holder in holders if holder}


def _reach(manifests: dict[Artifact, Manifest], roots: Iterable[Artifact]) -> set[Artifact]:
    by_place = {(artifact.stage, artifact.fingerprint): artifact for artifact in manifests}
    kept: set[Artifact] = set()
    ahead = [artifact for artifact in roots if artifact in manifests]
    while ahead:
        artifact = ahead.pop()
        if artifact not in kept:
            kept.add(artifact)
            made_from = manifests[artifact].inputs.values()
            ahead += [by_place[place] for item in made_from if (place := (item.stage, item.fingerprint)) in by_place]
    return kept


def _abandoned(store: Store, keep_days: float) -> list[Path]:
    drafts = [path for path in (store.root / ".drafts").glob("*/*") if path.is_dir()]
    since = time.time() - keep_days * _DAY
    return [
        path for path in drafts if path.stat().st_mtime < since and not is_held(path.with_name(f"{path.name}.lease"))
    ]
