"""A row's split is its video's, whichever source it comes from and whatever it was before."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.example import Example, Media
from tasks.curation.outline import Outline
from tasks.curation.splits import split_of, with_splits
from tasks.curation.videos import videos_of
from tests.stages import example
from tests.tasks.outlines import outlines


def splits_by_group(rows: list[Outline]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row.group, set()).add(row.split)
    return found


def test_rows_of_one_video_are_in_one_split() -> None:
    rows = outlines(*(example(f"{video}-{n}", group=f"video-{video}") for video in range(60) for n in range(3)))
    found = splits_by_group(with_splits(rows, 0.3, seed=0))
    assert {len(splits) for splits in found.values()} == {1}
    assert 8 <= sum(splits == {"validation"} for splits in found.values()) <= 28


@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from(["", "train", "validation", "test"])), max_size=30))
def test_no_video_is_in_two_splits_whatever_splits_its_rows_had(rows: list[tuple[int, str]]) -> None:
    given_rows = outlines(*(example(str(n), group=f"v{video}", split=split) for n, (video, split) in enumerate(rows)))
    assert all(len(splits) == 1 for splits in splits_by_group(with_splits(given_rows, 0.5, seed=0)).values())


def test_split_that_a_row_has_already_is_its_videos() -> None:
    rows = outlines(example("1", group="video", split="validation"), example("2", group="video"), example("3"))
    assert [row.split for row in with_splits(rows, 0.0, seed=0)] == ["validation", "validation", "train"]


def test_video_whose_rows_disagree_is_held_out() -> None:
    splits = ("train", "validation", "test")
    rows = outlines(*(example(split, group="video", split=split) for split in splits))
    assert [row.split for row in with_splits(rows[:2], 0.0, seed=0)] == ["validation"] * 2
    assert [row.split for row in with_splits(rows, 0.0, seed=0)] == ["test"] * 3


def with_files(id: str, group: str, *digests: str, split: str = "") -> Example:
    media = tuple(Media(kind="image", digest=digest, path=f"{digest}.png") for digest in digests)
    return example(id, group=group, media=media, split=split)


def test_one_file_under_two_names_is_one_video() -> None:
    rows = outlines(*(with_files(f"{n}-{name}", f"{name}/{n}", f"file{n}") for n in range(60) for name in "ab"))
    found = with_splits(rows, 0.5, seed=0)
    assert {row.split for row in found} == {"train", "validation"}
    assert all(one.split == other.split for one, other in zip(found[::2], found[1::2], strict=True))


def test_names_are_joined_across_rows_and_sources_and_split_like_the_first_by_name() -> None:
    chain = [("d", "1"), ("c", "1", "2"), ("b", "3"), ("a", "3", "2"), ("alone", "4")]
    for order in (chain, chain[::-1]):
        rows = outlines(*(with_files(group, group, *digests) for group, *digests in order))
        videos = videos_of(rows)
        assert videos == {**dict.fromkeys("abcd", "a"), "alone": "alone"}
        assert [row.split for row in with_splits(rows, 0.5, 0)] == [split_of(videos[row.group], 0.5, 0) for row in rows]


def test_video_that_is_held_out_under_one_name_is_held_out_under_the_other() -> None:
    rows = outlines(with_files("1", "a", "x", split="test"), with_files("2", "b", "x"))
    assert [row.split for row in with_splits(rows, 0.0, seed=0)] == ["test", "test"]


@given(st.lists(st.text(min_size=1, max_size=5), unique=True, min_size=1, max_size=30), st.integers(0, 3))
def test_split_stays_when_rows_are_added_or_the_share_grows(groups: list[str], seed: int) -> None:
    for group in groups:
        splits = [split_of(group, share, seed) for share in (0.0, 0.1, 0.1, 0.5, 1.0)]
        assert splits == sorted(splits)  # "train" before "validation"
        assert splits[0] == "train" and splits[1] == splits[2] and splits[-1] == "validation"


def test_split_follows_the_seed() -> None:
    splits = [[split_of(str(number), 0.5, seed) for number in range(50)] for seed in (0, 1)]
    assert splits[0] != splits[1]
