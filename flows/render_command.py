"""`contextfirst render`: what a cluster is given to run a recipe: a Slurm script, a Prefect work pool, a Dockerfile.

All three are made from the recipe, checked for their form, and have never been run on a cluster, which each of them
says. It needs neither Prefect's server nor torch.
"""

import json
import shlex
from collections.abc import Callable
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from flows.terminal import RecipeArgument, SetOption, out
from recipes.reading import read_recipe
from schemas.recipe import Recipe
from schemas.values import UserError
from storage.files import write_text

NOT_RUN = "NOT RUN: rendered and checked for its form, never run on a cluster."
_WORKERS = Path("server", "api", "collections_data", "views", "aggregate-worker-metadata.json")

_POD_ENVIRONMENT = {
    "CONTEXTFIRST_STORE": "/data/store",
    "CONTEXTFIRST_RESPONSES": "/var/tmp/contextfirst",
    "CONTEXTFIRST_ROOT": "/srv/contextfirst",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}


class Target(Enum):
    SLURM = "slurm"
    KUBERNETES = "kubernetes"
    DOCKERFILE = "dockerfile"


class Plan(NamedTuple):
    """What a recipe asks of a cluster. gpus: of a node, 0 for the demo's model, which trains on CPU."""

    recipe: Recipe
    name: str
    changes: tuple[str, ...]
    nodes: int
    gpus: int
    image: str

    @property
    def command(self) -> str:
        sets = " ".join(f"--set {shlex.quote(change)}" for change in self.changes)
        return f"contextfirst run {self.name} {sets}".strip()


def render(
    target: Annotated[Target, typer.Argument(metavar="TARGET", help="slurm, kubernetes or dockerfile.")],
    recipe: RecipeArgument,
    changes: SetOption = [],
    gpus: Annotated[int, typer.Option("--gpus-per-node", min=1, help="GPUs that a node has.")] = 8,
    image: Annotated[
        str, typer.Option("--image", help="The container's name, for Kubernetes.")
    ] = "contextfirst:latest",
    to: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write it there and not to the screen.")
    ] = None,
) -> None:
    """Print what runs a recipe on a cluster. None of it was ever run on one: read it before you use it."""
    text = _TARGETS[target](plan(read_recipe(recipe, changes), recipe, tuple(changes), gpus, image))
    if to is None:
        out.print(text, markup=False, highlight=False, soft_wrap=True, end="")
        return
    try:
        write_text(to, text)
    except OSError as error:
        raise UserError(f"{to} cannot be written ({error.strerror}): name another file with --out") from error


