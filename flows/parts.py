"""The three parts of the pipeline, each a paragraph of tasks: curate data, train models, evaluate them.

Tasks are submitted, not awaited, so that what does not depend on each other runs side by side; a future stands for
the artifact that its task will return.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from prefect.futures import PrefectFuture, wait

from corpus.make import CorpusParams
from schemas.artifact import Artifact
from schemas.recipe import GrpoStage, Recipe, SftStage, Source
from schemas.training import Decoding, GenerateParams
from schemas.values import Runtime
from tasks.curate import Band, CurateParams, curate
from tasks.generation import PredictParams
from tasks.grpo import grpo
from tasks.import_model import ImportParams, ImportRuntime, import_model
from tasks.ingest import IngestParams, ingest
from tasks.judge import JudgeParams, judge
from tasks.make_corpus import make_corpus
from tasks.make_model import make_model
from tasks.predict import predict
from tasks.publish import PublishParams, publish
from tasks.rate import RateParams, rate
from tasks.report import ReportParams, report
from tasks.rewrite import RewriteParams, rewrite
from tasks.score import ScoreParams, score
from tasks.sft import sft
from tasks.solve_rate import solve_rate
from tasks.source import SourceParams, SourceRuntime, source
from training.tiny_params import TinyParams

Future = PrefectFuture[Artifact]
_IN_CORPUS = "corpus:"


class Data(NamedTuple):
    """Curated training examples, where they came from, and the benchmarks they were kept clear of."""

    curated: Future
    dataset: Future
    rewritten: Mapping[str, Future]
    benchmarks: Mapping[str, Future]


def curate_data(recipe: Recipe, runtime: Runtime) -> Data:
    """Ingest, rewrite and rate every source on its own, then choose from all of them."""
    corpus = _corpus(recipe, runtime)
    read = {item.name: _ingest(item, recipe, corpus, runtime, held_out=False) for item in recipe.sources}
    benchmarks = {
        item.name: _ingest(item, recipe, corpus, runtime, held_out=True) for item in recipe.evaluation.benchmarks
    }
    rewriting = RewriteParams(**recipe.rewrite.model_dump(), max_reject_share=recipe.curation.max_reject_share)
    rewritten = {name: rewrite.submit(rewriting, examples, runtime) for name, examples in read.items()}
    rating = RateParams(**recipe.rate.model_dump())
    rated = {name: rate.submit(rating, examples, runtime) for name, examples in rewritten.items()}
    choosing = CurateParams(
        min_quality=recipe.curation.min_quality,
        contamination=recipe.curation.contamination,
        validation_share=recipe.curation.validation_share,
        seed=recipe.curation.seed,
    )
    curated = curate.submit(choosing, rated, benchmarks, None, runtime)
    card = PublishParams(name=recipe.name, title=recipe.title)
    return Data(curated, publish.submit(card, curated, runtime), rewritten, benchmarks)


def train_models(recipe: Recipe, data: Data, runtime: Runtime) -> dict[str, Future]:
    """A checkpoint for the start, called `model`, and for every stage of the recipe."""
    checkpoints = {"model": _start(recipe, data, runtime)}
    for item in recipe.stages:
        before = checkpoints[item.init_from]
        if isinstance(item, SftStage):
            checkpoints[item.name] = sft.submit(item.params, data.curated, before, runtime)
        else:
            chosen = _within_band(recipe, item, data, before, runtime)
            checkpoints[item.name] = grpo.submit(item.params, chosen, before, runtime)
    return checkpoints


def evaluate_models(recipe: Recipe, data: Data, checkpoints: Mapping[str, Future], runtime: Runtime) -> Future:
    """Predict, judge and score every model, also on altered media and by sampling, and write the report."""
    asked = [(name, "full") for name in recipe.evaluation.stages]
    asked += [(control.stage, control.view) for control in recipe.evaluation.controls]
    scores: dict[str, Future] = {}
    predictions: dict[str, Future] = {}
    for name, view in asked:
        params = PredictParams(generate=_generation(recipe, name, recipe.evaluation.decoding).seen_as(view))
        key = f"{name}-{view}"
        predictions[key] = predict.submit(params, data.benchmarks, checkpoints[name], runtime)
        scores[key] = _scored(recipe, name, data.benchmarks, predictions[key], (), runtime)
    sampled = _probe(recipe, data, checkpoints, runtime)
    return report.submit(
        ReportParams.of(recipe),
        data.benchmarks,
        data.curated,
        data.rewritten,
        checkpoints,
        predictions,
        scores,
        sampled,
        runtime,
    )


def settle(futures: Iterable[Future]) -> list[Artifact]:
    """Wait for all and return their artifacts; raises what first went wrong, not what stumbled over it."""
    waited = list(futures)
    wait(waited)
    for future in waited:
        if future.state.is_failed() or future.state.is_crashed():
            future.result()
    return [future.result() for future in waited]


def _corpus(recipe: Recipe, runtime: Runtime) -> Future | None:
    if recipe.corpus is None:
        return None
    return make_corpus.submit(CorpusParams(**recipe.corpus.model_dump()), runtime)


def _ingest(item: Source, recipe: Recipe, corpus: Future | None, runtime: Runtime, *, held_out: bool) -> Future:
    within = item.folder.startswith(_IN_CORPUS)
    where = SourceRuntime(**runtime.model_dump(), folder=item.folder.removeprefix(_IN_CORPUS))
    found = source.submit(SourceParams(dataset=item.dataset, revision=item.revision), where, corpus if within else None)
    reading = IngestParams(
        dataset=item.dataset,
        revision=item.revision,
        take=item.take,
        seed=recipe.curation.seed,
        keep_unreadable=held_out,
        max_reject_share=recipe.curation.max_reject_share,
    )
    return ingest.submit(reading, found, runtime)


def _start(recipe: Recipe, data: Data, runtime: Runtime) -> Future:
    if recipe.model.folder is not None:
        where = ImportRuntime(**runtime.model_dump(), folder=recipe.model.folder)
        return import_model.submit(ImportParams(revision="local"), where)
    return make_model.submit(TinyParams(seed=recipe.model.tiny_seed or 0), {"curated": data.curated}, runtime)


def _within_band(recipe: Recipe, item: GrpoStage, data: Data, before: Future, runtime: Runtime) -> Future:
    """The curated rows that the model before this stage solves sometimes, but not always."""
    drawing = item.params.decoding.model_copy(update={"draws": item.solve_rate.draws})
    generate = _generation(recipe, item.name, drawing)
    rates = solve_rate.submit(PredictParams(generate=generate, split="train"), data.curated, before, runtime)
    band = Band(**item.solve_rate.model_dump(include={"above", "up_to", "correct_from"}))
    return curate.submit(
        CurateParams(band=band, contamination=recipe.curation.contamination),
        {"curated": data.curated},
        data.benchmarks,
        rates,
        runtime,
    )


def _generation(recipe: Recipe, name: str, decoding: Decoding) -> GenerateParams:
    """How a stage's model writes: in the format it was trained on; the untrained one context first."""
    stages = {item.name: item for item in recipe.stages}
    params = stages[name].params if name in stages else None
    return GenerateParams(
        format=params.format if params else "context_first",
        media=recipe.media,
        decoding=decoding,
        dtype=params.dtype if params else "float32",
        batch_size=recipe.evaluation.batch_size,
        rows_per_shard=recipe.evaluation.rows_per_shard,
    )


