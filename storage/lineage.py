"""Where an artifact came from, and what was made from it."""

from collections.abc import Iterator

from schemas.artifact import Artifact, Manifest
from schemas.values import Value
from storage.store import Store


class Step(Value):
    """One artifact of a lineage, and how far it is from the one asked about."""

    depth: int
    name: str
    manifest: Manifest


def ancestors(store: Store, artifact: Artifact) -> Iterator[Step]:
    """The artifact and all it was made from, nearest first along each branch."""
    seen: set[str] = set()
    ahead = [(0, "", artifact)]
    while ahead:
        depth, name, current = ahead.pop()
        manifest = store.manifest(current)
        if manifest.fingerprint in seen:
            continue
        seen.add(manifest.fingerprint)
        yield Step(depth=depth, name=name, manifest=manifest)
        for key, item in reversed(manifest.inputs.items()):
            source = Artifact(stage=item.stage, fingerprint=item.fingerprint, kind="folder")
            ahead.append((depth + 1, key, source))


def descendants(store: Store, artifact: Artifact) -> list[Manifest]:
    """All that was made from the artifact, directly or through others, oldest first."""
    manifests = list(store.manifests())
    reached: set[str] = set()
    new = {artifact.fingerprint}
    while new:  # a manifest's time is in seconds, so one pass in their order may miss some
        reached |= new
        new = {item.fingerprint for item in manifests if _made_from(item) & reached} - reached
    return [item for item in manifests if _made_from(item) & reached]


def _made_from(manifest: Manifest) -> set[str]:
    return {item.fingerprint for item in manifest.inputs.values()}
