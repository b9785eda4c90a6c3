"""Every benchmark's official table on a handful of answers in its publisher's layout, added up by hand."""

import json
from pathlib import Path

import pytest

from tasks.scoring.marks import Reading
from tasks.scoring.scored_file import score_file

Row = dict[str, object]
Line = tuple[str, str, int, float | None]


def table(tmp_path: Path, benchmark: str, rows: list[tuple[Row, str]], **more: object) -> list[Line]:
    """Breakdown, category, n and percent of every line; a row is the publisher's, beside what the model answered."""
    file = tmp_path / "predictions.json"
    found = [
        {"output": f"<answer>{said}</answer>" if said else "", "raw": row, "id": number, **more}
        for number, (row, said) in enumerate(rows)
    ]
    file.write_text(json.dumps(found))
    cells = score_file(file, benchmark, Reading()).tables[0].cells
    return [
        (cell.breakdown, cell.category, cell.n, cell.value if cell.value is None else round(100 * cell.value, 2))
        for cell in cells
    ]


def test_intentbench_takes_every_question_alike_and_emotions_by_f1(tmp_path: Path) -> None:
    four = ["A.One", "B.Two", "C.Three", "D.Four"]
    six = ["A. Calm", "B. Sad", "C. Proud", "D. Shy", "E. Glad", "F. Cold"]
    why: Row = {"problem_type": "multiple choice", "options": four, "Type": "why", "solution": "<answer>B</answer>"}
    mood: Row = {"problem_type": "emer_ov_mc", "options": six, "Type": "emotion", "solution": "<answer>A,C</answer>"}
    lie: Row = {"problem_type": "judge", "Type": "deception", "solution": "<answer>No</answer>", "answer": "No"}
    rows = [(why, "B"), (why, "B"), (why, "A"), (why, ""), (mood, "A,B"), (mood, "C, A"), (lie, "no"), (lie, "Yes")]
    # right: 2 of 4; F1: 2*1/(2+2) = 0.5 and 1; 1 of 2. Over all eight: (2 + 1.5 + 1) / 8.
    assert table(tmp_path, "intentbench", rows) == [
        ("all", "", 8, 56.25),
        ("type", "why", 4, 50.0),
        ("type", "emotion", 2, 75.0),
        ("type", "deception", 2, 50.0),
    ]


def test_daily_omni_tells_types_and_durations_apart_and_leaves_unreadable_media_out(tmp_path: Path) -> None:
    def row(type_: str, length: str, video: str) -> Row:
        choices = ["A. Red", "B. Blue", "C. Green", "D. Grey"]
        return {"Choice": choices, "Answer": "C", "Type": type_, "video_duration": length, "video_id": video}

    rows = [(row("Reasoning", "30s", "-a"), "C"), (row("Event Sequence", "60s", "b"), "C. Green")]
    rows += [(row("Event Sequence", "60s", "b"), "D"), (row("Reasoning", "60s", "b"), "Grey")]
    assert table(tmp_path, "daily_omni", rows) == [
        ("all", "", 4, 50.0),
        ("type", "Event Sequence", 2, 50.0),
        ("type", "Reasoning", 2, 50.0),
        ("video_duration", "30s", 1, 100.0),
        ("video_duration", "60s", 3, 33.33),
    ]


def test_worldsense_tells_domains_and_tasks_apart(tmp_path: Path) -> None:
    def row(domain: str, task: str) -> Row:
        return {"candidates": ["A. Yes", "B. No", "C. Both"], "answer": "A", "domain": domain, "task_type": task}

    rows = [(row("Music", "Audio Change"), "A"), (row("Music", "Object Counting"), "B"), (row("Games", ""), "A")]
    assert table(tmp_path, "worldsense", rows) == [
        ("all", "", 3, 66.67),
        ("domain", "Games", 1, 100.0),
        ("domain", "Music", 2, 50.0),
        ("type", "Audio Change", 1, 100.0),
        ("type", "Object Counting", 1, 0.0),
        ("type", "", 1, 100.0),
    ]


