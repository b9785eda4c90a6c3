"""What makes a Prefect task a stage: identity, reuse, a draft to fill, a manifest.

    @task(cache_policy=NO_CACHE, persist_result=False)
    @stage(version="1", kind="examples")
    def curate(draft: Draft, params: CurateParams, examples: Artifact, runtime: Runtime) -> None: ...

A stage takes one Params, any number of Artifacts (single or in mappings by name) and one Runtime, and fills a draft;
as a task it is called without the draft and returns an Artifact. Its fingerprint covers name, version, Params, the
inputs' fingerprints, and the digest of outside files where it reads any. The store alone decides about reuse, so
Prefect's own caching is off; a reused stage ends in a state named `Reused`.
"""

import functools
import inspect
import time
from collections.abc import Callable, Mapping
from typing import Concatenate, Literal, ParamSpec

from prefect.runtime import flow_run
from prefect.states import Completed

from schemas.artifact import Artifact, Kind, Manifest
from schemas.canonical import fingerprint
from schemas.runtime import Runtime
from schemas.values import Params
from storage import runs
from storage.draft import Draft
from storage.store import Store
from tasks.progress import Progress
from tasks.telling import tell

P = ParamSpec("P")
Outside = Callable[[Params, Runtime, Store, Mapping[str, Artifact]], str]


def stage(
    *, version: str, kind: Kind, outside: Outside | None = None, reads_media: bool = False
) -> Callable[[Callable[Concatenate[Draft, P], None]], Callable[P, Artifact]]:
    """Turn `fill(draft, params, ..., runtime)` into a function that returns the finished or reused artifact.

    version: changed by hand when the code's meaning changes; it names prompt versions too. outside: digests the files
    that the stage reads from outside the store; the digest becomes part of the fingerprint. reads_media: whether it
    opens the media that its inputs' rows show, so that they have to be on this machine.
    """

    def decorate(fill: Callable[Concatenate[Draft, P], None]) -> Callable[P, Artifact]:
        signature = inspect.signature(fill)
        call = signature.replace(parameters=list(signature.parameters.values())[1:], return_annotation=Artifact)
        name = fill.__name__

        @functools.wraps(fill)
        def made(*args: P.args, **kwargs: P.kwargs) -> Artifact:
            began = time.monotonic()
            bound = call.bind(*args, **kwargs).arguments
            params, inputs, runtime = _sorted_arguments(bound)
            store = Store(runtime.store, runtime.rehash)
            digest = outside(params, runtime, store, inputs) if outside else None
            made_from = store.inputs(inputs)
            identity = [
                name,
                version,
                params,
                {key: item.fingerprint for key, item in made_from.items()},
                digest,
            ]
            artifact = Artifact(stage=name, fingerprint=fingerprint(identity), kind=kind)
            if found := store.find(name, artifact.fingerprint, made_from):
                return _reused(store, found)
            with (
                Progress(name) as progress,
                store.draft(artifact, made_from, progress, _tell_wait, _run()) as draft,
            ):
                if found := store.find(name, artifact.fingerprint, made_from):  # made by the run we waited for
                    return _reused(store, found)
                if reads_media:
                    store.bring_media(inputs.values())
                fill(draft, *args, **kwargs)
                manifest = store.publish(draft, artifact, version, params, made_from, began, runtime.threads)
            return _finished(store, manifest)

        made.__signature__ = call  # type: ignore[attr-defined]
        made.__annotations__ = {key: value for key, value in fill.__annotations__.items() if key != "draft"}
        return made

    return decorate


def _sorted_arguments(bound: Mapping[str, object]) -> tuple[Params, dict[str, Artifact], Runtime]:
    params = [value for value in bound.values() if isinstance(value, Params)]
    runtimes = [value for value in bound.values() if isinstance(value, Runtime)]
    inputs: dict[str, Artifact] = {}
    for name, value in bound.items():
        if isinstance(value, Artifact):
            inputs[name] = value
        elif isinstance(value, Mapping):
            inputs |= {f"{name}.{key}": item for key, item in value.items()}
        elif value is not None and not isinstance(value, (Params, Runtime)):
            raise TypeError(f"a stage takes Params, Artifacts and a Runtime, not {name}={value!r}")
    if len(params) != 1 or len(runtimes) != 1:
        raise TypeError("a stage takes exactly one Params and one Runtime")
    return params[0], inputs, runtimes[0]


def _reused(store: Store, manifest: Manifest) -> Artifact:
    _note(store, manifest, "reused")
    return Completed(name="Reused", message=f"{manifest.artifact} was there", data=manifest.artifact)  # type: ignore[return-value]


def _finished(store: Store, manifest: Manifest) -> Artifact:
    _note(store, manifest, "made")
    rows = manifest.rows
    counts = f": {rows.left} of {rows.entered} rows, {sum(rows.rejected.values())} rejected" if rows.entered else ""
    message = f"{manifest.artifact} made in {manifest.seconds:.1f} s{counts}"
    return Completed(message=message, data=manifest.artifact)  # type: ignore[return-value]


def _note(store: Store, manifest: Manifest, how: Literal["made", "reused"]) -> None:
    runs.note(store, _run(), manifest.artifact, how)


def _run() -> str:
    return str(flow_run.root_flow_run_id or "no-run")


def _tell_wait(holder: str) -> None:
    tell(f"waiting for the run that makes this artifact, or for `gc`: {holder}")
