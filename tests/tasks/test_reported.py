"""What the report reads back from the folders of other stages: its funnel, its examples, how models answer."""

from pathlib import Path

import pytest
from PIL import Image

from media.blobs import blob_path
from reporting.runs import POOLED, Run
from schemas.artifact import Rows
from schemas.completion import render
from schemas.example import Media, Reject
from schemas.tables import PREDICTIONS
from schemas.training import View
from storage.parquet import shard_name, write_examples, write_rejects, write_rows
from tasks.funnel import CHOSEN, funnel
from tasks.reported_answers import Answering, answers
from tasks.reported_examples import Formats, Gallery, Written
from tests.reporting.made import score, scores
from tests.stages import example

DIGEST = "ab" * 32


def _examples(folder: Path, *ids: str, rejects: tuple[Reject, ...] = ()) -> Path:
    folder.mkdir()
    picture = Media(kind="image", digest=DIGEST, path="a.png")
    write_examples(folder / shard_name("examples", 0), [example(id, media=(picture,)) for id in ids])
    write_rejects(folder / shard_name("rejects", 0), rejects)
    return folder


def _predictions(folder: Path, texts: dict[str, str], load_errors: dict[str, str] | None = None) -> Path:
    folder.mkdir()
    fixed: dict[str, object] = {"draw": 0, "prompt": "p", "tokens": 9, "truncated": False, "refusal": None}
    rows = [{"id": id, "text": text, "load_error": (load_errors or {}).get(id), **fixed} for id, text in texts.items()]
    write_rows(folder / shard_name("predictions", 0), rows, PREDICTIONS)
    return folder


def test_funnel_counts_every_raw_row_to_its_end_and_gives_curation_back_to_each_source(tmp_path: Path) -> None:
    lost = Reject.of(example("2"), "low_quality", "under 0.5")
    rated = {"a": _examples(tmp_path / "a", "1", "2"), "b": _examples(tmp_path / "b", "3")}
    read = {"a": Rows(entered=3, left=2, rejected={"missing_media": 1}), "b": Rows(entered=1, left=1)}
    found = list(funnel({"read": read}, rated, _examples(tmp_path / "curated", "1", "3", rejects=(lost,))))
    assert [(row.source, row.step, row.rows.entered, row.rows.left, row.rows.rejected) for row in found] == [
        ("all sources", "read", 4, 3, {"missing_media": 1}),
        ("all sources", CHOSEN, 3, 2, {"low_quality": 1}),
        ("a", "read", 3, 2, {"missing_media": 1}),
        ("a", CHOSEN, 2, 1, {"low_quality": 1}),
        ("b", "read", 1, 1, {}),
        ("b", CHOSEN, 1, 1, {}),
    ]
    assert not any(row.missing for row in found)


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    """With the picture of every example in the store."""
    path = blob_path(tmp_path / "blobs", DIGEST)
    path.parent.mkdir(parents=True)
    Image.new("RGB", (64, 48), "red").save(path, "PNG")
    return Gallery(tmp_path / "blobs", 0, {"format": "all"}, 1)


def test_example_is_shown_with_its_clip_and_with_what_every_run_wrote(gallery: Gallery, tmp_path: Path) -> None:
    before, after = render("red", "so", "A"), render("blue", "so", "B")
    runs = [
        Written(
            "before",
            Formats(usual="context_first"),
            scores(score("made/1")),
            _predictions(tmp_path / "p", {"made/1": before}),
        ),
        Written(
            "after",
            Formats(usual="context_first"),
            scores(score("made/1", value=0.0)),
            _predictions(tmp_path / "q", {"made/1": after}),
        ),
    ]
    (found,) = gallery.exhibits(runs, [_examples(tmp_path / "rows", "1", "2")], 10)
    assert [(one.run, one.mark, "".join(piece.text for piece in one.pieces)) for one in found.completions] == [
        ("before", "right", before),
        ("after", "wrong", after),
    ]
    assert found.category == "pitch"
    assert found.clips[0].source.startswith("data:image/png")
    assert found.clips[0].thumbnail.startswith("data:image/webp")


def test_file_that_a_model_could_not_be_shown_is_not_decoded_again(gallery: Gallery, tmp_path: Path) -> None:
    told = _predictions(tmp_path / "p", {"made/1": ""}, {"made/1": "cannot read a.png"})
    run = Written("one", Formats(usual="direct"), scores(score("made/1", value=None, outcome="load_error")), told)
    (found,) = gallery.exhibits([run], [_examples(tmp_path / "rows", "1")], 10)
    assert found.clips[0].thumbnail == ""
    assert (found.completions[0].mark, found.completions[0].note) == ("media not loaded", "cannot read a.png")


def test_no_run_has_no_examples(gallery: Gallery) -> None:
    assert list(gallery.exhibits([], [], 10)) == []


def _answering(folder: Path, view: View, value: float, context: str) -> Answering:
    rows = [score(str(place), value=value) for place in range(4)]
    table = scores(*rows, *({**row, "benchmark": POOLED} for row in rows))
    predictions = _predictions(folder / view, {str(place): render(context, "so", "A") for place in range(4)})
    kind = "model" if view == "full" else view
    return Answering(Run(f"sft-{view}", view, kind, table), "sft", view, Formats(usual="context_first"), predictions)


def test_views_of_a_model_are_set_against_its_full_view(tmp_path: Path) -> None:
    full = _answering(tmp_path, "full", 1.0, "a loud bell")
    found = answers([full, _answering(tmp_path, "muted", 0.0, "a loud bell")], 0)
    assert [(row.views, row.survived.mean) for row in found.surviving if row.family == "all"] == [(("muted",), 0.0)] * 2
    assert [(row.sense, row.difference.of_run.mean) for row in found.naming] == [("sound", 1.0)]
    assert {row.title for row in found.letters} == {"full", "muted"}


def test_benchmark_that_was_answered_without_a_context_names_nothing(tmp_path: Path) -> None:
    full, muted = _answering(tmp_path, "full", 1.0, "a bell"), _answering(tmp_path, "muted", 0.0, "a bell")
    direct = Formats(usual="context_first", others={"made": "direct"})
    assert answers([full._replace(formats=direct), muted._replace(formats=direct)], 0).naming == ()


def test_model_that_was_seen_in_full_alone_has_no_shortcuts(tmp_path: Path) -> None:
    found = answers([_answering(tmp_path, "full", 1.0, "a bell")], 0)
    assert (found.surviving, found.naming) == ((), ())
    assert found.lengths
