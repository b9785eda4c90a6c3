"""Where `make serve` listens, and whom it lets in."""

import base64
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.binding import Binding, read_binding
from flows.reports import reports_server
from schemas.values import UserError
from tests.stages import one_line

SECRET = "ops:a long password"


def test_loopback_is_bound_unless_told_otherwise() -> None:
    binding = read_binding({})
    assert (binding.host, binding.port, binding.reports_port) == ("127.0.0.1", 4200, 4201)
    assert binding.is_local
    assert binding.settings({}) == {
        "PREFECT_API_URL": "http://127.0.0.1:4200/api",
        "PREFECT_SERVER_UI_API_URL": "http://127.0.0.1:4200/api",
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": "http://127.0.0.1:4200,http://localhost:4200",
    }


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::"])
@pytest.mark.parametrize("auth", ["", "letmein", "ops:short", ":a long password"])
def test_network_without_a_good_password_is_refused(host: str, auth: str) -> None:
    with pytest.raises(UserError) as refused:
        read_binding({"CONTEXTFIRST_HOST": host, "PREFECT_SERVER_API_AUTH_STRING": auth})
    said = one_line(refused.value)
    assert host in said and "PREFECT_SERVER_API_AUTH_STRING" in said
    assert not auth or auth not in said


def test_network_with_a_password_is_bound_and_the_worker_knows_it() -> None:
    binding = read_binding({"CONTEXTFIRST_HOST": "0.0.0.0", "PREFECT_SERVER_API_AUTH_STRING": SECRET})
    assert not binding.is_local
    settings = binding.settings({})
    assert settings["PREFECT_API_AUTH_STRING"] == settings["PREFECT_SERVER_API_AUTH_STRING"] == SECRET
    assert settings["PREFECT_API_URL"] == "http://127.0.0.1:4200/api"
    assert "0.0.0.0" not in settings["PREFECT_SERVER_UI_API_URL"]


def test_address_of_a_proxy_in_front_stays() -> None:
    given = {"PREFECT_SERVER_UI_API_URL": "https://prefect.example.org/api"}
    assert read_binding({}).settings(given)["PREFECT_SERVER_UI_API_URL"] == "https://prefect.example.org/api"


def test_six_groups_of_an_address_stand_in_brackets() -> None:
    assert Binding(host="::1").api == "http://[::1]:4200/api"
    assert Binding(host="::1").is_local


@pytest.mark.parametrize(
    ("name", "value"),
    [("CONTEXTFIRST_HOST", "everywhere"), ("CONTEXTFIRST_PORT", "http"), ("CONTEXTFIRST_REPORTS_PORT", "0")],
)
def test_what_is_no_address_or_port_is_one_line(name: str, value: str) -> None:
    with pytest.raises(UserError) as refused:
        read_binding({name: value})
    assert f"{name}={value}" in one_line(refused.value)


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[str]:
    """The address of a store's reports, behind a password."""
    folder = tmp_path / "report" / "4f0c1a"
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("<h1>Results</h1>")
    (tmp_path / "secret.txt").write_text("not a report")
    with reports_server(tmp_path / "report", Binding(reports_port=0, auth=SECRET)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_report_is_served_to_who_knows_the_password(pages: str) -> None:
    assert _get(f"{pages}/4f0c1a/report.html", SECRET) == "<h1>Results</h1>"


@pytest.mark.parametrize("auth", ["", "ops:another password"])
def test_report_is_kept_from_who_does_not(pages: str, auth: str) -> None:
    assert _refused(f"{pages}/4f0c1a/report.html", auth) == 401


@pytest.mark.parametrize("path", ["/", "/4f0c1a/", "/../secret.txt", "/%2e%2e/secret.txt", "/4f0c1a/none.html"])
def test_folders_and_what_lies_beside_reports_are_not_served(pages: str, path: str) -> None:
    assert _refused(f"{pages}{path}", SECRET) == 404


def _get(address: str, auth: str) -> str:
    headers = {"Authorization": f"Basic {base64.b64encode(auth.encode()).decode()}"} if auth else {}
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as answer:
        return answer.read().decode()


def _refused(address: str, auth: str) -> int:
    with pytest.raises(urllib.error.HTTPError) as refused:
        _get(address, auth)
    with refused.value as error:
        return error.code
