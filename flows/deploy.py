"""`python -m flows.deploy`: make the deployments say what prefect.yaml says, and leave switched on what people have.

Prefect's own command switches every schedule to what the file says, which is off: a restart would end the weekly runs
without a word.
"""

import subprocess
import sys
from pathlib import Path

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse

_ROOT = Path(__file__).resolve().parent.parent


def deploy() -> None:
    """Raises CalledProcessError where Prefect refuses a deployment."""
    with get_client(sync_client=True) as client:
        running = {_name(found, item) for found in client.read_deployments() for item in found.schedules if item.active}
        prefect = Path(sys.executable).parent / "prefect"
        subprocess.run([prefect, "--no-prompt", "deploy", "--all"], cwd=_ROOT, check=True)
        for found in client.read_deployments():
            for item in found.schedules:
                if _name(found, item) in running and not item.active:
                    _switch_on(client, found, item)


def _name(found: DeploymentResponse, item: DeploymentSchedule) -> tuple[str, str]:
    """A schedule without a slug is one that somebody made in the pages; deployments leave it alone."""
    return str(found.id), item.slug or str(item.id)


def _switch_on(client: SyncPrefectClient, found: DeploymentResponse, item: DeploymentSchedule) -> None:
    client.update_deployment_schedule(found.id, item.id, active=True)


if __name__ == "__main__":
    try:
        deploy()
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
