"""Conversations about one clip, [{"from": "human", "value": ...}, {"from": "gpt", "value": ...}, ...], turn by turn."""

from collections.abc import Iterable, Iterator

from tasks.reading.inner_options import Turn, read_turn
from tasks.reading.row import BadRow, Row

_SPEAKERS = ("human", "gpt")


def turns(rows: Iterable[Row]) -> Iterator[Row]:
    """One row a question with its answer, keyed "<row>:<turn>" from 0 on.

    A row whose turns do not come in pairs stays one row, which `conversation_turn` will reject.
    """
    for row in rows:
        spoken = row.value.get("conversations") if isinstance(row.value, dict) else None
        if not isinstance(row.value, dict) or not isinstance(spoken, list) or not spoken or len(spoken) % 2:
            yield row
            continue
        for turn in range(len(spoken) // 2):
            pair = {"conversations": spoken[2 * turn : 2 * turn + 2]}
            yield row._replace(key=f"{row.key}:{turn}", value=row.value | pair)


def conversation_turn(row: Row) -> Turn:
    """Question and answer of a row that `turns` made. Raises BadRow or Undecided when they have no single reading."""
    spoken = row.fields.get("conversations")
    if not isinstance(spoken, list):
        raise BadRow("wrong_type", f"'conversations' is a {type(spoken).__name__}, not a list of turns")
    said = [row._replace(value=part) for part in spoken]
    speakers = tuple(part.label("from") for part in said)
    if speakers != _SPEAKERS:
        raise BadRow("turns_unclear", f"the turns are not a question and its answer but {list(speakers)[:6]}")
    return read_turn(said[0].text("value"), said[1].text("value"))
