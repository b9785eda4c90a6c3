"""The report's section on sampled rewards, beside the accuracy of the same models decoding greedily."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from reporting.accuracy import Accuracy
from reporting.differences import Difference
from reporting.figures import reward_plot
from reporting.page import RewardRow, RewardSection
from reporting.rewards import reward_differences, reward_summaries
from reporting.runs import ALL, POOLED, Run
from tasks.report_params import ReportParams


def rewards(
    params: ReportParams,
    sampled: Mapping[str, pa.Table],
    accuracies: Sequence[Accuracy],
    differences: Sequence[Difference],
) -> RewardSection | None:
    """sampled: SCORES by stage. accuracies, differences: of greedy decoding. None where nothing was sampled."""
    if not params.sampled:
        return None
    drawn = [Run(name, params.trained.get(name, name), "sampled", sampled[name]) for name in params.sampled]
    summaries = reward_summaries(drawn, params.terms, params.seed)
    greedy = {row.run: row for row in accuracies if row.benchmark == POOLED and row.family == ALL}
    among = {f"{name}-full" for name in params.sampled}
    return RewardSection(
        note=params.sampled_note,
        rows=tuple(RewardRow(sampled=each, greedy=greedy.get(f"{each.run}-full")) for each in summaries),
        reward_differences=reward_differences(drawn, params.sampled_comparisons, params.terms, params.seed),
        accuracy_differences=tuple(
            row
            for row in differences
            if row.benchmark == POOLED and row.family == ALL and row.run in among and row.against in among
        ),
        plot=reward_plot(summaries),
    )
