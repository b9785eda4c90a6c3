"""The report: one HTML file, the same tables as Markdown, and the numbers as JSON.

Everything in it comes from other artifacts, so it is cheap to write again.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from prefect import task
from prefect.cache_policies import NO_CACHE

from reporting.accuracy import accuracies
from reporting.categories import Measured, category_tables
from reporting.conclusions import conclusions
from reporting.differences import Difference, differences
from reporting.figures import TrainingLog, accuracy_plots, reward_plot, training_curves
from reporting.forest import forest_plots
from reporting.markdown import markdown
from reporting.page import Curves, Fact, Facts, ReportPage, RewardRow, RewardSection, render
from reporting.published import published
from reporting.rewards import reward_differences, reward_summaries
from reporting.runs import ALL, POOLED, Run
from schemas.artifact import Artifact, Rows
from schemas.runtime import Runtime
from schemas.tables import METRICS, SCORES
from storage.draft import Draft
from storage.files import write_text
from storage.parquet import read_table
from storage.store import Store
from tasks.funnel import funnel
from tasks.passages import Folders
from tasks.quality_section import quality_section
from tasks.report_params import Column, ReportParams
from tasks.reported_answers import Answering, answers
from tasks.reported_examples import Formats, Gallery, Written
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
_SAMPLED = "held-out training rows, sampled"


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
    store = Store(runtime.store)
    runs = [_run(store, column, scores[column.key]) for column in params.columns]
    found = accuracies(runs, params.seed)
    compared = differences(runs, params.comparisons, params.seed)
    answered = answers(
        [
            Answering(
                run,
                column.stage,
                column.view,
                _formats(store, scores[column.key]),
                store.folder(predictions[column.key]),
            )
            for run, column in zip(runs, params.columns, strict=True)
        ],
        params.seed,
    )
    rewarded = _rewards(store, params, sampled, runs, compared)
    gallery = Gallery(store.blobs, params.seed, {term.reward: term.target for term in params.terms}, runtime.threads)
    page = ReportPage(
        title=params.title,
        lead=params.lead,
        notices=params.notices,
        made=params.made,
        protocols=params.protocols,
        baselines=tuple(row for dataset in params.published for row in published(dataset)),
        conclusions=conclusions(
            compared,
            rewarded.reward_differences if rewarded else (),
            answered.surviving,
            answered.naming,
            params.made,
        ),
        accuracies=found,
        accuracy_plots=accuracy_plots(found),
        differences=compared,
        forests=forest_plots(compared),
        categories=category_tables(_measured(store, column, scores[column.key]) for column in params.columns),
        answers=answered,
        rewards=rewarded,
        curves=tuple(_curves(store, params, checkpoints)),
        funnel=tuple(
            funnel(
                {"read": _counts(store, read), "rewritten": _counts(store, rewritten), "rated": _counts(store, rated)},
                _folders(store, rated),
                store.folder(curated),
            )
        ),
        quality=quality_section(
            Folders(
                read=_folders(store, read),
                rewritten=_folders(store, rewritten),
                rated=_folders(store, rated),
                curated=store.folder(curated),
            ),
            store.blobs,
            params.min_quality,
            _PAIRS,
            params.seed,
        ),
        exhibits=(
            *gallery.exhibits(
                [_written(store, column, scores, predictions) for column in params.columns],
                _folders(store, benchmarks).values(),
                params.examples_shown,
            ),
            *gallery.exhibits(
                [_drawn(store, params, name, sampled[name]) for name in params.sampled],
                [store.folder(curated)],
                params.examples_shown // 8,
            ),
        ),
        exhibits_note=_exhibits_note(params),
        compared=_first_compared(params),
        provenance=tuple(_provenance(store, checkpoints, curated, benchmarks)),
    )
    write_text(draft.folder / "report.html", render(page))
    write_text(draft.folder / "report.md", markdown(page))
    write_text(draft.folder / "report.json", page.model_dump_json(exclude=_DRAWN))


def _run(store: Store, column: Column, scores: Artifact) -> Run:
    """The run with its scores by benchmark, and once more with all benchmarks together."""
    table = read_table(store.folder(scores), "scores", SCORES)
    pooled = table.set_column(
        table.schema.get_field_index("benchmark"),
        SCORES.field("benchmark"),
        pa.array([POOLED] * len(table), pa.string()),
    )
    kind = "model" if column.view == "full" else column.view
    return Run(column.key, column.title, kind, pa.concat_tables([pooled, table]))


def _measured(store: Store, column: Column, scores: Artifact) -> Measured:
    return Measured(column.title, read_table(store.folder(scores), "metrics", METRICS))


def _written(
    store: Store, column: Column, scores: Mapping[str, Artifact], predictions: Mapping[str, Artifact]
) -> Written:
    table = read_table(store.folder(scores[column.key]), "scores", SCORES)
    return Written(column.title, _formats(store, scores[column.key]), table, store.folder(predictions[column.key]))


def _drawn(store: Store, params: ReportParams, name: str, scores: Artifact) -> Written:
    """The first of the completions that a stage sampled, whose predictions its scores were made from."""
    table = read_table(store.folder(scores), "scores", SCORES).filter(pc.field("draw") == 0)
    place = table.schema.get_field_index("benchmark")
    table = table.set_column(place, SCORES.field("benchmark"), pa.array([_SAMPLED] * len(table), pa.string()))
    given = store.manifest(scores).inputs["predictions"]
    predictions = Artifact(stage=given.stage, fingerprint=given.fingerprint, kind="predictions")
    title = f"{params.trained.get(name, name)}, sampled"
    return Written(title, _formats(store, scores), table, store.folder(predictions))


def _formats(store: Store, scores: Artifact) -> Formats:
    """In which format completions were read when they were scored."""
    params = store.manifest(scores).params
    return Formats.model_validate({"usual": params["format"], "others": params.get("formats", {})})


def _exhibits_note(params: ReportParams) -> str:
    note = "Chosen by a hash of their ids, spread over benchmarks and families, never by outcome."
    if not params.sampled:
        return note
    return f"{note} Under “{_SAMPLED}” stand completions drawn at a temperature with all rewards of their training."


def _first_compared(params: ReportParams) -> tuple[str, str] | None:
    """The titles of the two runs of the first comparison, from and to."""
    titles = {column.key: column.title for column in params.columns}
    return next(((titles[pair.against], titles[pair.run]) for pair in params.comparisons), None)


def _rewards(
    store: Store,
    params: ReportParams,
    sampled: Mapping[str, Artifact],
    runs: list[Run],
    compared: tuple[Difference, ...],
) -> RewardSection | None:
    if not params.sampled:
        return None
    drawn = [
        Run(
            name,
            params.trained.get(name, name),
            "sampled",
            read_table(store.folder(sampled[name]), "scores", SCORES),
        )
        for name in params.sampled
    ]
    summaries = reward_summaries(drawn, params.terms, params.seed)
    greedy = {row.run: row for row in accuracies(runs, params.seed) if row.benchmark == POOLED and row.family == ALL}
    among = {f"{name}-full" for name in params.sampled}
    return RewardSection(
        note=params.sampled_note,
        rows=tuple(RewardRow(sampled=each, greedy=greedy.get(f"{each.run}-full")) for each in summaries),
        reward_differences=reward_differences(drawn, params.sampled_comparisons, params.terms, params.seed),
        accuracy_differences=tuple(
            row
            for row in compared
            if row.benchmark == POOLED and row.family == ALL and row.run in among and row.against in among
        ),
        plot=reward_plot(summaries),
    )


def _curves(store: Store, params: ReportParams, checkpoints: Mapping[str, Artifact]) -> Iterator[Curves]:
    for name, title in params.trained.items():
        metrics = pq.read_table(store.folder(checkpoints[name]) / "metrics.parquet")
        plots = training_curves(TrainingLog(name=name, title=title, metrics=metrics))
        yield Curves(title=title, note=f"{max(metrics['step'].to_pylist())} steps", plots=plots)


def _counts(store: Store, artifacts: Mapping[str, Artifact]) -> dict[str, Rows]:
    return {name: store.manifest(artifact).rows for name, artifact in artifacts.items()}


def _folders(store: Store, artifacts: Mapping[str, Artifact]) -> dict[str, Path]:
    return {name: store.folder(artifact) for name, artifact in artifacts.items()}


def _provenance(
    store: Store, checkpoints: Mapping[str, Artifact], curated: Artifact, benchmarks: Mapping[str, Artifact]
) -> Iterator[Facts]:
    """Artifacts and versions; nothing that differs between two machines with the same lock."""
    named = {"curated examples": curated, **checkpoints, **benchmarks}
    yield Facts(
        title="Artifacts",
        rows=tuple(Fact(label=name, text=f"{item.stage}/{item.fingerprint}") for name, item in named.items()),
    )
    packages = store.manifest(curated).environment.packages
    yield Facts(title="Packages", rows=tuple(Fact(label=name, text=version) for name, version in packages.items()))
