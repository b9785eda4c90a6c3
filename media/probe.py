"""What a media file is and whether it can be read: told from its content, never from its name.

A file passes when a picture decodes, some sound decodes where it says it has sound, and its last part
decodes as far as it claims to reach. Files come from outside: playlists and whatever else makes FFmpeg open
further files are refused, and `probe_each` puts every file behind a deadline in a process of its own. A fault of the
machine says nothing about the file and is raised.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import av
from av.error import FFmpegError
from PIL import Image
from pydantic import TypeAdapter

from media.container import LARGEST_FRAME, beginning, choose_tracks, open_container
from media.errors import check_machine, reason
from media.probe_pool import ask_all
from media.track import Track, measure
from media.worker import DIED
from schemas.example import MediaKind
from schemas.values import Value

PROBE_VERSION = 2
"""Raise it when probing comes to tell more or otherwise of the same bytes: kept answers are then asked anew."""

LONGEST_SECONDS = 4 * 3600.0
SHORT_AUDIO_SECONDS = 0.5
"""Sound that ends this much before its picture is called short: codecs and muxers leave a tenth of a second
between the two ends, while half a second may hold a spoken word that a question asks for."""

_LARGEST_PICTURE = 100_000_000
_IMAGES = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
_ORIENTATION = 0x0112
_TURNS = {3: 180, 6: -90, 8: 90}

Key = TypeVar("Key")
Fault = Literal[
    "missing",
    "empty",
    "undecodable",
    "no_frames",
    "truncated",
    "too_long",
    "too_large",
    "deadline",
    "crashed",
]


class Probe(Value):
    """One readable file; what its kind lacks is None, 0 or False.

    duration, audio_duration: seconds. fps: frames per second. width, height: pixels as shown, after rotation.
    rotation: degrees counter-clockwise that turn a stored picture upright. video_streams, audio_streams: how
    many tracks of each (covers are no videos). video_track, audio_track: which of the container's tracks are
    described, the same that frames and waveforms are read from. has_audio: whether it really holds sound.
    short_audio: whether the sound ends well before the picture. sample_rate: Hz.
    """

    kind: MediaKind
    duration: float | None = None
    frames: int = 0
    fps: float | None = None
    width: int | None = None
    height: int | None = None
    rotation: int = 0
    video_streams: int = 0
    video_track: int | None = None
    audio_streams: int = 0
    audio_track: int | None = None
    has_audio: bool = False
    audio_duration: float | None = None
    short_audio: bool = False
    sample_rate: int | None = None


class Unreadable(Value):
    """One file that cannot be used, why in one word, and what was seen."""

    reason: Fault
    detail: str


class MachineFault(Value):
    """What a probing process says in place of an answer: the number of an OSError, and its text."""

    errno: int
    said: str


ANSWER: TypeAdapter[Probe | Unreadable] = TypeAdapter(Probe | Unreadable)
"""Reads an answer's JSON back: the two have no field in common."""
_HEARD: TypeAdapter[Probe | Unreadable | MachineFault] = TypeAdapter(Probe | Unreadable | MachineFault)


class _Fault(Exception):
    def __init__(self, reason: Fault, detail: str) -> None:
        super().__init__(detail)
        self.unreadable = Unreadable(reason=reason, detail=detail)


class _Survey(NamedTuple):
    """Which tracks to measure, by index, and of how many. begins, stated: from when to when the container lasts."""

    video: int | None
    audio: int | None
    videos: int
    audios: int
    begins: float
    stated: float | None


def probe(path: Path, longest_seconds: float = LONGEST_SECONDS) -> Probe | Unreadable:
    """Probe one file in this process. For files from outside use `probe_each`: no file can hang or kill it.

    Raises OSError where the machine cannot read the file.
    """
    try:
        if not path.is_file():
            return Unreadable(reason="missing", detail="no such file")
        if not os.access(path, os.R_OK):
            return Unreadable(reason="missing", detail="not permitted to read it")
        if not path.stat().st_size:
            return Unreadable(reason="empty", detail="0 bytes")
        return _probe_image(path) or _probe_tracks(path, longest_seconds)
    except _Fault as fault:
        return fault.unreadable
    except MemoryError:
        return Unreadable(reason="crashed", detail="decoding it takes more memory than there is")
    except (FFmpegError, OSError, ValueError, SyntaxError) as error:
        check_machine(error, path)
        return Unreadable(reason="undecodable", detail=reason(error, path))


def probe_each(
    files: Iterable[tuple[Key, Path]],
    workers: int,
    deadline_seconds: float,
    longest_seconds: float = LONGEST_SECONDS,
) -> Iterator[tuple[Key, Probe | Unreadable]]:
    """Every file's probe under its key, as they arrive, `workers` at a time in processes of their own.

    A file that takes longer than `deadline_seconds` is Unreadable "deadline"; one that kills its process
    twice, or needs more memory than that has, is "crashed". Of `files` and of the answers only those at work are held.
    Raises OSError where the machine cannot read a file, RuntimeError when a worker process cannot be started.
    """
    asked = ((key, str(path.absolute())) for key, path in files)
    for key, answer in ask_all(asked, workers, deadline_seconds, longest_seconds):
        yield key, _parse(answer)


