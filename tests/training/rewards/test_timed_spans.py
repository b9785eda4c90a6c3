"""The spans reward: timed captions against the clip and against the spans of a reference."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.completion import render
from schemas.example import Example, Media
from schemas.values import UserError
from tests.training.rewards.examples import answered, example, rollout, scores
from training.rewards import REWARDS
from training.rewards.contract import Rollout
from training.rewards.spans import clip_seconds, merged, overlap

CLIP = Media(kind="video", digest="d", path="a.mp4", duration=10.0, has_audio=True)
SOUND = Media(kind="audio", digest="e", path="a.wav", duration=4.0)


def captions(*times: tuple[float, float], text: str = "A dog barks.") -> str:
    return "".join(f"<time>{start}-{end}</time><caption>{text}</caption>" for start, end in times)


def clip(*media: Media, context: str = "A dog barks.") -> Example:
    return example("choice", "A", ["dog", "cat"], context=context).model_copy(update={"media": media or (CLIP,)})


def timed(context: str) -> Rollout:
    return rollout(render(context, "So.", "A"), "timed")


def value(context: str, asked: Example | None = None) -> float | None:
    (score,) = scores(REWARDS["spans"], asked or clip(), [timed(context)])
    return score.value


def test_captions_in_order_inside_the_clip_score_one() -> None:
    assert value(captions((0, 2.5), (2.5, 4), (9, 10))) == 1.0


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ("", 0.0),
        ("A dog barks from 0 to 2.", 0.0),
        (captions((0, 2), (12, 14)), 0.5),
        (captions((0, 2), (8, 10.5)), 0.5),
        (captions((0, 2), (8, 10.1)), 1.0),
        (captions((2, 2)), 0.0),
        (captions((4, 2)), 0.0),
        (captions((5, 6), (1, 2)), 0.5),
        (captions((0, 3), (2, 5), (5, 6)), pytest.approx(2 / 3)),
        (captions((0, 2), (0, 2), (0, 2), (0, 2)), 0.25),
        (captions((0, 2), text="\u200b "), 0.0),
        (captions((0, 999999)), 0.0),
    ],
)
def test_caption_out_of_place_lowers_the_score(context: str, expected: float) -> None:
    assert value(context) == expected


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([(2.0, 4.0), (6.0, 8.0)], 1.0),
        ([(2.0, 4.0)], 0.5),
        ([(0.0, 10.0)], 0.4),
        ([(0.0, 1.0)], 0.0),
        ([(2.0, 3.0), (3.0, 4.0), (6.0, 8.0)], 1.0),
        ([(2.0, 4.0), (6.0, 8.0), (6.0, 8.0)], pytest.approx(2 / 3)),
    ],
)
def test_times_are_compared_with_those_of_a_timed_reference(times: list[tuple[float, float]], expected: float) -> None:
    assert value(captions(*times), clip(context=captions((2, 4), (6, 8)))) == expected


def test_reference_that_overlaps_itself_counts_each_second_once() -> None:
    assert value(captions((2, 8)), clip(context=captions((4, 8), (2, 6), (9, 9)))) == 1.0
    assert merged([(4, 8), (2, 6), (9, 9), (1, 1.5)]) == [(1, 1.5), (2, 8)]


def test_length_is_that_of_what_is_shown() -> None:
    cut = CLIP.model_copy(update={"start": 6.0})
    assert clip_seconds(clip(cut)) == 4.0
    assert clip_seconds(clip(cut.model_copy(update={"end": 7.5}))) == 1.5
    assert clip_seconds(clip(SOUND)) == 4.0
    assert clip_seconds(clip(SOUND, CLIP)) == 10.0
    assert value(captions((0, 4), (5, 6)), clip(cut)) == 0.5


@pytest.mark.parametrize(
    "media", [Media(kind="image", digest="f", path="a.png"), CLIP.model_copy(update={"duration": None})]
)
def test_clip_of_unknown_length_is_not_known(media: Media) -> None:
    (score,) = scores(REWARDS["spans"], clip(media), [timed(captions((0, 1)))])
    assert (score.value, score.reason, score.judged) == (None, "no clip length", False)


def test_completions_in_another_format_are_a_mistake_of_the_recipe() -> None:
    with pytest.raises(UserError, match="set format to timed"):
        scores(REWARDS["spans"], clip(), [answered("A")])


def test_parts_say_what_the_score_is_made_of() -> None:
    (score,) = scores(REWARDS["spans"], clip(context=captions((0, 4))), [timed(captions((0, 2), (20, 30)))])
    assert dict(score.parts) == {"captions": 2.0, "in_place": 0.5, "overlap": 0.5}
    assert score.value == 0.25 and score.span is not None


seconds = st.floats(0, 20).map(lambda number: round(number, 1))
ranges = st.lists(st.tuples(seconds, seconds), max_size=6)


@given(ranges, ranges)
def test_overlap_is_a_share_and_is_one_for_the_same_seconds(left: list[tuple[float, float]], right: list) -> None:  # type: ignore[type-arg]
    mine, other = merged(left), merged(right)
    assert 0.0 <= overlap(mine, other) <= 1.0
    assert overlap(mine, other) == pytest.approx(overlap(other, mine))
    assert overlap(mine, mine) == pytest.approx(float(bool(mine)))


@given(ranges, ranges)
def test_any_times_score_a_share(wrote: list[tuple[float, float]], reference: list[tuple[float, float]]) -> None:
    found = value(captions(*wrote), clip(context=captions(*reference)))
    assert found is not None and 0.0 <= found <= 1.0
