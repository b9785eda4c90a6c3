"""What a shard of completions holds so far, batch by batch, so that a killed process loses one batch and no more.

A batch is a file with its rows and the state of the random numbers behind it, written whole or not at all. Whoever goes
on begins with the next batch and draws as if nothing had happened, so the same bytes come out.
"""

import json
import os
import shutil
from base64 import b64decode, b64encode
from pathlib import Path

import torch

Row = dict[str, object]


class WrittenBatches:
    """The finished batches of one shard, in `folder`; None keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._count = 0

    def take_up(self) -> list[Row]:
        """The rows so far; random numbers go on from where the last batch left them."""
        rows: list[Row] = []
        for path in sorted(self._folder.glob("*.json")) if self._folder else ():
            batch = json.loads(path.read_text())
            rows += batch["rows"]
            _restore(batch["random"])
            self._count += 1
        return rows

    def add(self, rows: list[Row]) -> None:
        """Keep a batch that was just written."""
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        place = self._folder / f"{self._count:06d}.json"
        temporary = place.with_suffix(".partial")
        temporary.write_text(json.dumps({"rows": rows, "random": _random()}))
        os.replace(temporary, place)
        self._count += 1

    def drop(self) -> None:
        """Forget all, when the shard is whole."""
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)


def _random() -> dict[str, str]:
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return {name: b64encode(state.numpy().tobytes()).decode() for name, state in states.items()}


def _restore(kept: dict[str, str]) -> None:
    states = {name: torch.frombuffer(bytearray(b64decode(text)), dtype=torch.uint8) for name, text in kept.items()}
    torch.set_rng_state(states["cpu"])
    if "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"])