def _scored(
    recipe: Recipe,
    name: str,
    examples: Mapping[str, Future],
    predictions: Future,
    rewards: tuple[str, ...],
    runtime: Runtime,
) -> Future:
    format = _generation(recipe, name, recipe.evaluation.decoding).format
    asked = tuple(reward for reward in rewards if reward in ("context", "logic"))
    judging = JudgeParams(judge=recipe.judge, format=format, rewards=asked)
    judgements = judge.submit(judging, examples, predictions, runtime)
    scoring = ScoreParams(format=format, families=recipe.evaluation.families, rewards=("format", *rewards))
    return score.submit(scoring, examples, predictions, judgements, runtime)


def _probe(recipe: Recipe, data: Data, checkpoints: Mapping[str, Future], runtime: Runtime) -> dict[str, Future]:
    """Scores of sampled completions on held-out prompts, by stage."""
    probe = recipe.evaluation.probe
    if probe is None:
        return {}
    stage = recipe.stage(probe.rewards_of)
    assert isinstance(stage, GrpoStage)
    rewards = tuple(term.reward for term in stage.params.rewards)
    decoding = stage.params.decoding.model_copy(update={"draws": probe.draws, "seed": probe.seed})
    examples = {"validation": data.curated}
    sampled = {}
    for name in probe.stages:
        params = PredictParams(generate=_generation(recipe, name, decoding), split="validation", prompts=probe.prompts)
        predictions = predict.submit(params, examples, checkpoints[name], runtime)
        sampled[name] = _scored(recipe, name, examples, predictions, rewards, runtime)
    return sampled
