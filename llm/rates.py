"""So many requests and tokens a minute, over all processes of one host.

The generic cell rate algorithm: one number a limit, the time at which its next unit is due. It lies in SQLite, so that
processes share it and a restart does not start afresh. Half a second's worth may go at once.
"""

import asyncio
import time
from pathlib import Path

from llm.database import open_shared

_BURST = 0.5
_TABLE = "CREATE TABLE IF NOT EXISTS rates (name TEXT PRIMARY KEY, due REAL) WITHOUT ROWID"
_TAKE = """INSERT INTO rates VALUES (:name, :now + :seconds) ON CONFLICT (name) DO UPDATE
    SET due = max(min(due, :now + :furthest), :now) + :seconds RETURNING due - :seconds"""


class Rates:
    """Waits until what one model is asked fits its limits. For one thread; close it when done."""

    def __init__(self, path: Path, requests_per_minute: int | None, tokens_per_minute: int | None) -> None:
        self._per_second = {"requests": requests_per_minute, "tokens": tokens_per_minute}
        self._connection = None
        if requests_per_minute or tokens_per_minute:
            self._connection = open_shared(path, _TABLE)

    async def wait(self, model: str, tokens: int) -> None:
        """Until one request of so many tokens, as far as they are known beforehand, may go."""
        until = max(self._take(model, "requests", 1), self._take(model, "tokens", tokens))
        if (seconds := until - _BURST - time.time()) > 0:
            await asyncio.sleep(seconds)

    def correct(self, model: str, tokens: int) -> None:
        """So many tokens more than were taken were used, or fewer."""
        self._take(model, "tokens", tokens)

    def close(self) -> None:
        if self._connection:
            self._connection.close()

    def _take(self, model: str, unit: str, number: int) -> float:
        """Reserve `number` units; the time at which they are due. A clock that was set back delays by a minute at
        most."""
        limit = self._per_second[unit]
        if not limit or not self._connection:
            return 0.0
        values = {"name": f"{model} {unit}", "now": time.time(), "seconds": 60 * number / limit, "furthest": 60.0}
        (due,) = self._connection.execute(_TAKE, values).fetchone()
        return due
