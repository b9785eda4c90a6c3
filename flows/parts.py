"""The first two parts of the pipeline, each a paragraph of tasks: curate data, train models (then `flows.evaluating`).

Tasks are submitted, not awaited, so that what does not depend on each other runs side by side; a future stands for
the artifact that its task will return.
"""

from collections.abc import Mapping
from typing import NamedTuple

from corpus.make import CorpusParams
from flows.run import Future, Run
from schemas.curation import Source
from schemas.recipe import GrpoStage, Recipe, SftStage
from schemas.training import Decoding, GenerateParams
from tasks.curate import CurateParams, curate
from tasks.curation.quality import Band
from tasks.fetch import FILES, FetchParams, FetchRuntime, fetch
from tasks.generation import PredictParams
from tasks.grpo import grpo
from tasks.import_model import ImportParams, ImportRuntime, import_model
from tasks.ingest import IngestRuntime, ingest
from tasks.make_corpus import make_corpus
from tasks.make_model import make_model
from tasks.publish import PublishParams, publish
from tasks.rate import RateParams, rate
from tasks.reading.blocks import IngestParams
from tasks.rewrite import RewriteParams, rewrite
from tasks.sft import sft
from tasks.solve_rate import solve_rate
from tasks.source import SourceParams, SourceRuntime, source
from training.tiny_params import TinyParams


class Data(NamedTuple):
    """Curated training examples, where they came from, and the benchmarks they were kept clear of."""

    curated: Future
    dataset: Future
    read: Mapping[str, Future]
    rewritten: Mapping[str, Future]
    rated: Mapping[str, Future]
    benchmarks: Mapping[str, Future]


def curate_data(run: Run) -> Data:
    """Ingest, rewrite and rate every source on its own, then choose from all of them."""
    corpus = _corpus(run)
    read = {item.name: _ingest(run, item, corpus, held_out=False) for item in run.recipe.sources}
    benchmarks = {item.name: _ingest(run, item, corpus, held_out=True) for item in run.recipe.evaluation.benchmarks}
    writer, rater = run.recipe.rewrite, run.recipe.rate
    rewriting = RewriteParams(
        llm=writer.llm,
        rows_per_shard=writer.rows_per_shard,
        max_reject_share=run.recipe.curation.max_reject_share,
    )
    rewritten = {name: run.submit(rewrite, rewriting, examples, of=name) for name, examples in read.items()}
    rating = RateParams(llm=rater.llm, rows_per_shard=rater.rows_per_shard)
    rated = {name: run.submit(rate, rating, examples, of=name) for name, examples in rewritten.items()}
    choosing = CurateParams(**run.recipe.curation.model_dump(exclude={"max_reject_share"}))
    curated = run.submit(curate, choosing, rated, benchmarks, None, of=run.recipe.name)
    card = PublishParams(name=run.recipe.name, title=run.recipe.title, **run.recipe.publishing.model_dump())
    return Data(curated, run.submit(publish, card, curated, of=run.recipe.name), read, rewritten, rated, benchmarks)


def train_models(run: Run, data: Data) -> dict[str, Future]:
    """A checkpoint for the start, called `model`, and for every stage of the recipe."""
    checkpoints = {"model": _start(run, data)}
    for item in run.recipe.stages:
        before, after = checkpoints[item.init_from], [checkpoints[name] for name in item.after]
        if isinstance(item, SftStage):
            checkpoints[item.name] = run.submit(sft, item.params, data.curated, before, of=item.name, after=after)
        else:
            chosen = _within_band(run, item, data, before)
            held_out = {name: data.benchmarks[name] for name in (item.held_out,) if name}
            checkpoints[item.name] = run.submit(grpo, item.params, chosen, before, held_out, of=item.name, after=after)
    return checkpoints


def _corpus(run: Run) -> Future | None:
    if run.recipe.corpus is None:
        return None
    return run.submit(make_corpus, CorpusParams(**run.recipe.corpus.model_dump()))


def _ingest(run: Run, item: Source, corpus: Future | None, *, held_out: bool) -> Future:
    within, folder = _place(run, item, corpus)
    where = SourceRuntime(**run.runtime.model_dump(), folder=folder, max_unpacked_gb=item.max_unpacked_gb)
    listing = SourceParams(**item.model_dump(include={"dataset", "revision", "files", "unpack"}))
    found = run.submit(source, listing, within, of=item.name, runtime=where)
    reading = IngestParams(
        dataset=item.dataset,
        revision=item.revision,
        take=item.take,
        seed=run.recipe.curation.seed,
        keep_unreadable=held_out,
        max_reject_share=run.recipe.curation.max_reject_share,
    )
    reader = IngestRuntime(**run.runtime.model_dump(), removals=run.recipe.removals)
    return run.submit(ingest, reading, found, of=item.name, runtime=reader)


def _place(run: Run, item: Source, corpus: Future | None) -> tuple[Future | None, str]:
    """The artifact that a source lies in, if it lies in one, and its folder there or on this machine."""
    if item.repository is not None:
        asked = FetchParams(repository=item.repository, commit=item.revision, files=item.files)
        return run.submit(fetch, asked, of=item.repository, runtime=FetchRuntime(**run.runtime.model_dump())), FILES
    if item.in_corpus is not None:
        return corpus, item.in_corpus
    return None, item.folder


def _start(run: Run, data: Data) -> Future:
    if run.recipe.model.folder is not None:
        where = ImportRuntime(**run.runtime.model_dump(), folder=run.recipe.model.folder)
        return run.submit(import_model, ImportParams(revision="local"), runtime=where)
    tiny = TinyParams(family=run.recipe.model.tiny_family, seed=run.recipe.model.tiny_seed or 0)
    return run.submit(make_model, tiny, {"curated": data.curated})


def _within_band(run: Run, item: GrpoStage, data: Data, before: Future) -> Future:
    """The curated rows that the model before this stage solves sometimes, but not always.

    They were kept clear of benchmarks and duplicates when they were curated, which is not judged again.
    """
    drawing = item.params.decoding.model_copy(update={"draws": item.solve_rate.draws})
    generate = generation(run.recipe, item.name, drawing)
    rates = run.submit(
        solve_rate, PredictParams(generate=generate, split="train"), data.curated, before, of=item.init_from
    )
    band = Band(**item.solve_rate.model_dump(include={"above", "up_to", "correct_from"}))
    choosing = CurateParams(band=band, near_duplicate=None)
    return run.submit(curate, choosing, {"curated": data.curated}, {}, rates, of=f"for {item.name}")


def generation(recipe: Recipe, name: str, decoding: Decoding) -> GenerateParams:
    """How a model writes: in the format it was trained on, untrained ones and language models context first.

    The untrained model has the numbers of the first stage, since twice their size may be twice too large.
    """
    stages = {item.name: item for item in recipe.stages}
    params = stages[name].params if name in stages else None
    like = params or next((item.params for item in recipe.stages), None)
    return GenerateParams(
        format=params.format if params else "context_first",
        media=recipe.media,
        decoding=decoding,
        dtype=like.dtype if like else "float32",
        batch_size=recipe.evaluation.batch_size,
        rows_per_shard=recipe.evaluation.rows_per_shard,
    )
