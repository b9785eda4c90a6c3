"""The demo recipe shrunk to a handful of examples and a few steps, and how to run it as a user does."""

import json
import os
import subprocess
import sys
from pathlib import Path

from schemas.artifact import Manifest
from storage.store import Store

ROOT = Path(__file__).resolve().parents[2]

_SFT = (
    "{format: context_first, steps: 4, batch_size: 4, save_every: 2, optimizer: {lr: 2.0e-3},"
    " media: &m {fps: 2.0, max_frames: 4, min_pixels: 3136, max_pixels: 3136, max_audio_seconds: 2.0}}"
)
_GRPO = (
    "{steps: 2, prompts_per_step: 2, completions_per_prompt: 4, save_every: 1, optimizer: {lr: 1.0e-4}, media: *m,"
    " decoding: {max_new_tokens: 24, temperature: 1.0}, judge: {provider: offline, model: rules-1},"
    " zero_variance: keep, evaluate_every: 1, evaluate_on: 4,"
    " rewards: [{reward: format, weight: 0.5}, {reward: accuracy, weight: 1.0},"
    " {reward: context, weight: 1.0, target: until_end(context)}]}"
)
SMALL = (
    "corpus.train_questions=32",
    "corpus.benchmark_questions=16",
    "sources=[{name: video_r1, dataset: video_r1, folder: 'corpus:train/video_r1'},"
    " {name: omni_instruct, dataset: omni_instruct, folder: 'corpus:train/omni_instruct'}]",
    "curation.max_reject_share=1",
    "curation.min_quality=0",
    f"stages=[{{name: sft, title: SFT, kind: sft, params: {_SFT}}},"
    f" {{name: grpo, title: GRPO, kind: grpo, init_from: sft, params: {_GRPO},"
    " held_out: worldsense, solve_rate: {draws: 2, above: -1, up_to: 1}}]",
    "evaluation.benchmarks=[{name: worldsense, dataset: worldsense, folder: 'corpus:benchmarks/worldsense'}]",
    "evaluation.stages=[sft, grpo]",
    "evaluation.controls=[{stage: sft, view: blind}]",
    "evaluation.comparisons=[{stage: grpo, against: sft}]",
    "evaluation.probe=null",
    "evaluation.decoding.max_new_tokens=24",
)
"""Changes to recipes/demo.yaml."""


def command(verb: str, store: Path, *changes: str) -> list[str]:
    """The command line that runs the small demo."""
    sets = [part for change in (*SMALL, *changes) for part in ("--set", change)]
    return [sys.executable, "-m", "flows.cli", verb, "demo", "--store", str(store), *sets]


def environment(prefect_home: Path) -> dict[str, str]:
    """A Prefect of its own, telling nobody."""
    return os.environ | {
        "PREFECT_HOME": str(prefect_home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_API_URL": "",
    }


def run(verb: str, store: Path, prefect_home: Path, *changes: str) -> str:
    """Run the small demo to its end and return what it printed. Raises CalledProcessError."""
    done = subprocess.run(
        command(verb, store, *changes),
        cwd=ROOT,
        env=environment(prefect_home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def contents(store: Path) -> dict[str, str]:
    """Content digest of every artifact, by stage and fingerprint."""
    return {f"{item.stage}/{item.fingerprint}": item.content for item in Store(store).manifests()}


def manifests(store: Path, stage: str) -> list[Manifest]:
    return [item for item in Store(store).manifests() if item.stage == stage]


def made_by_last_run(store: Path) -> list[str]:
    """Stages that the latest run made, as opposed to reused."""
    latest = max((store / "runs").glob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns)
    lines = [json.loads(line) for line in latest.read_text().splitlines()]
    return sorted(line["artifact"]["stage"] for line in lines if line["how"] == "made")
