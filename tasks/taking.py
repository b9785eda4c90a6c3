"""Taking some of a source's rows by a rule of `schemas.takes`."""

import math
import random
from collections.abc import Sequence
from typing import TypeVar

from schemas.takes import Take

T = TypeVar("T")


def take(rows: Sequence[T], rule: Take, seed: int) -> list[T]:
    """The rows that `all`, `first:10`, `last:50%` or `random:50%` names, in their order; a share is rounded up.

    Rows at random depend on the seed and the number of rows, on nothing else.
    """
    if rule == "all":
        return list(rows)
    how, _, amount = rule.partition(":")
    count = math.ceil(len(rows) * int(amount[:-1]) / 100) if amount.endswith("%") else int(amount)
    count = min(count, len(rows))
    if how == "random":
        chosen = sorted(random.Random(seed).sample(range(len(rows)), count))
        return [rows[index] for index in chosen]
    return list(rows[:count] if how == "first" else rows[len(rows) - count :])
