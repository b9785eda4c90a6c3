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
from reporting.differences import Comparison, Difference, differences
from reporting.exhibits import Exhibit, Shown, clips_of, exhibit, pick, shown
from reporting.figures import TrainingLog, accuracy_plots, reward_plot, training_curves
from reporting.markdown import markdown
from reporting.page import Curves, Fact, Facts, FunnelStage, ReportPage, RewardRow, RewardSection, render
from reporting.rewards import reward_differences, reward_summaries
from reporting.runs import POOLED, Run, RunKind
from schemas.artifact import Artifact
from schemas.completion import FormatName
from schemas.recipe import GrpoStage, Recipe
from schemas.runtime import Runtime
from schemas.tables import SCORES
from schemas.training import RewardTerm, View
from schemas.values import Params, Value
from storage.draft import Draft
from storage.files import write_text
from storage.parquet import find_examples, read_rows, read_table
from storage.store import Store
from tasks.passages import Folders
from tasks.quality_section import quality_section
from tasks.stage import stage

_VIEWS: dict[View, str] = {"full": "", "muted": ", muted", "blind": ", blinded"}
_DRAWN = {"exhibits": True, "curves": True, "accuracy_plots": True, "quality": {"plots", "pairs"}}
"""What of the page is to be looked at, and no number."""


class Column(Value):
    """One model in one view. key names its scores and predictions among the inputs."""

    key: str
    stage: str
    title: str
    kind: RunKind
    format: FormatName


class ReportParams(Params):
    """All words of the report, what is compared with what, and which rewards a probe adds up."""

    title: str
    lead: tuple[str, ...]
    notices: tuple[str, ...]
    columns: tuple[Column, ...]
    comparisons: tuple[Comparison, ...]
    trained: dict[str, str]
    sampled: tuple[str, ...] = ()
    sampled_comparisons: tuple[Comparison, ...] = ()
    sampled_note: str = ""
    terms: tuple[RewardTerm, ...] = ()
    min_quality: float = 0.0
    examples_shown: int = 20
    seed: int = 0

    @classmethod
    def of(cls, recipe: Recipe) -> "ReportParams":
        """What a recipe asks its report to show."""
        evaluation, probe = recipe.evaluation, recipe.evaluation.probe
        titles = {"model": "untrained", **{item.name: item.title for item in recipe.stages}}
        rewarded = recipe.stage(probe.rewards_of) if probe else None
        return cls(
            title=recipe.title,
            lead=(recipe.description,),
            notices=recipe.notices,
            columns=tuple(_columns(recipe, titles)),
            comparisons=tuple(_comparisons(recipe, titles)),
            trained={item.name: item.title for item in recipe.stages},
            sampled=probe.stages if probe else (),
            sampled_comparisons=tuple(
                Comparison(title=f"{titles[name]} − {titles[probe.before]}", run=name, against=probe.before)
                for name in probe.stages
                if name != probe.before
            )
            if probe
            else (),
            sampled_note=probe.note if probe else "",
            terms=rewarded.params.rewards if isinstance(rewarded, GrpoStage) else (),
            min_quality=recipe.curation.min_quality,
            examples_shown=evaluation.examples_shown,
        )


@task(cache_policy=NO_CACHE, persist_result=False)
@stage(version="3", kind="report")
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
    page = ReportPage(
        title=params.title,
        lead=params.lead,
        notices=params.notices,
        accuracies=found,
        accuracy_plots=accuracy_plots(found),
        differences=compared,
        rewards=_rewards(store, params, sampled, runs, compared),
        curves=tuple(_curves(store, params, checkpoints)),
        funnel=tuple(_funnel(store, {"read": read, "rewritten": rewritten, "rated": rated}, curated)),
        quality=quality_section(
            Folders(
                read=_folders(store, read),
                rewritten=_folders(store, rewritten),
                rated=_folders(store, rated),
                curated=store.folder(curated),
            ),
            store.blobs,
            params.min_quality,
            params.examples_shown,
            params.seed,
        ),
        exhibits=tuple(_exhibits(store, params, runs, benchmarks, predictions)),
        exhibits_note="Chosen by a hash of their ids, spread over benchmarks and families, never by outcome.",
        provenance=tuple(_provenance(store, checkpoints, curated, benchmarks)),
    )
    write_text(draft.folder / "report.html", render(page))
    write_text(draft.folder / "report.md", markdown(page))
    write_text(draft.folder / "report.json", page.model_dump_json(exclude=_DRAWN))


