"""Training rows that meet a benchmark: by video, by file, or by question, but not by a template."""

from typing import Any

import pytest

from schemas.example import Example, Media
from schemas.options import letter
from schemas.values import UserError
from tasks.curation.contamination import Overlap, contaminated, count_overlaps, find_meetings, refuse_overlaps
from tests.stages import example, one_line
from tests.tasks.outlines import outlines, reasons_by_row

LONG = "How does the man in the grey jacket react to the news of the two fires?"
LONG_GOLD = "She would rather not say it, because her sister is listening."
TEMPLATE = "Please watch this person closely and say whether they lie when answering the question"


def with_media(id: str, *digests: str, **changes: object) -> Example:
    return example(id, media=tuple(Media(kind="image", digest=each, path=f"{each}.png") for each in digests), **changes)


def answered(gold: str, *others: str) -> dict[str, Any]:
    """A choice whose first option is the gold answer."""
    return {"options": letter((gold, *others))}


def met(training: tuple[Example, ...], benchmark: tuple[Example, ...], share: float = 0.5) -> dict[str, list[str]]:
    """The ways in which each row meets the benchmark."""
    rows = outlines(*training)
    meetings = find_meetings(rows, outlines(*benchmark, origin="bench"), share)
    return {row.source_row: [meeting.kind for meeting in meetings.get(row.id, [])] for row in rows}


def test_row_about_a_benchmarks_video_meets_it_whatever_it_asks() -> None:
    training = (example("1", group="shared"), example("2"))
    assert met(training, (example("b", group="shared"),)) == {"1": ["video"], "2": []}


def test_row_with_a_benchmarks_file_meets_it_whatever_its_video_is_called() -> None:
    training = (with_media("1", "aa", "bb"), with_media("2", "cc"), example("3"))
    assert met(training, (with_media("b", "bb", "dd"),)) == {"1": ["media"], "2": [], "3": []}


def test_rows_of_a_video_leave_together_when_the_file_of_one_is_in_a_benchmark() -> None:
    training = (
        with_media("1", "aa", group="video"),
        with_media("2", "cut", group="video"),
        with_media("3", "cut", group="its name elsewhere"),
        example("4", group="its name elsewhere"),
        example("5"),
    )
    found = met(training, (with_media("b", "aa"),))
    assert found == {"1": ["media"], "2": ["video"], "3": ["video"], "4": ["video"], "5": []}


def test_media_that_were_never_found_do_not_meet() -> None:
    assert met((with_media("1", ""),), (with_media("b", ""),)) == {"1": []}


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        (LONG, ["question"]),
        ("how does the man, in the grey jacket, react to the news of the TWO fires", ["question"]),
        ("How does the man in the grey jacket react when his own mother comes in?", []),
        ("How does the man in the grey jacket react to the news of a third fire?", ["question"]),
        ("To the news of two fires the man in the jacket, which is grey, reacts how?", []),
        ("How does the man in the grey", []),
    ],
)
def test_question_meets_a_benchmark_when_one_there_holds_half_of_its_8_grams(question: str, kinds: list[str]) -> None:
    assert met((example("1", question=question),), (example("b", question=LONG),)) == {"1": kinds}


def test_share_of_8_grams_can_be_chosen() -> None:
    training = (example("1", question=f"{LONG} Why is that so?"),)
    benchmark = (example("b", question=f"Please tell me: {LONG}"),)
    assert met(training, benchmark, share=0.7) == {"1": ["question"]}
    assert met(training, benchmark, share=0.8) == {"1": []}


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_benchmarks_question_meets_however_much_is_said_around_it(share: float) -> None:
    preamble = (
        "Watch all of it with the sound on and listen to everyone who speaks before you think step by step, then:"
    )
    training = (example("1", question=f"{preamble} {LONG}"), example("2", question=f"{LONG} {preamble}"))
    assert met(training, (example("b", question=LONG),), share) == {"1": ["question"], "2": ["question"]}


