"""The sound of media as WAV files, demuxed once: `{store}/waves/ab/<sha256>.wav`, by the digest of the medium.

A cache: deleting it costs time, never content.
"""

from pathlib import Path

from media.demux import NoSound, write_wav
from storage.files import whole_file


def wave_path(waves: Path, digest: str) -> Path:
    """Where the sound of the medium with this digest lies once it was kept."""
    return waves / digest[:2] / f"{digest}.wav"


def keep_wave(waves: Path, medium: Path, digest: str) -> Path | None:
    """The WAV of a medium, 16 kHz, mono, 16-bit: found, or written now. None when it has no sound track.

    Raises MediaError when it has one that cannot be read.
    """
    place = wave_path(waves, digest)
    if place.exists():
        return place
    try:
        with whole_file(place) as temporary, temporary.open("wb") as target:
            write_wav(medium, target)
    except NoSound:
        return None
    return place
