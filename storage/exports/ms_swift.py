"""ms-swift: JSON Lines of `messages` with `images`, `videos` and `audios`.

Its documented form: https://swift.readthedocs.io/en/latest/Customization/Custom-dataset.html (standard dataset format,
multimodal). Paths are absolute, as it prefers. GRPO hands further fields to its rewards, which is what `solution`,
`answer_kind` and `id` are for; other training drops them.
"""

from collections.abc import Sequence
from pathlib import Path

from storage.exports.conversation import Conversation
from storage.exports.form import Form, Row, Table

_COLUMNS = {"image": "images", "video": "videos", "audio": "audios"}


def row(conversation: Conversation, folder: Path) -> Row:
    """Three turns, a column for each kind of media that is shown, and what a reward needs to know."""
    example, asked = conversation.example, conversation.asked
    return {
        "messages": [
            {"role": "system", "content": asked.system},
            {"role": "user", "content": conversation.prompt},
            {"role": "assistant", "content": asked.reply},
        ],
        **{
            _COLUMNS[kind]: [str(folder / file) for file in files]
            for kind, files in conversation.files.items()
            if files
        },
        "solution": example.answer,
        "answer_kind": example.answer_kind,
        "id": example.id,
    }


def describe(name: str, tables: Sequence[Table]) -> dict[str, str]:
    """How to train on the tables."""
    train, held_out = (
        " ".join(table.file for table in tables if (table.split == "train") is training) for training in (True, False)
    )
    validation = f" --val_dataset {held_out}" if held_out else ""
    return {
        "README.md": f"""# {name} for ms-swift

In this folder:

```bash
swift sft --model Qwen/Qwen2.5-Omni-7B --dataset {train or held_out}{validation if train else ""}
```

The sound of a clip is a file of its own, so leave USE_AUDIO_IN_VIDEO unset. For `swift rlhf --rlhf_type grpo` the gold
answer is in `solution`. Paths of media are absolute: export again where the folder is to lie elsewhere.
""",
    }


FORM = Form("ms-swift", needs_reply=True, schema=None, row=row, describe=describe)
