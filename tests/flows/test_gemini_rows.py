"""A hundred real rows, a real clip uploaded for each, through the real Gemini client. Skipped where they are absent."""

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import av
import pytest

from storage.parquet import read_examples, read_rejects
from storage.store import Store
from tests.flows.small import ROOT, environment, manifests
from tests.llm.vendors.faults import Behaviour
from tests.llm.vendors.question import Question
from tests.llm.vendors.server import Vendors, serving

SHARED = Path(os.environ.get("CONTEXTFIRST_SHARED", ROOT.parent / "shared"))
ROWS = SHARED / "samples" / "intenttrain_emer_rewrite.json"
CLIPS = SHARED / "media"
pytestmark = pytest.mark.skipif(not (ROWS.exists() and CLIPS.exists()), reason="the real rows and clips are not here")

KEY = "AIza-key-that-must-not-leak"
NO_PROSE = {"emer_rewrite:26", "emer_rewrite:72"}
"""Rows whose published context is a dict written as text: their reference is no rewrite."""
_ASKED = {"provider": "gemini", "model": "gemini-omni"}
_RATING = {"score": 1.0, "rationale": "It says so."}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    return json.loads(ROWS.read_text())


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]]) -> tuple[Path, Vendors, str]:
    """The store after `contextfirst curate` over Gemini, the server, and all that the command said."""
    base = tmp_path_factory.mktemp("gemini")
    _lay_out(base / "emer", rows)
    with serving(Behaviour(latency=0.01, faults={"error": 0.03}), _say) as vendors:
        changes = {
            "corpus": "null",
            "sources": f"[{{name: emer, dataset: intent_train, folder: {base / 'emer'}}}]",
            "evaluation.benchmarks": "[]",
            **{f"{user}.{field}": value for user in ("rewrite", "rate") for field, value in _ASKED.items()},
            "curation.max_reject_share": "0.5",
        }
        sets = [part for path, value in changes.items() for part in ("--set", f"{path}={value}")]
        command = [
            sys.executable,
            "-m",
            "tests.flows.uploading",
            "curate",
            "demo",
            "--store",
            str(base / "store"),
            *sets,
        ]
        keys = {"GEMINI_API_KEY": KEY, "GEMINI_BASE_URL": vendors.gemini}
        done = subprocess.run(command, cwd=ROOT, env=environment(base / "home") | keys, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return base, vendors, done.stdout + done.stderr


def test_rows_are_rewritten_as_their_reference_says_and_none_is_lost(
    curated: tuple[Path, Vendors, str], rows: list[dict[str, str]]
) -> None:
    base, vendors, _ = curated
    store = base / "store"
    (rewritten,) = manifests(store, "rewrite")
    assert (rewritten.rows.entered, rewritten.rows.left, rewritten.rows.rejected) == (100, 98, {"markup": 2})
    folder = Store(store).folder(rewritten.artifact)
    assert {reject.source_row for reject in read_rejects(folder)} == NO_PROSE
    for row in read_examples(folder):
        reference = rows[int(row.source_row.rpartition(":")[2])]["solution"]
        assert row.context in reference.replace("**", "")
        assert {made.provider for made in row.provenance if made.field in ("context", "think")} == {"gemini"}
    (rated,) = manifests(store, "rate")
    assert rated.rows.left == 98
    assert vendors.counters.repeats == 0


def test_every_clip_was_uploaded_once_for_rewriting_and_rating_together(curated: tuple[Path, Vendors, str]) -> None:
    _, vendors, _ = curated
    assert len(vendors.counters.uploads) == 100
    assert vendors.counters.uploads.total() == 100


def test_key_is_in_no_file_and_no_output(curated: tuple[Path, Vendors, str]) -> None:
    base, vendors, said = curated
    assert vendors.counters.api_keys == {KEY}
    assert KEY not in said
    holding = [path for path in base.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert holding == []


def _say(question: Question) -> str:
    """What the row's own reference says: its solution, or that it is right in every way."""
    if "video_dependency" in json.dumps(question.schema or {}) + question.system:
        dimensions = ("video_dependency", "audio_dependency", "question_logic", "answer_correctness")
        return json.dumps(dict.fromkeys(dimensions, _RATING) | {"category": "emotion"})
    (medium,) = question.media
    assert medium.file, "the clip was sent inline"
    return _BY_DIGEST[medium.digest]


_BY_DIGEST: dict[str, str] = {}
"""The published solution, by the digest of the clip that was made for its row."""


def _lay_out(folder: Path, rows: list[dict[str, str]]) -> None:
    """The rows, each with a real clip of its own at its path: a copy whose title says whose it is."""
    clips = sorted(path for path in CLIPS.iterdir() if path.suffix == ".mp4" and path.name != "corrupted.mp4")
    folder.mkdir()
    (folder / "emer_rewrite.json").write_text(json.dumps(rows))
    for index, row in enumerate(rows):
        target = folder / row["path"]
        target.parent.mkdir(exist_ok=True)
        _copy(clips[index % len(clips)], target, f"row {index}")
        _BY_DIGEST[sha256(target.read_bytes()).hexdigest()] = row["solution"]


def _copy(source: Path, target: Path, title: str) -> None:
    """The same packets in a container with another title, and so another digest."""
    with av.open(str(source)) as read, av.open(str(target), "w") as written:
        written.metadata["title"] = title
        streams = {
            one.index: written.add_stream_from_template(one) for one in read.streams if one.type in ("video", "audio")
        }
        for packet in read.demux(list(read.streams.video) + list(read.streams.audio)):
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                written.mux(packet)
