"""What the processes of one host have spent on an artifact and set aside for what is under way: one budget for all.

It lies in SQLite: a row for each process, with what it has set aside, and one without an owner, with what all have
spent. The rows of dead processes are dropped by whoever waits. Who comes while nobody else is there begins with what
the response log has seen.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import NamedTuple

from llm.database import open_shared
from llm.owner import Owner

_TABLE = """CREATE TABLE IF NOT EXISTS budgets (
    scope TEXT, owner TEXT, dollars REAL, tokens INTEGER, PRIMARY KEY (scope, owner)) WITHOUT ROWID"""
_ALL = ""


class Cost(NamedTuple):
    """US dollars and tokens."""

    dollars: float
    tokens: int

    def plus(self, other: "Cost") -> "Cost":
        return Cost(self.dollars + other.dollars, self.tokens + other.tokens)


NOTHING = Cost(0.0, 0)


class Books(NamedTuple):
    """What all have spent so far, and what all have set aside."""

    spent: Cost
    aside: Cost


class Ledger:
    """The books of one scope. For one thread; close it when done. spent: asked where nobody else keeps them."""

    def __init__(self, path: Path, scope: str, spent: Callable[[], tuple[float, int]]) -> None:
        self._scope = scope
        self._connection = open_shared(path, _TABLE)
        self._owner = Owner(path)
        with self._writing():
            self._bury()
            if not self._aside():
                self._put(_ALL, Cost(*spent()))
            self._put(self._owner.name, NOTHING)

    @contextmanager
    def opened(self) -> Iterator[Books]:
        """The books as they are, for as long as the block lasts: nobody else writes meanwhile."""
        with self._writing():
            yield Books(self._read()[_ALL], reduce(Cost.plus, self._aside().values(), NOTHING))

    def set_aside(self, cost: Cost) -> None:
        """Within `opened`: what this process has set aside, all in all."""
        self._put(self._owner.name, cost)

    def settle(self, cost: Cost, aside: Cost) -> None:
        """Something ended: what it cost, and what this process still has set aside."""
        with self._writing():
            self._put(_ALL, self._read()[_ALL].plus(cost))
            self._put(self._owner.name, aside)

    def bury(self) -> None:
        """Give back what processes that have died had set aside."""
        with self._writing():
            self._bury()

    def close(self) -> None:
        with self._writing():
            self._drop(self._owner.name)
        self._connection.close()
        self._owner.close()

    def _bury(self) -> None:
        for name in self._aside():
            if name != self._owner.name and not self._owner.lives(name):
                self._drop(name)

    def _aside(self) -> dict[str, Cost]:
        """What has been set aside, by owner."""
        return {owner: cost for owner, cost in self._read().items() if owner != _ALL}

    def _read(self) -> dict[str, Cost]:
        rows = self._connection.execute("SELECT owner, dollars, tokens FROM budgets WHERE scope = ?", (self._scope,))
        return {owner: Cost(*cost) for owner, *cost in rows}

    def _put(self, owner: str, cost: Cost) -> None:
        self._connection.execute("REPLACE INTO budgets VALUES (?, ?, ?, ?)", (self._scope, owner, *cost))

    def _drop(self, owner: str) -> None:
        self._connection.execute("DELETE FROM budgets WHERE scope = ? AND owner = ?", (self._scope, owner))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._connection:  # commits, or rolls back
            self._connection.execute("BEGIN IMMEDIATE")
            yield
