"""Score completions by rule, add what a judge said, and sort every row into benchmark, category and family.

Cheap and separate from predicting and judging, so that a rule can change without paying again. Beside the scores lie
`metrics`, each benchmark's official table, overall and by its categories, and `judged`, what a judge said on average.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from prefect import task
from prefect.cache_policies import NO_CACHE

from schemas.artifact import Artifact
from schemas.completion import FormatName, parse
from schemas.evaluation import JUDGED_REWARDS, Families
from schemas.example import Example
from schemas.options import given
from schemas.runtime import Runtime
from schemas.tables import JUDGED, METRICS, SCORES
from schemas.values import Params, UserError
from storage.draft import Draft
from storage.parquet import read_examples, read_rows, shard_name, write_rows
from storage.store import Store
from tasks.scoring import consistency, metrics
from tasks.scoring.consistency import CONSISTENCY
from tasks.scoring.judged import judged_means
from tasks.scoring.marks import own_mark
from tasks.scoring.tally import Tally
from tasks.stage import stage
from training.rewards import REWARDS
from training.rewards.accuracy import agreement
from training.rewards.contract import Group, RewardScore, Rollout

Judged = Mapping[tuple[str, int, str], RewardScore]


class ScoreParams(Params):
    """format: of completions; `formats` by benchmark, where it is another. families: by benchmark. rewards: names to
    give every completion, besides its accuracy; one that only a judge gives is known where it was judged.
    """

    format: FormatName
    formats: dict[str, FormatName] = {}
    families: dict[str, Families] = {}
    rewards: tuple[str, ...] = ("format",)


@task(cache_policy=NO_CACHE, persist_result=False)
@stage(version="5", kind="scores")
def score(
    draft: Draft,
    params: ScoreParams,
    examples: Mapping[str, Artifact],
    predictions: Artifact,
    judgements: Artifact,
    runtime: Runtime,
) -> None:
    store = Store(runtime.store)
    known = _known(store, examples)
    said = list(read_rows(store.folder(judgements), "judgements"))
    judged = _judged(said)
    rows = []
    for key, items in groupby(read_rows(store.folder(predictions), "predictions"), key=lambda row: str(row["id"])):
        benchmark, example = known[key]
        rows += score_group(benchmark, example, list(items), params, judged)
    draft.entered = draft.left = write_rows(draft.folder / shard_name("scores", 0), rows, SCORES)
    found = official({example.id: example for _, example in known.values()}, rows)
    write_rows(draft.folder / shard_name("metrics", 0), found, METRICS)
    benchmarks = {id: benchmark for id, (benchmark, _) in known.items()}
    groups = {id: example.group for id, (_, example) in known.items()}
    write_rows(draft.folder / shard_name("judged", 0), judged_means(said, benchmarks, groups), JUDGED)


def _known(store: Store, examples: Mapping[str, Artifact]) -> dict[str, tuple[str, Example]]:
    """Each row with its benchmark, by its id. Raises UserError for an id that two benchmarks have."""
    known: dict[str, tuple[str, Example]] = {}
    for name, artifact in examples.items():
        for row in read_examples(store.folder(artifact)):
            if row.id in known:
                raise UserError(f"row {row.id} is in {known[row.id][0]} and in {name}: score them one at a time")
            known[row.id] = name, row
    return known


def official(examples: Mapping[str, Example], rows: Iterable[dict[str, object]]) -> Iterator[dict[str, object]]:
    """METRICS rows of each benchmark's official table over rows of SCORES, by benchmark; `examples` by id."""
    tallies: dict[str, Tally] = {}
    for row in rows:
        example = examples[str(row["id"])]
        metric = metrics.METRICS.get(example.source, metrics.PLAIN)
        tallies.setdefault(str(row["benchmark"]), Tally(metric)).add(own_mark(example, row, metric))
    for name, tally in sorted(tallies.items()):
        for cell in tally.cells():
            yield {"benchmark": name, "average": tally.metric.average, **cell.model_dump()}


def score_group(
    benchmark: str, example: Example, rows: Sequence[dict[str, object]], params: ScoreParams, judged: Judged
) -> list[dict[str, object]]:
    """SCORES rows of all completions of one example; each row of `rows` is one of PREDICTIONS."""
    category, family = _family(example, params.families.get(benchmark))
    format = params.formats.get(benchmark, params.format)
    rollouts = tuple(Rollout(parse(str(row["text"]), format), bool(row["truncated"])) for row in rows)
    names = list(dict.fromkeys((*params.rewards, "accuracy")))
    rewards = {name: _reward(name, Group(example, rollouts), rows, judged) for name in names}
    return [
        {
            "id": example.id,
            "draw": row["draw"],
            "benchmark": benchmark,
            "group": example.group,
            "family": family,
            "category": category,
            "answer_kind": example.answer_kind,
            "gold": example.answer,
            "chance": chance(example),
            "tokens": row["tokens"],
            "consistent": None
            if row["load_error"]
            else consistency.known(example, rollout.completion, judged.get(_key(example, row, CONSISTENCY))),
            **_verdict(example, row, rollout, {name: values[place] for name, values in rewards.items()}),
        }
        for place, (row, rollout) in enumerate(zip(rows, rollouts, strict=True))
    ]


def chance(example: Example) -> float:
    """Expected accuracy of naming one label at random; 0 where there are no labels."""
    if example.answer_kind == "yes_no":
        return 0.5
    if not example.options:
        return 0.0
    labels = [option.label for option in example.options]
    return sum(agreement(example.answer_kind, label, example.answer) for label in labels) / len(labels)


def _verdict(
    example: Example, row: dict[str, object], rollout: Rollout, rewards: Mapping[str, float | None]
) -> dict[str, object]:
    if row["load_error"]:
        return {"given": "", "outcome": "load_error", "value": None, "well_formed": False, "rewards": []}
    answer = rollout.completion.answer
    read = given(example.answer_kind, answer, example.options) if answer else None
    value = rewards["accuracy"]
    outcome = "unanswered" if not answer else "unjudged" if value is None else "answered"
    return {
        "given": read if read is not None else answer[:200],
        "outcome": outcome,
        "value": value,
        "well_formed": not rollout.completion.errors,
        "rewards": [(name, number) for name, number in sorted(rewards.items()) if number is not None],
    }


def _reward(name: str, group: Group, rows: Sequence[dict[str, object]], judged: Judged) -> list[float | None]:
    """One reward of all completions: what the judge said where it was asked, else the rule.

    What a judge was not asked of is not known, also where a rule would find nothing to judge: a mean of those alone
    would be low.
    """
    keys = [_key(group.example, row, name) for row in rows]
    ruled = [None] * len(rows) if name in JUDGED_REWARDS else [one.value for one in asyncio.run(_given(name, group))]
    return [judged[key].value if key in judged else rule for key, rule in zip(keys, ruled, strict=True)]


def _key(example: Example, row: dict[str, object], reward: str) -> tuple[str, int, str]:
    return example.id, int(str(row["draw"])), reward


async def _given(name: str, group: Group) -> list[RewardScore]:
    return await REWARDS[name](group)


def _judged(rows: Iterable[dict[str, object]]) -> Judged:
    return {
        (str(row["id"]), int(str(row["draw"])), str(row["reward"])): RewardScore(
            value=None if row["value"] is None else float(str(row["value"])), reason=str(row["reason"])
        )
        for row in rows
    }


def _family(example: Example, families: Families | None) -> tuple[str, str]:
    if families is None:
        return "", ""
    category = example.categories.get(families.field, "")
    return category, families.values.get(category, "other")
