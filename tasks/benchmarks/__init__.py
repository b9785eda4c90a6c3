"""Benchmarks by name: one file and one line each. They are read like datasets and never trained on."""

from tasks.benchmarks import daily_omni, intentbench, worldsense
from tasks.reader import Reader

BENCHMARKS: dict[str, Reader] = {
    "intentbench": intentbench.READER,
    "daily_omni": daily_omni.READER,
    "worldsense": worldsense.READER,
}
