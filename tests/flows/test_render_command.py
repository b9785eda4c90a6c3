"""What a cluster is given: each is checked by the tool that reads it, as far as that goes without a cluster."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from prefect.client.schemas.actions import WorkPoolCreate

from flows.render_command import NOT_RUN, Target, dockerfile, kubernetes, plan, render, slurm
from recipes.reading import read_recipe, recipe_names
from schemas.values import UserError
from tests.stages import one_line

SLOT = re.compile(r"\{\{ (\w+) \}\}")


def asked(recipe: str, *changes: str, gpus: int = 8) -> Any:
    return plan(read_recipe(recipe, list(changes)), recipe, changes, gpus, "registry/contextfirst:1")


@pytest.mark.parametrize("name", recipe_names())
def test_slurm_script_is_one_that_bash_can_read(name: str, tmp_path: Path) -> None:
    script = tmp_path / "job.sh"
    script.write_text(slurm(asked(name)))
    read = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")
    assert NOT_RUN in script.read_text()


def test_slurm_script_asks_for_the_nodes_that_the_largest_stage_fills() -> None:
    lines = slurm(asked("humanomniv2", gpus=4)).splitlines()
    assert {"#SBATCH --nodes=2", "#SBATCH --gpus-per-node=4", "#SBATCH --ntasks-per-node=1"} <= set(lines)
    assert not [line for line in slurm(asked("demo")).splitlines() if "gpus" in line], "the demo trains on CPU"


@pytest.mark.parametrize(
    ("recipe", "workers"), [("humanomniv2", [f"{gpu} head:8786" for gpu in range(8)]), ("demo", ["none head:8786"] * 3)]
)
def test_slurm_script_starts_a_dask_worker_for_each_gpu_and_else_for_each_core(
    recipe: str, workers: list[str], tmp_path: Path
) -> None:
    """srun and dask are played by scripts; the second notes which GPU it sees and whom it is told to meet."""
    noted = tmp_path / "noted"
    for name, does in {
        "srun": 'while [[ $1 == --* ]]; do shift; done\nexec "$@"',
        "dask": f'echo "${{CUDA_VISIBLE_DEVICES:-none}} $2" >> {noted}',
    }.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{does}\n")
        (tmp_path / name).chmod(0o755)
    script = slurm(asked(recipe))
    starts = re.search(r"^srun --overlap bash -c .*?8786\" &$", script, re.MULTILINE | re.DOTALL)
    assert starts
    subprocess.run(
        ["bash", "-euc", f"head=head\n{starts[0]}\nwait"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "SLURM_CPUS_ON_NODE": "3"},
        check=True,
    )
    assert sorted(noted.read_text().splitlines()) == workers


def test_launcher_of_the_slurm_script_starts_what_follows_with_its_node_s_number(tmp_path: Path) -> None:
    """Slurm's part is played by a script called srun that runs its command as node 3."""
    (tmp_path / "srun").write_text('#!/bin/bash\nwhile [[ $1 == --* ]]; do shift; done\nSLURM_NODEID=3 exec "$@"\n')
    (tmp_path / "srun").chmod(0o755)
    set_by = [
        line for line in slurm(asked("demo")).splitlines() if re.match(r"on_all=|export CONTEXTFIRST_LAUNCHER=", line)
    ]
    shown = subprocess.run(
        ["bash", "-c", "\n".join([*set_by, 'printf %s "$CONTEXTFIRST_LAUNCHER"'])],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    program = "import os, sys; print(os.environ['PET_NODE_RANK'], sys.argv[1:])"
    ran = subprocess.run(
        [*shlex.split(shown), sys.executable, "-c", program, "two words", "$HOME"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "3 ['two words', '$HOME']\n"


def test_work_pool_of_kubernetes_is_one_that_prefect_takes() -> None:
    template = json.loads(kubernetes(asked("humanomniv2")))
    WorkPoolCreate(name="cluster", type="kubernetes", base_job_template=template)
    Draft7Validator.check_schema(template["variables"])
    defaults = {name: one["default"] for name, one in template["variables"]["properties"].items() if "default" in one}
    Draft7Validator(template["variables"]).validate(defaults)
    asked_for = set(SLOT.findall(json.dumps(template["job_configuration"])))
    assert asked_for <= template["variables"]["properties"].keys(), "every slot has a variable"
    assert defaults["image"] == "registry/contextfirst:1" and NOT_RUN in template["variables"]["description"]


def test_pod_mounts_only_volumes_that_it_has_and_asks_for_the_recipe_s_gpus() -> None:
    template = json.loads(kubernetes(asked("humanomniv2")))
    pod = template["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 8


def test_recipe_over_several_nodes_has_no_pod() -> None:
    with pytest.raises(UserError, match=r"one pod on one node.*trains on 2") as caught:
        kubernetes(asked("humanomniv2", gpus=4))
    one_line(caught.value)


def test_ranks_that_do_not_fill_nodes_are_a_mistake() -> None:
    with pytest.raises(UserError, match="world_size 8 does not fill nodes of 3 GPUs") as caught:
        asked("humanomniv2", gpus=3)
    one_line(caught.value)


def test_dockerfile_has_no_fault_that_a_linter_finds(tmp_path: Path) -> None:
    linter = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert linter, "hadolint comes with the extra `dev`"
    file = tmp_path / "Dockerfile"
    file.write_text(dockerfile(asked("demo", "curation.min_quality=0.6")))
    read = subprocess.run([linter, str(file)], capture_output=True, text=True, check=False)
    assert (read.returncode, read.stdout) == (0, "")
    assert 'CMD ["contextfirst", "run", "demo", "--set", "curation.min_quality=0.6"]' in file.read_text()
    assert NOT_RUN in file.read_text()


def test_file_that_cannot_be_written_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="name another file with --out") as caught:
        render(Target.SLURM, "demo", to=tmp_path)
    one_line(caught.value)
