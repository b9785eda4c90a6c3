import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from media.blobs import blob_path
from reporting.clips import Room, clips_of
from reporting.histograms import histogram_plot, histograms
from reporting.pairs import draw_pairs
from reporting.quality import ALL_SOURCES, Step, outcomes
from schemas.example import Media

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


def _step(source: str, *reasons: str, repaired: int = 0, groups: int = 1000) -> Step:
    """A row for each reason, "" for an accepted one, of which the first `repaired` took a second reply."""
    places = range(len(reasons))
    accepted = [place for place in places if not reasons[place]][:repaired]
    return Step(source, "rewriting", [f"v{n % groups}" for n in places], reasons, [n in accepted for n in places])


def test_outcomes_of_a_step_add_up_to_the_rows_that_entered_it() -> None:
    found = outcomes([_step("one", "", "", "late", "rare", "late", "")])
    assert {row.outcome: row.rows for row in found} == {"accepted": 3, "late": 2, "rare": 1}
    assert {row.share.n for row in found} == {6}
    assert [row.share.mean for row in found] == pytest.approx([1 / 2, 1 / 3, 1 / 6])


def test_accepted_rows_come_first_and_then_reasons_from_the_commonest() -> None:
    found = outcomes([_step("one", "a", "b", "b", "", repaired=1)])
    assert [(row.outcome, row.lost) for row in found] == [
        ("accepted", False),
        ("accepted after a repair", False),
        ("b", True),
        ("a", True),
    ]


def test_repaired_rows_are_counted_among_the_accepted_ones() -> None:
    found = {row.outcome: row.rows for row in outcomes([_step("one", "", "", "", "late", repaired=2)])}
    assert (found["accepted"], found["accepted after a repair"]) == (3, 2)


def test_all_sources_together_stand_before_each_of_them() -> None:
    found = outcomes([_step("one", "", "late"), _step("two", "", "", "")])
    assert list(dict.fromkeys(row.source for row in found)) == [ALL_SOURCES, "one", "two"]
    assert [(row.rows, row.share.n) for row in found if row.source == ALL_SOURCES] == [(4, 5), (1, 5)]


def test_one_source_is_not_counted_twice() -> None:
    assert {row.source for row in outcomes([_step("one", "")])} == {"one"}


def test_videos_of_the_same_name_in_two_sources_are_two_videos() -> None:
    together = outcomes([_step("one", "", "late"), _step("two", "", "late")])[0]
    assert together.share.groups == 4


def test_share_is_less_sure_where_all_questions_of_a_video_are_refused_together() -> None:
    reasons = ["late" if place % 20 < 4 else "" for place in range(200)]
    alone, together = (outcomes([_step("one", *reasons, groups=groups)])[0].share for groups in (200, 20))
    assert alone.mean == together.mean
    assert together.low is not None and alone.low is not None
    assert together.low < alone.low


def test_step_without_rows_has_no_share_instead_of_zero() -> None:
    (only,) = outcomes([_step("one")])
    assert (only.rows, only.share.mean) == (0, None)


def test_every_tenth_of_a_rating_has_a_bar_of_its_own() -> None:
    (found,) = histograms(({"question_logic": place / 10}, True) for place in range(11))
    assert found.chosen == (1,) * 11
    assert sum(found.left_out) == 0


def test_histogram_parts_chosen_rows_from_those_left_out() -> None:
    (found,) = histograms(({"composite": value}, value > 0.5) for value in (0.1, 0.12, 0.9, 1.0))
    assert (sum(found.left_out), sum(found.chosen)) == (2, 2)
    assert found.left_out[2] == 2
    assert found.chosen[-1] == 1


def test_one_endless_text_does_not_flatten_the_others() -> None:
    lengths = [float(20 + place % 40) for place in range(500)] + [90_000.0]
    (found,) = histograms(({"think words": length}, True) for length in lengths)
    assert found.edges[-1] < 200
    assert sum(found.chosen) == len(lengths)
    assert found.most == 90_000


