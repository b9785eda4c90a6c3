"""LLaMA-Factory: ShareGPT rows, and a `dataset_info.json` that describes them.

Its documented form: https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md (sharegpt format; multimodal
image, video and audio datasets). Paths are relative: media are looked for below `media_dir`, which is `dataset_dir`
unless it is set.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from storage.exports.conversation import Conversation
from storage.exports.form import Form, Row, Table

_COLUMNS = {"image": "images", "video": "videos", "audio": "audios"}


def row(conversation: Conversation, folder: Path) -> Row:
    """A conversation of two turns, the system's words beside it, and a column for each kind of media that it shows."""
    del folder
    return {
        "conversations": [
            {"from": "human", "value": conversation.prompt},
            {"from": "gpt", "value": conversation.asked.reply},
        ],
        "system": conversation.asked.system,
        **{_COLUMNS[kind]: files for kind, files in conversation.files.items() if files},
    }


def describe(name: str, tables: Sequence[Table]) -> dict[str, str]:
    """`dataset_info.json`, a dataset a table, and how to train on them."""
    named = {f"{name}_{Path(table.file).stem.replace('-', '_')}": table for table in tables}
    listed = {called: _listed(table) for called, table in named.items()}
    train = ",".join(called for called, table in named.items() if table.split == "train")
    return {
        "dataset_info.json": json.dumps(listed, indent=2) + "\n",
        "README.md": f"""# {name} for LLaMA-Factory

```bash
llamafactory-cli train your.yaml dataset_dir=THIS_FOLDER dataset={train or ",".join(named)}
```

`dataset_info.json` lists every file. Media are found below `media_dir`, which is `dataset_dir` unless you set it. The
sound of a clip is a file of its own, so leave `use_audio_in_video` at its default, off.
""",
    }


def _listed(table: Table) -> dict[str, object]:
    media = {_COLUMNS[kind]: _COLUMNS[kind] for kind in table.kinds.split("-") if kind in _COLUMNS}
    return {
        "file_name": table.file,
        "formatting": "sharegpt",
        "columns": {"messages": "conversations", "system": "system", **media},
    }


FORM = Form("LLaMA-Factory", needs_reply=True, schema=None, row=row, describe=describe)
