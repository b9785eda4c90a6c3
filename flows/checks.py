"""Names in a recipe that stand for code or folders: a wrong one shows before anything runs, not hours into it."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from flows.gate import check_minimums
from flows.settings import VLLM_FOLDER
from llm.providers import PROVIDERS
from schemas.curation import Source
from schemas.recipe import GrpoStage, Recipe, SftStage
from schemas.training import GrpoParams
from schemas.values import UserError
from tasks.benchmarks import BENCHMARKS
from tasks.datasets import DATASETS
from training.model_types import model_type_at
from training.rewards import REWARDS

Reads = Literal["data and model", "data", "nothing"]
"""What a flow reads from outside the store."""


def checked(recipe: Recipe, reads: Reads = "data and model") -> Recipe:
    """The recipe itself. Raises UserError for a dataset, provider or reward in no table, a folder not there, a
    checkpoint that cannot be trained, or a minimum of no category.
    """
    sources = (*recipe.sources, *recipe.evaluation.benchmarks)
    _check("dataset", (source.dataset for source in sources), DATASETS | BENCHMARKS)
    _check("LLM provider", _providers(recipe), PROVIDERS)
    _check("reward", _rewards(recipe), REWARDS)
    for stage in recipe.stages:
        _check_ranks(stage)
        _check_needs(stage)
    check_minimums(recipe)
    if reads != "nothing":
        for source in sources:
            _check_folder(source)
    if reads == "data and model":
        _check_engines(recipe)
        if recipe.model.folder is not None:
            _check_model(Path(recipe.model.folder))
    return recipe


def measurable(recipe: Recipe) -> Recipe:
    """The recipe itself. Raises UserError where there is no benchmark to measure on."""
    if not recipe.evaluation.benchmarks:
        raise UserError("evaluation.benchmarks is empty: name a benchmark to measure on")
    return recipe


def _providers(recipe: Recipe) -> Iterator[str]:
    yield from (user.provider for user in (recipe.rewrite, recipe.rate, recipe.judge, *recipe.evaluation.models))
    yield from (stage.params.judge.provider for stage in recipe.stages if isinstance(stage, GrpoStage))


def _rewards(recipe: Recipe) -> Iterator[str]:
    for stage in recipe.stages:
        if isinstance(stage, GrpoStage):
            yield from _named(stage.params)


def _named(params: GrpoParams) -> Iterator[str]:
    yield from (term.reward for term in params.rewards)
    yield from (name for gate in params.gates for name in (gate.reward, *gate.zeroes))


def _check_needs(stage: SftStage | GrpoStage) -> None:
    """What one field needs of another, without which a run would end in its first step, or learn nothing."""
    if not isinstance(stage, GrpoStage):
        return
    params, named = stage.params, set(_named(stage.params))
    needs = {
        "reward `modality` needs `views`, whose completions it compares with": "modality" in named and not params.views,
        "reward `spans` needs `format: timed`": "spans" in named and params.format != "timed",
        "`ordered_tags` has no tags to order in `format: direct`": bool(params.decoding.ordered_tags)
        and params.format == "direct",
    }
    for need, unmet in needs.items():
        if unmet:
            raise UserError(f"stage {stage.name}: {need}")


def _check_ranks(stage: SftStage | GrpoStage) -> None:
    """What every rank gets the same number of."""
    params = stage.params
    shared = (
        ("prompts_per_step", params.prompts_per_step)
        if isinstance(params, GrpoParams)
        else ("batch_size", params.batch_size)
    )
    if shared[1] % params.world_size:
        raise UserError(
            f"stage {stage.name}: {shared[0]} {shared[1]} does not divide over {params.world_size} processes: change "
            f"it, or --set stages.{stage.name}.params.world_size=N"
        )


def _check_engines(recipe: Recipe) -> None:
    """vLLM opens whole models, and what a stage has trained is a thinker."""
    for stage in recipe.stages:
        if isinstance(stage, GrpoStage) and stage.params.rollouts.engine == "vllm" and not os.environ.get(VLLM_FOLDER):
            raise UserError(
                f"stage {stage.name}: rollouts.engine vllm opens the folder of a whole model, which is given the "
                f"stage's weights: name one with {VLLM_FOLDER}"
            )


def _check_folder(source: Source) -> None:
    if source.repository is None and source.in_corpus is None and not Path(source.folder).is_dir():
        raise UserError(
            f"source {source.name}: folder {source.folder} does not exist: download the dataset there, or name its "
            f"place with --set sources.{source.name}.folder=PATH (evaluation.benchmarks.{source.name} for a benchmark)"
        )


def _check_model(folder: Path) -> None:
    if not folder.is_dir():
        raise UserError(
            f"model: folder {folder} does not exist: download a checkpoint there, or name its place with "
            "--set model.folder=PATH"
        )
    model_type_at(folder)


def _check(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    table = sorted(known)
    for name in names:
        if name not in table:
            raise UserError(f"unknown {what} {name!r}: choose one of {', '.join(table)}")
