"""The reports of a store, at whatever address they are asked to be."""

import socket
import threading
import urllib.request
from pathlib import Path

import pytest

from flows.binding import Binding
from flows.reports import reports_server
from tests.flows.serving import Served


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("host", ["::1", "::"])
def test_report_is_served_at_six_groups(tmp_path: Path, host: str) -> None:
    (tmp_path / "report.html").write_text("<h1>Results</h1>")
    with reports_server(tmp_path, Binding(host=host, reports_port=0)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with urllib.request.urlopen(f"http://[::1]:{server.server_port}/report.html") as answer:
                assert answer.read() == b"<h1>Results</h1>"
        finally:
            server.shutdown()
            thread.join()


def test_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    serving = Served(tmp_path / "store", tmp_path / "home")
    with socket.create_server(("127.0.0.1", serving.reports_port)):
        done = serving.refused("flows.reports", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: CONTEXTFIRST_REPORTS_PORT={serving.reports_port} is taken")
    assert done.stderr.count("\n") == 1