def _columns(recipe: Recipe, titles: Mapping[str, str]) -> Iterator[Column]:
    formats: dict[str, FormatName] = {item.name: item.params.format for item in recipe.stages}
    for name, view in recipe.evaluation.measured():
        yield Column(
            key=f"{name}-{view}",
            stage=name,
            title=titles[name] + _VIEWS[view],
            kind="model" if view == "full" else view,
            format=formats.get(name, "context_first"),
        )


def _comparisons(recipe: Recipe, titles: Mapping[str, str]) -> Iterator[Comparison]:
    for pair in recipe.evaluation.comparisons:
        title = f"{titles[pair.stage]} − {titles[pair.against]}"
        yield Comparison(title=title, run=f"{pair.stage}-full", against=f"{pair.against}-full")
    for control in recipe.evaluation.controls:
        title = f"{titles[control.stage]}: {_VIEWS[control.view].strip(', ')} − full"
        yield Comparison(title=title, run=f"{control.stage}-{control.view}", against=f"{control.stage}-full")


def _run(store: Store, column: Column, scores: Artifact) -> Run:
    """The run with its scores by benchmark, and once more with all benchmarks together."""
    table = read_table(store.folder(scores), "scores", SCORES)
    pooled = table.set_column(
        table.schema.get_field_index("benchmark"),
        SCORES.field("benchmark"),
        pa.array([POOLED] * len(table), pa.string()),
    )
    return Run(column.key, column.title, column.kind, pa.concat_tables([pooled, table]))


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
    greedy = {row.run: row for row in accuracies(runs, params.seed) if row.benchmark == POOLED and row.family == "all"}
    among = {f"{name}-full" for name in params.sampled}
    return RewardSection(
        note=params.sampled_note,
        rows=tuple(RewardRow(sampled=each, greedy=greedy.get(f"{each.run}-full")) for each in summaries),
        reward_differences=reward_differences(drawn, params.sampled_comparisons, params.terms, params.seed),
        accuracy_differences=tuple(
            row
            for row in compared
            if row.benchmark == POOLED and row.family == "all" and row.run in among and row.against in among
        ),
        plot=reward_plot(summaries),
    )


def _curves(store: Store, params: ReportParams, checkpoints: Mapping[str, Artifact]) -> Iterator[Curves]:
    for name, title in params.trained.items():
        metrics = pq.read_table(store.folder(checkpoints[name]) / "metrics.parquet")
        plots = training_curves(TrainingLog(name=name, title=title, metrics=metrics))
        yield Curves(title=title, note=f"{max(metrics['step'].to_pylist())} steps", plots=plots)


def _funnel(store: Store, made: Mapping[str, Mapping[str, Artifact]], curated: Artifact) -> Iterator[FunnelStage]:
    """Rows of each source through what was `made` of it, step by step, and of all through curation."""
    for name in sorted(made["read"]):
        for step, artifacts in made.items():
            yield FunnelStage(title=f"{name}: {step}", rows=store.manifest(artifacts[name]).rows)
    yield FunnelStage(title="curated, all sources", rows=store.manifest(curated).rows)


def _folders(store: Store, artifacts: Mapping[str, Artifact]) -> dict[str, Path]:
    return {name: store.folder(artifact) for name, artifact in artifacts.items()}


def _exhibits(
    store: Store,
    params: ReportParams,
    runs: list[Run],
    benchmarks: Mapping[str, Artifact],
    predictions: Mapping[str, Artifact],
) -> Iterator[Exhibit]:
    own = [Run(run.name, run.title, run.kind, run.scores.filter(pc.field("benchmark") != POOLED)) for run in runs]
    chosen = pick(own[0], params.examples_shown, params.seed)
    ids = {id for _, id in chosen}
    examples = {
        example.id: example
        for artifact in benchmarks.values()
        for example in find_examples(store.folder(artifact), sorted(ids))
    }
    written: dict[str, list[Shown]] = {id: [] for id in ids}
    families: dict[str, str] = {}
    for column, run in zip(params.columns, own, strict=True):
        texts = {str(row["id"]): row for row in read_rows(store.folder(predictions[column.key]), "predictions")}
        for row in run.scores.to_pylist():
            if row["id"] in ids:
                families[row["id"]] = row["family"]
                text = texts[row["id"]]
                written[row["id"]].append(
                    shown(
                        column.title,
                        column.format,
                        str(text["text"]),
                        row["outcome"],
                        row["value"],
                        row["given"],
                        str(text["load_error"] or ""),
                    )
                )
    for benchmark, id in chosen:
        clips = clips_of(examples[id].media, store.blobs)
        yield exhibit(examples[id], benchmark, families[id], clips, written[id])


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
