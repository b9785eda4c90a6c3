"""Completions of a checkpoint: `python -m training.generate JOB.json`.

Examples are taken in shards of `rows_per_shard`; a finished shard appears as one Parquet file under its name, and a
run that starts again skips it. Each shard has its own seed, so the same bytes come out wherever a run was cut off.
Media that cannot be read give rows with `load_error`, never an exception.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from media.errors import MediaError
from schemas.canonical import fingerprint
from schemas.example import Example
from schemas.tables import PREDICTIONS
from schemas.training import GenerateJob, GenerateParams
from schemas.values import UserError
from training.checkpoint import device, load_model, load_processor
from training.engines.contract import RolloutEngine, Written
from training.engines.local import TransformersEngine
from training.inputs import Encoder, Inputs
from training.media_cache import open_cache
from training.start import read_examples, start


@dataclass(frozen=True)
class Unreadable:
    """An example whose media or text cannot become a prompt."""

    prompt: str
    reason: str


class Policy:
    """A model that answers examples in one way: format, view, media settings and decoding are fixed."""

    def __init__(self, engine: RolloutEngine, encoder: Encoder, params: GenerateParams) -> None:
        if params.decoding.ordered_tags is not None and params.format == "direct":
            raise UserError("decoding.ordered_tags: a direct answer has no tags; leave it out")
        self._engine, self._encoder, self._params = engine, encoder, params

    def predict(self, examples: Sequence[Example], seed: int) -> pa.Table:
        """PREDICTIONS, in the order of examples, then draws. Equal arguments give an equal table."""
        torch.manual_seed(seed)
        encoded = [self._encode(example) for example in examples]
        draws = range(self._params.decoding.draws)
        places = [(row, draw) for row in range(len(encoded)) for draw in draws]
        asked = [place for place in places if isinstance(encoded[place[0]], Inputs)]
        inputs = [cast(Inputs, encoded[row]) for row, _ in asked]
        written = dict(zip(asked, self._engine.complete(inputs, self._params.decoding), strict=True))
        rows = [
            {"id": examples[row].id, "draw": draw, **_row(encoded[row], written.get((row, draw)))}
            for row, draw in places
        ]
        return pa.Table.from_pylist(rows, schema=PREDICTIONS)

    def _encode(self, example: Example) -> Inputs | Unreadable:
        try:
            return self._encoder.encode(example, self._params.format, self._params.view)
        except (MediaError, ValueError) as error:
            return Unreadable(self._encoder.render(example, self._params.format), str(error))


def write_shards(policy: Policy, examples: Sequence[Example], out: Path, params: GenerateParams) -> None:
    """Write `predictions-00000.parquet` and on, whole or not at all, leaving alone those that are there."""
    out.mkdir(parents=True, exist_ok=True)
    firsts = range(0, len(examples), params.rows_per_shard)
    for number, first in enumerate(firsts):
        shard = out / f"predictions-{number:05d}.parquet"
        if not shard.exists():
            seed = int(fingerprint([params.decoding.seed, number])[:15], 16)
            temporary = shard.with_suffix(".partial")
            pq.write_table(
                policy.predict(examples[first : first + params.rows_per_shard], seed),
                temporary,
                compression="zstd",
            )
            os.replace(temporary, shard)
        print(f"step {number + 1}/{len(firsts)} shards", flush=True)


def main(job: GenerateJob) -> None:
    start(job.parent, job.threads)
    folder, params = Path(job.checkpoint), job.params
    encoder = Encoder(load_processor(folder), params.media, Path(job.blobs), pieces=open_cache(job))
    model = cast(Any, load_model(folder, params.dtype)).to(device())
    engine = TransformersEngine(model, encoder.processor.tokenizer, params.batch_size)
    write_shards(Policy(engine, encoder, params), read_examples(Path(job.examples)), Path(job.out), params)


def _row(encoded: Inputs | Unreadable, written: Written | None) -> dict[str, object]:
    if isinstance(encoded, Unreadable) or written is None:
        reason = encoded.reason if isinstance(encoded, Unreadable) else None
        return {"prompt": encoded.prompt, "text": "", "tokens": 0, "truncated": False, "load_error": reason}
    return {
        "prompt": encoded.prompt,
        "text": written.text,
        "tokens": len(written.ids),
        "truncated": written.truncated,
        "load_error": None,
    }


if __name__ == "__main__":
    main(GenerateJob.model_validate_json(Path(sys.argv[1]).read_text()))
