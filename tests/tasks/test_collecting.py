"""Garbage is looked for rarely while rows pass, and as usual afterwards."""

import gc

import pytest

from tasks.collecting import collecting_rarely


def test_the_rarest_that_is_asked_for_holds_until_the_last_has_ended() -> None:
    usual = gc.get_threshold()
    with collecting_rarely(50_000):
        with collecting_rarely(500_000):
            assert gc.get_threshold()[0] == 500_000
        assert gc.get_threshold()[0] == 50_000
    assert gc.get_threshold() == usual


def test_failure_leaves_it_as_it_was() -> None:
    usual = gc.get_threshold()
    with pytest.raises(ValueError, match="row"), collecting_rarely(50_000):
        raise ValueError("row")
    assert gc.get_threshold() == usual
