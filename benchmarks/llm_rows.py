"""The rows of the LLM benchmark: a question of 1 KB each, written as a Parquet file of examples.

python -m benchmarks.llm_rows FOLDER COUNT
"""

import random
import sys
from pathlib import Path

from schemas.example import Example
from storage.parquet import shard_name, write_examples

PROMPT_LENGTH = 1024
_WORDS = [f"word{number}" for number in range(5_000)]


def main() -> None:
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    folder.mkdir(parents=True)
    draw = random.Random(0)
    write_examples(folder / shard_name("examples", 0), (_example(number, draw) for number in range(count)))


def _example(number: int, draw: random.Random) -> Example:
    text = f"Question {number}: " + " ".join(draw.choices(_WORDS, k=PROMPT_LENGTH // 5))
    return Example(
        id=f"made/{number}",
        source="made",
        source_revision="1",
        source_row=str(number),
        source_id=str(number),
        licence="CC0-1.0",
        group=f"group-{number}",
        question=text[:PROMPT_LENGTH],
        answer_kind="free_text",
        answer="yes",
        split="train",
    )


if __name__ == "__main__":
    main()
