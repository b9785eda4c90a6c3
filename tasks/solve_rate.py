"""How often the model that an RL stage starts from solves each question, every draw kept.

Groups whose draws are all right or all wrong teach nothing; the band that is kept is set in `curate`.
"""

from collections.abc import Iterator, Mapping

import pyarrow as pa
from prefect import task
from prefect.cache_policies import NO_CACHE

from schemas.artifact import Artifact
from schemas.completion import FormatName, parse
from schemas.example import Example
from schemas.options import given
from schemas.runtime import Runtime
from storage.draft import Draft
from storage.parquet import read_examples, read_rows, shard_name, write_rows
from storage.store import Store
from tasks.generation import PredictParams, generate
from tasks.stage import stage
from training.prompts import PROMPT_VERSION
from training.rewards.accuracy import agreement

SOLVED = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("draw", pa.int32(), nullable=False),
        pa.field("value", pa.float64(), nullable=True),
    ]
)


@task(cache_policy=NO_CACHE, persist_result=False)
@stage(version=f"4 prompt {PROMPT_VERSION}", kind="predictions", reads_media=True)
def solve_rate(draft: Draft, params: PredictParams, examples: Artifact, checkpoint: Artifact, runtime: Runtime) -> None:
    generate(draft, params, {"examples": examples}, checkpoint, runtime)
    by_id = {example.id: example for example in read_examples(Store(runtime.store).folder(examples))}
    rows = _solved(read_rows(draft.folder, "predictions"), by_id, params.generate.format)
    write_rows(draft.folder / shard_name("solved", 0), rows, SOLVED)


def _solved(
    predictions: Iterator[dict[str, object]], examples: Mapping[str, Example], format: FormatName
) -> Iterator[dict[str, object]]:
    for row in predictions:
        value = None if row["load_error"] else solved_value(examples[str(row["id"])], str(row["text"]), format)
        yield {"id": row["id"], "draw": row["draw"], "value": value}


def solved_value(example: Example, text: str, format: FormatName) -> float | None:
    """Accuracy of one draw, 0 to 1, by the rule of its kind; None for free text, which only a judge can score."""
    if example.answer_kind == "free_text":
        return None
    answer = given(example.answer_kind, parse(text, format).answer, example.options)
    return 0.0 if answer is None else agreement(example.answer_kind, answer, example.answer)
