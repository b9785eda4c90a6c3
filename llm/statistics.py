"""What the response log says of the calls so far: how many, how they ended, what they cost, how long they took."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np

from llm.log import open_log

_CALLS = """SELECT count(*), count(*) FILTER (WHERE failure IS NULL), total(input_tokens), total(output_tokens),
    total(cost), count(*) FILTER (WHERE cost IS NULL) FROM ended WHERE provider = ? AND model = ? AND prompt = ?"""
_FAILURES = """SELECT failure, count(*) FROM ended
    WHERE provider = ? AND model = ? AND prompt = ? AND failure IS NOT NULL GROUP BY failure ORDER BY failure"""
_LATENCIES = """SELECT latency FROM ended
    WHERE provider = ? AND model = ? AND prompt = ? AND failure IS NULL AND latency > 0"""
_EVENTS = "SELECT event, number FROM events WHERE provider = ? AND model = ? AND prompt = ? ORDER BY event"
_ALL = """SELECT provider, model, prompt FROM ended UNION SELECT provider, model, prompt FROM events
    ORDER BY 1, 2, 3"""


class Statistics(NamedTuple):
    """Of one prompt to one model. calls: requests that ended, also those that were forgotten since. hits: answered by
    the log instead. failures: by kind, and attempts that were tried again. dollars: of the calls with a price;
    unpriced: the others. latency: seconds of an answered call at the 50th, 95th and 99th percentile."""

    provider: str
    model: str
    prompt: str
    calls: int
    answered: int
    hits: int
    failures: dict[str, int]
    input_tokens: int
    output_tokens: int
    dollars: float
    unpriced: int
    latency: tuple[float, float, float] | None


def statistics(log: Path) -> Iterator[Statistics]:
    """One line a provider, model and prompt. Raises UserError for a log that is of another format."""
    with closing(open_log(log)) as connection:
        for key in connection.execute(_ALL).fetchall():
            calls, answered, taken, given, dollars, unpriced = connection.execute(_CALLS, key).fetchone()
            failures, events = dict(connection.execute(_FAILURES, key)), dict(connection.execute(_EVENTS, key))
            hits = events.pop("hit", 0)
            latencies = [seconds for (seconds,) in connection.execute(_LATENCIES, key)]
            p50, p95, p99 = np.percentile(latencies, (50, 95, 99)).tolist() if latencies else (0.0, 0.0, 0.0)
            yield Statistics(
                *key,
                calls=calls,
                answered=answered,
                hits=hits,
                failures=failures | events,
                input_tokens=int(taken),
                output_tokens=int(given),
                dollars=dollars,
                unpriced=unpriced,
                latency=(p50, p95, p99) if latencies else None,
            )
