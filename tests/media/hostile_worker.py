"""The probing process, with a decoder that some files hang and some kill."""

import errno
import os
import signal
from pathlib import Path

from media import probe_worker
from media.probe import Probe, Unreadable


def decode(path: Path, longest_seconds: float) -> Probe | Unreadable:
    if path.name == "hangs":
        signal.pause()
    if path.name == "kills":
        os.kill(os.getpid(), signal.SIGKILL)
    if path.name == "kills once" and not path.with_name("was killed").exists():
        path.with_name("was killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if path.name == "cut off":
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    if path.name == "chatters":
        print("what a decoder has to say is no answer")
    return Probe(kind="image", frames=1)


if __name__ == "__main__":
    probe_worker.probe = decode
    probe_worker.main()
