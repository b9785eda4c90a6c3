from pathlib import Path
from typing import NamedTuple

import pytest

from llm.prompts.rate import DIMENSIONS
from media.blobs import blob_path
from reporting.pairs import Judged
from reporting.quality import QualitySection
from schemas.example import Example, Media, Provenance, Rating, Reject
from storage.parquet import shard_name, write_examples, write_rejects
from tasks.passages import Folders
from tasks.quality_section import quality_section
from tests.stages import example

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
DIGEST = "ab" * 32


class _Rows(NamedTuple):
    """What a step left."""

    examples: list[Example]
    rejects: list[Reject] = []


def _asked(id: str) -> Example:
    return example(id, media=(Media(kind="image", digest=DIGEST, path=f"{id}.png"),))


def _written(row: Example, prompt: str = "rewrite@1") -> Example:
    made = [
        Provenance(field=name, provider="p", model="m", prompt=prompt, request="r") for name in ("context", "think")
    ]
    return row.model_copy(update={"context": "two red squares", "think": "they are red", "provenance": tuple(made)})


def _rated(row: Example, value: float = 0.9) -> Example:
    ratings = tuple(Rating(name=name, value=value, rationale="so it looks") for name in DIMENSIONS)
    return row.model_copy(update={"ratings": ratings})


def _left(folder: Path, rows: _Rows) -> Path:
    folder.mkdir(parents=True)
    write_examples(folder / shard_name("examples", 0), rows.examples)
    write_rejects(folder / shard_name("rejects", 0), rows.rejects)
    return folder


def _section(tmp_path: Path, read: _Rows, rewritten: _Rows, rated: _Rows, curated: _Rows) -> QualitySection:
    """The section of one source called `made`, with the picture of every row in the store."""
    path = blob_path(tmp_path / "blobs", DIGEST)
    path.parent.mkdir(parents=True)
    path.write_bytes(PNG)
    steps = {"read": read, "rewritten": rewritten, "rated": rated, "curated": curated}
    at = {name: _left(tmp_path / name, rows) for name, rows in steps.items()}
    folders = Folders({"made": at["read"]}, {"made": at["rewritten"]}, {"made": at["rated"]}, at["curated"])
    return quality_section(folders, tmp_path / "blobs", 0.5, 8, 0)


@pytest.fixture
def section(tmp_path: Path) -> QualitySection:
    """Six rows: one is lost in each of the four steps, two are chosen, one of them after a repair."""
    asked = {id: _asked(id) for id in "12345"}
    written = {id: _written(asked[id], "rewrite@1 repair" if id == "4" else "rewrite@1") for id in "2345"}
    rated = {id: _rated(written[id], 0.3 if id == "3" else 0.9) for id in "345"}
    unread = Reject(id="made/0", source="made", source_row="0", reason="missing_media", detail="0.png", row="{}")
    return _section(
        tmp_path,
        _Rows([*asked.values()], [unread]),
        _Rows([*written.values()], [Reject.of(asked["1"], "malformed", "no <think>", "<context>hm</context> <b>")]),
        _Rows([*rated.values()], [Reject.of(written["2"], "not_rated", "no JSON", "I would say good")]),
        _Rows([rated["4"], rated["5"]], [Reject.of(rated["3"], "low_quality", "quality 0.090 is under 0.5")]),
    )


def _rejected(section: QualitySection) -> dict[str, Judged]:
    return {row.leaving.reason: row for pair in section.pairs if (row := pair.rejected) and row.leaving}


def test_every_row_is_counted_once_in_each_step_that_it_reaches(section: QualitySection) -> None:
    counts = {(row.step, row.outcome): (row.rows, row.share.n) for row in section.outcomes}
    assert counts == {
        ("all steps", "accepted"): (2, 6),
        ("all steps", "lost in reading"): (1, 6),
        ("all steps", "lost in rewriting"): (1, 6),
        ("all steps", "lost in rating"): (1, 6),
        ("all steps", "lost in curation"): (1, 6),
        ("reading", "accepted"): (5, 6),
        ("reading", "missing_media"): (1, 6),
        ("rewriting", "accepted"): (4, 5),
        ("rewriting", "accepted after a repair"): (1, 5),
        ("rewriting", "malformed"): (1, 5),
        ("rating", "accepted"): (3, 4),
        ("rating", "not_rated"): (1, 4),
        ("curation", "accepted"): (2, 3),
        ("curation", "low_quality"): (1, 3),
    }


def test_histograms_hold_every_rated_row(section: QualitySection) -> None:
    assert [found.measure for found in section.histograms] == [
        *DIMENSIONS,
        "composite",
        "context words",
        "think words",
    ]
    assert {(sum(found.chosen), sum(found.left_out)) for found in section.histograms} == {(2, 1)}
    assert [found.median for found in section.histograms[-2:]] == [3, 3]


def test_rejected_row_is_shown_with_its_clip_question_and_refused_text(section: QualitySection) -> None:
    row = _rejected(section)["malformed"]
    assert row.question == "Which colour has square 1?"
    assert [choice.label for choice in row.choices if choice.gold] == ["A"]
    assert [clip.source.partition(",")[0] for clip in row.clips] == ["data:image/png;base64"]
    assert "".join(piece.text for piece in row.written) == "<context>hm</context> <b>"


def test_row_without_a_rating_is_shown_as_it_was_written_with_the_reply_that_was_none(section: QualitySection) -> None:
    row = _rejected(section)["not_rated"]
    assert row.reply == "I would say good"
    assert "two red squares" in [piece.text for piece in row.written]
    assert row.quality is None


def test_row_under_the_threshold_is_shown_with_its_ratings(section: QualitySection) -> None:
    row = _rejected(section)["low_quality"]
    assert row.quality == pytest.approx(0.09)
    assert [rating.name for rating in row.ratings] == list(DIMENSIONS)


def test_accepted_rows_stand_beside_rejected_ones_and_say_whether_they_were_repaired(section: QualitySection) -> None:
    accepted = {pair.accepted.id: pair.accepted.repaired for pair in section.pairs if pair.accepted}
    assert accepted == {"made/4": True, "made/5": False}
    assert section.pairs[0].accepted and section.pairs[0].rejected


def test_row_that_could_not_be_read_is_counted_and_not_shown(section: QualitySection) -> None:
    assert "made/0" not in section.model_dump_json()


def test_only_the_first_part_of_a_long_refused_reply_is_said_to_be_kept(tmp_path: Path) -> None:
    asked = _asked("1")
    refused = [Reject.of(asked, "malformed", "no <think>", "x" * 2000)]
    section = _section(tmp_path, _Rows([asked]), _Rows([], refused), _Rows([]), _Rows([]))
    assert "2,000 characters" in _rejected(section)["malformed"].note
    assert section.histograms == ()
