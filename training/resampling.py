"""Groups that teach nothing make room for other prompts (DAPO's dynamic sampling, arXiv 2503.14476, section 3.2).

A group whose completions all earn the same moves no weight and only makes the batch smaller. In rounds, each such group
is replaced by a group of another prompt, drawn by the same weights, so the batch keeps its size on every rank. Which
prompt stands in for which place in which round is settled before the run: nothing depends on what was drawn before, so
there is no cursor to save, and no rank has to know of another's needs.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

Group = TypeVar("Group")


class Filled(NamedTuple):
    """groups: one a place. given_up: those that stood there before, in the order in which they were given up."""

    groups: list
    given_up: list


def fill(
    groups: Sequence[Group],
    teaches: Callable[[Group], bool],
    draw: Callable[[int, list[int], int], list[Group]],
    most: Callable[[int], int],
    rounds: int,
) -> Filled:
    """Replace groups that teach nothing in at most `rounds` rounds; some may teach nothing after the last.

    draw(round, places, most): groups of the stand-ins for these places. It is called on every rank in every round, also
    with no places, because ranks write together. most(number): the largest that any rank gives.
    """
    kept, given_up = list(groups), list[Group]()
    for number in range(1, rounds + 1):
        places = [place for place, group in enumerate(kept) if not teaches(group)]
        if not (longest := most(len(places))):
            break
        for place, fresh in zip(places, draw(number, places, longest), strict=True):
            given_up.append(kept[place])
            kept[place] = fresh
    return Filled(kept, given_up)
