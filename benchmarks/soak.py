"""The demo's curation, killed at random again and again, must end as if nobody had touched it.

Each round curates a small corpus from scratch. Rows are rewritten and rated by a server on loopback that counts what
it is asked. Random processes (the run, its Prefect server, any child) are killed without warning at random moments,
other runs are started beside them, and a last one finishes. Then the store is compared with one made in peace:

lost rows    ids that an artifact of the undisturbed run has, as a row or a reject, and the one of this round has not
paid again   requests that came to the server although the response log held their answer when a process was killed
orphans      processes that are still there after the last run has ended
unreadable   artifacts with a file missing, changed or not to be read, and folders that nobody vouches for
other bytes  artifacts whose content differs from the undisturbed run's, or that only one of the two has

An answer that was on its way or not yet committed when its process died is asked for once more; `in flight` counts
those. All rounds must show zeros, or the exit code is 1.

    python -m benchmarks.soak [--rounds 50] [--seed 0] [--deadline 3000]
"""

import argparse
import contextlib
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.artifact import Manifest
from schemas.completion import render
from schemas.values import UserError
from storage.parquet import read_rows
from storage.store import Store
from tests.llm.vendors.faults import Behaviour
from tests.llm.vendors.question import Question, default_reply
from tests.llm.vendors.server import Vendors, serving

_ROOT = Path(__file__).resolve().parent.parent
_MARK = "CONTEXTFIRST_SOAK"
_LATENCY = 0.15
_LONGEST_RUN_SECONDS = 600.0
_GONE_SECONDS = 20.0
_MOST_KILLS = 3
_DITHER_SECONDS = 2.0
_FROM_NOTHING, _BESIDE = 0.2, 0.3
"""Share of rounds that make the corpus too, and of kills before or after which another run is started beside."""

_WRITER = "{provider: openai, model: vendor, rows_per_shard: 8, video: {most_frames: 2}}"
_CHANGES = (
    "corpus.train_questions=160",
    "corpus.benchmark_questions=48",
    "curation.max_reject_share=1",
    "curation.min_quality=0",
    f"rewrite={_WRITER}",
    f"rate={_WRITER}",
    "llm.concurrency=8",
)
_GIVEN = re.compile(r"\[the given answer: (\w+)\]\n(.*?)\n\[end: \1\]", re.DOTALL)
_MADE_AGAIN = ("source", "ingest", "rewrite", "rate", "curate", "publish", "names", "runs", "logs", "llm", ".drafts")


class Figures(NamedTuple):
    """What one round showed. The first five must be 0."""

    lost_rows: int
    paid_again: int
    orphans: int
    unreadable: int
    other_bytes: int
    in_flight: int
    killed: tuple[str, ...]
    runs: int
    seconds: float

    @property
    def sound(self) -> bool:
        return not any(self[:5])


class Peace(NamedTuple):
    """The undisturbed run: content and ids by artifact, and how far it went, in steps of `Ground.steps`."""

    contents: dict[str, str]
    ids: dict[str, frozenset[str]]
    steps: int


def say(question: Question) -> str:
    """A rewrite that gives the row's answer back, most of which pass the rules, or a rating of its schema."""
    given = _GIVEN.search(question.text)
    if question.schema is not None or given is None:
        return default_reply(question)
    seen = f"A plain scene is shown, number {int(question.content, 16) % 1000}, and something is heard softly."
    return render(seen, f"The scene that is shown is plain, and what is heard fits it: {given[2]}.", given[2])


