"""What a view makes of examples before they become prompts: whose media are shown, and whether words stand for sound.

`muted`, `blind` and `shifted_audio` change what is decoded, and are left to `training.features`; the others change the
example. A row of which a view cannot be made is not shown another way in silence: it has a `fault`, and becomes a load
error, which is in no denominator and is counted.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from random import Random
from typing import NamedTuple

from schemas.canonical import fingerprint
from schemas.example import Example, Media
from schemas.training import Altering, View
from schemas.values import UserError
from training.prompts import with_transcript

DECODED: tuple[View, ...] = ("full", "muted", "blind", "shifted_audio")
"""Views that leave the example as it is."""

NO_SUBTITLES = "no subtitles to read in place of its sound"
NOT_THERE = "{} is not in the folder"
NO_OTHER = "no other video of its benchmark has media of the same kinds"
OF_THE_VIEW = (NO_SUBTITLES, NO_OTHER)
"""Faults of rows that another view can show."""


class Shown(NamedTuple):
    """An example as it is asked, under its own id and with its own gold. fault: why it cannot be, or nothing."""

    example: Example
    fault: str = ""


def shown(examples: Sequence[Example], view: View, altering: Altering) -> list[Shown]:
    """Each example as the view shows it, in their order. The same examples in another order are shown the same."""
    if view == "shuffled_media":
        return _shuffled(examples, altering.seed)
    if view == "question_only":
        return [Shown(row.model_copy(update={"media": ()})) for row in examples]
    return [_read_out(row) if view == "transcript" else Shown(row) for row in examples]


def missing(example: Example) -> str:
    """Why a row cannot be shown whose file is not there; nothing where all are."""
    return next((NOT_THERE.format(medium.path) for medium in example.media if not medium.digest), "")


def not_one(benchmark: str, rows: int, reason: str) -> UserError:
    """Says that a benchmark cannot be measured at all. reason: why its first row cannot be shown."""
    return UserError(
        f"not one of {rows} rows of {benchmark} can be shown to the model ({reason}): mend its media, or leave it out, "
        "and rerun"
    )


def _shuffled(examples: Sequence[Example], seed: int) -> list[Shown]:
    """A row whose own file is not there takes no other: the full view cannot be compared with it."""
    pools = {key: _Pool(rows) for key, rows in _alike(row for row in examples if not missing(row)).items()}
    return [
        Shown(row, fault) if (fault := missing(row)) else _with_media_of(row, pools[_kinds(row)].other(row, seed))
        for row in examples
    ]


def _read_out(row: Example) -> Shown:
    """Without sound, and with the subtitles. What has no sound loses none, and needs no subtitles."""
    heard = any(medium.kind == "audio" or medium.has_audio for medium in row.media)
    if heard and not row.subtitles.strip():
        return Shown(row, NO_SUBTITLES)
    return Shown(with_transcript(row.model_copy(update={"media": _silent(row.media)})))


def _silent(media: Sequence[Media]) -> tuple[Media, ...]:
    without = {"has_audio": False, "audio_duration": None, "sample_rate": None}
    return tuple(medium.model_copy(update=without) for medium in media if medium.kind != "audio")


def _with_media_of(row: Example, other: Example | None) -> Shown:
    return Shown(row.model_copy(update={"media": other.media})) if other else Shown(row, NO_OTHER)


_Kinds = tuple[object, ...]


def _kinds(row: Example) -> _Kinds:
    """What has to be the same for media to change places: the benchmark, and the places that they take in a prompt."""
    return (row.source, *((medium.kind, medium.has_audio) for medium in row.media))


def _alike(examples: Iterable[Example]) -> dict[_Kinds, list[Example]]:
    found: dict[_Kinds, list[Example]] = {}
    for row in examples:
        found.setdefault(_kinds(row), []).append(row)
    return found


class _Pool:
    """Rows whose media can change places, by video."""

    def __init__(self, rows: Sequence[Example]) -> None:
        self._rows = sorted(rows, key=lambda row: (row.group, row.id))
        self._groups = [row.group for row in self._rows]

    def other(self, row: Example, seed: int) -> Example | None:
        """A row of another group without a file in common, all alike probable; None where there is none."""
        own = range(bisect_left(self._groups, row.group), bisect_right(self._groups, row.group))
        left = len(self._rows) - len(own)
        if not left or not row.media:
            return None
        first = Random(fingerprint([seed, row.id])).randrange(left)
        places = ((first + step) % left for step in range(left))
        others = (self._rows[place if place < own.start else place + len(own)] for place in places)
        files = {medium.digest for medium in row.media}
        return next((other for other in others if not files & {medium.digest for medium in other.media}), None)
