"""One prediction of somebody else's: what it is worth, and what it cannot be worth."""

import json
import os
from pathlib import Path

import pytest

from schemas.options import Undecided
from tasks.reading.row import BadRow, Row
from tasks.scoring.marks import Mark, Reading, mark
from tasks.scoring.metrics import METRICS

SAMPLES = Path(os.environ.get("CONTEXTFIRST_SHARED", Path(__file__).resolve().parents[3] / "shared")) / "samples"
REAL = {
    "intentbench": "intentbench.json",
    "daily_omni": "daily_omni.json",
    "mlvu": "mlvu_dev.json",
    "omnivideobench": "omnivideobench.json",
    "video_holmes": "video_holmes_pipeline_examples.json",
}

WAVE = {
    "qid": "clip_q1",
    "output": "<answer>B</answer>",
    "problem_type": "multiple choice",
    "solution": "<answer>B</answer>",
    "raw": {"options": ["A.To greet.", "B.To leave."], "Type": "why", "video": "clip.mp4"},
}
LIES = {"qid": "7", "problem_type": "judge", "solution": "<answer>Yes</answer>", "raw": {"Type": "deception"}}
MOODS = {
    "qid": "8",
    "problem_type": "emer_ov_mc",
    "solution": "<context>He bows.</context><think>So.</think><answer>A,C</answer>",
    "raw": {"options": ["A. Calm", "B. Sad", "C. Proud", "D. Shy"], "Type": "emotion"},
}
TAGGED, DIRECT = Reading(), Reading("direct")


def marked(
    item: dict[str, object], reading: Reading = TAGGED, benchmark: str = "intentbench", **changes: object
) -> Mark:
    value = {name: field for name, field in (item | changes).items() if field is not ...}
    return mark(Row(benchmark, "file", "1", value), METRICS[benchmark], reading)


@pytest.mark.parametrize(
    ("output", "value", "outcome", "read"),
    [
        ("<context>c</context><think>A</think><answer>B</answer>", 1.0, "answered", True),
        ("<answer> b. </answer>", 1.0, "answered", True),
        ("<answer>B.To leave.</answer>", 1.0, "answered", True),
        ("<answer>To leave.</answer>", 1.0, "answered", True),
        ("<answer>A</answer><answer>B</answer>", 0.0, "answered", True),
        ("<answer>B. To greet.</answer>", 0.0, "answered", False),
        ("<answer>A or B</answer>", 0.0, "answered", False),
        ("<answer></answer>", 0.0, "unanswered", True),
        ("<answer>B", 0.0, "unanswered", True),
        ("<think>It is B.</think>", 0.0, "unanswered", True),
        ("B", 0.0, "unanswered", True),
        ("", 0.0, "unanswered", True),
    ],
)
def test_tagged_answer_is_read_as_in_training(output: str, value: float, outcome: str, read: bool) -> None:
    found = marked(WAVE, output=output)
    assert (found.value, found.outcome, found.read) == (value, outcome, read)


@pytest.mark.parametrize(
    ("output", "value", "outcome"),
    [
        ("B", 1.0, "answered"),
        ("The answer is B.", 1.0, "answered"),
        ("<answer>B</answer>", 1.0, "answered"),
        ("A", 0.0, "answered"),
        ("Because he left, B", 0.0, "answered"),
        ("<answer>B", 0.0, "unanswered"),
        (" ", 0.0, "unanswered"),
    ],
)
def test_bare_answer_counts_under_the_direct_protocol(output: str, value: float, outcome: str) -> None:
    found = marked(WAVE, DIRECT, output=output)
    assert (found.value, found.outcome) == (value, outcome)


@pytest.mark.parametrize(
    ("answer", "letters", "value", "read", "lettered"),
    [
        ("Yes", False, 1.0, True, False),
        ("no.", False, 0.0, True, False),
        ("A", False, 0.0, False, True),
        ("A", True, 1.0, True, False),
        ("B", True, 0.0, True, False),
        ("A. Yes", True, 1.0, True, False),
        ("A. No", True, 0.0, False, False),
        ("C", True, 0.0, False, False),
        ("not sure", True, 0.0, False, False),
    ],
)
def test_letter_is_a_yes_or_no_only_where_it_is_said_to_be(
    answer: str, letters: bool, value: float, read: bool, lettered: bool
) -> None:
    found = marked(LIES, Reading("tagged", letters), output=f"<answer>{answer}</answer>")
    assert (found.value, found.read, found.lettered) == (value, read, lettered)


