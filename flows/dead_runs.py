"""`python -m flows.dead_runs WORKER`: what the server is told of runs whose process is gone.

A run whose worker lives is marked as crashed by it. Where both die together nobody is left to say so, and the run would
stay Running, and hold its deployment's one place, for ever. So a worker that starts again ends what it left behind, and
an automation on the server ends every run that has fallen silent.
"""

import sys
from collections.abc import Iterator
from datetime import timedelta

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.states import Cancelled, Crashed

NAME = "Mark dead runs as crashed"
SILENCE = timedelta(minutes=5)
"""Longer than Prefect's own heartbeat of 180 s, so that no run that lives is taken for dead, whoever started it."""

_HEARTBEAT = "prefect.flow-run.heartbeat"
_ENDS = ("Completed", "Failed", "Cancelled", "Crashed")
_ALIVE = ("PENDING", "RUNNING", "CANCELLING")


def end_left_behind(worker: str) -> None:
    """Mark as crashed what the server believes to run on `worker`, which does not: its runs ended with it."""
    with get_client(sync_client=True) as client:
        for run in _runs_of(client, worker):
            cancelled = run.state is not None and run.state.is_cancelling()
            message = "Its worker ended. Run it again: it goes on from where it was."
            state = Cancelled(message=message) if cancelled else Crashed(message=message)
            client.set_flow_run_state(run.id, state, force=True)


def _runs_of(client: SyncPrefectClient, worker: str) -> Iterator[FlowRun]:
    asked = FlowRunFilter.model_validate({"state": {"type": {"any_": _ALIVE}}})
    return (run for run in client.read_flow_runs(flow_run_filter=asked) if run.labels.get(_WORKER) == worker)


_WORKER = "prefect.worker.name"
"""The label by which a run names its worker."""


def watch_heartbeats(silence: timedelta = SILENCE) -> None:
    """Create the automation on the server, or update the one of its name where it says something else.

    One that says the same is left alone: an update would forget whose heartbeats the server is waiting for.
    """
    wanted = _automation(silence)
    with get_client(sync_client=True) as client:
        known = client.read_automations_by_name(NAME)
        if not known:
            client.create_automation(wanted)
        elif _meaning(known[0]) != _meaning(wanted):
            client.update_automation(known[0].id, wanted.model_copy(update={"enabled": known[0].enabled}))


def _meaning(automation: AutomationCore) -> tuple[object, object]:
    trigger = automation.trigger.model_dump(mode="json", include={"after", "expect", "match", "within", "posture"})
    comparable = {name: sorted(value) if isinstance(value, list) else value for name, value in trigger.items()}
    return comparable, [action.model_dump(mode="json") for action in automation.actions]


def _automation(silence: timedelta) -> AutomationCore:
    return AutomationCore(
        name=NAME,
        description="A run that has sent a heartbeat sends another one or ends; one that falls silent is dead.",
        trigger=EventTrigger(
            after={_HEARTBEAT},
            expect={_HEARTBEAT, *(f"prefect.flow-run.{end}" for end in _ENDS)},
            match={"prefect.resource.id": "prefect.flow-run.*"},  # type: ignore[arg-type]
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=silence,
        ),
        actions=[
            ChangeFlowRunState(  # type: ignore[call-arg]
                state=StateType.CRASHED,
                message="No heartbeat: its process is gone. Run it again; it goes on from where it was.",
            )
        ],
    )


if __name__ == "__main__":
    end_left_behind(sys.argv[1])
    watch_heartbeats()