def test_parts_of_two_benchmark_questions_do_not_add_up() -> None:
    halves = (f"{' '.join(LONG.split()[:11])} her own sister?", f"What does he say {' '.join(LONG.split()[5:])}")
    benchmark = tuple(example(f"b{place}", question=half) for place, half in enumerate(halves))
    assert met((example("1", question=LONG),), benchmark, share=0.5) == {"1": ["question"]}
    assert met((example("1", question=LONG),), benchmark, share=0.7) == {"1": []}


def test_chinese_questions_meet_by_runs_of_characters() -> None:
    benchmark = (example("b", question="视频中的女人为什么生气地离开了会议室？"),)
    training = (
        example("1", question="视频中的女人为什么生气地离开了会议室"),
        example("2", question="请问视频里的男人后来为什么又笑着回到了厨房？"),
    )
    assert met(training, benchmark) == {"1": ["question"], "2": []}


def test_wording_that_a_benchmark_asks_of_many_videos_is_a_template() -> None:
    def asked(count: int) -> tuple[Example, ...]:
        return tuple(example(f"b{number}", question=f"{TEMPLATE} {number}") for number in range(count))

    training = (example("1", question=f"{TEMPLATE} 77"),)
    assert met(training, asked(3)) == {"1": ["question"]}
    assert met(training, asked(4)) == {"1": []}


def asked_of(count: int, **changes: Any) -> tuple[Example, ...]:
    """The benchmark's question about so many videos, answered for each anew unless told otherwise."""
    own = ({"answer_kind": "free_text", "options": (), "answer": f"thing {number}"} for number in range(count))
    return tuple(example(str(number), **({"question": LONG} | each | changes)) for number, each in enumerate(own))


def test_question_that_training_asks_of_many_videos_with_other_answers_is_generic() -> None:
    benchmark = (example("b", question=LONG),)
    assert list(met(asked_of(3), benchmark).values()) == [["question"]] * 3
    assert list(met(asked_of(4), benchmark).values()) == [[]] * 4
    yes_and_no = [
        example(f"{n}", question=LONG, answer_kind="yes_no", options=(), answer=answer)
        for n, answer in enumerate(["yes", "no"] * 50)
    ]
    assert list(met(tuple(yes_and_no), benchmark).values()) == [[]] * 100


def test_question_that_was_copied_to_many_videos_with_its_answer_meets() -> None:
    copies = asked_of(9, answer="Into the river.", question=f"Answer this: {LONG}")
    other = asked_of(2, answer="It is not said.")
    training = (*copies, *(row.model_copy(update={"id": f"x{row.id}", "group": f"x{row.group}"}) for row in other))
    rows = outlines(*training)
    assert find_meetings(rows, outlines(example("b", question=LONG), origin="bench"), 0.5).keys() == {
        r.id for r in rows
    }


def test_preamble_that_training_gives_to_many_questions_is_a_template() -> None:
    benchmark = (example("b", question=f"{TEMPLATE}: is it his {LONG.lower()}"),)
    training = tuple(example(str(n), question=f"{TEMPLATE}: {n} {n} {n}?", answer="A") for n in range(4))
    assert list(met(training[:3], benchmark, 0.2).values()) == [["question"]] * 3
    assert list(met(training, benchmark, 0.2).values()) == [[]] * 4


def test_many_questions_about_one_video_make_no_template() -> None:
    benchmark = tuple(example(f"b{number}", question=LONG, group="one video") for number in range(9))
    assert met((example("1", question=LONG),), benchmark) == {"1": ["question"]}


