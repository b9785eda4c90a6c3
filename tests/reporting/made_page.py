"""A whole page made of one text, which stands wherever a row's or a recipe's text can stand."""

from functools import cache

import pyarrow as pa

from reporting.accuracy import accuracies
from reporting.categories import Measured, category_tables
from reporting.clips import clip
from reporting.conclusions import conclusions
from reporting.differences import Comparison, differences
from reporting.exhibits import Choice, Exhibit, pieces, shown
from reporting.figures import TrainingLog, accuracy_plots, reward_plot, training_curves
from reporting.forest import forest_plots
from reporting.histograms import histogram_plot, histograms
from reporting.lengths import lengths
from reporting.letters import letter_biases
from reporting.naming import Contexts, named
from reporting.page import Answers, AskedBy, Curves, Fact, Facts, FunnelStep, ReportPage, RewardRow, RewardSection
from reporting.pairs import Judged, Leaving, Pair
from reporting.published import Published
from reporting.quality import QualitySection, Step, outcomes
from reporting.reasoning import Reasoning, reasoning
from reporting.rewards import reward_differences, reward_summaries
from reporting.runs import POOLED, Run, columns
from reporting.shortcuts import shortcuts
from schemas.artifact import Rows
from schemas.completion import render as completion
from schemas.example import Rating
from schemas.tables import JUDGED, METRICS
from schemas.training import RewardTerm
from tests.reporting.made import score, scores

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
TERMS = (RewardTerm(reward="format", weight=0.5), RewardTerm(reward="accuracy", weight=1.0))


@cache
def made_page(text: str) -> ReportPage:
    """Every section, with `text` in every place that a text can have."""
    full, muted = _runs(text)
    comparisons = [Comparison(title=text, run="muted", against="full")]
    paired = differences([full, muted], comparisons)
    rewarded = reward_differences([full, muted], comparisons, TERMS)
    answers = _answers(full, muted, text)
    return ReportPage(
        title=text,
        lead=(text,),
        notices=(text,),
        made=(text,),
        protocols=(AskedBy(benchmarks=(text,), words=text),),
        conclusions=conclusions(paired, rewarded, answers.surviving, answers.naming, (text,)),
        accuracies=accuracies([full, muted]),
        accuracy_plots=accuracy_plots(accuracies([full, muted])),
        differences=paired,
        forests=forest_plots(paired),
        categories=category_tables([Measured(text, _metrics(text))]),
        answers=answers,
        reasoning=_reasoning(full, muted, text),
        rewards=_rewards(full, muted, text, comparisons),
        curves=(Curves(title=text, note=text, plots=training_curves(TrainingLog("sft", text, _logged()))),),
        funnel=(
            FunnelStep(source=text, step=text, rows=Rows(entered=10, left=7, rejected={text: 3})),
            FunnelStep(source="lossy", step="read", rows=Rows(entered=10, left=7)),
        ),
        quality=made_quality(text),
        baselines=(
            Published(
                benchmark=text, model=text, figure=58.47, n=9, protocol=text, source=text, subset=text, doubt=text
            ),
        ),
        exhibits=made_exhibits(text),
        exhibits_note=text,
        compared=(text, text),
        provenance=(Facts(title=text, rows=(Fact(label=text, text=text),)),),
    )


def made_exhibits(text: str) -> tuple[Exhibit, ...]:
    row = score("1", given=text, rewards=[(text, 1.0)])
    return (
        Exhibit(
            id=text,
            benchmark=text,
            category=text,
            question=text,
            choices=(Choice(label="A", text=text, gold=True),),
            gold=text,
            clips=(clip("image", text, PNG),),
            completions=(shown(text, "context_first", completion(text, text, "A"), row, {}, text),),
        ),
    )