def probe_all(
    paths: list[Path], workers: int, deadline_seconds: float, longest_seconds: float = LONGEST_SECONDS
) -> dict[Path, Probe | Unreadable]:
    """`probe_each` for a few files: all answers at once, in the order of `paths`."""
    found = dict(probe_each(zip(paths, paths, strict=True), workers, deadline_seconds, longest_seconds))
    return {path: found[path] for path in paths}


def _parse(answer: str) -> Probe | Unreadable:
    if answer in DIED:
        return Unreadable(reason=answer, detail="the process that decoded it was ended")
    heard = _HEARD.validate_json(answer)
    if isinstance(heard, MachineFault):
        raise OSError(heard.errno, heard.said)
    return heard


def _probe_image(path: Path) -> Probe | None:
    """None when the file is no picture of a known format."""
    try:
        image = Image.open(path, formats=_IMAGES)
    except Image.DecompressionBombError as error:
        raise _Fault("too_large", reason(error, path)) from error
    except (OSError, ValueError, SyntaxError) as error:
        check_machine(error, path)
        return None
    with image:
        _check_pixels(*image.size, _LARGEST_PICTURE)
        rotation = _TURNS.get(image.getexif().get(_ORIENTATION, 1), 0)
        try:
            image.load()
        except (OSError, SyntaxError) as error:
            check_machine(error, path)
            raise _Fault("truncated" if "truncated" in str(error) else "undecodable", reason(error, path)) from error
        width, height = _upright(*image.size, rotation)
    return Probe(kind="image", frames=1, width=width, height=height, rotation=rotation)


def _probe_tracks(path: Path, longest_seconds: float) -> Probe:
    survey = _survey(path)
    if survey.stated and survey.stated > longest_seconds:
        raise _Fault("too_long", f"{survey.stated:.0f} s, more than {longest_seconds:.0f} s")
    video = None if survey.video is None else measure(path, survey.video)
    sound = None if survey.audio is None else measure(path, survey.audio)
    _check_heads(video, sound)
    _check_ends([track for track in (video, sound) if track], survey)
    described = _describe_video(video) if video else Probe(kind="audio", duration=sound.duration if sound else None)
    return described.model_copy(update=_describe_choice(survey) | _describe_sound(sound, video))


def _survey(path: Path) -> _Survey:
    with open_container(path) as container:
        tracks = choose_tracks(container)
        if tracks.video:
            _check_pixels(tracks.video.width, tracks.video.height, LARGEST_FRAME)
        return _Survey(
            video=tracks.video.index if tracks.video else None,
            audio=tracks.audio.index if tracks.audio else None,
            videos=tracks.videos,
            audios=tracks.audios,
            begins=beginning(container),
            stated=container.duration / av.time_base if container.duration else None,
        )


def _check_heads(video: Track | None, sound: Track | None) -> None:
    """Raises where a track holds something that does not decode, or nothing holds anything."""
    for name, track in (("picture", video), ("sound", sound)):
        if track and not track.head and (track.error or track.frames):
            fault = "undecodable" if track.error else "truncated"
            raise _Fault(fault, f"its {name} does not decode: {track.error or 'nothing of it is there'}")
    if (video and not video.head) or not (video or (sound and sound.head)):
        raise _Fault("no_frames", "it holds no frame of a picture" if video else "it holds neither picture nor sound")


def _check_ends(tracks: list[Track], survey: _Survey) -> None:
    """Raises where less decodes than a track states or, where none does, than the container states."""
    spans = [(track.stated, track.end, track.error) for track in tracks if track.stated]
    ends = [survey.begins + track.until for track in tracks if track.end is not None]
    if not spans and ends:
        spans = [(survey.stated, max(ends), "".join(track.error for track in tracks))]
    for claimed, end, error in spans:
        if claimed and end is not None and claimed - end > min(1.0, 0.1 * claimed + 0.2):
            why = f" ({error})" if error else ""
            raise _Fault("truncated", f"decodes to {end:.2f} s of {claimed:.2f} s{why}")


def _describe_video(track: Track) -> Probe:
    frame, duration = track.head, track.duration
    if not isinstance(frame, av.VideoFrame):
        raise TypeError("a video track whose first frame is no picture")
    fps = track.fps or (track.frames / duration if duration and track.frames else None)
    width, height = _upright(frame.width, frame.height, frame.rotation)
    return Probe(
        kind="video",
        duration=duration,
        frames=track.frames or round((duration or 0) * (fps or 0)),
        fps=fps,
        width=width,
        height=height,
        rotation=frame.rotation,
    )


def _describe_choice(survey: _Survey) -> dict[str, object]:
    return {
        "video_streams": survey.videos,
        "video_track": survey.video,
        "audio_streams": survey.audios,
        "audio_track": survey.audio,
    }


def _describe_sound(track: Track | None, video: Track | None) -> dict[str, object]:
    if not track or not isinstance(track.head, av.AudioFrame):
        return {}
    return {
        "has_audio": True,
        "audio_duration": track.duration,
        "short_audio": video is not None and video.until - track.until > SHORT_AUDIO_SECONDS,
        "sample_rate": track.head.sample_rate,
    }


def _check_pixels(width: int, height: int, most: int) -> None:
    if width * height > most:
        raise _Fault("too_large", f"{width} x {height} pixels")


def _upright(width: int, height: int, rotation: int) -> tuple[int, int]:
    return (height, width) if rotation % 180 else (width, height)
