"""Benchmarks by name: one file and one line each. They are read like datasets and never trained on."""

from tasks.benchmarks import (
    daily_omni,
    intentbench,
    lvbench,
    mlvu,
    omnibench,
    omnivideobench,
    video_holmes,
    video_mme,
    worldsense,
)
from tasks.reader import Reader

BENCHMARKS: dict[str, Reader] = {
    "intentbench": intentbench.READER,
    "daily_omni": daily_omni.READER,
    "worldsense": worldsense.READER,
    "omnivideobench": omnivideobench.READER,
    "video_holmes": video_holmes.READER,
    "video_mme": video_mme.READER,
    "mlvu": mlvu.READER,
    "lvbench": lvbench.READER,
    "omnibench": omnibench.READER,
}
