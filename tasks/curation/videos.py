"""Which groups are one video: a source calls it by a name of its own, but its files are the same.

Groups whose rows share a file are joined, and what is joined to one of them too. So a file that thousands of rows carry
beside their own, such as a common sound, makes one video of them all.
"""

from collections.abc import Iterable

from tasks.curation.outline import Outline


def videos_of(rows: Iterable[Outline]) -> dict[str, str]:
    """By group: what its video is called, which is the first by name of all groups that are joined to it."""
    above: dict[str, str] = {}
    holder: dict[str, str] = {}
    for row in rows:
        above.setdefault(row.group, row.group)
        for digest in row.digests:
            _join(above, row.group, holder.setdefault(digest, row.group))
    return {group: _first(above, group) for group in above}


def _join(above: dict[str, str], one: str, other: str) -> None:
    one, other = sorted((_first(above, one), _first(above, other)))
    above[other] = one


def _first(above: dict[str, str], group: str) -> str:
    """The end of the way up, which is made shorter on the way."""
    while above[group] != group:
        above[group] = group = above[above[group]]
    return group
