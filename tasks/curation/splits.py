"""Splits go by group: all rows about one video are in one split, whichever source they come from."""

from collections import defaultdict
from collections.abc import Sequence

from schemas.canonical import fingerprint
from tasks.curation.outline import Outline


def with_splits(rows: Sequence[Outline], validation_share: float, seed: int) -> list[Outline]:
    """The rows, each in the split of its group.

    A split that some row of a group has already is the whole group's. Where they disagree, the group is held out, so
    that nothing held out is ever trained on.
    """
    given: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        given[row.group].update({row.split} - {""})
    splits = {
        group: _agreed(names) if names else split_of(group, validation_share, seed) for group, names in given.items()
    }
    return [row._replace(split=splits[row.group]) for row in rows]


def split_of(group: str, validation_share: float, seed: int) -> str:
    """The split of a whole group: the same on every run, whatever other rows there are."""
    place = int(fingerprint(["split", seed, group])[:12], 16) / 16**12
    return "validation" if place < validation_share else "train"


def _agreed(names: set[str]) -> str:
    """`test` before `validation` before `train`."""
    return min(names - {"train"}, default="train")
