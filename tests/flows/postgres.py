"""A PostgreSQL of Debian's packages for one test: on loopback, in a folder of its own, never as root."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.flows.serving import within

_PASSWORD = "only for this test"


@contextmanager
def postgres() -> Iterator[str]:
    """The address of an empty database, for SQLAlchemy with asyncpg."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))  # pytest's own folders are closed to other users
    try:
        secret = folder / "password"
        secret.write_text(_PASSWORD)
        _hand_over(folder, secret)
        words = [programs / "initdb", "-D", folder / "data", "-U", "prefect", "-A", "scram-sha-256"]
        subprocess.run([*words, f"--pwfile={secret}"], check=True, capture_output=True, user=_user(), cwd=folder)
        with _running(programs, folder) as port:
            yield f"postgresql+asyncpg://prefect:{_PASSWORD.replace(' ', '%20')}@127.0.0.1:{port}/postgres"
    finally:
        shutil.rmtree(folder)


@contextmanager
def _running(programs: Path, folder: Path) -> Iterator[int]:
    port = _free_port()
    words = [programs / "postgres", "-D", folder / "data", "-h", "127.0.0.1", "-p", str(port), "-k", folder]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(words, stdout=log, stderr=log, user=_user(), cwd=folder)
    try:
        within(60, lambda: "ready to accept connections" in (folder / "log").read_text())
        yield port
    finally:
        server.terminate()
        server.wait()


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    assert found, "this test starts a PostgreSQL: apt-get install postgresql"
    return found[-1].parent


def _user() -> int | None:
    """PostgreSQL refuses to run as root; its package brings a user."""
    return pwd.getpwnam("postgres").pw_uid if os.getuid() == 0 else None


def _hand_over(*places: Path) -> None:
    if (user := _user()) is not None:
        for place in places:
            os.chown(place, user, -1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
