"""The report: one HTML file, the same tables as Markdown, and the numbers as JSON.

Everything in it comes from other artifacts, so it is cheap to write again.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import pyarrow.parquet as pq
from prefect import task
from prefect.cache_policies import NO_CACHE

from reporting.accuracy import Accuracy, accuracies
from reporting.categories import category_tables
from reporting.conclusions import Conclusions, conclusions
from reporting.differences import Difference, differences
from reporting.exhibits import Exhibit
from reporting.figures import TrainingLog, accuracy_plots, training_curves
from reporting.forest import forest_plots
from reporting.markdown import markdown
from reporting.page import Answers, Curves, Fact, Facts, ReportPage, RewardSection, render
from reporting.published import published
from reporting.reasoning import reasoning
from reporting.runs import Run
from schemas.artifact import Artifact
from schemas.runtime import Runtime
from storage.draft import Draft
from storage.files import write_text
from storage.store import Store
from tasks.funnel import funnel
from tasks.quality_section import quality_section
from tasks.report_inputs import SAMPLED, Inputs
from tasks.report_params import ReportParams
from tasks.reported_answers import answers
from tasks.reported_examples import Gallery
from tasks.reported_rewards import rewards
from tasks.stage import stage

_DRAWN = {
    "exhibits": True,
    "curves": True,
    "accuracy_plots": True,
    "forests": True,
    "quality": {"plots", "pairs"},
}
"""What of the page is to be looked at, and no number."""
_PAIRS = 20


@task(cache_policy=NO_CACHE, persist_result=False)
@stage(version="4", kind="report", reads_media=True)
def report(
    draft: Draft,
    params: ReportParams,
    benchmarks: Mapping[str, Artifact],
    read: Mapping[str, Artifact],
    rewritten: Mapping[str, Artifact],
    rated: Mapping[str, Artifact],
    curated: Artifact,
    checkpoints: Mapping[str, Artifact],
    predictions: Mapping[str, Artifact],
    scores: Mapping[str, Artifact],
    sampled: Mapping[str, Artifact],
    runtime: Runtime,
) -> None:
    given = Inputs(
        Store(runtime.store),
        params,
        benchmarks,
        read,
        rewritten,
        rated,
        curated,
        checkpoints,
        predictions,
        scores,
        sampled,
    )
    page = _page(given, _found(given), runtime.threads)
    write_text(draft.folder / "report.html", render(page))
    write_text(draft.folder / "report.md", markdown(page))
    write_text(draft.folder / "report.json", page.model_dump_json(exclude=_DRAWN))


class Found(NamedTuple):
    """What several parts of the page are drawn from."""

    runs: list[Run]
    accuracies: tuple[Accuracy, ...]
    differences: tuple[Difference, ...]
    answers: Answers
    rewards: RewardSection | None


def _found(given: Inputs) -> Found:
    params = given.params
    runs = [given.run(column) for column in params.columns]
    found = accuracies(runs, params.seed)
    compared = differences(runs, params.comparisons, params.seed)
    answering = [given.answering(column, run) for column, run in zip(params.columns, runs, strict=True)]
    rewarded = rewards(params, given.drawn(), found, compared)
    return Found(runs, found, compared, answers(answering, params.seed), rewarded)


def _page(given: Inputs, found: Found, threads: int) -> ReportPage:
    params, columns = given.params, given.params.columns
    return ReportPage(
        title=params.title,
        lead=params.lead,
        notices=params.notices,
        made=params.made,
        protocols=params.protocols,
        baselines=tuple(row for dataset in params.published for row in published(dataset)),
        conclusions=_conclusions(found, params.made),
        accuracies=found.accuracies,
        accuracy_plots=accuracy_plots(found.accuracies),
        differences=found.differences,
        forests=forest_plots(found.differences),
        categories=category_tables(map(given.measured, columns)),
        answers=found.answers,
        reasoning=reasoning(found.runs, list(map(given.judged, columns)), params.judge, params.seed),
        rewards=found.rewards,
        curves=tuple(_curves(given)),
        funnel=tuple(funnel(given.counts(), given.folders(given.rated), given.store.folder(given.curated))),
        quality=quality_section(given.passed(), given.store.blobs, params.min_quality, _PAIRS, params.seed),
        exhibits=_exhibits(given, threads),
        exhibits_note=_exhibits_note(params),
        compared=_first_compared(params),
        provenance=tuple(_provenance(given)),
    )


def _conclusions(found: Found, made: Sequence[str]) -> Conclusions:
    rewarded = found.rewards.reward_differences if found.rewards else ()
    return conclusions(found.differences, rewarded, found.answers.surviving, found.answers.naming, made)


def _exhibits(given: Inputs, threads: int) -> tuple[Exhibit, ...]:
    params = given.params
    gallery = Gallery(given.store.blobs, params.seed, {term.reward: term.target for term in params.terms}, threads)
    greedy, sampled = map(given.written, params.columns), map(given.written_by_sampling, params.sampled)
    benchmarks, curated = given.folders(given.benchmarks).values(), [given.store.folder(given.curated)]
    return (
        *gallery.exhibits(list(greedy), benchmarks, params.examples_shown),
        *gallery.exhibits(list(sampled), curated, params.examples_shown // 8),
    )


def _exhibits_note(params: ReportParams) -> str:
    note = "Chosen by a hash of their ids, spread over benchmarks and families, never by outcome."
    if not params.sampled:
        return note
    return f"{note} Under “{SAMPLED}” stand completions drawn at a temperature with all rewards of their training."


def _first_compared(params: ReportParams) -> tuple[str, str] | None:
    """The titles of the two runs of the first comparison, from and to."""
    titles = {column.key: column.title for column in params.columns}
    return next(((titles[pair.against], titles[pair.run]) for pair in params.comparisons), None)


def _curves(given: Inputs) -> Iterator[Curves]:
    for name, title in given.params.trained.items():
        metrics = pq.read_table(given.store.folder(given.checkpoints[name]) / "metrics.parquet")
        plots = training_curves(TrainingLog(name=name, title=title, metrics=metrics))
        yield Curves(title=title, note=f"{max(metrics['step'].to_pylist())} steps", plots=plots)


def _provenance(given: Inputs) -> Iterator[Facts]:
    """Artifacts and versions; nothing that differs between two machines with the same lock."""
    named = {"curated examples": given.curated, **given.checkpoints, **given.benchmarks}
    yield Facts(
        title="Artifacts",
        rows=tuple(Fact(label=name, text=f"{item.stage}/{item.fingerprint}") for name, item in named.items()),
    )
    packages = given.store.manifest(given.curated).environment.packages
    yield Facts(title="Packages", rows=tuple(Fact(label=name, text=version) for name, version in packages.items()))
