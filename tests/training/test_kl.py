"""The KL weight over a run."""

import pytest

from schemas.training import Kl
from schemas.values import UserError
from training.kl import weight


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
