"""Which failures of a run are worth another try."""

import pytest
from prefect.states import Failed

from flows.run import patient
from schemas.failures import BudgetReached, NoAnswer
from schemas.values import UserError
from tasks.fetch import fetch
from tasks.rewrite import rewrite


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a run of a deployment."""
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", "9fba13c4-fb32-47e1-b3d1-b46acd4083fd")


@pytest.mark.parametrize(
    ("fault", "again"),
    [(NoAnswer("the server is away"), True), (BudgetReached("$5"), False), (UserError("no such model"), False)],
)
def test_deployment_tries_again_where_no_answer_came_and_nowhere_else(
    deployed: None, fault: Exception, again: bool
) -> None:
    stage = patient(rewrite)
    assert (stage.retries, stage.retry_delay_seconds) == (2, [60.0, 600.0])
    assert stage.retry_condition_fn
    assert stage.retry_condition_fn(stage, None, Failed(data=fault)) is again  # type: ignore[arg-type]


def test_stage_with_a_patience_of_its_own_keeps_it(deployed: None) -> None:
    assert patient(fetch) is fetch


def test_run_at_a_terminal_says_at_once_that_no_answer_came() -> None:
    assert patient(rewrite) is rewrite
