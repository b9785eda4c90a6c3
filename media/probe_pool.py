"""Several worker processes that probe one file at a time each."""

from collections.abc import Iterable, Iterator
from itertools import islice
from multiprocessing.connection import wait
from typing import TypeVar

from media.worker import Worker

_MODULE = "media.probe_worker"

Key = TypeVar("Key")


def ask_all(
    files: Iterable[tuple[Key, str]],
    workers: int,
    deadline_seconds: float,
    longest_seconds: float,
    module: str = _MODULE,
) -> Iterator[tuple[Key, str]]:
    """The answer about each file under its key, as answers arrive. Takes from `files` only what it can ask at once."""
    ahead = iter(files)
    crew = [Worker(module, deadline_seconds, longest_seconds) for _ in range(max(1, workers))]
    try:
        busy = dict(pair for worker in crew for pair in _hand_over(worker, ahead))
        while busy:
            for worker in _speaking(busy):
                if (answer := worker.hear()) is None:
                    continue
                yield busy.pop(worker), answer
                busy.update(_hand_over(worker, ahead))
    finally:
        for worker in crew:
            worker.end()


def _hand_over(worker: Worker, ahead: Iterator[tuple[Key, str]]) -> Iterator[tuple[Worker, Key]]:
    """Ask about the next file, if there is one, and say which that is."""
    for key, path in islice(ahead, 1):
        worker.ask(path)
        yield worker, key


def _speaking(busy: Iterable[Worker]) -> list[Worker]:
    by_pipe = {worker.fileno(): worker for worker in busy}
    heard = set(wait(list(by_pipe)))
    return [worker for pipe, worker in by_pipe.items() if pipe in heard]