class Ground:
    """One store, one Prefect home and one server: where all runs of the soak take place."""

    def __init__(self, folder: Path, vendors: Vendors, in_processes: float = 0.3) -> None:
        """in_processes: share of runs whose shards are done by processes of their own."""
        self.in_processes = in_processes
        self.store = folder / "store"
        self.vendors = vendors
        self.log = folder / "runs.log"
        self._environment = os.environ | {
            _MARK: str(folder),
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": "",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "OPENAI_BASE_URL": vendors.openai,
            "OPENAI_API_KEY": "key",
            "NO_PROXY": "127.0.0.1",
        }

    def start(self, draw: random.Random | None = None) -> "subprocess.Popen[bytes]":
        """Start a run; where there is something to draw, some do their shards in processes of their own."""
        executor = "processes" if draw and draw.random() < self.in_processes else "local"
        environment = self._environment | {"CONTEXTFIRST_EXECUTOR": executor}
        sets = [part for change in _CHANGES for part in ("--set", change)]
        command = [sys.executable, "-m", "flows.cli", "curate", "demo", "--store", str(self.store), *sets]
        with self.log.open("ab") as log:
            return subprocess.Popen(command, cwd=_ROOT, env=environment, stdout=log, stderr=log)

    def alive(self) -> dict[int, str]:
        """Every process of the soak's runs, by id: what it is."""
        found: dict[int, str] = {}
        mark = f"{_MARK}={self._environment[_MARK]}".encode()
        for place in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it has ended meanwhile, or is another user's
                if mark in (place / "environ").read_bytes().split(b"\0") and _runs(place):
                    found[int(place.name)] = _name((place / "cmdline").read_bytes())
        return found

    def clear(self, corpus: bool) -> None:
        """Forget all that was made; keep the corpus unless it is to be made again too."""
        if corpus:
            shutil.rmtree(self.store, ignore_errors=True)
        for name in _MADE_AGAIN:
            shutil.rmtree(self.store / name, ignore_errors=True)
        for path in (self.store / ".index").glob("probes.*"):
            path.unlink()

    def steps(self) -> int:
        """How far this round has come: requests that came to the server, and artifacts, which weigh five of them."""
        made = sum(1 for _ in self.store.glob("[!.]*/*/manifest.json"))
        return self.vendors.counters.asked.total() + 5 * made

    def answered(self) -> frozenset[str]:
        """What the log holds, by the server's names."""
        place = self.store / "llm" / "responses.sqlite"
        if not place.exists():
            return frozenset()
        with contextlib.closing(sqlite3.connect(place, timeout=60)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'responses'").fetchone():
                return frozenset()
            rows = connection.execute("SELECT request_id FROM responses").fetchall()
        return frozenset(str(name).removeprefix("chatcmpl-") for (name,) in rows)


def _runs(place: Path) -> bool:
    """Whether a process is more than an entry that its parent has not read yet."""
    return (place / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"


def _name(command: bytes) -> str:
    words = command.decode(errors="replace").split("\0")
    module = words[words.index("-m") + 1] if "-m" in words else Path(words[0]).name
    return {"flows.cli": "run", "flows.embedded": "Prefect server"}.get(module, module)


def in_peace(ground: Ground) -> Peace:
    """Run once undisturbed. Raises RuntimeError where that fails."""
    if code := _ended(ground, ground.start()):
        raise RuntimeError(f"the undisturbed run ended with code {code}: see {ground.log}")
    shutil.copytree(ground.store, ground.store.with_name("undisturbed"), symlinks=True)
    return Peace(_contents(ground.store), _ids(ground.store), ground.steps())


def disturbed(ground: Ground, peace: Peace, draw: random.Random) -> Figures:
    """One round: kill, start again, finish, compare."""
    ground.clear(corpus=draw.random() < _FROM_NOTHING)
    ground.vendors.counters.asked.clear()
    began = time.monotonic()
    killed: list[str] = []
    held: dict[str, int] = {}
    runs = [ground.start(draw)]
    for moment in sorted(draw.randrange(peace.steps) for _ in range(draw.randint(1, _MOST_KILLS))):
        if draw.random() < _BESIDE:
            runs.append(ground.start(draw))
        _wait(_LONGEST_RUN_SECONDS, lambda: ground.steps() >= moment or _all_ended(runs))  # noqa: B023  it is over here
        _wait(draw.uniform(0, _DITHER_SECONDS), lambda: _all_ended(runs))
        killed += _kill_one(ground, draw)
        asked = ground.vendors.counters.asked.copy()
        held |= {name: asked[name] for name in ground.answered() if name not in held}
        if draw.random() < _BESIDE or _all_ended(runs):
            runs.append(ground.start(draw))
    _finish(ground, runs)
    asked = ground.vendors.counters.asked.copy()
    again = sum(asked[name] - number for name, number in held.items())
    return Figures(
        lost_rows=_lost(ground.store, peace),
        paid_again=again,
        orphans=_orphans(ground),
        unreadable=_unreadable(Store(ground.store)),
        other_bytes=_differing(ground.store, peace),
        in_flight=asked.total() - len(asked) - again,
        killed=tuple(killed),
        runs=len(runs),
        seconds=time.monotonic() - began,
    )


def _kill_one(ground: Ground, draw: random.Random) -> list[str]:
    """Kill one process, each kind as likely as any other; what it was."""
    found = ground.alive()
    if not found:
        return []
    kind = draw.choice(sorted(set(found.values())))
    process = draw.choice(sorted(number for number, name in found.items() if name == kind))
    with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
        os.kill(process, signal.SIGKILL)
        return [kind]
    return []


def _all_ended(runs: "list[subprocess.Popen[bytes]]") -> bool:
    return all(run.poll() is not None for run in runs)


def _finish(ground: Ground, runs: "list[subprocess.Popen[bytes]]") -> None:
    """Wait for all runs, and make one more that nobody disturbs. Raises RuntimeError where one hangs or that fails."""
    for run in runs:
        _ended(ground, run)
    runs.append(ground.start())
    if code := _ended(ground, runs[-1]):
        raise RuntimeError(f"the last run ended with code {code}: see {ground.log}")


def _ended(ground: Ground, run: "subprocess.Popen[bytes]") -> int:
    try:
        return run.wait(_LONGEST_RUN_SECONDS)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"run {run.pid} hangs: see {ground.log}") from None


def _orphans(ground: Ground) -> int:
    _wait(_GONE_SECONDS, lambda: not ground.alive())
    left = ground.alive()
    for process, name in left.items():
        print(f"left behind: {process} {name}", flush=True)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    return len(left)


def _contents(store: Path) -> dict[str, str]:
    return {str(manifest.artifact): manifest.content for manifest in Store(store).manifests()}


def _differing(store: Path, peace: Peace) -> int:
    """Artifacts that are not the undisturbed run's, which are named and kept beside the store."""
    found = _contents(store)
    names = sorted(name for name in found.keys() | peace.contents.keys() if found.get(name) != peace.contents.get(name))
    for name in names:
        print(f"differs: {name}, {found.get(name)} instead of {peace.contents.get(name)}", flush=True)
        if name in found:
            shutil.copytree(Store(store).folder(Store(store).resolve(name)), store.with_name("differing") / name)
    return len(names)


def _ids(store: Path) -> dict[str, frozenset[str]]:
    """By artifact, the ids of its rows and rejects."""
    found: dict[str, frozenset[str]] = {}
    for manifest in Store(store).manifests():
        folder = Store(store).folder(manifest.artifact)
        tables = [table for table in ("examples", "rejects") if list(folder.glob(f"{table}-*.parquet"))]
        found[str(manifest.artifact)] = frozenset(
            str(row["id"]) for table in tables for row in read_rows(folder, table, ["id"])
        )
    return found


def _lost(store: Path, peace: Peace) -> int:
    found = _ids(store)
    return sum(len(ids - found.get(artifact, frozenset())) for artifact, ids in peace.ids.items())


def _unreadable(store: Store) -> int:
    manifests = {str(Path(item.stage, item.fingerprint)): item for item in store.manifests()}
    folders = {
        str(path.parent.relative_to(store.root) / path.name) for path in store.root.glob("[!.]*/" + "[0-9a-f]" * 64)
    }
    return sum(not _readable(store, item) for item in manifests.values()) + len(folders - manifests.keys())


def _readable(store: Store, manifest: Manifest) -> bool:
    try:
        for file in manifest.files:
            if file.path.endswith(".parquet"):
                pq.read_table(store.folder(manifest.artifact) / file.path)
        return not store.faults(manifest, reread=True)
    except (OSError, UserError, pa.ArrowException) as error:
        print(f"{manifest.artifact}: {error}", flush=True)
        return False


def _wait(seconds: float, until: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not until():
        time.sleep(0.05)


def rounds(ground: Ground, number: int, seed: int, deadline: float) -> Iterator[Figures]:
    """So many rounds, fewer where the time is up before the next one begins."""
    began = time.monotonic()
    peace = in_peace(ground)
    rows = sum(len(ids) for ids in peace.ids.values())
    asked = len(ground.vendors.counters.asked)
    print(
        f"undisturbed: {len(peace.contents)} artifacts with {rows} rows, {asked} requests to the server, "
        f"{time.monotonic() - began:.0f} s\n",
        flush=True,
    )
    for index in range(number):
        if time.monotonic() > began + deadline:
            print(f"the time is up after {index} of {number} rounds")
            return
        yield disturbed(ground, peace, random.Random(f"{seed}-{index}"))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--deadline", type=float, default=3000.0, help="seconds")
    parser.add_argument("--in-processes", type=float, default=0.3, help="share of runs with the executor `processes`")
    parser.add_argument("--folder", type=Path, help="where the store and the log are kept; else they are removed")
    given = parser.parse_args()
    with contextlib.ExitStack() as held:
        folder = given.folder or Path(held.enter_context(tempfile.TemporaryDirectory()))
        vendors = held.enter_context(serving(Behaviour(latency=_LATENCY), say))
        folder.mkdir(parents=True, exist_ok=True)
        ground = Ground(folder.absolute(), vendors, given.in_processes)
        all_figures = [_shown(*pair) for pair in enumerate(rounds(ground, given.rounds, given.seed, given.deadline))]
    sys.exit(_sum(all_figures))


_TITLE = "| round | lost rows | paid again | orphans | unreadable | other bytes | in flight | killed | runs | seconds |"


def _shown(index: int, figures: Figures) -> Figures:
    if not index:
        print(_TITLE, "|---|" + "--:|" * 6 + "---|--:|--:|", sep="\n")
    cells = (index + 1, *figures[:6], ", ".join(figures.killed), figures.runs, f"{figures.seconds:.0f}")
    print("|", " | ".join(map(str, cells)), "|", flush=True)
    return figures


def _sum(rounds: list[Figures]) -> int:
    """Print the totals; the exit code."""
    sums = [sum(column) for column in zip(*(figures[:6] for figures in rounds), strict=True)]
    kinds = Counter(kind for figures in rounds for kind in figures.killed)
    runs, seconds = sum(figures.runs for figures in rounds), sum(figures.seconds for figures in rounds)
    killed = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
    print("| all |", " | ".join(map(str, sums)), f"| {killed} | {runs} | {seconds:.0f} |", flush=True)
    return 0 if rounds and all(figures.sound for figures in rounds) else 1


if __name__ == "__main__":
    main()
