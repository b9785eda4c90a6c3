"""What a judge said, printed: means, how many are known, and why the others are not."""

import io
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from flows.judged import print_judged
from schemas.artifact import Artifact
from schemas.runtime import Runtime
from schemas.tables import JUDGED
from schemas.values import Params
from storage.draft import Draft
from storage.parquet import shard_name, write_rows
from storage.store import Store
from tasks.scoring.judged import judged_means
from tasks.stage import stage
from tests.stages import Note, made


class Said(Params):
    """id, reward, value and reason of each judgement; the video is the id's first letter."""

    rows: tuple[tuple[str, str, float | None, str], ...]


@stage(version="1", kind="scores")
def score(draft: Draft, params: Said, runtime: Runtime) -> None:
    rows = [dict(zip(("id", "reward", "value", "reason"), row, strict=True)) for row in params.rows]
    ids = {str(row["id"]) for row in rows}
    means = judged_means(rows, dict.fromkeys(ids, "bench"), {id: id[0] for id in ids})
    write_rows(draft.folder / shard_name("judged", 0), means, JUDGED)


@stage(version="1", kind="report")
def report(draft: Draft, params: Note, scores: Mapping[str, Artifact], runtime: Runtime) -> None:
    (draft.folder / "report.json").write_text(params.text)


def printed(tmp_path: Path, *rows: tuple[str, str, float | None, str]) -> list[str]:
    runtime = Runtime(store=str(tmp_path / "store"))
    scores = {"sft-full": made(score(Said(rows=rows), runtime))}
    out = Console(file=io.StringIO(), width=40)
    print_judged(out, Store(runtime.store), made(report(Note(text="{}"), scores, runtime)))
    assert isinstance(out.file, io.StringIO)
    return [" ".join(line.split()) for line in out.file.getvalue().splitlines()]


def test_means_stand_beside_how_many_are_known_and_why_the_others_are_not(tmp_path: Path) -> None:
    said = [
        ("a1", "context", 0.8, ""),
        ("a2", "context", None, "no reference"),
        ("a3", "context", None, "no reference"),
    ]
    head, context, logic = printed(tmp_path, *said, ("a1", "logic", 1.0, ""), ("b1", "logic", 0.0, ""))
    assert head.startswith("judged, 0 to 1 benchmark reward mean")
    assert context == "sft-full bench context 0.800 1 of 3 no reference 2"
    assert logic.startswith("sft-full bench logic 0.500 0.000–1.000 2 of 2")


def test_reward_of_which_nothing_is_known_has_no_mean_and_no_zero(tmp_path: Path) -> None:
    _, line = printed(tmp_path, ("a1", "context", None, "judge timeout"))
    assert line == "sft-full bench context – 0 of 1 judge timeout 1"


def test_nothing_is_printed_where_nobody_was_asked(tmp_path: Path) -> None:
    assert printed(tmp_path) == []
