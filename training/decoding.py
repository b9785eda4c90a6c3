"""Processes that decode media into files, so that no file can hang, kill or fill the process that trains.

`Crew` is our end; `python -m training.decoding DEADLINE` is the other, which writes what it decoded where it is told.
"""

import sys
import weakref
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Literal

import torch

from media.errors import MediaError
from media.worker import DIED, Worker, serve
from schemas.values import Value
from training.media_entry import write_entry
from training.pieces import Piece, decode

DEADLINE_SECONDS = 300.0
"""That one piece may take: an hour of video without an index is decoded twice from its beginning."""
_MEMORY = 8 << 30


class Order(Value):
    """Decode `piece` of the file `source` and leave it as an entry in `target`."""

    piece: Piece
    source: str
    target: str


class Reply(Value):
    """How it went. unreadable: the file is to blame; failed: the machine is, with the number of its OSError."""

    went: Literal["written", "unreadable", "failed"]
    said: str = ""
    errno: int = 0


class Crew:
    """So many decoding processes, each started when it is first needed. Threads may share them. They end with this."""

    def __init__(self, workers: int, deadline_seconds: float = DEADLINE_SECONDS, module: str = __name__) -> None:
        self.workers, self._deadline = workers, deadline_seconds
        self._idle: SimpleQueue[Worker] = SimpleQueue()
        crew = [Worker(module, deadline_seconds) for _ in range(workers)]
        for worker in crew:
            self._idle.put(worker)
        weakref.finalize(self, _end, crew)

    def write(self, piece: Piece, source: Path, target: Path) -> None:
        """Wait until a process has decoded `piece` into `target`.

        Raises MediaError for a file that cannot be decoded, not within the deadline, or only at the cost of the
        process; OSError where the machine is at fault, RuntimeError where a process cannot be started.
        """
        order = Order(piece=piece, source=str(source.absolute()), target=str(target.absolute()))
        worker = self._idle.get()
        try:
            answer = _hear(worker, order)
        finally:
            self._idle.put(worker)
        if answer in DIED:
            raise MediaError(f"cannot decode {source.name}: {self._died(answer)}")
        _check(Reply.model_validate_json(answer))

    def _died(self, how: str) -> str:
        if how == "deadline":
            return f"it takes longer than {self._deadline:g} s"
        return "the process that decoded it died, twice"


def _end(crew: Sequence[Worker]) -> None:
    for worker in crew:
        worker.end()


def _hear(worker: Worker, order: Order) -> str:
    worker.ask(order.model_dump_json())
    while (answer := worker.hear()) is None:
        pass
    return answer


def _check(reply: Reply) -> None:
    if reply.went == "unreadable":
        raise MediaError(reply.said)
    if reply.went == "failed":
        raise OSError(reply.errno, reply.said)


def carry_out(order: Order) -> Reply:
    """What a decoding process does with an order."""
    place = order.source
    try:
        decoded = decode(order.piece, Path(place))
        place = order.target
        write_entry(Path(place), decoded)
    except MediaError as error:
        return Reply(went="unreadable", said=str(error))
    except OSError as error:
        said = f"{error.filename or place}: {error.strerror or error}"
        return Reply(went="failed", said=said, errno=error.errno or 0)
    return Reply(went="written")


def main() -> None:
    torch.set_num_threads(1)
    serve(lambda order: carry_out(Order.model_validate_json(order)).model_dump_json(), float(sys.argv[1]), _MEMORY)


if __name__ == "__main__":
    main()
