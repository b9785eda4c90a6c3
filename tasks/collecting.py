"""How often Python looks for garbage that only cycles keep alive."""

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_USUAL = gc.get_threshold()
_asked: list[int] = []
_changing = threading.Lock()


@contextmanager
def collecting_rarely(young: int) -> Iterator[None]:
    """Within the block, in all threads, look only when there are `young` new objects, and rarely through all of them.

    A stage's rows and requests are many small objects that die with their block. Looking for cycles among them at every
    700th costs half of the time of reading and a quarter of that of asking (`python -m benchmarks.read_json`,
    `python -m benchmarks.llm`). Afterwards it is as before: what else a run leaves behind may hold files open.
    """
    _change(lambda: _asked.append(young))
    try:
        yield
    finally:
        _change(lambda: _asked.remove(young))


def _change(asked: Callable[[], None]) -> None:
    with _changing:
        asked()
        gc.set_threshold(*((max(_asked), 20, 100) if _asked else _USUAL))
