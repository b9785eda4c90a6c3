"""The report's section on how models answer: letters, lengths, and what they answer without having seen or heard."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow.compute as pc

from reporting.lengths import lengths
from reporting.letters import letter_biases
from reporting.naming import Contexts, Named, named
from reporting.page import Answers
from reporting.runs import POOLED, Run, columns
from reporting.shortcuts import Shortcut, shortcuts
from schemas.completion import FormatName, parse
from schemas.training import View
from storage.parquet import read_rows
from tasks.reported_examples import Formats


class Answering(NamedTuple):
    """A run with the model and the view that it is of, and where its predictions lie."""

    run: Run
    stage: str
    view: View
    formats: Formats
    predictions: Path


def answers(found: Sequence[Answering], seed: int) -> Answers:
    """Letters and lengths of every run; shortcuts of each model that was also seen otherwise than in full."""
    return Answers(
        letters=letter_biases([one.run for one in found], seed),
        lengths=lengths([one.run for one in found], seed),
        surviving=tuple(row for full, altered in _controlled(found) for row in _surviving(full, altered, seed)),
        naming=tuple(row for full, altered in _controlled(found) for row in _naming(full, altered, seed)),
    )


def _controlled(found: Iterable[Answering]) -> Iterator[tuple[Answering, list[Answering]]]:
    """Each model's full view with its other views, where it has both."""
    models: dict[str, dict[View, Answering]] = {}
    for one in found:
        models.setdefault(one.stage, {})[one.view] = one
    for views in models.values():
        full = views.pop("full", None)
        if full and views:
            yield full, list(views.values())


def _surviving(full: Answering, altered: Iterable[Answering], seed: int) -> tuple[Shortcut, ...]:
    return shortcuts(full.run, [one.run for one in altered], seed)


def _naming(full: Answering, altered: Sequence[Answering], seed: int) -> tuple[Named, ...]:
    """None for a model that writes no contexts."""
    contexts = _contexts(full)
    return named(contexts, map(_contexts, altered), seed) if any(contexts.texts.values()) else ()


def _contexts(one: Answering) -> Contexts:
    """Contexts by example, empty where there is none. Of several draws the last one counts."""
    own = one.run.scores.filter(pc.field("benchmark") != POOLED)
    formats: dict[str, FormatName] = {
        row["id"]: one.formats.of(row["benchmark"]) for row in own.select(["id", "benchmark"]).to_pylist()
    }
    pooled = columns(
        Run(one.run.name, one.run.title, one.run.kind, one.run.scores.filter(pc.field("benchmark") == POOLED))
    )
    keys = {key.split("\n", 1)[1]: key for key in pooled.key}
    texts = {
        keys[row["id"]]: parse(row["text"], formats[row["id"]]).body("context")
        for row in read_rows(one.predictions, "predictions", ("id", "text"))
        if row["id"] in formats
    }
    return Contexts(one.run.name, one.view, one.run.title, texts, dict(zip(pooled.key, pooled.group, strict=True)))
