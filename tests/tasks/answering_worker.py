"""Answers so many made rows in the given store: `python -m tests.tasks.answering_worker STORE ROWS PROVIDER`."""

import sys

from schemas.llm import Llm, LlmLimits
from schemas.runtime import Runtime
from storage.store import Store
from tasks.answer import AnswerParams, Asked, answer
from tests.stages import example, made, rows_of


def answer_rows(store: str, rows: int, provider: str) -> str:
    """Where the predictions lie."""
    runtime = Runtime(store=store, llm=LlmLimits(concurrency=16, deadline=2))
    entered = rows_of(runtime, *(example(f"{number:04d}") for number in range(rows)))
    how = Asked(llm=Llm(provider=provider, model="m"), format="direct", max_tokens=64)
    params = AnswerParams(asked={"bench": how}, rows_per_shard=16)
    return str(Store(store).folder(made(answer.fn(params, {"bench": entered}, runtime))))


if __name__ == "__main__":
    print(answer_rows(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
