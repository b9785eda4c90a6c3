"""All nine benchmarks from their publishers' layouts to official tables: by a provider, and by a checkpoint."""

from collections.abc import Mapping

import pytest

from schemas.artifact import Artifact
from schemas.completion import FormatName
from schemas.example import Example
from schemas.llm import Llm
from schemas.protocols import OFFICIAL
from schemas.runtime import Runtime
from schemas.training import Decoding, GenerateParams
from storage.parquet import read_examples, read_rows
from storage.store import Store
from tasks.answer import AnswerParams, Asked, answer
from tasks.benchmarks import BENCHMARKS
from tasks.generation import PredictParams
from tasks.ingest import ingest
from tasks.judge import JudgeParams, judge
from tasks.make_model import make_model
from tasks.predict import predict
from tasks.reading.blocks import IngestParams
from tasks.score import ScoreParams, score
from tasks.source import SourceParams, SourceRuntime, source
from tests.stages import made, rows_of
from tests.tasks.nine_benchmarks import NINE, Clips
from tests.training.conftest import SMALL
from training.tiny_params import TinyParams

OFFLINE = Llm(provider="offline", model="rules-1")
QUESTIONS = {"intentbench": 3, "mlvu": 3, "omnibench": 1}
"""Of each benchmark; two of all others."""


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    return Runtime(store=str(tmp_path_factory.mktemp("nine") / "store"), workers=1)


@pytest.fixture(scope="module")
def benchmarks(tmp_path_factory: pytest.TempPathFactory, runtime: Runtime) -> dict[str, Artifact]:
    clips = Clips.made(tmp_path_factory.mktemp("clips"))
    found = {}
    for name, lay_out in NINE.items():
        root = tmp_path_factory.mktemp(name)
        lay_out(root, clips)
        where = SourceRuntime(**runtime.model_dump(), folder=str(root))
        listing = made(source.fn(SourceParams(dataset=name, revision="r1"), None, where))
        reading = IngestParams(dataset=name, revision="r1", keep_unreadable=True)
        found[name] = made(ingest.fn(reading, listing, runtime))
    return found


def rows(runtime: Runtime, artifact: Artifact, table: str) -> list[dict[str, object]]:
    return list(read_rows(Store(runtime.store).folder(artifact), table))


def examples(runtime: Runtime, artifact: Artifact) -> list[Example]:
    return list(read_examples(Store(runtime.store).folder(artifact)))


def check_scored(
    runtime: Runtime,
    benchmarks: Mapping[str, Artifact],
    predictions: Artifact,
    formats: dict[str, FormatName],
    load_errors: int = 0,
) -> None:
    """Every question is predicted and scored once, and every benchmark has its official table."""
    judging = JudgeParams(judge=OFFLINE, format="context_first", formats=formats)
    judgements = made(judge.fn(judging, benchmarks, predictions, runtime))
    scoring = ScoreParams(format="context_first", formats=formats)
    artifact = made(score.fn(scoring, benchmarks, predictions, judgements, runtime))
    scored = rows(runtime, artifact, "scores")
    counts = {name: sum(row["benchmark"] == name for row in scored) for name in NINE}
    assert counts == {name: QUESTIONS.get(name, 2) for name in NINE}
    assert sum(row["outcome"] == "load_error" for row in scored) == load_errors
    assert {row["outcome"] for row in scored} <= {"answered", "unanswered", "load_error"}
    overall = {row["benchmark"]: row for row in rows(runtime, artifact, "metrics") if row["breakdown"] == "all"}
    assert overall.keys() == NINE.keys() and all(row["value"] is not None for row in overall.values())


def test_there_are_a_folder_a_reader_and_an_official_protocol_of_each() -> None:
    assert NINE.keys() == BENCHMARKS.keys() == OFFICIAL.keys()


def test_provider_answers_and_is_scored_by_each_official_protocol(
    runtime: Runtime, benchmarks: dict[str, Artifact]
) -> None:
    formats: dict[str, FormatName] = {name: protocol.format or "direct" for name, protocol in OFFICIAL.items()}
    asked = {
        name: Asked(
            llm=protocol.asked(OFFLINE),
            format=formats[name],
            wording=protocol.wording,
            max_tokens=protocol.max_new_tokens or 256,
        )
        for name, protocol in OFFICIAL.items()
    }
    predictions = made(answer.fn(AnswerParams(asked=asked, rows_per_shard=4), benchmarks, runtime))
    found = rows(runtime, predictions, "predictions")
    assert [row["load_error"] for row in found] == [None] * len(found)
    check_scored(runtime, benchmarks, predictions, formats)


@pytest.mark.slow
def test_checkpoint_answers_also_long_videos_of_which_a_part_is_shown(
    runtime: Runtime, benchmarks: dict[str, Artifact]
) -> None:
    film, other = examples(runtime, benchmarks["lvbench"])
    part = film.media[0].model_copy(update={"start": 3.0, "end": 6.0})
    behind = other.media[0].model_copy(update={"start": 100.0, "end": 110.0})
    cut = rows_of(runtime, film.model_copy(update={"media": (part,)}), other.model_copy(update={"media": (behind,)}))
    asked = {**benchmarks, "lvbench": cut}
    checkpoint = made(make_model.fn(TinyParams(), {"curated": benchmarks["worldsense"]}, runtime))
    generate = GenerateParams(format="context_first", media=SMALL, decoding=Decoding(max_new_tokens=4), batch_size=4)
    ways = {name: protocol.generated(generate) for name, protocol in OFFICIAL.items()}
    few = {name: way.model_copy(update={"media": SMALL, "decoding": generate.decoding}) for name, way in ways.items()}
    params = PredictParams(generate=generate, differently=few)
    predictions = made(predict.fn(params, asked, checkpoint, runtime))
    errors = {row["id"]: row["load_error"] for row in rows(runtime, predictions, "predictions") if row["load_error"]}
    assert errors.keys() == {other.id}
    check_scored(runtime, asked, predictions, {name: way.format for name, way in ways.items()}, load_errors=1)
    assert Store(runtime.store).manifest(predictions).notes == {"load_errors": 1}
