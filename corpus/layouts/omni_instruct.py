"""OmniInstruct_v1: one Parquet file, picture and sound inline, options without letters, answers as text."""

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.captions import hear
from corpus.encode import jpg_bytes, wav_bytes
from corpus.layouts.layout import Layout
from corpus.plan import Ask, Clip
from corpus.templates import gold

_medium = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
_features = {
    "answer": {"dtype": "string", "_type": "Value"},
    "audio": {"_type": "Audio"},
    "image": {"_type": "Image"},
    "audio_label": {"dtype": "string", "_type": "Value"},
    "source": {"dtype": "string", "_type": "Value"},
    "original_meta": {"dtype": "string", "_type": "Value"},
    "question": {"dtype": "string", "_type": "Value"},
    "options": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"},
}
SCHEMA = pa.schema(
    [
        pa.field("answer", pa.string()),
        pa.field("audio", _medium),
        pa.field("image", _medium),
        pa.field("audio_label", pa.string()),
        pa.field("source", pa.string()),
        pa.field("original_meta", pa.string()),
        pa.field("question", pa.string()),
        pa.field("options", pa.list_(pa.string())),
    ],
    metadata={"huggingface": json.dumps({"info": {"features": _features}})},
)


def files(_clip: Clip) -> tuple[str, ...]:
    """None: picture and sound are in the Parquet file."""
    return ()


def write(folder: Path, clips: Sequence[Clip]) -> None:
    path = folder / "data/train-00000-of-00001.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [_row(clip, ask) for clip in clips for ask in clip.asks]
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path)


def _row(clip: Clip, ask: Ask) -> dict[str, object]:
    return {
        "answer": gold(ask.name, clip.scene)[0],
        "audio": {"bytes": wav_bytes(clip.scene), "path": f"{clip.video_id}.wav"},
        "image": {"bytes": jpg_bytes(clip.scene), "path": f"{clip.video_id}.jpg"},
        "audio_label": hear(clip.scene).rstrip(" ."),
        "source": "AVQA",
        "original_meta": json.dumps({"video_name": clip.video_id}),
        "question": ask.text,
        "options": list(ask.options),
    }


LAYOUT = Layout(files, write)
