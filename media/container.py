"""Opening a container from outside, how large its frames may be, and which of its tracks are meant.

One file may hold several pictures (another angle, a cover) and several sounds (another language, a comment). The
choice is FFmpeg's "best stream" and is made here alone, so that what probing describes is what is later decoded.
Time counts from the file's own beginning: where a recording's clock starts late, that is its zero.
"""

from pathlib import Path
from typing import NamedTuple

import av
from av import AudioStream, VideoStream
from av.container import InputContainer
from av.stream import Disposition

_OPEN_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,asf,mpeg,mpegts,mpegvideo,ogg,wav,w64,"
    "aiff,mp3,aac,ac3,eac3,flac,amr,caf",
}

LARGEST_FRAME = 8192 * 4320
"""Pixels, of the widest format of film: a small file may hold frames that fill a machine's memory."""


class Tracks(NamedTuple):
    """The chosen tracks, None for none, and how many there are to choose from. Covers are no videos."""

    video: VideoStream | None
    audio: AudioStream | None
    videos: int
    audios: int


def open_container(path: Path) -> InputContainer:
    """Open a file, but no playlist and nothing else that opens further files. Raises FFmpegError.

    A frame that proves larger than `LARGEST_FRAME`, whatever the container said, is an error of its decoder.
    """
    container = av.open(str(path), options=_OPEN_OPTIONS)
    for decoder in (stream.codec_context for stream in container.streams.video):
        if decoder:  # there is none for a codec that is not known
            decoder.options = {"max_pixels": str(LARGEST_FRAME)}
    return container


def choose_tracks(container: InputContainer) -> Tracks:
    """FFmpeg's choice: what is marked as the default, then the higher bit rate, then the earlier track."""
    videos = [stream for stream in container.streams.video if not is_cover(stream)]
    best, sound = container.streams.best("video"), container.streams.best("audio")
    return Tracks(
        video=best if isinstance(best, VideoStream) and not is_cover(best) else next(iter(videos), None),
        audio=sound if isinstance(sound, AudioStream) else None,
        videos=len(videos),
        audios=len(container.streams.audio),
    )


def is_cover(stream: VideoStream) -> bool:
    """Is it the picture of a record's sleeve, shipped as a track?"""
    return bool(stream.disposition & Disposition.attached_pic)


def beginning(container: InputContainer) -> float:
    """Seconds on the file's clock at which it begins; what lies before zero is a codec's run-up, not content."""
    return max(0.0, (container.start_time or 0) / av.time_base)
