"""What `make serve` sets up, and whom it lets in."""

import os
import socket
import subprocess
import sys
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from flows.binding import Binding, check_free
from flows.dead_runs import NAME
from flows.serve import _prepare
from recipes.reading import recipe_names
from schemas.values import UserError
from tests.flows.postgres import postgres
from tests.flows.serving import Served, served, within
from tests.flows.small import ROOT
from tests.stages import one_line

_DEPLOYMENTS = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]


def test_every_recipe_has_a_deployment_of_the_whole_pipeline() -> None:
    whole = [item for item in _DEPLOYMENTS if item["entrypoint"].endswith(":pipeline")]
    assert sorted(item["parameters"]["recipe"] for item in whole) == recipe_names()


def test_every_deployment_runs_one_at_a_time_and_no_schedule_is_on() -> None:
    for item in _DEPLOYMENTS:
        assert item["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}
        for schedule in item.get("schedules", []):
            assert schedule["slug"] and not schedule["active"]


def test_network_without_a_password_is_refused_before_anything_starts(tmp_path: Path) -> None:
    serving = Served(tmp_path / "store", tmp_path / "home", CONTEXTFIRST_HOST="0.0.0.0")
    done = serving.refused("flows.serve")
    assert done.returncode == 1
    assert done.stderr.startswith("error: CONTEXTFIRST_HOST=0.0.0.0") and done.stderr.count("\n") == 1
    assert not serving.store.exists()


@pytest.mark.parametrize("name", ["CONTEXTFIRST_PORT", "CONTEXTFIRST_REPORTS_PORT"])
def test_port_that_another_program_has_is_refused_before_anything_starts(tmp_path: Path, name: str) -> None:
    serving = Served(tmp_path / "store", tmp_path / "home")
    with socket.create_server(("127.0.0.1", int(serving.environment[name]))) as place:
        done = serving.refused("flows.serve")
        place.setblocking(False)
        with pytest.raises(BlockingIOError):
            place.accept()  # nobody asked it anything
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {name}={serving.environment[name]} is taken on 127.0.0.1")
    assert done.stderr.count("\n") == 1 and f"set {name} to a free port" in done.stderr
    assert not serving.store.exists()


def test_one_port_for_both_servers_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as place:
        port = place.getsockname()[1]
    with pytest.raises(UserError, match=f"^CONTEXTFIRST_REPORTS_PORT={port} is taken"):
        check_free(Binding(port=port, reports_port=port))


def test_port_whose_last_server_has_ended_is_free() -> None:
    """The connections that it closed linger for a minute."""
    with socket.create_server(("127.0.0.1", 0)) as place, socket.create_connection(place.getsockname()) as asking:
        port = place.getsockname()[1]
        answering, _ = place.accept()
        answering.close()
        assert asking.recv(1) == b""
    check_free(Binding(port=port, reports_port=port + 1 if port < 65535 else port - 1))


def test_address_of_another_machine_is_one_line() -> None:
    with pytest.raises(UserError, match=r"^CONTEXTFIRST_HOST=192\.0\.2\.7 is no address of this machine") as refused:
        check_free(Binding(host="192.0.2.7"))
    one_line(refused.value)


def test_nothing_is_prepared_on_a_server_that_took_the_place_of_ours(tmp_path: Path) -> None:
    """Ours ends while its deployments are made; whoever answers at its port from then on is left alone."""
    called = tmp_path / "called"
    with subprocess.Popen(["sleep", "60"]) as server:
        _program(tmp_path / "prefect", f"echo prefect >> {called}")
        _program(tmp_path / "python", f"echo $* >> {called}; kill {server.pid}; sleep 1")
        with pytest.raises(RuntimeError, match="ended with code -15"):
            _prepare({**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}, "worker", [server])
    assert called.read_text().splitlines() == ["prefect", "-m flows.deploy"]


def _program(place: Path, line: str) -> None:
    place.write_text(f"#!/bin/sh\n{line}\n")
    place.chmod(0o755)


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """On PostgreSQL."""
    store, home = tmp_path_factory.mktemp("served") / "store", tmp_path_factory.mktemp("prefect")
    with postgres() as address, served(store, home, PREFECT_SERVER_DATABASE_CONNECTION_URL=address) as serving:
        yield serving


@pytest.mark.slow
def test_run_on_postgresql_completes_and_no_sqlite_is_written(serving: Served) -> None:
    id = serving.run("curate/curate")
    within(420, lambda: serving.state(id) in ("Completed", "Failed", "Crashed"))
    assert serving.state(id) == "Completed", serving.log.read_text()[-3000:]
    assert list(serving.home.glob("*.db")) == []


@pytest.mark.slow
def test_wrong_parameter_is_refused_before_there_is_a_run(serving: Served) -> None:
    found = serving.call("/deployments/name/curate/curate")
    with pytest.raises(urllib.error.HTTPError) as refused:
        serving.call(f"/deployments/{found['id']}/create_flow_run", {"parameters": {"recipe": "nope"}})
    with refused.value as error:
        assert error.code in (409, 422) and b"nope" in error.read()


@pytest.mark.slow
def test_automation_for_dead_runs_is_there_once_however_often_it_is_made(serving: Served) -> None:
    before = serving.call("/automations/filter", {})
    subprocess.run(
        [sys.executable, "-m", "flows.dead_runs", "no-worker"], cwd=ROOT, env=serving.environment, check=True
    )
    assert serving.call("/automations/filter", {}) == before
    assert [item["name"] for item in before] == [NAME]


@pytest.mark.slow
def test_schedule_that_somebody_switched_on_stays_on_when_all_is_deployed_again(serving: Served) -> None:
    (schedule,) = serving.call("/deployments/name/curate/curate")["schedules"]
    assert (schedule["slug"], schedule["active"]) == ("nightly", False)
    serving.prefect("deployment", "schedule", "resume", "curate/curate", schedule["id"])
    variables = serving.environment | {"CONTEXTFIRST_ROOT": str(ROOT), "CONTEXTFIRST_REPORTS_URL": ""}
    subprocess.run([sys.executable, "-m", "flows.deploy"], cwd=ROOT, env=variables, check=True)
    (kept,) = serving.call("/deployments/name/curate/curate")["schedules"]
    assert (kept["id"], kept["active"]) == (schedule["id"], True)
    (other,) = serving.call("/deployments/name/pipeline/demo")["schedules"]
    assert not other["active"]


@pytest.mark.slow
def test_server_on_a_network_asks_for_its_password_and_its_worker_knows_it(tmp_path: Path) -> None:
    secret = "ops:a long password"
    settings = {"CONTEXTFIRST_HOST": "0.0.0.0", "PREFECT_SERVER_API_AUTH_STRING": secret}
    with served(tmp_path / "store", tmp_path / "home", **settings) as serving:
        with pytest.raises(urllib.error.HTTPError) as refused:
            serving.call("/deployments/count", {})
        with refused.value as error:
            assert error.code == 401
        assert serving.call("/deployments/count", {}, auth=secret) == len(_DEPLOYMENTS)
        within(60, lambda: serving.call("/work_pools/contextfirst/workers/filter", {}, auth=secret))
        said = serving.log.read_text()
        assert "warning: 0.0.0.0 is open to other machines" in said and secret not in said
        assert not any(secret in line for line in serving.processes().values())
