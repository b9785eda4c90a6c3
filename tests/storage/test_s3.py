"""Buckets over S3's protocol, on a real server on loopback."""

import json
import os
import signal
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import s3fs

from schemas.artifact import Artifact
from schemas.failures import StoreUnreachable
from schemas.values import UserError
from storage import garbage, names, verifying
from storage.heartbeat import check_conditions
from storage.remote import Remote, open_remote
from storage.s3 import S3
from tests.stages import Note, how, made, note, one_line, upper
from tests.storage.conftest import reach
from tests.storage.machines import Machines
from tests.storage.memory import QUICK

ROOT = Path(__file__).parents[2]


@pytest.fixture
def remote(s3_bucket: str) -> Remote:
    return open_remote(f"s3://{s3_bucket}/deep/store")


@pytest.fixture
def machines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, s3_bucket: str) -> Machines:
    return Machines(monkeypatch, tmp_path / "machines", f"s3://{s3_bucket}/deep/store", None)


def test_object_is_written_only_over_the_version_that_was_seen(remote: Remote) -> None:
    first = remote.write("a/b", b"1", over=None)
    assert first is not None
    assert remote.write("a/b", b"2", over=None) is None
    second = remote.write("a/b", b"2", over=first)
    assert second is not None and remote.read("a/b") == (b"2", second)
    assert remote.write("a/b", b"3", over=first) is None
    remote.remove(["a/b", "a/gone"])
    assert remote.read("a/b") is None
    assert remote.write("a/b", b"3", over=second) is None


def test_write_whose_answer_got_lost_counts_as_written(remote: Remote) -> None:
    first = remote.write("a", b"1", over=None)
    assert remote.write("a", b"1", over=None) == first


def test_files_and_listings_are_below_the_prefix_alone(remote: Remote, s3_bucket: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(os.urandom(100_000))
    remote.upload(tmp_path / "file", "note/0/file")
    open_remote(f"s3://{s3_bucket}/deep/store2").write("note/1", b"", over=None)
    assert [(found.key, found.size) for found in remote.list("note/")] == [("note/0/file", 100_000)]
    assert remote.folders() == ["note"]
    remote.download("note/0/file", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == (tmp_path / "file").read_bytes()
    with pytest.raises(FileNotFoundError):
        remote.download("note/0/none", tmp_path / "none")
    assert list(remote.list("nothing/")) == []


def test_empty_bucket_holds_nothing(s3_bucket: str) -> None:
    empty = open_remote(f"s3://{s3_bucket}")
    assert (empty.folders(), list(empty.list("note/"))) == ([], [])
    assert empty.write("note", b"1", over=None) and open_remote(f"s3://{s3_bucket}/").read("note")


def test_bucket_keeps_conditions(remote: Remote) -> None:
    check_conditions(remote)
    assert list(remote.list("leases/")) == []


def test_bucket_that_is_not_there_is_a_mistake_in_one_line(s3_bucket: str) -> None:
    nowhere = S3("there-is-no-such-bucket/store")
    for ask in (lambda: nowhere.read("a"), lambda: nowhere.write("a", b"", None), lambda: list(nowhere.list("a/"))):
        with pytest.raises(UserError, match="there is no bucket there-is-no-such-bucket") as caught:
            ask()
        one_line(caught.value)


@pytest.mark.parametrize(
    ("status", "code", "kind", "says"),
    [
        (403, "AccessDenied", UserError, "is closed to this key"),
        (501, "NotImplemented", UserError, "cannot write on condition"),
        (503, "SlowDown", StoreUnreachable, "cannot be reached"),
    ],
)
def test_answers_of_the_server_are_told_in_one_line(
    s3_bucket: str, monkeypatch: pytest.MonkeyPatch, status: int, code: str, kind: type[Exception], says: str
) -> None:
    from botocore.exceptions import ClientError
    from s3fs.errors import translate_boto_error

    def refuse(*_: object, **__: object) -> None:
        answer = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
        raise translate_boto_error(ClientError(answer, "PutObject"))  # type: ignore[arg-type]

    monkeypatch.setattr(s3fs.S3FileSystem, "call_s3", refuse)
    with pytest.raises(kind, match=says) as caught:
        S3(f"{s3_bucket}/store").write("a", b"", over=None)
    one_line(caught.value)


class Cutting(socketserver.StreamRequestHandler):
    """Says that a thousand bytes come, and hangs up after five."""

    def handle(self) -> None:
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: 1000\r\n\r\nshort')


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> Iterator[Remote]:
    """A bucket whose server cuts every transfer short."""
    s3fs.S3FileSystem.clear_instance_cache()  # which know where they were made for
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Cutting) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        reach(f"http://127.0.0.1:{server.server_address[1]}", monkeypatch)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
        yield S3("cut/store")
        server.shutdown()
        serving.join()
    s3fs.S3FileSystem.clear_instance_cache()


def test_transfer_that_is_cut_short_is_no_answer_of_the_bucket(cut: Remote, tmp_path: Path) -> None:
    for ask in (lambda: cut.read("a"), lambda: cut.download("a", tmp_path / "a"), lambda: list(cut.list("a/"))):
        with pytest.raises(StoreUnreachable, match="cannot be reached") as caught:
            ask()
        one_line(caught.value)


def test_what_one_machine_makes_another_reuses_names_and_collects(machines: Machines) -> None:
    first = made(note(Note(text="a"), machines.on("one")))
    second = made(upper(Note(text=""), first, machines.on("one")))
    names.give(machines.store("one"), "demo/upper", second)
    assert how(note(Note(text="a"), machines.on("two"))) == "Reused"
    two = machines.store("two")
    found = names.find(two, "demo/upper")
    assert found == second
    assert (two.folder(found) / "upper.txt").read_text() == "A"
    loose = made(note(Note(text="b"), machines.on("two")))
    assert garbage.collect(machines.store("one"), keep_days=0).artifacts == (loose,)
    assert list(verifying.verify(machines.store("three"))) == [[], []]


def test_flipped_bit_in_the_bucket_is_found(machines: Machines, s3_bucket: str) -> None:
    first = made(note(Note(text="a"), machines.on("one")))
    files = s3fs.S3FileSystem(use_listings_cache=False)
    (key,) = files.glob(f"{s3_bucket}/deep/store/note/*/*/note.txt")
    files.pipe_file(key, b"c")
    assert list(verifying.verify(machines.store("two"))) == [[f"{first}: note.txt is not what was written"]]
    assert how(note(Note(text="a"), machines.on("two"))) == "Completed"
    assert list(verifying.verify(machines.store("one"))) == [[]]


HOLD = """
import sys
from schemas.artifact import Artifact
from storage.store import Store
with Store(sys.argv[1]).draft(Artifact(stage="note", fingerprint="0" * 64, kind="folder"), {}, print, print, "run-1"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_lease_of_a_process_that_was_killed_is_taken_over(
    machines: Machines, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment = os.environ | {"CONTEXTFIRST_CACHE": str(tmp_path / "killed")}
    command = [sys.executable, "-c", HOLD, machines.runtime.store]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout and holder.stdout.readline() == "held\n"
        holder.send_signal(signal.SIGKILL)
    told: list[str] = []
    artifact = Artifact(stage="note", fingerprint="0" * 64, kind="folder")
    impatient = Machines(monkeypatch, tmp_path, machines.runtime.store, None, QUICK._replace(lapse=0.1))
    with impatient.store("two").draft(artifact, {}, lambda *_: None, told.append):
        pass
    assert json.loads(told[0])["pid"] == holder.pid
