"""What a rerun takes in which nothing changed, and looking at its store, when that holds many artifacts.

    python -m benchmarks.no_op_rerun STORE [--artifacts 10000] [--recipe demo] [--times 3]

STORE, with a finished run of the recipe, is copied, and filled up with made artifacts: real manifests, files, inputs,
names and runs. The rerun is the command that a user gives; beside it runs the least that Prefect does: its server comes
up, and a flow with one empty task runs. The store's part is what every stage asks of it: open it, its inputs, the
artifact, a note, and the names.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from schemas.artifact import Artifact, File, Input, Manifest, content_digest
from schemas.canonical import fingerprint, sha256_text
from storage import garbage, lineage, names, runs, verifying
from storage.manifests import MANIFEST, sealed
from storage.store import Store

_RUN = "rerun"
_PER_RUN = 50
_VERSIONS = 20
_LEAST = """
from prefect import flow, task
from prefect.settings import PREFECT_API_URL, temporary_settings
from flows.embedded import start_embedded_server
empty = task(lambda: None, name="empty")
with temporary_settings({PREFECT_API_URL: start_embedded_server()}):
    flow(lambda: empty(), name="least")()
"""
"""Prefect's own start: what any flow takes that has a server of its own."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path, help="a store with a finished run, which is copied")
    parser.add_argument("--artifacts", type=int, default=10_000, help="to fill it up with")
    parser.add_argument("--recipe", default="demo", help="what the finished run was a run of")
    parser.add_argument("--times", type=int, default=3, help="how often to run it, and Prefect's least, by turns")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "store")
        shutil.copytree(asked.store, root, symlinks=True, ignore=_what_is_a_cache(asked.store))
        measure(root, asked.artifacts)
        beside_prefect(root, asked.recipe, asked.times)


def _what_is_a_cache(store: Path) -> Callable[[str, list[str]], list[str]]:
    return lambda folder, names: [name for name in names if Path(folder) == store and name in ("media", ".index")]


def measure(root: Path, count: int) -> None:
    done = list(Store(root).manifests())
    with _timed(f"filling up with {count} artifacts"):
        fill(root, done, count)
    with _timed("first rerun after the copy (files are hashed)"):
        rerun(root, done)
    for _ in range(3):
        with _timed(f"no-op rerun: {len(done)} stages"):
            rerun(root, done)
    store = Store(root)
    for title, look in _LOOKS.items():
        with _timed(title):
            look(store)


_LOOKS: dict[str, Callable[[Store], object]] = {
    "ls": lambda store: (list(names.every(store)), list(store.manifests())),
    "lineage of the last": lambda store: lineage.descendants(store, list(store.manifests())[-1].artifact),
    "gc --dry-run": lambda store: garbage.find_garbage(store, keep_days=7),
    "gc --dry-run --keep-days 0": lambda store: garbage.find_garbage(store, keep_days=0),
    "verify": lambda store: list(verifying.verify(store)),
}


def beside_prefect(root: Path, recipe: str, times: int) -> None:
    """Run the recipe as a user does, and Prefect's least, by turns. Raises RuntimeError where a stage was made anew."""
    before = len(list(Store(root).manifests()))
    rerun_all = [sys.executable, "-m", "flows.cli", "run", recipe, "--store", str(root)]
    start_only = [sys.executable, "-c", _LEAST]
    with tempfile.TemporaryDirectory() as home:
        _seconds(rerun_all, home)  # Prefect makes its database, and the copied files are hashed
        took = [(_seconds(rerun_all, home), _seconds(start_only, home)) for _ in range(times)]
    if (after := len(list(Store(root).manifests()))) != before:
        raise RuntimeError(f"{after - before} artifacts were made anew: STORE holds no finished run of {recipe}")
    ours, least = (sorted(each) for each in zip(*took, strict=True))
    beyond = [run - start for run, start in took]
    print(
        f"run {recipe}, everything reused: {_range(ours)}; Prefect with its server and one empty task: {_range(least)}"
    )
    print(f"beyond Prefect's own start: {_range(beyond)}; ratio {median(ours) / median(least):.2f}")


def _seconds(command: list[str], home: str) -> float:
    alone = {"PREFECT_HOME": home, "PREFECT_API_URL": "", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    began = time.perf_counter()
    subprocess.run(command, env=os.environ | alone, check=True, capture_output=True)
    return time.perf_counter() - began


def _range(seconds: list[float]) -> str:
    return f"median {median(seconds):.1f} s ({min(seconds):.1f} to {max(seconds):.1f})"


def rerun(root: Path, done: list[Manifest]) -> None:
    """Every call that a rerun makes of the store, one stage after the other."""
    for manifest in done:
        store = Store(root)
        inputs = {
            name: Artifact(stage=one.stage, fingerprint=one.fingerprint, kind="folder")
            for name, one in manifest.inputs.items()
        }
        found = store.find(manifest.stage, manifest.fingerprint, store.inputs(inputs))
        if found is None:
            raise RuntimeError(f"{manifest.artifact} was not found again")
        runs.note(store, _RUN, found.artifact, "reused")
    store = Store(root)
    for number, manifest in enumerate(done[-8:]):
        names.give(store, f"rerun/{number}", manifest.artifact)


def fill(root: Path, done: list[Manifest], count: int) -> None:
    """Variants of the run's own artifacts, each made from a variant before it; every tenth has a name."""
    store, before = Store(root), Input(stage=done[0].stage, fingerprint=done[0].fingerprint, content=done[0].content)
    digests: dict[str, str] = {}
    for number in range(count):
        like = done[number % len(done)]
        text = f"artifact {number}"
        files = [File(path="made.txt", size=len(text), sha256=sha256_text(text))]
        changes = {
            "fingerprint": fingerprint([like.fingerprint, number]),
            "files": files,
            "content": content_digest(files),
            "inputs": {"before": before} if number % _PER_RUN else {},
        }
        manifest = like.model_copy(update=changes)
        folder = root / manifest.stage / manifest.fingerprint
        folder.mkdir(parents=True)
        (folder / "made.txt").write_text(text)
        (folder / MANIFEST).write_text(sealed(manifest.model_copy(update={"format": 2})))
        digests[str(folder / "made.txt")] = files[0].sha256
        before = Input(stage=manifest.stage, fingerprint=manifest.fingerprint, content=manifest.content)
        _note(store, f"made-{number // _PER_RUN}", manifest.artifact)
        if number % 10 == 0:
            version = number // 10 % _VERSIONS + 1
            name = names.Name(name=f"made/{number // 10 // _VERSIONS}", version=version, artifact=manifest.artifact)
            store.origin.claim(name.key, name.model_dump_json())
    store.index.remember_all(digests)


def _note(store: Store, run: str, artifact: Artifact) -> None:
    line = runs.RunLine(run=run, artifact=artifact, how="made", at=time.time())
    with (store.root / "runs" / f"{run}.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(line.model_dump_json() + "\n")


@contextmanager
def _timed(title: str) -> Iterator[None]:
    began, worked = time.perf_counter(), time.process_time()
    yield
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    print(f"{title:<50} {seconds:8.2f} s, {cpu:.2f} s of them this process's own", flush=True)


if __name__ == "__main__":
    main()
