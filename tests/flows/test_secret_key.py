"""A provider's key may be a secret of Prefect: it reaches the environment of the run and nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.flows.small import ROOT, environment

KEY = "AIza-key-that-must-not-leak"

pytestmark = pytest.mark.slow


def test_key_is_taken_from_the_secret_of_its_name_where_the_environment_has_none(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.flows.keyed", KEY]
    done = subprocess.run(command, cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["gemini", "yes", "openai", "no"]
    assert KEY not in done.stdout + done.stderr
    holding = [path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert holding == []
