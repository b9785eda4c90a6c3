"""The last part of the pipeline: measure every model on the benchmarks, and report.

A model is a checkpoint or a language model behind a provider; a key names it in one view, `sft-full`. What each
benchmark's protocol says is settled here, so that a stage is told all that changes its bytes.
"""

from collections.abc import Mapping

from flows.parts import Data, generation
from flows.run import Future, Run
from schemas.completion import FormatName
from schemas.evaluation import JUDGED_REWARDS, Judged
from schemas.recipe import GrpoStage
from schemas.training import GenerateParams, View
from tasks.answer import AnswerParams, Asked, answer
from tasks.generation import PredictParams
from tasks.judge import JudgeParams, judge
from tasks.predict import predict
from tasks.report import report
from tasks.report_params import ReportParams
from tasks.score import ScoreParams, score


def evaluate_models(run: Run, data: Data, checkpoints: Mapping[str, Future]) -> Future:
    """Predict, judge and score every model, also on altered media and by sampling, and write the report."""
    scores: dict[str, Future] = {}
    predictions: dict[str, Future] = {}
    models = {item.name for item in run.recipe.evaluation.models}
    for name, view in run.recipe.evaluation.measured():
        key = f"{name}-{view}"
        if name in models:
            predictions[key] = run.submit(answer, asked_as(run, name, view), data.benchmarks, of=key)
        else:
            how = predicted(run, name, view)
            predictions[key] = run.submit(predict, how, data.benchmarks, checkpoints[name], of=key)
        scores[key] = _scored(
            run, key, data.benchmarks, predictions[key], formats_of(run, name), _judged(run, name, view)
        )
    sampled = _probe(run, data, checkpoints)
    return run.submit(
        report,
        ReportParams.of(run.recipe),
        data.benchmarks,
        data.read,
        data.rewritten,
        data.rated,
        data.curated,
        checkpoints,
        predictions,
        scores,
        sampled,
    )


def predicted(run: Run, name: str, view: View) -> PredictParams:
    """How a checkpoint is measured: alike on all benchmarks, or on each by its protocol."""
    ways = {benchmark: _way(run, name, benchmark, view) for benchmark in run.recipe.evaluation.by_benchmark()}
    first = next(iter(ways.values()))
    return PredictParams(generate=first, differently={key: way for key, way in ways.items() if way != first})


def _way(run: Run, name: str, benchmark: str, view: View) -> GenerateParams:
    evaluation = run.recipe.evaluation
    protocol = evaluation.by_benchmark()[benchmark]
    generate = protocol.generated(generation(run.recipe, name, evaluation.decoding))
    return generate.seen_as(protocol.view if view == "full" else view, evaluation.altering)


def asked_as(run: Run, name: str, view: View) -> AnswerParams:
    """How a language model is measured. Its own settings stand where a protocol says nothing else."""
    evaluation = run.recipe.evaluation
    model = next(item for item in evaluation.models if item.name == name)
    asked = {}
    for benchmark in evaluation.by_benchmark():
        protocol, way = evaluation.by_benchmark()[benchmark], _way(run, name, benchmark, view)
        asked[benchmark] = Asked(
            llm=protocol.asked(model.llm),
            format=way.format,
            wording=way.wording,
            view=way.view,
            altering=way.altering,
            max_tokens=way.decoding.max_new_tokens,
        )
    return AnswerParams(asked=asked, rows_per_shard=evaluation.rows_per_shard)


def formats_of(run: Run, name: str) -> dict[str, FormatName]:
    """In which format a model answers each benchmark."""
    return {benchmark: _way(run, name, benchmark, "full").format for benchmark in run.recipe.evaluation.by_benchmark()}


def _judged(run: Run, name: str, view: View) -> Judged | None:
    """What a judge is asked of a model: of all or chosen ones, where nothing was taken away."""
    judged = run.recipe.evaluation.judged
    return judged if judged and view == "full" and judged.of(name) else None


def _scored(
    run: Run,
    of: str,
    examples: Mapping[str, Future],
    predictions: Future,
    formats: Mapping[str, FormatName],
    judged: Judged | None,
    rewards: tuple[str, ...] = (),
) -> Future:
    """Scores, with what a judge is asked for. formats: by the name of the examples. rewards: besides those of `judged`,
    of all completions.
    """
    format = next(iter(formats.values()))
    others: dict[str, FormatName] = {name: other for name, other in formats.items() if other != format}
    wanted = judged.rewards if judged else tuple(name for name in rewards if name in JUDGED_REWARDS)
    judging = JudgeParams(
        judge=run.recipe.judge,
        format=format,
        formats=others,
        rewards=wanted,
        sample=judged.examples if judged else None,
        seed=judged.seed if judged else 0,
    )
    judgements = run.submit(judge, judging, examples, predictions, of=of)
    scoring = ScoreParams(
        format=format,
        formats=others,
        families=run.recipe.evaluation.families,
        rewards=tuple(dict.fromkeys(("format", *rewards, *wanted))),
    )
    return run.submit(score, scoring, examples, predictions, judgements, of=of)


def _probe(run: Run, data: Data, checkpoints: Mapping[str, Future]) -> dict[str, Future]:
    """Scores of sampled completions on held-out prompts, by stage."""
    probe = run.recipe.evaluation.probe
    if probe is None:
        return {}
    stage = run.recipe.stage(probe.rewards_of)
    assert isinstance(stage, GrpoStage)
    rewards = tuple(term.reward for term in stage.params.rewards)
    decoding = stage.params.decoding.model_copy(update={"draws": probe.draws, "seed": probe.seed})
    examples = {"validation": data.curated}
    sampled = {}
    for name in probe.stages:
        generate = generation(run.recipe, name, decoding)
        params = PredictParams(generate=generate, split="validation", prompts=probe.prompts)
        of = f"{name}-sampled"
        predictions = run.submit(predict, params, examples, checkpoints[name], of=of)
        sampled[name] = _scored(run, of, examples, predictions, {"validation": generate.format}, None, rewards)
    return sampled
