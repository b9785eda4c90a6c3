"""The KL weight over a run."""

import pytest

from schemas.training import Kl
from schemas.values import UserError
from training.kl import KlControl, steered, weight


def test_weight_falls_in_a_line_to_the_end_of_its_share_and_stays() -> None:
    weights = [weight(Kl(start=0.04, end=0.01, over=0.5), step, 8) for step in range(8)]
    assert weights == pytest.approx([0.04, 0.0325, 0.025, 0.0175, 0.01, 0.01, 0.01, 0.01])


def test_weight_is_never_zero_on_the_way() -> None:
    assert min(weight(Kl(start=0.04, end=1e-9, over=1.0), step, 100) for step in range(101)) > 0


def test_share_of_nothing_is_the_end_at_once() -> None:
    assert weight(Kl(start=0.04, end=0.01, over=0), 0, 100) == 0.01


def test_no_kl_term_is_zero_throughout() -> None:
    assert weight(Kl(start=0, end=0), 3, 10) == 0


@pytest.mark.parametrize("kl", [Kl(start=0, end=0.1), Kl(start=0.1, end=0), Kl(start=-1, end=-1)])
def test_schedule_that_touches_zero_is_refused(kl: Kl) -> None:
    with pytest.raises(UserError, match="kl"):
        weight(kl, 0, 10)


def test_steered_weight_has_the_published_formula() -> None:
    kl = Kl(start=0.1, target=0.02, gain=0.1)
    assert steered(0.1, 0.021, kl) == pytest.approx(0.1 * (1 + 0.1 * 0.05))
    assert steered(0.1, 5.0, kl) == pytest.approx(0.1 * 1.02)
    assert steered(0.1, 0.0, kl) == pytest.approx(0.1 * 0.98)


def test_steered_weight_settles_where_kl_meets_the_target() -> None:
    """A policy whose KL is what its weight leaves of it: 0.001 / weight."""
    control = KlControl(Kl(start=0.5, target=0.02), 1000)
    for step in range(1000):
        control.observe(0.001 / control.weight(step))
    assert 0.001 / control.weight(1000) == pytest.approx(0.02, rel=0.01)


def test_steered_weight_stays_within_a_hundredfold() -> None:
    control = KlControl(Kl(start=0.1, target=0.02, gain=1.0), 1000)
    for _ in range(1000):
        control.observe(0.0)
    assert control.weight(0) == pytest.approx(0.001)


def test_leap_is_many_times_the_median_of_the_updates_before() -> None:
    control = KlControl(Kl(spike=10), 100)
    quiet = [control.observe(value) for value in (0.0, 1e-6, 0.004, 0.02, 0.03, 0.02, 0.03)]
    assert quiet == [None] * 7
    assert control.observe(0.5) == pytest.approx(25)


def test_growth_from_nothing_is_no_leap() -> None:
    control = KlControl(Kl(spike=10), 100)
    assert [control.observe(1e-7 * 3**step) for step in range(10)] == [None] * 10


def test_control_goes_on_where_it_was() -> None:
    first, second = (KlControl(Kl(target=0.02), 100) for _ in range(2))
    for value in (0.1, 0.2, 0.1, 0.1, 0.2, 0.1):
        first.observe(value)
    second.restore(first.state())
    assert second.weight(6) == first.weight(6) != 0.04
    assert second.observe(9.0) == first.observe(9.0) is not None


def test_target_without_a_kl_term_is_refused() -> None:
    with pytest.raises(UserError, match="nothing can be steered"):
        KlControl(Kl(start=0, end=0, target=0.1), 10)