def test_omnivideobench_tells_the_sound_and_the_length_apart_as_its_tables_do(tmp_path: Path) -> None:
    def row(sound: str, length: str) -> Row:
        return {"options": ["A.One", "B two"], "correct_option": "B", "audio_type": sound, "duration": length}

    rows = [(row("Music", "00:59"), "B"), (row("Speech", "01:00"), "B"), (row("Speech", "09:59"), "A")]
    rows += [(row("Sound", "10:00"), "A"), (row("Speech", "32:35"), "two")]
    assert table(tmp_path, "omnivideobench", rows) == [
        ("all", "", 5, 60.0),
        ("audio_type", "Music", 1, 100.0),
        ("audio_type", "Sound", 1, 0.0),
        ("audio_type", "Speech", 3, 66.67),
        ("duration", "<1min", 1, 100.0),
        ("duration", "1-5min", 1, 100.0),
        ("duration", "5-10min", 1, 0.0),
        ("duration", "10-30min", 2, 50.0),
    ]


def test_video_mme_tells_durations_and_domains_apart(tmp_path: Path) -> None:
    def row(length: str, domain: str) -> Row:
        return {"options": ["A. Apples.", "B. Pears."], "answer": "A", "duration": length, "domain": domain}

    rows = [
        (row("long", "Knowledge"), "A. Apples."),
        (row("short", "Life Record"), "B"),
        (row("long", "Knowledge"), ""),
    ]
    assert table(tmp_path, "video_mme", rows) == [
        ("all", "", 3, 33.33),
        ("duration", "short", 1, 0.0),
        ("duration", "long", 2, 50.0),
        ("domain", "Knowledge", 2, 50.0),
        ("domain", "Life Record", 1, 0.0),
    ]


def test_mlvu_averages_its_tasks_and_keeps_free_text_beside_them(tmp_path: Path) -> None:
    def row(task: str) -> Row:
        return {"candidates": ["1", "2", "3", "4"], "answer": "2", "question_type": task, "video": "v.mp4"}

    rows = [(row("count"), "B"), *[(row("ego"), "2")] * 2, *[(row("ego"), "A")] * 6]
    # count 1 of 1; ego: the answer 2 is the text of option B, and A is wrong: 2 of 8; their mean is 62.5.
    assert table(tmp_path, "mlvu", rows, problem_type="multiple choice") == [
        ("all", "", 9, 62.5),
        ("type", "ego", 8, 25.0),
        ("type", "count", 1, 100.0),
    ]


def test_lvbench_counts_a_question_in_each_of_its_abilities(tmp_path: Path) -> None:
    def row(*abilities: str) -> Row:
        return {"answer": "D", "question_type": list(abilities), "key": "v"}

    rows = [(row("reasoning", "summarization"), "(D)"), (row("reasoning"), "A"), (row("temporal grounding"), "")]
    assert table(tmp_path, "lvbench", rows) == [
        ("all", "", 3, 33.33),
        ("type", "summarization", 1, 100.0),
        ("type", "reasoning", 2, 50.0),
        ("type", "temporal grounding", 1, 0.0),
    ]


def test_row_that_was_converted_to_the_layout_of_humanomniv2_keeps_its_options(tmp_path: Path) -> None:
    row: Row = {
        "options": ["A. Car", "B. Wardrobe"],
        "solution": "<answer>B</answer>",
        "problem_type": "multiple choice",
    }
    for benchmark in ("daily_omni", "worldsense", "video_holmes"):
        assert table(tmp_path, benchmark, [(row, "Wardrobe"), (row, "Car")])[0] == ("all", "", 2, 50.0)


@pytest.mark.parametrize(
    ("benchmark", "row"),
    [
        ("omnivideobench", {"options": ["A. Car", "B. Wardrobe"], "correct_option": "B", "answer": "CAR"}),
        ("daily_omni", {"Choice": ["A. Car", "B. Wardrobe"], "Answer": "B"}),
        ("video_holmes", {"Options": {"A": "Car", "B": "Wardrobe"}, "Answer": "B"}),
        ("worldsense", {"candidates": ["A. Car", "B. Wardrobe"], "answer": "B"}),
    ],
)
def test_gold_and_options_of_a_row_written_into_the_item_are_the_official_ones(
    tmp_path: Path, benchmark: str, row: Row
) -> None:
    file = tmp_path / "predictions.json"
    file.write_text(json.dumps([{"id": 1, "output": "<answer>Wardrobe</answer>", **row}]))
    assert score_file(file, benchmark, Reading()).tables[0].cells[0].value == 1.0