def test_no_rated_rows_draw_no_histogram() -> None:
    assert histograms([]) == ()


def test_measure_that_few_rows_have_is_drawn_of_those_rows() -> None:
    found = histograms([({"composite": 0.5}, True), ({"composite": 0.5, "emotion_overlap": 1.0}, False)])
    assert {one.measure: (sum(one.chosen), sum(one.left_out)) for one in found} == {
        "composite": (1, 1),
        "emotion_overlap": (0, 1),
    }


def test_threshold_is_drawn_over_the_composite_alone() -> None:
    made = histograms(({"composite": value, "question_logic": value}, value > 0.5) for value in (0.2, 0.8))
    texts = [
        ["".join(node.itertext()) for node in ElementTree.fromstring(histogram_plot(one, 0.35).svg).iter("text")]
        for one in made
    ]
    assert ["threshold 0.35" in words for words in texts] == [True, False]


def test_rows_left_out_are_hatched_so_that_grey_tells_them_apart() -> None:
    (found,) = histograms(({"composite": value}, value > 0.5) for value in (0.2, 0.8))
    svg = histogram_plot(found, 0.5).svg
    patterns = re.findall(r'<pattern id="([^"]+)"', svg)
    assert patterns and f"url(#{patterns[0]})" in svg
    assert "://" not in svg


def test_rare_reason_is_shown_beside_a_common_one() -> None:
    common = [f"c{place}" for place in range(500)]
    cells = {("rewriting", "malformed"): common, ("rating", "not_rated"): ["r0"]}
    drawn = draw_pairs({"one": ["a"]}, cells, dict.fromkeys([*common, "r0"], "one"), 4)
    shown = [rejected for _, rejected in drawn]
    assert len(drawn) == 4
    assert shown[-1] == "r0"
    assert set(shown[:3]) < set(common)


def test_accepted_row_beside_a_rejected_one_is_of_its_source() -> None:
    accepted = {source: [f"{source}{place}" for place in range(30)] for source in "ab"}
    cells = {("rewriting", "late"): [f"x{place}" for place in range(12)]}
    sources = {f"x{place}": "ab"[place % 2] for place in range(12)}
    drawn = draw_pairs(accepted, cells, sources, 12)
    assert all(left and right and left[0] == sources[right] for left, right in drawn)
    assert len({left for left, _ in drawn}) == 12


def test_without_rejected_rows_accepted_ones_of_every_source_are_shown() -> None:
    accepted = {source: [f"{source}{place}" for place in range(30)] for source in "abc"}
    drawn = draw_pairs(accepted, {}, {}, 6)
    assert Counter(str(left)[0] for left, _ in drawn) == {"a": 2, "b": 2, "c": 2}
    assert {right for _, right in drawn} == {None}


def test_same_seed_draws_the_same_rows_whatever_their_order() -> None:
    ids = [f"x{place}" for place in range(60)]
    sources = dict.fromkeys(ids, "a")
    first = draw_pairs({"a": ["y", "z"]}, {("rating", "late"): ids}, sources, 5, seed=1)
    assert first == draw_pairs({"a": ["z", "y"]}, {("rating", "late"): ids[::-1]}, sources, 5, seed=1)
    assert first != draw_pairs({"a": ["y", "z"]}, {("rating", "late"): ids}, sources, 5, seed=2)


def test_clip_that_is_gone_or_too_large_says_so_and_is_not_shown(tmp_path: Path) -> None:
    path = blob_path(tmp_path, "ab12")
    path.parent.mkdir()
    path.write_bytes(PNG)
    here, gone = (Media(kind="image", digest=digest, path="a.png") for digest in ("ab12", "cd34"))
    shown, missing = clips_of([here, gone], tmp_path, Room(1000))
    (large,) = clips_of([here], tmp_path, Room(1000, each=10))
    assert shown.source.startswith("data:image/png")
    assert (missing.source, large.source) == ("", "")
    assert "not there" in missing.note
    assert "MB" in large.note
