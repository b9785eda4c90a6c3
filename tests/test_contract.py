"""What the house promises about itself: imports point one way, torch stays out, installs are pinned."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOWS_LOAD = """
import sys
import {module}
print(sorted({{name.split(".")[0] for name in sys.modules}} & {heavy!r}))
"""


def test_imports_point_one_way() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("module", ["flows.pipeline", "flows.cli", "training.rewards", "training.prompts"])
def test_flows_and_light_modules_load_no_torch(module: str) -> None:
    code = FLOWS_LOAD.format(module=module, heavy={"torch", "transformers", "trl", "accelerate"})
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_command_line_starts_without_prefect() -> None:
    code = FLOWS_LOAD.format(module="flows.cli", heavy={"prefect"})
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def test_every_constraint_is_a_plain_pin() -> None:
    text = (ROOT / "constraints.txt").read_text()
    assert "+" not in text and "--hash" not in text and "@" not in text
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.!-]+", f"{name}=={pin}") for name, pin in pins().items())


def test_what_the_trainers_and_flows_depend_on_is_pinned_exactly() -> None:
    exact = {"torch": "2.13.0", "prefect": "3.8.8", "transformers": "5.23.0", "trl": "1.16.0", "accelerate": "1.15.0"}
    assert {name: pins()[name] for name in exact} == exact


def test_every_dependency_of_the_project_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(item for group in project["optional-dependencies"].values() for item in group),
    ]
    known = {name.lower().replace("_", "-") for name in pins()}
    names = {re.split(r"[<>=\[ ]", item)[0].lower().replace("_", "-") for item in wanted}
    assert names - known == set()