@pytest.mark.parametrize(
    ("answer", "value"),
    [("A,C", 1.0), ("C, A", 1.0), ("Calm and proud", 1.0), ("A", 2 / 3), ("A,B,C", 0.8), ("B,D", 0.0), ("A,A,C", 1.0)],
)
def test_emotions_are_scored_by_the_f1_of_their_labels(answer: str, value: float) -> None:
    assert marked(MOODS, output=f"<answer>{answer}</answer>").value == pytest.approx(value)


def test_unreadable_media_are_not_known_whatever_else_the_item_lacks() -> None:
    for error in (True, "clip.mp4 is broken"):
        found = marked(WAVE, load_error=error, output=None, solution=...)
        assert (found.outcome, found.value, found.labels, found.group) == ("load_error", None, ("why",), "clip.mp4")


@pytest.mark.parametrize("error", [..., None, False, 0, "", "False", "none", float("nan")])
def test_load_error_that_says_there_was_none_leaves_the_item_in(error: object) -> None:
    found = marked(WAVE, load_error=error, output="<answer>A</answer>")
    assert (found.outcome, found.value) == ("answered", 0.0)


def test_gaps_that_a_table_fills_with_nan_are_no_fields() -> None:
    nan = float("nan")
    found = marked(WAVE, answer=nan, id=nan, raw=nan, output="<answer>B</answer>")
    assert (found.id, found.value, found.labels, found.bare) == ("clip_q1", 1.0, ("",), True)


def test_text_that_is_no_unicode_is_read_as_it_was_written() -> None:
    raw = {"options": ["A.To greet\ud800.", "B.To leave."], "Type": "why", "video": "\udc00.mp4"}
    found = marked(WAVE, raw=raw, qid="\ud800", output="\ud83d<answer>B</answer>")
    assert (found.value, found.bare) == (1.0, True)
    assert not marked(WAVE, output="<answer>B\ud800</answer>").read


