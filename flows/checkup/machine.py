"""The device, the decoders and Prefect's settings, each asked in a process of its own that prints JSON."""

import json
import os
import subprocess
import sys
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from flows.binding import read_binding
from flows.checkup.asking import fetch
from flows.checkup.finding import Finding
from schemas.values import UserError

_SECONDS = 180.0
_TORCH = """
import json, torch
devices = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
print(json.dumps({
    "version": torch.__version__, "threads": torch.get_num_threads(), "cuda": torch.version.cuda,
    "devices": [{"name": one.name, "gib": round(one.total_memory / 2**30, 1)} for one in devices],
}))
"""
_DECODERS = """
import io, json, pathlib, tempfile
import av, decord, numpy
from media.frames import sample_frames
with tempfile.TemporaryDirectory() as folder:
    place = pathlib.Path(folder) / "a.mp4"
    with av.open(str(place), "w") as clip:
        stream = clip.add_stream("libx264", rate=10)
        stream.width = stream.height = 64
        for level in range(0, 200, 20):
            picture = av.VideoFrame.from_ndarray(numpy.full((64, 64, 3), level, numpy.uint8), format="rgb24")
            clip.mux(stream.encode(picture))
        clip.mux(stream.encode())
    with av.open(str(place)) as clip:
        one = len(list(clip.decode(video=0)))
    two, sampled = len(decord.VideoReader(str(place))), len(sample_frames(place, 5.0, 4).pixels)
print(json.dumps({
    "av": av.__version__, "ffmpeg": ".".join(map(str, av.library_versions["libavcodec"])),
    "decord": decord.__version__, "frames": [one, two, sampled],
}))
"""
_PREFECT = """
import json
from prefect.settings import get_current_settings
found = get_current_settings()
print(json.dumps({
    "home": str(found.home), "api": found.api.url, "host": found.server.api.host, "port": found.server.api.port,
}))
"""


class Asked(NamedTuple):
    """The processes that look, under way."""

    torch: "subprocess.Popen[str]"
    decoders: "subprocess.Popen[str]"
    prefect: "subprocess.Popen[str]"


@contextmanager
def asked() -> Iterator[Asked]:
    """Start all of them, and end with them however this ends."""
    started = Asked(*map(_start, (_TORCH, _DECODERS, _PREFECT)))
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def device(process: "subprocess.Popen[str]") -> Iterator[Finding]:
    """torch, its threads and its GPUs."""
    found = _answer(process)
    if isinstance(found, str):
        yield Finding(part="device", name="torch", verdict="broken", said=found, mend="make install")
        return
    said = f"torch {found['version']}, {found['threads']} CPU threads"
    yield Finding(part="device", name="torch", verdict="ok", said=said)
    for index, one in enumerate(found["devices"]):
        yield Finding(part="device", name=f"cuda:{index}", verdict="ok", said=f"{one['name']}, {one['gib']} GiB")
    if not found["devices"]:
        built = f"torch was built for CUDA {found['cuda']} and sees no GPU" if found["cuda"] else "torch for CPUs alone"
        mend = "enough for the demo; a real model needs a GPU (docs/training.md)"
        yield Finding(part="device", name="GPU", verdict="note", said=f"none: {built}", mend=mend)


def decoders(process: "subprocess.Popen[str]") -> Finding:
    """PyAV and decord, by a clip that is made and read back."""
    found = _answer(process)
    if isinstance(found, str):
        mend = "make install; both decoders come as wheels with all they need, no system package is asked for"
        return Finding(part="media", name="decoders", verdict="broken", said=found, mend=mend)
    whole = found["frames"] == [10, 10, 4]
    said = f"PyAV {found['av']} (libavcodec {found['ffmpeg']}) and decord {found['decord']} "
    said += "read a made clip alike" if whole else f"read {found['frames']} frames of a clip, not 10, 10 and 4"
    mend = "" if whole else "install the pinned versions: make install"
    return Finding(part="media", name="decoders", verdict="ok" if whole else "broken", said=said, mend=mend)


def prefect(process: "subprocess.Popen[str]") -> Iterator[Finding]:
    """Prefect's home, the server that runs go to, and where our own would listen."""
    found = _answer(process)
    if isinstance(found, str):
        yield Finding(part="Prefect", name="settings", verdict="broken", said=found, mend="make install")
        return
    yield _home(found["home"])
    yield _server(found["api"])
    yield _bound()


def _home(home: str) -> Finding:
    above = home
    while not os.path.exists(above):  # noqa: PTH110  of a text that need not be a path
        above = os.path.dirname(above)  # noqa: PTH120
    if os.access(above, os.W_OK):
        return Finding(part="Prefect", name="home", verdict="ok", said=home)
    mend = "set PREFECT_HOME to a folder that can be written"
    return Finding(part="Prefect", name="home", verdict="broken", said=f"{home} cannot be written", mend=mend)


def _server(api: str | None) -> Finding:
    if not api:
        said = "none is named: each command starts one of its own for its time"
        return Finding(part="Prefect", name="server", verdict="ok", said=said)
    shown = api.split("://", 1)[-1].rpartition("@")[2]  # a password may stand before the host
    try:
        fetch(f"{api.rstrip('/')}/health", {})
    except urllib.error.HTTPError as error:
        if error.code not in (401, 403):
            return _no_server(f"{shown} answers with status {error.code}")
    except (OSError, ValueError) as error:
        return _no_server(f"{shown} does not answer ({type(error).__name__})")
    return Finding(part="Prefect", name="server", verdict="ok", said=f"{shown} answers")


def _no_server(said: str) -> Finding:
    mend = "start it (make serve), or unset PREFECT_API_URL: then each command starts one of its own"
    return Finding(part="Prefect", name="server", verdict="broken", said=said, mend=mend)


def _bound() -> Finding:
    try:
        binding = read_binding()
    except UserError as error:
        return Finding(part="Prefect", name="make serve", verdict="note", said=str(error))
    said = f"would listen on {binding.host}:{binding.port}, reports on {binding.reports_port}"
    if binding.is_local:
        return Finding(part="Prefect", name="make serve", verdict="ok", said=said)
    mend = "who has the password can run commands here: keep the network closed, and TLS in front"
    return Finding(part="Prefect", name="make serve", verdict="note", said=said, mend=mend)


def _start(code: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _answer(process: "subprocess.Popen[str]") -> Any | str:
    """What a process found, or in one line why it found nothing."""
    try:
        out, err = process.communicate(timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return f"no answer within {_SECONDS:.0f} s"
    if process.returncode == 0:
        return json.loads(out.splitlines()[-1])
    last = err.strip().splitlines()[-1:] or [f"ended with code {process.returncode}"]
    return last[0][:300]
