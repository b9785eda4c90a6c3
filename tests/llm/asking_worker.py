"""Asks a provider so many questions through the log in a folder, and says how many were answered."""

import asyncio
import sys
from contextlib import closing
from pathlib import Path

from llm.engine import Engine
from schemas.llm import LlmLimits
from tests.llm.scripted import asked


async def ask(engine: Engine, provider: str, number: int) -> int:
    async with engine.connected():
        outcomes = await engine.complete([asked(f"question {index}", provider=provider) for index in range(number)])
    return sum(outcome.text is not None for outcome in outcomes)


if __name__ == "__main__":
    folder, provider, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    with closing(Engine(folder / "responses.sqlite", folder / "blobs", LlmLimits(concurrency=32))) as engine:
        print(asyncio.run(ask(engine, provider, number)), "answered")
