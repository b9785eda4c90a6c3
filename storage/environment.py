"""Where and with what an artifact was made: code commit, lock, package versions, device."""

import functools
import hashlib
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from schemas.artifact import Environment

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = (
    "torch", "transformers", "trl", "accelerate", "tokenizers", "numpy", "pyarrow", "datasets",
    "av", "decord", "pillow", "prefect", "pydantic",
)  # fmt: skip


@functools.cache
def environment(threads: int) -> Environment:
    """The environment of this process, found once."""
    commit = _output("git", "rev-parse", "HEAD")
    return Environment(
        commit=commit or "unknown",
        dirty=bool(commit and _output("git", "status", "--porcelain", "--untracked-files=no")),
        lock=_lock_digest(),
        packages={name: found for name in _PACKAGES if (found := _version(name))},
        python=platform.python_version(),
        device=_device(),
        threads=threads,
    )


def _output(*command: str) -> str:
    """Standard output of a command in the code's folder; empty where the code is no git checkout."""
    if not shutil.which(command[0]) or not (_ROOT / ".git").exists():
        return ""
    return subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False).stdout.strip()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _lock_digest() -> str:
    lock = _ROOT / "constraints.txt"
    return hashlib.sha256(lock.read_bytes()).hexdigest() if lock.exists() else "none"


def _device() -> str:
    if not shutil.which("nvidia-smi"):
        return f"cpu {platform.machine()}"
    query = ("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
    names = subprocess.run(query, capture_output=True, text=True, check=False).stdout.splitlines()
    return ", ".join(names) or f"cpu {platform.machine()}"