def test_what_a_template_leaves_of_a_question_still_tells_it() -> None:
    benchmark = tuple(example(f"b{number}", question=f"{TEMPLATE}: {'x' * number} {LONG}") for number in range(4))
    one = example("own", question=f"{TEMPLATE}: what did you hide behind the tall green fence last week?")
    training = (one.model_copy(update={"id": "made/1", "source_row": "1", "group": "elsewhere"}),)
    assert met(training, benchmark) == {"1": []}
    assert met(training, (*benchmark, one)) == {"1": ["question"]}


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        (answered(LONG_GOLD, "other distractors"), ["question"]),
        (answered(f"{LONG_GOLD} Really."), []),
        ({"question": "Why is she so silent?", **answered(LONG_GOLD)}, []),
    ],
)
def test_short_question_meets_one_with_the_same_words_and_the_same_long_answer(
    changes: dict[str, Any], kinds: list[str]
) -> None:
    short = {"question": "Why is she silent?"}
    benchmark = (example("b", **short, **answered(LONG_GOLD, "She is tired.")),)
    assert met((example("1", **(short | changes)),), benchmark) == {"1": kinds}


def test_short_question_with_a_short_answer_is_asked_of_anything() -> None:
    same = {"question": "What is happening?"}
    assert met((example("1", **same),), (example("b", **same),)) == {"1": []}


def test_overlaps_are_counted_for_every_pair_and_kind_also_where_there_are_none() -> None:
    one = outlines(
        with_media("1", "aa", group="shared"), with_media("2", "aa"), example("3", question=LONG), origin="one"
    )
    two = outlines(example("4"), origin="two")
    benchmark = outlines(with_media("b", "aa", group="shared", question=LONG), origin="bench")
    meetings = find_meetings([*one, *two], [*benchmark, *outlines(example("c"), origin="clear")], 0.5)
    assert count_overlaps([*one, *two], meetings, ["none", "one", "two"], ["bench", "clear"]) == [
        Overlap("none", "bench", 0, 0, 0, 0),
        Overlap("none", "clear", 0, 0, 0, 0),
        Overlap("one", "bench", 1, 2, 1, 3),
        Overlap("one", "clear", 0, 0, 0, 0),
        Overlap("two", "bench", 0, 0, 0, 0),
        Overlap("two", "clear", 0, 0, 0, 0),
    ]


def social_iq(number: int) -> Example:
    """A row in the manner of Social-IQ: four sentences to choose from, about a clip of YouTube."""
    return example(
        str(number),
        source="social_iq2",
        group=f"youtube/clip{number}",
        question=f"Why does the woman with the umbrella of kind {number} turn away from her friend?",
        options=letter(f"She {verb} clip {number}." for verb in ("likes", "dreads", "forgets", "films")),
    )


def test_benchmark_made_of_a_sources_clips_is_shown_by_kind_and_its_rows_are_told_apart() -> None:
    training = outlines(*map(social_iq, range(6)), origin="social_iq2")
    renamed = social_iq(3).model_copy(update={"id": "intentbench/3", "group": "socialiq/other_name"})
    trimmed = social_iq(4).model_copy(update={"id": "intentbench/4", "question": "How is she?"})
    deceptions = [
        example(f"d{number}", question=f"{TEMPLATE} {number}?", answer_kind="yes_no", answer="yes", options=())
        for number in range(5)
    ]
    held_out = outlines(renamed, trimmed, *deceptions, origin="intentbench")
    meetings = find_meetings(training, held_out, 0.5)
    overlaps = count_overlaps(training, meetings, ["social_iq2"], ["intentbench"])
    assert reasons_by_row(training, contaminated(training, meetings)) == {
        **dict.fromkeys("0125", ""),
        **dict.fromkeys("34", "contaminated"),
    }
    with pytest.raises(UserError) as caught:
        refuse_overlaps(overlaps, meetings)
    said = one_line(caught.value)
    assert "2 of social_iq2 in intentbench (1 by video, 0 by file, 1 by question)" in said
    assert "--set curation.contamination=remove" in said


def test_rows_that_meet_nothing_are_not_refused_but_counted() -> None:
    training, held_out = outlines(example("a", group="one")), outlines(example("b", group="other"), origin="bench")
    meetings = find_meetings(training, held_out, 0.5)
    overlaps = count_overlaps(training, meetings, ["one"], ["bench"])
    assert overlaps == [Overlap("one", "bench", 0, 0, 0, 0)]
    assert refuse_overlaps(overlaps, meetings) is None
