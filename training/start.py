"""How every training or generating process begins: bound to its stage, quiet, and repeatable."""

import ctypes
import os
from pathlib import Path

import pyarrow.parquet as pq
import torch
from transformers.utils.logging import disable_progress_bar

from schemas.example import Example, from_row
from schemas.values import UserError
from training.parent import leave_with


def start(parent: str | None, threads: int) -> None:
    """Leave when the stage leaves, take our share of the CPU, and ask torch for repeatable arithmetic."""
    leave_with(parent)
    torch.set_num_threads(threads)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    # A third of a small model's time on CPU otherwise.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    keep_freed_memory()
    disable_progress_bar()


def keep_freed_memory() -> None:
    """Have glibc keep what tensors free: giving it back and asking again doubles a small model's time on CPU.

    Does nothing where the C library is another one.
    """
    adjust = getattr(ctypes.CDLL(None), "mallopt", None)
    if adjust is not None:
        trim_threshold, most_mapped = -1, -4  # M_TRIM_THRESHOLD, M_MMAP_MAX of malloc.h
        adjust(trim_threshold, 2**31 - 1)
        adjust(most_mapped, 0)


def read_examples(path: Path) -> list[Example]:
    """Examples of one Parquet file, or of a folder's shards `examples-00000.parquet` and on. Raises UserError."""
    files = sorted(path.glob("examples-*.parquet")) if path.is_dir() else [path]
    examples = [from_row(row) for file in files for row in pq.read_table(file).to_pylist()]
    if not examples:
        raise UserError(f"{path} holds no examples")
    return examples
