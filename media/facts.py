"""What can be said of media by measuring them: no model, no words from the file, only signal rules.

`measure` gives the facts, `sentence` says them in a short uniform sentence with one word for each value:
"a red shape moves left . two high beeps ." A picture without one standing-out shape is described as a whole.
"""

from pathlib import Path

import numpy as np

from media.errors import MediaError
from media.frames import sample_frames
from media.picture import read_picture
from media.salience import (
    Motion,
    Shown,
    colour_runs,
    find_shape,
    picture_motion,
    picture_tint,
    shape_motion,
    shrink,
)
from media.tones import Heard, Pitch, SoundKind, Tone, listen
from media.waveform import SAMPLE_RATE, read_waveform
from schemas.values import Value

FRAMES_PER_SECOND = 8.0
MOST_FRAMES = 24
MOST_SECONDS_OF_SOUND = 60.0
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class ClipFacts(Value):
    """Measured facts of one clip. duration: seconds of video, else of sound; None for a still picture alone.

    tint: colour of the picture as a whole, "" where there is none. colours: of the one shape that stands out,
    in time order; empty where no shape does. sound: "none" without a sound track. decibels: relative to full
    scale.
    """

    duration: float | None
    is_still: bool
    tint: str
    colours: tuple[Shown, ...]
    motion: Motion
    sound: SoundKind
    tones: tuple[Tone, ...]
    decibels: float | None

    @property
    def pitches(self) -> tuple[Pitch, ...]:
        """Pitches in time order, a repeated one once."""
        heard: list[Pitch] = [tone.pitch for tone in self.tones]
        return tuple(pitch for index, pitch in enumerate(heard) if heard[index - 1 : index] != [pitch])

    def colour_with(self, pitch: Pitch) -> str | None:
        """The colour of the shape in the middle of the first tone of this pitch."""
        tone = next((tone for tone in self.tones if tone.pitch == pitch), None)
        if tone is None or not self.colours:
            return None
        middle = (tone.start + tone.end) / 2
        return next((shown.colour for shown in self.colours if middle < shown.end), self.colours[-1].colour)


def measure(video: Path | None, audio: Path | None, image: Path | None) -> ClipFacts:
    """Facts of a clip from its files; sound comes from `audio` if given, else from the video's own track.

    Raises MediaError for a file that cannot be decoded, ValueError when there is no file at all.
    """
    if video is None and audio is None and image is None:
        raise ValueError("nothing to measure: give a video, an audio or an image file")
    frames, seconds = _frames(video, image)
    source = audio or video
    samples = read_waveform(source, MOST_SECONDS_OF_SOUND) if source else None
    heard = Heard("none", (), 0.0) if samples is None else listen(samples, SAMPLE_RATE)
    if seconds is None and samples is not None:
        seconds = samples.size / SAMPLE_RATE
    mask = None if frames is None else find_shape(frames)
    return ClipFacts(
        duration=seconds,
        is_still=video is None and image is not None,
        tint="" if frames is None else picture_tint(frames),
        colours=() if frames is None or mask is None else colour_runs(frames, mask, seconds or 0.0),
        motion=_motion(frames, mask),
        sound=heard.kind,
        tones=heard.tones,
        decibels=None if samples is None else heard.decibels,
    )


def sentence(facts: ClipFacts) -> str:
    """The facts as one or two short statements, each ended by " ." """
    return " ".join(part + " ." for part in (picture_words(facts), sound_words(facts)) if part)


def picture_words(facts: ClipFacts) -> str:
    """The picture part: "a red then blue shape moves left"; "" where there is no picture."""
    if not facts.tint:
        return ""
    if not facts.colours:
        return f"a {facts.tint} picture" + ("" if facts.is_still else f" , {facts.motion}")
    shape = f"a {' then '.join(shown.colour for shown in facts.colours)} shape"
    if facts.is_still:
        return shape
    moves = {"still": "stays still", "moving": "moves about"}
    return f"{shape} {moves.get(facts.motion, f'moves {facts.motion}')}"


def sound_words(facts: ClipFacts) -> str:
    """The sound part: "two high beeps", "a low then high tone"; "" for a still picture without sound."""
    if facts.sound == "tones":
        return _tone_words(facts)
    if facts.sound in ("none", "silent"):
        return "" if facts.is_still else "no sound"
    return f"{_loudness(facts.decibels or 0.0)}{facts.sound} sound"


def pairing_words(facts: ClipFacts) -> str:
    """Which colour is shown with which tone, by time: "red with low , blue with high"; "" for one pitch."""
    if not facts.colours or len(facts.pitches) < 2:
        return ""
    return " , ".join(f"{facts.colour_with(pitch)} with {pitch}" for pitch in dict.fromkeys(facts.pitches))


def _tone_words(facts: ClipFacts) -> str:
    count = len(facts.tones)
    if len(facts.pitches) == 1:
        number = NUMBERS[count] if count < len(NUMBERS) else "many"
        return f"{number} {facts.pitches[0]} beep{'s' * (count > 1)}"
    if len(facts.pitches) <= 3:
        return f"a {' then '.join(facts.pitches)} tone"
    return "many tones"


def _loudness(decibels: float) -> str:
    return "loud " if decibels > -18 else "quiet " if decibels < -38 else ""


def _motion(frames: np.ndarray | None, mask: np.ndarray | None) -> Motion:
    if frames is None:
        return "still"
    return picture_motion(frames) if mask is None else shape_motion(mask)


def _frames(video: Path | None, image: Path | None) -> tuple[np.ndarray | None, float | None]:
    """Small frames of the video, or the picture as one frame; and the seconds they span."""
    if video is not None:
        frames = sample_frames(video, FRAMES_PER_SECOND, MOST_FRAMES)
        return shrink(frames.pixels), frames.seconds
    if image is not None:
        return shrink(read_picture(image)[None]), None
    return None, None


__all__ = ["ClipFacts", "MediaError", "measure", "pairing_words", "picture_words", "sentence", "sound_words"]
