"""verl: Parquet of prompts for reinforcement learning.

Its documented form: https://verl.readthedocs.io/en/latest/preparation/prepare_data.html for the five fields, and the
docstrings of `RLHFDataset` (verl/utils/dataset/rl_dataset.py) for `images`, `videos` and `audios`, which take the
places of the marks in the prompt. The gold answer is `reward_model.ground_truth`; what further rewards need (options,
reference context) is in `extra_info`.
"""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from storage.exports.conversation import Conversation
from storage.exports.form import Form, Row, Table

_TEXTS = pa.list_(pa.string())
SCHEMA = pa.schema(
    [
        pa.field("data_source", pa.string(), nullable=False),
        pa.field("prompt", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())])), nullable=False),
        pa.field("ability", pa.string(), nullable=False),
        pa.field("reward_model", pa.struct([("style", pa.string()), ("ground_truth", pa.string())]), nullable=False),
        pa.field(
            "extra_info",
            pa.struct(
                [
                    ("index", pa.int64()),
                    ("split", pa.string()),
                    ("id", pa.string()),
                    ("answer_kind", pa.string()),
                    ("question", pa.string()),
                    ("options", pa.list_(pa.struct([("label", pa.string()), ("text", pa.string())]))),
                    ("context", pa.string()),
                    ("think", pa.string()),
                ]
            ),
            nullable=False,
        ),
        pa.field("images", _TEXTS, nullable=False),
        pa.field("videos", _TEXTS, nullable=False),
        pa.field("audios", _TEXTS, nullable=False),
    ]
)


def row(conversation: Conversation, folder: Path) -> Row:
    """A prompt, its gold answer and what rewards need. `index` is left to the writer, who counts."""
    example = conversation.example
    files = {kind: [str(folder / file) for file in found] for kind, found in conversation.files.items()}
    return {
        "data_source": f"contextfirst/{example.source}",
        "prompt": [
            {"role": "system", "content": conversation.asked.system},
            {"role": "user", "content": conversation.prompt},
        ],
        "ability": example.answer_kind,
        "reward_model": {
            "style": "model" if example.answer_kind == "free_text" else "rule",
            "ground_truth": example.answer,
        },
        "extra_info": {
            "split": conversation.split,
            **example.model_dump(include={"id", "answer_kind", "question", "options", "context", "think"}),
        },
        **{f"{kind}s": files.get(kind, []) for kind in ("image", "video", "audio")},
    }


def describe(name: str, tables: Sequence[Table]) -> dict[str, str]:
    """How to train on the tables."""
    files = {table.split: table.file for table in tables}
    first = next(iter(files.values()), "")
    return {
        "README.md": f"""# {name} for verl

```
data.train_files=THIS_FOLDER/{files.get("train", first)}
data.val_files=THIS_FOLDER/{files.get("validation", first)}
reward.custom_reward_function.path=your_reward.py
```

`data_source` is contextfirst/SOURCE, for which verl has no reward of its own: name yours. The answer stands in
<answer></answer> of a completion and is compared with `ground_truth`; `extra_info` has the options and the reference
context. The sound of a clip is a file of its own. Paths of media are absolute: export again where the folder is to lie
elsewhere.
""",
    }


FORM = Form("verl", needs_reply=False, schema=SCHEMA, row=row, describe=describe)
