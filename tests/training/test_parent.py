"""A training process leaves when the one that started it is gone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from training.parent import ORPHANED

CHILD = """
import sys, threading
from training.parent import leave_with
leave_with(sys.argv[1])
print("watching", flush=True)
threading.Event().wait(60)
"""


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "alive")
    return tmp_path / "alive"


def start(pipe: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", CHILD, str(pipe)], stdout=subprocess.PIPE, text=True)


def test_it_leaves_when_the_other_end_closes(pipe: Path) -> None:
    held = os.open(pipe, os.O_RDWR)
    with start(pipe) as child:
        assert child.stdout
        assert child.stdout.readline() == "watching\n"
        assert child.poll() is None
        os.close(held)
        assert child.wait(timeout=30) == ORPHANED


def test_it_leaves_at_once_when_nobody_holds_the_other_end(pipe: Path) -> None:
    with start(pipe) as child:
        assert child.wait(timeout=30) == ORPHANED