def made_quality(text: str) -> QualitySection:
    found = histograms([({"composite": 0.2}, False), ({"composite": 0.8}, True)])
    step = Step(text, text, ["a", "b", "c", "d"], ["", "", "", text], [True, False, False, False])
    return QualitySection(
        note=text,
        outcomes=outcomes([step]),
        min_quality=0.5,
        histograms=found,
        plots=tuple(histogram_plot(one, 0.5) for one in found),
        pairs=(
            Pair(accepted=_judged(text, None), rejected=_judged(text, Leaving(step=text, reason=text, detail=text))),
            Pair(accepted=_judged(text, None), rejected=None),
        ),
    )


def _runs(text: str) -> tuple[Run, Run]:
    rows = [
        score(str(place), value=float(place % 3 > 0), consistent=place > 3, family=text, benchmark=POOLED)
        for place in range(12)
    ]
    rows += [{**row, "benchmark": text, "answer_kind": "yes_no", "gold": text} for row in rows]
    muted = [{**row, "value": 0.0} for row in rows]
    return Run("full", text, "model", scores(*rows)), Run("muted", text, "muted", scores(*muted))


def _answers(full: Run, muted: Run, text: str) -> Answers:
    found = columns(full)
    groups = dict(zip(found.key, found.group, strict=True))
    full_texts = dict.fromkeys(groups, f"{text} a red shape")
    muted_texts = dict.fromkeys(groups, f"{text} a voice")
    return Answers(
        letters=letter_biases([full]),
        lengths=lengths([full, muted]),
        surviving=shortcuts(full, [muted]),
        naming=named(
            Contexts("full", "full", text, full_texts, groups), [Contexts("muted", "muted", text, muted_texts, groups)]
        ),
    )


def _reasoning(full: Run, muted: Run, text: str) -> Reasoning:
    """The judge knows one of three contexts, and no reasoning at all."""
    context = {"reward": "context", "asked": 3, "known": 1, "value": 0.8, "groups": 1, "unknown": [(text, 2)]}
    logic = {"reward": "logic", "asked": 3, "known": 0, "groups": 0, "unknown": [(text, 1), ("judge timeout", 2)]}
    said = pa.Table.from_pylist([{"benchmark": text, **row} for row in (context, logic)], schema=JUDGED)
    return reasoning([full, muted], [(text, said), (text, JUDGED.empty_table())], text)


def _rewards(full: Run, muted: Run, text: str, comparisons: list[Comparison]) -> RewardSection:
    found = reward_summaries([full, muted], TERMS)
    return RewardSection(
        note=text,
        rows=(
            RewardRow(sampled=found[0], greedy=accuracies([full])[0]),
            RewardRow(sampled=found[1], greedy=None),
        ),
        reward_differences=reward_differences([full, muted], comparisons, TERMS),
        accuracy_differences=differences([full, muted], comparisons),
        plot=reward_plot(found),
    )


def _judged(text: str, leaving: Leaving | None) -> Judged:
    return Judged(
        **made_exhibits(text)[0].model_dump(include={"id", "question", "choices", "gold", "clips"}),
        source=text,
        leaving=leaving,
        repaired=True,
        written=pieces(text, "context_first"),
        reply=text,
        ratings=(Rating(name=text, value=0.5, rationale=text),),
        quality=0.5,
        note=text,
    )


def _metrics(text: str) -> pa.Table:
    counts = {"n": 4, "answered": 4, "unanswered": 0, "unread": 0, "load_errors": 0, "unjudged": 0, "groups": 4}
    value = {"value": 0.5, "low": 0.1, "high": 0.9, "of_answered": 0.5}
    lines = [("all", ""), (text, text), (text, "")]
    return pa.Table.from_pylist(
        [
            {"benchmark": text, "average": "questions", "breakdown": breakdown, "category": category, **counts, **value}
            for breakdown, category in lines
        ],
        schema=METRICS,
    )


def _logged() -> pa.Table:
    return pa.table({"step": [1, 2], "name": ["loss", "loss"], "value": [2.0, 1.0]})
