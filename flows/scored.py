"""The scores that a reference names.

demo/sft            of a trained stage (a checkpoint), as the newest report that measured it did
demo/sft:muted      of the same in another view: full, muted, blind
demo/report@2       of every run in that report
score/4f0c1a        by fingerprint
"""

from collections.abc import Callable
from difflib import get_close_matches
from typing import get_args

from schemas.artifact import Artifact, Kind, Manifest
from schemas.training import View
from schemas.values import UserError, Value
from storage.store import Store

ONLY = "one run"
"""The key of scores that are named alone."""


class Scored(Value):
    """The scores of one run, and what the user calls them."""

    name: str
    scores: Artifact


def scored(store: Store, find: Callable[[str], Artifact], reference: str) -> dict[str, Scored]:
    """Scores by key: of a report by the names of its runs ("sft-full"), else one of the key ONLY.

    find: turns a name or fingerprint into its artifact. Raises UserError where that has no scores.
    """
    name, _, view = reference.partition(":")
    artifact = find(name)
    if view and artifact.kind != "checkpoint":
        raise UserError(f"{name} is of kind {artifact.kind}: only a trained stage takes a view, as in demo/sft:muted")
    if artifact.kind == "scores":
        return {ONLY: Scored(name=reference, scores=artifact)}
    if artifact.kind == "checkpoint":
        return {ONLY: Scored(name=reference, scores=_measured(store, name, artifact, _view(view or "full")))}
    if artifact.kind == "report":
        found = scores_of(store.manifest(artifact))
        return {key: Scored(name=f"{reference} {key}", scores=scores) for key, scores in found.items()}
    raise UserError(
        f"{name} is of kind {artifact.kind}: name a trained stage (demo/sft), a report (demo/report@2) or scores "
        "(score/4f0c1a)"
    )


def _view(view: str) -> str:
    if view not in get_args(View):
        near = get_close_matches(view, get_args(View), 1)
        hint = f"did you mean {near[0]!r}?" if near else f"views are {', '.join(get_args(View))}"
        raise UserError(f"unknown view {view!r}: {hint}")
    return view


def _measured(store: Store, name: str, checkpoint: Artifact, view: str) -> Artifact:
    """The scores of a checkpoint in the newest report that measured it."""
    for manifest in reversed([manifest for manifest in store.manifests() if manifest.kind == "report"]):
        if views := _views(manifest, checkpoint):
            if view not in views:
                raise UserError(
                    f"{name} was measured {', '.join(sorted(views))}, but not {view}, in {manifest.artifact}: "
                    "add it to evaluation.controls and run `contextfirst evaluate`"
                )
            return views[view]
    raise UserError(
        f"no report in {store.root} measured {name}: add it to evaluation.stages and run `contextfirst evaluate`"
    )


def _views(report: Manifest, checkpoint: Artifact) -> dict[str, Artifact]:
    """The scores of a checkpoint by view; a report names them by stage and view."""
    stages = {stage for stage, model in _inputs(report, "checkpoints").items() if model == checkpoint}
    scores = scores_of(report)
    keys = {key: key.rpartition("-") for key in scores}
    return {view: scores[key] for key, (stage, _, view) in keys.items() if stage in stages}


def scores_of(report: Manifest) -> dict[str, Artifact]:
    """The scores that a report was written from, by stage and view: `sft-full`."""
    return _inputs(report, "scores")


def _inputs(manifest: Manifest, group: str) -> dict[str, Artifact]:
    """The artifacts that a stage was given in one mapping."""
    kind: Kind = "scores" if group == "scores" else "checkpoint"
    return {
        key.removeprefix(f"{group}."): Artifact(stage=given.stage, fingerprint=given.fingerprint, kind=kind)
        for key, given in manifest.inputs.items()
        if key.startswith(f"{group}.")
    }
