"""Batches of similar length: less padding, and the same examples from the same seed."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.example import Example
from tests.training.conftest import SMALL
from training.buckets import bucketed, expected_length, order
from training.inputs import Encoder
from training.prompts import target


def padding(rows: list[int], lengths: list[float], batch: int) -> float:
    batches = [[lengths[row] for row in rows[place : place + batch]] for place in range(0, len(rows), batch)]
    return 1 - sum(map(sum, batches)) / sum(len(each) * max(each) for each in batches)


def test_every_example_is_seen_once_before_any_is_seen_twice() -> None:
    rows = order(5, 12, seed=3)
    assert sorted(rows[:5]) == sorted(rows[5:10]) == [0, 1, 2, 3, 4]
    assert len(rows) == 12
    assert rows != order(5, 12, seed=4)


@given(
    count=st.integers(1, 40),
    steps=st.integers(1, 12),
    batch=st.integers(1, 9),
    window=st.integers(1, 6),
    seed=st.integers(0, 5),
)
def test_each_epoch_has_the_same_examples_as_without_buckets(
    count: int, steps: int, batch: int, window: int, seed: int
) -> None:
    rows = order(count, steps * batch, seed)
    lengths = np.random.default_rng(seed).integers(1, 1000, count).tolist()
    sorted_in = bucketed(rows, lengths, batch, window, seed)
    assert len(sorted_in) == len(rows)
    for start in range(0, len(rows), count):
        assert Counter(sorted_in[start : start + count]) == Counter(rows[start : start + count])


def test_the_order_comes_from_the_seed_and_short_batches_are_not_first() -> None:
    lengths = [float(length) for length in np.random.default_rng(0).integers(10, 1000, 64)]
    rows = order(64, 64, seed=1)
    made = bucketed(rows, lengths, 4, 16, seed=1)
    assert made == bucketed(rows, lengths, 4, 16, seed=1) != bucketed(rows, lengths, 4, 16, seed=2)
    longest = [max(lengths[row] for row in made[place : place + 4]) for place in range(0, 64, 4)]
    assert longest != sorted(longest)


def test_wider_windows_leave_less_padding() -> None:
    lengths = [float(length) for length in np.random.default_rng(0).integers(10, 1000, 512)]
    rows = order(512, 512, seed=1)
    shares = [padding(bucketed(rows, lengths, 8, window, seed=1), lengths, 8) for window in (1, 4, 16, 64)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == padding(rows, lengths, 8) > 0.3
    assert shares[-1] < 0.02


@pytest.mark.parametrize("shorter", ["text", "picture", "short"])
def test_examples_are_expected_in_the_order_of_their_true_lengths(
    shorter: str, encoder: Encoder, asked: dict[str, Example]
) -> None:
    def probed(name: str) -> Example:
        seconds = {"video": 2.0, "short": 1.5, "silent": 2.0, "sound": 1.0, "picture and sound": 1.0}.get(name)
        media = tuple(each.model_copy(update={"duration": seconds}) for each in asked[name].media)
        return asked[name].model_copy(update={"media": media})

    def true(name: str) -> int:
        ids = encoder.encode(asked[name], "context_first").ids
        return len(ids) + len(encoder.tokens(target(asked[name], "context_first")))

    assert true(shorter) < true("video")
    expected = [expected_length(probed(name), "context_first", SMALL) for name in (shorter, "video")]
    assert expected == sorted(expected)
    assert expected[0] < expected[1]
