"""Where `make serve` listens: on loopback, unless CONTEXTFIRST_HOST says otherwise and a password is set.

Who reaches the server can have a worker run any command, so it is never bound to a network without a password.
"""

import errno
import ipaddress
import os
import socket
from collections.abc import Mapping
from contextlib import ExitStack

from schemas.values import UserError, Value

HOST = "CONTEXTFIRST_HOST"
PORT = "CONTEXTFIRST_PORT"
REPORTS_PORT = "CONTEXTFIRST_REPORTS_PORT"
AUTH = "PREFECT_SERVER_API_AUTH_STRING"
_UI_API_URL = "PREFECT_SERVER_UI_API_URL"
_ORIGINS = "PREFECT_SERVER_CORS_ALLOWED_ORIGINS"


class Binding(Value):
    """host, port, reports_port: what is bound. auth: `NAME:PASSWORD`, or nothing."""

    host: str = "127.0.0.1"
    port: int = 4200
    reports_port: int = 4201
    auth: str = ""

    @property
    def is_local(self) -> bool:
        """Whether nobody but this machine can connect."""
        return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback

    @property
    def api(self) -> str:
        """What programs on this machine call."""
        return f"http://{_bracketed(_ANY.get(self.host, self.host))}:{self.port}/api"

    def page(self, port: int) -> str:
        """What browsers open; on all addresses at once, they open this machine by its name."""
        return f"http://{_bracketed(socket.gethostname() if self.host in _ANY else self.host)}:{port}"

    def settings(self, given: Mapping[str, str]) -> dict[str, str]:
        """Prefect's settings for this; addresses that are `given`, of a proxy in front, stay.

        Only the server's own pages may call it: a browser asks it on behalf of any page that its user opens.
        """
        pages = self.page(self.port)
        own = [pages, pages.replace("127.0.0.1", "localhost")]
        secret = {AUTH: self.auth, "PREFECT_API_AUTH_STRING": self.auth} if self.auth else {}
        return {
            "PREFECT_API_URL": self.api,
            _UI_API_URL: given.get(_UI_API_URL, f"{pages}/api"),  # else pages ask port 4200, whatever the port is
            _ORIGINS: given.get(_ORIGINS, ",".join(dict.fromkeys(own))),
            **secret,
        }


_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Hosts that stand for all addresses of the machine, and the address by which it reaches itself."""


def read_binding(environment: Mapping[str, str] = os.environ) -> Binding:
    """Raises UserError for what is no address or port, and for a network without a password."""
    binding = Binding(
        host=_host(environment.get(HOST, "127.0.0.1")),
        port=_port(environment, PORT, 4200),
        reports_port=_port(environment, REPORTS_PORT, 4201),
        auth=environment.get(AUTH, ""),
    )
    if not binding.is_local and not _is_secret(binding.auth):
        raise UserError(
            f"{HOST}={binding.host} lets other machines in, and who gets in can run commands here: "
            f"set {AUTH}=NAME:PASSWORD with a password of at least 12 characters, or leave {HOST} unset"
        )
    return binding


def check_free(binding: Binding) -> None:
    """Raises UserError where another program has one of the ports, or this one may not have it."""
    with ExitStack() as held:
        for name, port in ((PORT, binding.port), (REPORTS_PORT, binding.reports_port)):
            try:
                _listen(binding.host, port, held)
            except OSError as error:
                raise refused(binding.host, name, port, error) from error


def refused(host: str, name: str, port: int, error: OSError) -> UserError:
    """What to say of a port that could not be had. name: the variable that sets it."""
    if error.errno == errno.EADDRNOTAVAIL:
        return UserError(f"{HOST}={host} is no address of this machine: give one that it has, such as 127.0.0.1")
    if error.errno == errno.EADDRINUSE:
        taken = f"{name}={port} is taken on {host}, perhaps by another `make serve`"
        return UserError(f"{taken}: stop that one, or set {name} to a free port")
    return UserError(f"{name}={port} cannot be had on {host} ({error.strerror}): set {name} to another port")


def _listen(host: str, port: int, held: ExitStack) -> None:
    """Listen at all addresses that `host` stands for, as Prefect's server will. Raises OSError."""
    for family, kind, protocol, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        try:
            here = held.enter_context(socket.socket(family, kind, protocol))
        except OSError:  # a machine without IPv6 may still have a name for its loopback there
            continue
        here.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that are past hold no port
        if family == socket.AF_INET6:
            here.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        here.bind(place)
        here.listen()


def _host(text: str) -> str:
    if text == "localhost":
        return text
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise UserError(f"{HOST}={text} is no address: give one of this machine's, such as 127.0.0.1") from None


def _port(environment: Mapping[str, str], name: str, usual: int) -> int:
    text = environment.get(name, str(usual))
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise UserError(f"{name}={text} is no port: give a number from 1 to 65535")
    return int(text)


def _is_secret(auth: str) -> bool:
    name, colon, password = auth.partition(":")
    return bool(name and colon) and len(password) >= 12


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