@pytest.mark.parametrize(
    ("output", "value", "outcome"),
    [
        ("<answer><answer>B</answer></answer>", 0.0, "answered"),
        ("<think><answer>A</answer></think><answer>B</answer>", 0.0, "answered"),
        ("<think>I write <answer> last.</think><answer>B</answer>", 0.0, "answered"),
        ("<Answer>B</Answer>", 0.0, "unanswered"),
        ("</answer>B<answer>", 0.0, "unanswered"),
        ("<answer>\u00a0B\r\n</answer>", 1.0, "answered"),
        ("<answer>\u0392</answer>", 0.0, "answered"),
        ("word " * 400_000 + "<answer>B</answer>", 1.0, "answered"),
        ("<answer>" * 100_000, 0.0, "unanswered"),
        ("<answer>" + "B," * 500_000 + "</answer>", 0.0, "answered"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_odd_and_huge_outputs_are_read_by_their_first_block(output: str, value: float, outcome: str) -> None:
    found = marked(WAVE, output=output)
    assert (found.value, found.outcome) == (value, outcome)


@pytest.mark.parametrize("gold", ["b", " B ", "(b)", "<answer>b</answer>", "To leave.", ["B"]])
def test_gold_in_any_form_of_one_reading_is_the_same(gold: object) -> None:
    item = WAVE if gold != ["B"] else MOODS | {"raw": WAVE["raw"]}
    assert marked(item, solution=gold, output="<answer>B</answer>").value == 1.0


@pytest.mark.parametrize("said", ["C,A", "c, a", "A and C", "A;C", "(A), (C)", "Proud, Calm", "A\nC"])
def test_order_and_writing_of_several_labels_say_nothing(said: str) -> None:
    for gold in ("A,C", "C,A", "c, a"):
        assert marked(MOODS, solution=gold, output=f"<answer>{said}</answer>").value == 1.0


@pytest.mark.parametrize("said", ["Serene, proud", "AC", "Calm or proud", "happy"])
def test_synonym_of_an_option_is_not_the_option(said: str) -> None:
    found = marked(MOODS, output=f"<answer>{said}</answer>")
    assert (found.value, found.read) == (0.0, False)


def test_item_may_carry_the_fields_of_its_row_itself() -> None:
    flat = {"id": 3, "output": "<answer>B</answer>", "answer": "B", "problem_type": "multiple choice", "Type": "how"}
    found = marked({**flat, "video": "clip.mp4", "options": ["A.To greet.", "B.To leave."]})
    assert found == Mark("3", "clip.mp4", ("how",), "answered", 1.0)


def test_row_alone_is_enough_for_type_and_gold() -> None:
    row = {"Choice": ["A. A hiss", "B. A bell"], "Answer": "B", "Type": "Reasoning", "video_id": "v", "id": "5"}
    found = marked({"output": "<answer>A bell</answer>", "raw": row}, benchmark="daily_omni")
    assert (found.id, found.group, found.labels, found.value) == ("5", "v", ("Reasoning", ""), 1.0)


def test_gold_may_be_the_text_of_an_unlabelled_option() -> None:
    row = {"candidates": ["A key", "B", "A"], "answer": "A", "question_type": "count", "video": "v.mp4"}
    item = {"qid": "1", "problem_type": "multiple choice", "raw": row}
    assert marked(item, benchmark="mlvu", output="<answer>C</answer>").value == 1.0
    assert marked(item, benchmark="mlvu", output="<answer>A</answer>").value == 0.0


def test_question_of_several_types_keeps_them_all_and_length_becomes_a_label() -> None:
    several = {"qid": "1", "answer": "B", "raw": {"question_type": ["reasoning", "summarization"]}}
    assert marked(several, benchmark="lvbench", output="").labels == ("reasoning,summarization",)
    long = {"qid": "1", "raw": {"correct_option": "B", "audio_type": "Music", "duration": "07:30"}}
    assert marked(long, benchmark="omnivideobench", output="").labels == ("Music", "5-10min")


def test_category_that_is_no_unicode_is_shown_as_it_was_written() -> None:
    assert marked(WAVE, raw={"Type": "wh\ud800y"}, output="").labels == ("wh\\ud800y",)


@pytest.mark.parametrize("options", [..., None, ["A. x", "B. y", "A. z"], ["A. x", "no label", "B. y"]])
def test_choice_without_readable_options_takes_a_letter_alone(options: object) -> None:
    raw = {} if options is ... else {"options": options}
    bare, worded = (marked(WAVE, raw=raw, output=f"<answer>{text}</answer>") for text in ("B", "To leave."))
    assert (bare.value, worded.value, worded.read) == (1.0, 0.0, False)


def test_free_text_is_left_to_a_judge() -> None:
    item = {"qid": "1", "problem_type": "free-form", "answer": "Two men.", "raw": {"question_type": "subPlot"}}
    said, silent = (marked(item, DIRECT, "mlvu", output=text) for text in ("Two men.", ""))
    assert [(one.outcome, one.value) for one in (said, silent)] == [("unjudged", None), ("unanswered", 0.0)]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"solution": ...}, "missing_field"),
        ({"solution": ""}, "missing_field"),
        ({"output": ...}, "missing_field"),
        ({"output": None}, "missing_field"),
        ({"problem_type": "numerical"}, "unknown_problem_type"),
        ({"problem_type": "Multiple Choice"}, "unknown_problem_type"),
        ({"problem_type": ...}, "unknown_problem_type"),
        ({"answer": "A"}, "answer_conflict"),
        ({"solution": "<answer>E</answer>"}, "label_without_option"),
        ({"solution": "<answer>B"}, "answer_unclear"),
        ({"raw": "why"}, "wrong_type"),
        ({"solution": 1}, "answer_unclear"),
        ({"solution": True}, "answer_unclear"),
        ({"solution": float("nan")}, "missing_field"),
        ({"output": float("nan")}, "missing_field"),
        ({"load_error": []}, "wrong_type"),
        ({"load_error": 2}, "wrong_type"),
        ({"problem_type": "emer_ov"}, "unknown_problem_type"),
    ],
)
def test_item_that_gives_no_number_says_why(changes: dict[str, object], reason: str) -> None:
    with pytest.raises((BadRow, Undecided)) as raised:
        marked(WAVE, **changes)
    assert raised.value.reason == reason


@pytest.mark.parametrize("name", REAL)
def test_real_row_of_a_publisher_has_a_category_a_video_and_one_right_answer(name: str) -> None:
    file = SAMPLES / REAL[name]
    if not file.exists():
        pytest.skip("the real rows are not here")
    rows = [
        {**row, **one} for row in json.loads(file.read_text(encoding="utf-8")) for one in row.get("questions", [{}])
    ]
    for row in rows:
        kinds = ("free-form",) if row.get("question_type") in ("subPlot", "summary") else ("multiple choice",)
        item = {"id": "1", "problem_type": row.get("problem_type", kinds[0]), "raw": row}
        answers = (*"ABCDEF", "A,B", "A,C", "yes", "no", str(row.get("answer")))
        found = [marked(item, benchmark=name, output=f"<answer>{answer}</answer>") for answer in answers]
        assert all(found[0].labels) and found[0].group
        assert max(one.value or 0.0 for one in found) == 1.0 or {one.outcome for one in found} == {"unjudged"}
