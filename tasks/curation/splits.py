"""Splits go by video: all rows about one are in one split, whichever source they come from and whatever it calls it."""

from collections import defaultdict
from collections.abc import Sequence

from schemas.canonical import fingerprint
from tasks.curation.outline import Outline
from tasks.curation.videos import videos_of


def with_splits(rows: Sequence[Outline], validation_share: float, seed: int) -> list[Outline]:
    """The rows, each in the split of its video.

    A split that some row of a video has already is the whole video's. Where they disagree, it is held out, so that
    nothing held out is ever trained on.
    """
    videos = videos_of(rows)
    given: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        given[videos[row.group]].update({row.split} - {""})
    splits = {
        video: _agreed(names) if names else split_of(video, validation_share, seed) for video, names in given.items()
    }
    return [row._replace(split=splits[videos[row.group]]) for row in rows]


def split_of(video: str, validation_share: float, seed: int) -> str:
    """The split of a whole video: the same on every run, whatever other rows there are."""
    place = int(fingerprint(["split", seed, video])[:12], 16) / 16**12
    return "validation" if place < validation_share else "train"


def _agreed(names: set[str]) -> str:
    """`test` before `validation` before `train`."""
    return min(names - {"train"}, default="train")
