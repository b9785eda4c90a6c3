"""Which failures of a run are worth another try."""

from pathlib import Path
from typing import Any

import pytest
from prefect import Task
from prefect.states import Failed

from flows.run import patient, run_of
from recipes.reading import read_recipe
from schemas.failures import BudgetReached, NoAnswer
from schemas.values import UserError
from tasks.fetch import fetch
from tasks.rewrite import rewrite


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a run of a deployment."""
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", "9fba13c4-fb32-47e1-b3d1-b46acd4083fd")


@pytest.fixture
def caught(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Submitting a task returns it instead of running it."""
    monkeypatch.setattr(Task, "submit", lambda task, *_given, **_options: task)
    monkeypatch.setenv("CONTEXTFIRST_STORE", str(tmp_path))


@pytest.mark.parametrize(
    ("fault", "again"),
    [(NoAnswer("the server is away"), True), (BudgetReached("$5"), False), (UserError("no such model"), False)],
)
def test_patient_stage_is_tried_again_where_no_answer_came_and_nowhere_else(fault: Exception, again: bool) -> None:
    asks_again = patient(rewrite).retry_condition_fn
    assert asks_again
    assert asks_again(rewrite, None, Failed(data=fault)) is again  # type: ignore[arg-type]


def test_stage_with_a_patience_of_its_own_keeps_it() -> None:
    assert patient(fetch) is fetch


def test_run_of_a_deployment_is_patient(deployed: None, caught: None) -> None:
    submitted = _submitted()
    assert (submitted.retries, submitted.retry_delay_seconds) == (2, [60.0, 600.0])


def test_run_at_a_terminal_says_at_once_that_no_answer_came(caught: None) -> None:
    assert _submitted().retries == 0


def _submitted() -> Any:
    return run_of(read_recipe("demo"), rehash=False).submit(rewrite)
