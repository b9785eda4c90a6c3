"""Seconds of each part of each update, kept through a kill."""

from pathlib import Path

from training.step_times import StepTimes, mean_seconds, timings


def test_parts_and_the_rest_are_the_whole(tmp_path: Path) -> None:
    times = StepTimes(tmp_path, 0)
    times.begin()
    with times.part("generate"):
        pass
    with times.part("generate"), times.part("decode"):
        pass
    times.end(1)
    rows = timings(tmp_path).to_pylist()
    assert [(row["step"], row["rank"], row["part"]) for row in rows] == [
        (1, 0, "decode"),
        (1, 0, "generate"),
        (1, 0, "update"),
    ]


def test_step_that_was_done_again_counts_once_and_half_a_line_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "timings"
    folder.mkdir()
    done = '{"step": 1, "rank": 0, "spent": {"update": %s}}\n'
    (folder / "0000.jsonl").write_text(done % 9.0 + '{"step": 2, "rank": 0, "spent": {"update": 3.0}')
    assert [row["seconds"] for row in timings(tmp_path).to_pylist()] == [9.0]
    times = StepTimes(tmp_path, 0)
    times.begin()
    times.end(2)
    assert [row["step"] for row in timings(tmp_path).to_pylist()] == [1, 2]
    (folder / "0000.jsonl").write_text(done % 9.0 + done % 4.0)
    (folder / "0001.jsonl").write_text('{"step": 1, "rank": 1, "spent": {"update": 2.0, "judge": 1.0}}\n')
    table = timings(tmp_path)
    assert [(row["rank"], row["part"], row["seconds"]) for row in table.to_pylist()] == [
        (0, "update", 4.0),
        (1, "judge", 1.0),
        (1, "update", 2.0),
    ]
    assert mean_seconds(table) == {"judge": 0.5, "update": 3.0}


def test_run_without_an_update_has_no_times(tmp_path: Path) -> None:
    assert len(timings(tmp_path)) == 0 and mean_seconds(timings(tmp_path)) == {}
