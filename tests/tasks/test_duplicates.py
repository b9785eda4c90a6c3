"""Questions that a video is asked twice: the first stays, however the second is written."""

from typing import Any

import pytest

from schemas.options import letter
from tasks.curation.duplicates import nearly_repeated, repeated
from tests.stages import example
from tests.tasks.outlines import outlines, reasons_by_row

LONG = "Why does the woman in the blue coat leave the room?"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "duplicate"),
        ({"question": "which  COLOUR has the square?"}, "duplicate"),
        ({"question": "Which shape has the square?"}, ""),
        ({"group": "another video"}, ""),
        ({"answer": "B"}, ""),
        ({"options": letter(("red", "green"))}, ""),
    ],
)
def test_same_question_about_the_same_video_is_kept_once(changes: dict[str, Any], reason: str) -> None:
    same: dict[str, Any] = {"question": "Which colour has the square?", "group": "video"}
    rows = outlines(example("1", **same), example("2", **(same | changes)))
    assert reasons_by_row(rows, repeated(rows)) == {"1": "", "2": reason}


@pytest.mark.parametrize(
    ("question", "changes", "reason"),
    [
        (LONG, {}, "near_duplicate"),
        ("Why does the woman in the blue coat then leave the room?", {}, "near_duplicate"),
        ("WHY does the woman, in the blue coat, leave the room", {}, "near_duplicate"),
        (LONG, {"options": letter(("blue", "red")), "answer": "B"}, "near_duplicate"),
        ("Why does the woman in the red coat leave the room?", {}, ""),
        (LONG, {"group": "another video"}, ""),
        (LONG, {"answer": "B"}, ""),
        (LONG, {"options": letter(("red", "green"))}, ""),
        ("为什么她要离开房间", {}, ""),
    ],
)
def test_nearly_the_same_question_with_the_same_options_and_answer_is_kept_once(
    question: str, changes: dict[str, Any], reason: str
) -> None:
    same: dict[str, Any] = {"group": "video"}
    rows = outlines(example("1", question=LONG, **same), example("2", question=question, **(same | changes)))
    assert reasons_by_row(rows, nearly_repeated(rows, 0.95)) == {"1": "", "2": reason}


def test_chinese_questions_are_compared_by_characters() -> None:
    same = {"group": "video"}
    rows = outlines(
        example("1", question="视频中的女人为什么生气地离开了会议室?", **same),
        example("2", question="视频中的女人为什么生气地离开了会议室呢？", **same),
        example("3", question="视频中的男人在和谁一起准备今天的晚饭？", **same),
    )
    assert reasons_by_row(rows, nearly_repeated(rows, 0.95)) == {"1": "", "2": "near_duplicate", "3": ""}


def test_row_is_compared_with_those_that_stay_and_names_the_one_it_is_like() -> None:
    words = [f"w{number}" for number in range(12)]
    questions = [" ".join([*words, *"abc"[:extra]]) for extra in range(4)]
    rows = outlines(*(example(str(place), question=text, group="video") for place, text in enumerate(questions)))
    verdicts = nearly_repeated(rows, 0.95)
    assert reasons_by_row(rows, verdicts) == {"0": "", "1": "near_duplicate", "2": "", "3": "near_duplicate"}
    assert "made/2" in verdicts["made/3"].detail
