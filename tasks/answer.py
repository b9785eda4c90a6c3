"""A language model's answers to benchmarks, as predictions beside those of trained checkpoints.

Every reply is what it is: a refusal and a reply cut short are answers that count as given, a file that the provider
will never take is a load error. What might yet be answered (an outage, a spent quota) is no prediction and stops the
stage; the response log keeps the rest, and a rerun asks for what is missing.
"""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from llm.engine import Engine
from llm.prompts import predict as prompt
from llm.request import Outcome, Request
from schemas.artifact import Artifact
from schemas.completion import FormatName
from schemas.llm import Llm
from schemas.runtime import Runtime
from schemas.tables import PREDICTIONS
from schemas.training import Altering, View, Wording
from schemas.values import Params, UserError, Value
from storage.draft import Draft
from storage.parquet import read_examples, shard_name, write_rows
from storage.store import Store
from tasks.asking import asking
from tasks.generation import load_errors
from tasks.shards import Asker, all_of
from tasks.stage import stage
from training.prompts import PROMPT_VERSION, question_text, system_text
from training.views import OF_THE_VIEW, Shown, missing, not_one, shown

Row = dict[str, object]


class Asked(Value):
    """How a language model is asked. wording: None for ours. max_tokens: of a reply."""

    llm: Llm
    format: FormatName
    wording: Wording | None = None
    view: View = "full"
    altering: Altering = Altering()
    max_tokens: int

    @property
    def sent(self) -> Llm:
        """The model as it is asked: where words stand for the sound, none is sent."""
        if self.view != "transcript":
            return self.llm
        return self.llm.model_copy(update={"video": self.llm.video.model_copy(update={"sound": False})})


class AnswerParams(Params):
    """asked: how, by the name of the examples. rows_per_shard: of the tables that are written."""

    asked: dict[str, Asked]
    rows_per_shard: int


class _Question(Value):
    """One row of a benchmark to be predicted. request: None for a row that cannot be shown; fault says why."""

    benchmark: str
    id: str
    text: str
    request: Request | None = None
    fault: str = ""


@task(cache_policy=NO_CACHE, persist_result=False)
@stage(version=f"1 prompt {prompt.VERSION} {PROMPT_VERSION}", kind="predictions", reads_media=True)
def answer(draft: Draft, params: AnswerParams, examples: Mapping[str, Artifact], runtime: Runtime) -> None:
    folders = {name: Store(runtime.store).folder(artifact) for name, artifact in sorted(examples.items())}
    questions = [one for name, folder in folders.items() for one in _questions(name, folder, params.asked[name])]
    llms = {how.llm.provider: how.llm for how in params.asked.values()}
    with asking(draft, runtime, *llms.values(), by_shards=True) as engine:
        outcomes = asyncio.run(_answer_all(engine, questions, params.rows_per_shard, draft))
        draft.usage = engine.usage
        _check_taken(questions, outcomes, engine)
    draft.entered = draft.left = len(questions)
    draft.notes |= load_errors(draft)


async def _answer_all(
    engine: Engine, questions: Sequence[_Question], rows_per_shard: int, draft: Draft
) -> list[Outcome]:
    """How all requests ended, in their order; the rows are written then."""
    asker, done = Asker(engine), 0

    async def write(first: int) -> list[Outcome]:
        nonlocal done
        rows = questions[first : first + rows_per_shard]
        outcomes = await _answer(first // rows_per_shard, rows, asker, draft)
        done += len(rows)
        draft.progress(done, len(questions), "rows")
        return outcomes

    async with engine.connected():
        ended = await all_of(write(first) for first in range(0, len(questions), rows_per_shard))
    return [outcome for outcomes in ended for outcome in outcomes]


async def _answer(number: int, questions: Sequence[_Question], asker: Asker, draft: Draft) -> list[Outcome]:
    """Write one shard, when all its requests have ended."""
    requests = [one.request for one in questions if one.request]
    outcomes = await asker.complete(requests) if requests else []
    ended = iter(outcomes)
    rows = [_row(one, next(ended) if one.request else None) for one in questions]
    write_rows(draft.folder / shard_name("predictions", number), rows, PREDICTIONS)
    return outcomes


def _check_taken(questions: Sequence[_Question], outcomes: Sequence[Outcome], engine: Engine) -> None:
    """Raises UserError where the provider took not one request of a benchmark: that is no fault of the rows."""
    sent = (one.benchmark for one in questions if one.request)
    for benchmark, pairs in groupby(zip(sent, outcomes, strict=True), key=lambda pair: pair[0]):
        ended = [outcome for _, outcome in pairs]
        if all(outcome.failure == "rejected" for outcome in ended):
            engine.forget_failures()
            raise UserError(
                f"the provider took none of {len(ended)} requests of {benchmark} ({ended[0].detail}): correct the "
                "model's settings or its server, and rerun"
            )


def _questions(benchmark: str, folder: Path, how: Asked) -> list[_Question]:
    """Raises UserError where not one row can be shown, and not for want of what a view needs."""
    rows = shown(list(read_examples(folder)), how.view, how.altering)
    questions = [_question(benchmark, row, how) for row in rows]
    faults = [one.fault for one in questions]
    if faults and all(fault and fault not in OF_THE_VIEW for fault in faults):
        raise not_one(benchmark, len(rows), faults[0])
    return questions


def _question(benchmark: str, row: Shown, how: Asked) -> _Question:
    example = row.example
    system, text = system_text(example, how.format, how.wording), question_text(example, how.wording)
    written = "\n\n".join(filter(None, (system, text)))
    if fault := row.fault or missing(example):
        return _Question(benchmark=benchmark, id=example.id, text=written, fault=fault)
    request = prompt.request(example, system, text, how.max_tokens, how.sent)
    return _Question(benchmark=benchmark, id=example.id, text=written, request=request)


def _row(question: _Question, outcome: Outcome | None) -> Row:
    """One of PREDICTIONS. A refusal has no text; what was cut short has what was said until then."""
    row: Row = {"id": question.id, "draw": 0, "prompt": question.text, "text": "", "tokens": 0, "truncated": False}
    if outcome is None or outcome.failure == "rejected":
        return row | {"load_error": outcome.detail if outcome else question.fault}
    if outcome.failure == "refused":
        return row | {"tokens": outcome.output_tokens, "refusal": outcome.detail or "no reason given"}
    said = outcome.said if outcome.text is None else outcome.text
    return row | {"text": said, "tokens": outcome.output_tokens, "truncated": outcome.failure == "truncated"}
