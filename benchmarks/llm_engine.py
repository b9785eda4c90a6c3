"""Our way over the same rows: examples in, each asked through the engine and its response log, examples out.

    python -m benchmarks.llm_engine openai|gemini ADDRESS ROWS_FOLDER STORE IN_FLIGHT

Prints {"rows": answered, "lost": rejected}.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.llm_loops import MODEL, MOST_TOKENS
from llm.request import Message, Request, Text
from schemas.example import Example, Reject
from schemas.llm import Llm, LlmLimits
from schemas.runtime import Runtime
from storage.draft import Draft
from tasks.marks import Shard
from tasks.shards import Asker, AskingParams, map_shards

ROWS_PER_SHARD = 500


def main() -> None:
    provider, address, folder, store, in_flight = sys.argv[1:6]
    keys = {"OPENAI_BASE_URL": f"{address}/v1", "GEMINI_BASE_URL": address}
    os.environ.update(keys, OPENAI_API_KEY="none", GEMINI_API_KEY="none")

    async def work(asker: Asker, rows: Sequence[Example], _params: AskingParams) -> Shard:
        outcomes = await asker.complete([_request(row, provider) for row in rows])
        pairs = zip(rows, outcomes, strict=True)
        return Shard.of(
            row.model_copy(update={"think": outcome.text})
            if outcome.text
            else Reject.of(row, "no_answer", outcome.detail)
            for row, outcome in pairs
        )

    draft = Draft(Path(store, "made"), "rows", _unseen)
    limits = LlmLimits(concurrency=int(in_flight))
    params = AskingParams(llm=Llm(provider=provider, model=MODEL), rows_per_shard=ROWS_PER_SHARD)
    map_shards(draft, params, Path(folder), work, Runtime(store=store, llm=limits))
    print(json.dumps({"rows": draft.left, "lost": draft.rejected.total()}))


def _unseen(*progress: object) -> None:
    """Nobody watches."""
    del progress


def _request(row: Example, provider: str) -> Request:
    return Request(
        provider=provider,
        model=MODEL,
        prompt="benchmark",
        version=1,
        messages=(Message(role="user", parts=(Text(text=row.question),)),),
        fields={},
        max_tokens=MOST_TOKENS,
    )


if __name__ == "__main__":
    main()
