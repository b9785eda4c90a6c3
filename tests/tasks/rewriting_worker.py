"""Rewrites so many made rows in the given store: `python -m tests.tasks.rewriting_worker STORE ROWS PROVIDER`."""

import sys

from schemas.llm import Llm, LlmLimits
from schemas.runtime import Runtime
from storage.store import Store
from tasks.rewrite import RewriteParams, rewrite
from tests.stages import example, made, rows_of


def rewrite_rows(store: str, rows: int, provider: str) -> str:
    """Where the rewritten rows lie."""
    runtime = Runtime(store=store, llm=LlmLimits(concurrency=32, deadline=2))
    entered = rows_of(runtime, *(example(f"{number:04d}") for number in range(rows)))
    params = RewriteParams(llm=Llm(provider=provider, model="m"), rows_per_shard=16, max_reject_share=0.5)
    return str(Store(store).folder(made(rewrite.fn(params, entered, runtime))))


if __name__ == "__main__":
    print(rewrite_rows(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
