"""What a narrator would say of a scene, and the subtitle files that carry it.

Plain lower-case words in one form for all scenes: a small model has to learn them from a few hundred clips.
"""

from corpus.picture import SECONDS
from corpus.scene import COUNTS, Scene


def see(scene: Scene) -> str:
    """The picture in words: "a red then blue shape moves left ." """
    return f"a {' then '.join(scene.colours)} shape moves {scene.direction} ."


def hear(scene: Scene) -> str:
    """The sound in words: "two high beeps ." """
    if scene.switch is not None:
        return f"a {' then '.join(scene.pitches)} tone ."
    return f"{COUNTS[scene.beeps - 1]} {scene.pitches[0]} beep{'s' * (scene.beeps > 1)} ."


def see_and_hear(scene: Scene) -> str:
    """Which colour goes with which tone of a switch, in time order: "red with low , blue with high ." """
    pairs = zip(scene.colours, scene.pitches, strict=True)
    return " , ".join(f"{colour} with {pitch}" for colour, pitch in pairs) + " ."


def vtt(scene: Scene) -> str:
    """WebVTT as Social-IQ's download leaves it: rolling lines that repeat, inline time tags kept."""
    first, second = see(scene), hear(scene)
    cues = (
        (0.0, 0.9, _timed(first, 0.0)),
        (0.9, 1.0, first),
        (1.0, 1.9, f"{first}\n{_timed(second, 1.0)}"),
        (1.9, SECONDS, f"{first}\n{second}"),
    )
    body = "\n".join(f"{_clock(start, '.')} --> {_clock(end, '.')}\n{text}\n" for start, end, text in cues)
    return f"WEBVTT\n\n{body}"


def srt(scene: Scene) -> str:
    """SubRip with one cue for the picture and one for the sound."""
    cues = ((0.0, 1.0, see(scene)), (1.0, SECONDS, hear(scene)))
    numbered = enumerate(cues, 1)
    return "\n".join(
        f"{place}\n{_clock(start, ',')} --> {_clock(end, ',')}\n{text}\n" for place, (start, end, text) in numbered
    )


def _timed(text: str, start: float) -> str:
    """The words with the moment of each but the first, as YouTube's automatic captions have them."""
    first, *rest = text.split(" ")
    return first + "".join(f"<{_clock(start + 0.15 * place, '.')}><c> {word}</c>" for place, word in enumerate(rest, 1))


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    return f"00:00:{milliseconds // 1000:02d}{point}{milliseconds % 1000:03d}"