def plan(recipe: Recipe, name: str, changes: tuple[str, ...], gpus: int, image: str) -> Plan:
    """Raises UserError where the largest stage does not fill whole nodes."""
    ranks = max((stage.params.world_size for stage in recipe.stages), default=1)
    if ranks > gpus and ranks % gpus:
        raise UserError(f"world_size {ranks} does not fill nodes of {gpus} GPUs: change it, or --gpus-per-node")
    has_gpus = recipe.model.folder is not None
    return Plan(recipe, name, changes, max(1, ranks // gpus), min(ranks, gpus) if has_gpus else 0, image)


def slurm(asked: Plan) -> str:
    """One node does all but training, which `srun` spreads over the nodes, and Dask what reads, asks and predicts.

    A worker has one GPU of its own, since predictions open the model once a worker.
    """
    workers = f"$(seq 0 {asked.gpus - 1})" if asked.gpus else '$(seq "$SLURM_CPUS_ON_NODE")'
    own = "CUDA_VISIBLE_DEVICES=$worker " if asked.gpus else ""
    gpus = f"#SBATCH --gpus-per-node={asked.gpus}\n" if asked.gpus else ""
    return f"""#!/bin/bash
# {asked.recipe.title}
# {NOT_RUN}
# sbatch FILE; a job that is requeued goes on from its last finished shard or checkpoint.
#SBATCH --job-name=contextfirst-{asked.recipe.name}
#SBATCH --nodes={asked.nodes}
#SBATCH --ntasks-per-node=1
{gpus}#SBATCH --exclusive
#SBATCH --time=24:00:00
#SBATCH --signal=B:TERM@120
#SBATCH --requeue
#SBATCH --output=contextfirst-{asked.recipe.name}-%j.log
set -euo pipefail

# The program and the store lie on a disk that all nodes see; responses stay on a node's own.
cd "${{CONTEXTFIRST_ROOT:?set it to the folder of the program}}"
export PATH="$PWD/.venv/bin:$PATH" PYTHONUNBUFFERED=1 PREFECT_SERVER_ANALYTICS_ENABLED=false DO_NOT_TRACK=1
export CONTEXTFIRST_STORE="${{CONTEXTFIRST_STORE:?set it to the folder of the store}}"
export CONTEXTFIRST_RESPONSES="${{CONTEXTFIRST_RESPONSES:-/var/tmp/contextfirst-$USER}}"
export PREFECT_HOME="${{SLURM_TMPDIR:-/tmp}}/prefect-$SLURM_JOB_ID"

head="$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)"
export CONTEXTFIRST_NODES="$SLURM_JOB_NUM_NODES" CONTEXTFIRST_RENDEZVOUS="$head:29500"
on_all="srun --overlap --kill-on-bad-exit=1"
export CONTEXTFIRST_LAUNCHER="$on_all bash -c 'PET_NODE_RANK=\\$SLURM_NODEID exec \\"\\$@\\"' -"
export CONTEXTFIRST_TRAINING_SLOTS=1 # all nodes train one stage at a time

dask scheduler --host "$head" --port 8786 --no-dashboard &
srun --overlap bash -c 'for worker in {workers}; do
  {own}dask worker "$0" --nworkers 1 --nthreads 1 --no-dashboard &
done; wait' "$head:8786" &
export CONTEXTFIRST_EXECUTOR="dask://$head:8786"
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT

{asked.command} &
run=$!
trap 'kill -TERM "$run"' TERM
wait "$run" || wait "$run" # the first one ends when a signal comes
"""


def kubernetes(asked: Plan) -> str:
    """Prefect's own base job template for a work pool of type `kubernetes`, with a shared volume and GPUs."""
    if asked.nodes > 1:
        raise UserError(
            f"a Kubernetes job is one pod on one node, and recipe {asked.name} trains on {asked.nodes}: use "
            "`render slurm`, or lower world_size"
        )
    template = _prefects_template()
    properties = template["variables"]["properties"]
    template["variables"]["description"] = f"{asked.recipe.title}. {NOT_RUN}"
    properties["image"]["default"] = asked.image
    properties["env"]["default"] = _POD_ENVIRONMENT
    properties["claim"] = {
        "title": "Volume Claim",
        "description": "Persistent volume claim, ReadWriteMany, with the store and the raw datasets, seen as /data.",
        "default": "contextfirst",
        "type": "string",
    }
    _mount(template["job_configuration"]["job_manifest"]["spec"]["template"]["spec"], asked.gpus)
    return json.dumps(template, indent=2) + "\n"


def _mount(pod: dict[str, Any], gpus: int) -> None:
    """The shared volume, memory that ranks share, and the GPUs."""
    (container,) = pod["containers"]
    pod["volumes"] = [
        {"name": "data", "persistentVolumeClaim": {"claimName": "{{ claim }}"}},
        {"name": "shared-memory", "emptyDir": {"medium": "Memory"}},
    ]
    container["volumeMounts"] = [
        {"name": "data", "mountPath": "/data"},
        {"name": "shared-memory", "mountPath": "/dev/shm"},
    ]
    if gpus:
        container["resources"]["limits"]["nvidia.com/gpu"] = gpus


def _prefects_template() -> dict[str, Any]:
    """Raises UserError where this Prefect brings none."""
    spec = find_spec("prefect")
    assert spec is not None and spec.origin is not None
    place = Path(spec.origin).parent / _WORKERS
    try:
        workers = json.loads(place.read_text())
        return workers["prefect-kubernetes"]["kubernetes"]["default_base_job_configuration"]
    except (OSError, KeyError) as error:
        raise UserError(
            "this Prefect brings no template for Kubernetes: install prefect-kubernetes and see `prefect work-pool "
            "get-default-base-job-template --type kubernetes`"
        ) from error


def dockerfile(asked: Plan) -> str:
    return f"""# {asked.recipe.title}
# {NOT_RUN}
# docker build --file FILE --tag {asked.image} . in a fresh clone of the program
FROM python:3.11-slim-bookworm

# hadolint ignore=DL3008
RUN apt-get update \\
    && apt-get install --yes --no-install-recommends git \\
    && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home --uid 1000 contextfirst && install -d -o contextfirst /srv/contextfirst /data
USER 1000:1000
WORKDIR /srv/contextfirst
ENV PATH=/srv/contextfirst/.venv/bin:$PATH \\
    CONTEXTFIRST_STORE=/data/store \\
    PREFECT_SERVER_ANALYTICS_ENABLED=false \\
    DO_NOT_TRACK=1

COPY --chown=contextfirst . .
RUN python -m venv .venv \\
    && .venv/bin/pip install --no-cache-dir --constraint constraints.txt --editable '.[distributed,scale]'

CMD {json.dumps(shlex.split(asked.command))}
"""


_TARGETS: dict[Target, Callable[[Plan], str]] = {
    Target.SLURM: slurm,
    Target.KUBERNETES: kubernetes,
    Target.DOCKERFILE: dockerfile,
}
