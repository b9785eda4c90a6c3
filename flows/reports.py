"""The reports of a store over HTTP: `python -m flows.reports FOLDER`, where `make serve` says, behind its password.

A page, its links and its clips are files below the folder; folders are not listed.
"""

import base64
import functools
import hmac
import socket
import sys
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

from flows.binding import REPORTS_PORT, Binding, read_binding, refused
from schemas.values import UserError


class Reports(SimpleHTTPRequestHandler):
    """Files below `directory`, to who knows the password."""

    def __init__(self, *arguments: object, auth: str, directory: str) -> None:
        self._expected = f"Basic {base64.b64encode(auth.encode()).decode()}" if auth else ""
        super().__init__(*arguments, directory=directory)  # type: ignore[arg-type]

    def send_head(self) -> BytesIO | None:  # type: ignore[override]
        """Called for GET and HEAD alike."""
        given = self.headers.get("Authorization", "")
        if self._expected and not hmac.compare_digest(given.encode(), self._expected.encode()):
            self.send_response(HTTPStatus.UNAUTHORIZED)
            self.send_header("WWW-Authenticate", 'Basic realm="reports"')
            self.end_headers()
            return None
        return super().send_head()  # type: ignore[return-value]

    def list_directory(self, path: object) -> None:
        self.send_error(HTTPStatus.NOT_FOUND, "Open a report by its link in a run's artifacts")

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing of every file of a page; errors are in the answer."""


class _SixGroups(ThreadingHTTPServer):
    """At an IPv6 address, and as Prefect's own server does, at IPv6 addresses alone."""

    address_family = socket.AF_INET6

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        super().server_bind()


def reports_server(folder: Path, binding: Binding) -> ThreadingHTTPServer:
    """A server that is bound and not started. Raises UserError where its port cannot be had."""
    answers = functools.partial(Reports, auth=binding.auth, directory=str(folder))
    kind = _SixGroups if ":" in binding.host else ThreadingHTTPServer
    try:
        return kind((binding.host, binding.reports_port), answers)
    except OSError as error:
        raise refused(binding.host, REPORTS_PORT, binding.reports_port, error) from error


if __name__ == "__main__":
    try:
        with reports_server(Path(sys.argv[1]), read_binding()) as server:
            server.serve_forever()
    except UserError as error:
        sys.exit(f"error: {error}")
