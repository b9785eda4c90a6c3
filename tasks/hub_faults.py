"""When a task that talks to the hub is worth another try."""

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun

from schemas.failures import HubUnreachable

RETRIES = 3
RETRY_SECONDS = [5.0, 30.0, 120.0]
"""Seconds before each further try. A hub that is down for longer fails the run, which a rerun carries on."""


def is_network_fault(task: Task[..., object], run: TaskRun, state: State[object]) -> bool:
    """Whether a task failed because the hub did not answer: mistakes and full disks do not mend themselves."""
    del task, run
    return isinstance(state.data, HubUnreachable)
