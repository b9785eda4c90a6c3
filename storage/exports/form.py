"""What a project's form is made of: how a row looks, in which files rows lie, and what describes them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from storage.exports.conversation import Conversation

Row = dict[str, Any]


class Table(NamedTuple):
    """A file of rows as it was written. kinds: the media of each of its rows, or `any`."""

    file: str
    split: str
    kinds: str
    rows: int


class Form(NamedTuple):
    """One project's form.

    needs_reply: rows without a text to learn are left out. schema: of a Parquet file a split; None for JSON Lines, a
    file for each split and set of media, since readers of JSON take the columns and types of a file from its beginning.
    row: a conversation as a row; the folder is where the export will lie. describe: further files by name, from the
    export's own name and its tables.
    """

    title: str
    needs_reply: bool
    schema: pa.Schema | None
    row: Callable[[Conversation, Path], Row]
    describe: Callable[[str, Sequence[Table]], dict[str, str]]
