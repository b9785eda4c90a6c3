"""Judgements added up: the mean of each judged reward on each benchmark, and what is not known, by reason."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from reporting.intervals import mean_interval


def judged_means(
    judgements: Iterable[Mapping[str, object]], benchmarks: Mapping[str, str], groups: Mapping[str, str]
) -> Iterator[dict[str, object]]:
    """Rows of schemas.tables.JUDGED of rows of JUDGEMENTS, by benchmark and reward.

    benchmarks, groups: of each example, by its id.
    """
    found: defaultdict[tuple[str, str], list[Mapping[str, object]]] = defaultdict(list)
    for row in judgements:
        found[benchmarks[str(row["id"])], str(row["reward"])].append(row)
    for (benchmark, reward), rows in sorted(found.items()):
        known = [row for row in rows if row["value"] is not None]
        values = [float(str(row["value"])) for row in known]
        mean = mean_interval(values, [groups[str(row["id"])] for row in known])
        yield {
            "benchmark": benchmark,
            "reward": reward,
            "asked": len(rows),
            "known": mean.n,
            "value": mean.mean,
            "low": mean.low,
            "high": mean.high,
            "groups": mean.groups,
            "unknown": sorted(Counter(str(row["reason"]) for row in rows if row["value"] is None).items()),
        }
