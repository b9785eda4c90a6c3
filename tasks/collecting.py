"""How often Python looks for garbage that only cycles keep alive."""

import gc


def collect_rarely(young: int) -> None:
    """For the rest of the process, look only when there are `young` new objects, and rarely through all of them.

    A stage's rows and requests are many small objects that die with their block. Looking for cycles among them at every
    700th costs half of the time of reading and a quarter of that of asking (`python -m benchmarks.read_json`,
    `python -m benchmarks.llm`).
    """
    gc.set_threshold(max(young, gc.get_threshold()[0]), 20, 100)
