"""What the completions of one update come to: values to average over the ranks, under names that all ranks share."""

from collections.abc import Sequence

from schemas.example import AnswerKind
from training.held_out import KINDS
from training.scoring import Credit, Scored


def completion_means(scored: Scored, credit: Credit) -> dict[str, list[float]]:
    """Of the completions of a step; unknown rewards have no part in the mean of the known ones."""
    values: dict[str, list[float]] = {}
    for column, name in enumerate(scored.names):
        column_scores = [row[column].value for row in scored.scores]
        values[f"reward/{name}"] = [value for value in column_scores if value is not None]
        values[f"unknown/{name}"] = [float(value is None) for value in column_scores]
    values["silent"] = [float(each) for each in credit.silent]
    values["truncated"] = [float(rollout.truncated) for rollout in scored.rollouts]
    values["well_formed"] = [float(not rollout.completion.errors) for rollout in scored.rollouts]
    return values


def silent_by_kind(kinds: Sequence[AnswerKind], teaches: Sequence[bool]) -> dict[str, list[float]]:
    """Of groups, by kind of answer: which teach nothing, because all their completions earn the same."""
    both = list(zip(kinds, teaches, strict=True))
    return {f"silent/{kind}": [float(not own) for each, own in both if each == kind] for kind in KINDS}


def averages(names: Sequence[str], sums: Sequence[float], counts: Sequence[float]) -> dict[str, float]:
    """Means by name, NaN where nothing was counted."""
    return {
        name: total / count if count else float("nan") for name, total, count in zip(names, sums, counts, strict=True)
    }
