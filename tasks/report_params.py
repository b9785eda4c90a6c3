"""What a report is asked to show: its words, its columns, and what is compared with what."""

from collections.abc import Iterator, Mapping

from reporting.differences import Comparison
from reporting.page import AskedBy
from reporting.views import VIEWS, titled
from schemas.recipe import GrpoStage, Recipe
from schemas.training import RewardTerm, View
from schemas.values import Params, Value


class Column(Value):
    """One model in one view. key names its scores and predictions among the inputs."""

    key: str
    stage: str
    title: str
    view: View


class ReportParams(Params):
    """All words of the report, what is compared with what, and which rewards a probe adds up.

    made: benchmarks whose rows are a made corpus's; published: datasets of the others, whose published numbers are
    shown. protocols: how benchmarks were asked. judge: who judged contexts and reasoning.
    """

    title: str
    lead: tuple[str, ...]
    notices: tuple[str, ...]
    columns: tuple[Column, ...]
    comparisons: tuple[Comparison, ...]
    trained: dict[str, str]
    made: tuple[str, ...] = ()
    published: tuple[str, ...] = ()
    protocols: tuple[AskedBy, ...] = ()
    sampled: tuple[str, ...] = ()
    sampled_comparisons: tuple[Comparison, ...] = ()
    sampled_note: str = ""
    terms: tuple[RewardTerm, ...] = ()
    judge: str = ""
    min_quality: float = 0.0
    examples_shown: int = 400
    seed: int = 0

    @classmethod
    def of(cls, recipe: Recipe) -> "ReportParams":
        """What a recipe asks its report to show."""
        evaluation, probe = recipe.evaluation, recipe.evaluation.probe
        titles = {"model": "untrained", **{item.name: item.title for item in (*recipe.stages, *evaluation.models)}}
        rewarded = recipe.stage(probe.rewards_of) if probe else None
        return cls(
            title=recipe.title,
            lead=(recipe.description,),
            notices=recipe.notices,
            columns=tuple(_columns(recipe, titles)),
            comparisons=tuple(_comparisons(recipe, titles)),
            trained={item.name: item.title for item in recipe.stages},
            made=tuple(item.name for item in evaluation.benchmarks if item.in_corpus is not None),
            published=tuple(sorted({item.dataset for item in evaluation.benchmarks if item.in_corpus is None})),
            protocols=tuple(_protocols(recipe)),
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
            judge=f"{recipe.judge.model} ({recipe.judge.provider})",
            min_quality=recipe.curation.min_quality,
            examples_shown=evaluation.examples_shown,
        )


def _columns(recipe: Recipe, titles: Mapping[str, str]) -> Iterator[Column]:
    for name, view in recipe.evaluation.measured():
        yield Column(key=f"{name}-{view}", stage=name, title=titled(titles[name], view), view=view)


def _protocols(recipe: Recipe) -> Iterator[AskedBy]:
    """In words, each way with the benchmarks that were asked so."""
    evaluation, media, decoding = recipe.evaluation, recipe.media, recipe.evaluation.decoding
    ways: dict[str, list[str]] = {}
    for name, protocol in evaluation.by_benchmark().items():
        chosen = evaluation.protocols.get(name, evaluation.protocol)
        heat = decoding.temperature if protocol.temperature is None else protocol.temperature
        words = (
            f"protocol {chosen if isinstance(chosen, str) else 'of the recipe'}"
            f"{f' ({protocol.facts})' if protocol.facts else ''}: {protocol.fps or media.fps:g} frames a second, "
            f"{protocol.max_frames or media.max_frames} at most, sound {protocol.audio or media.audio}, up to "
            f"{protocol.max_new_tokens or decoding.max_new_tokens} tokens, "
            f"{f'temperature {heat:g}' if heat else 'greedy'}"
        )
        ways.setdefault(words, []).append(name)
    for words, names in ways.items():
        yield AskedBy(benchmarks=tuple(names), words=words)


def _comparisons(recipe: Recipe, titles: Mapping[str, str]) -> Iterator[Comparison]:
    for pair in recipe.evaluation.comparisons:
        title = f"{titles[pair.stage]} − {titles[pair.against]}"
        yield Comparison(title=title, run=f"{pair.stage}-full", against=f"{pair.against}-full")
    for control in recipe.evaluation.controls:
        title = f"{titles[control.stage]}: {VIEWS[control.view].title} − full"
        yield Comparison(title=title, run=f"{control.stage}-{control.view}", against=f"{control.stage}-full")
