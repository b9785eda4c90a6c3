"""The questions that are asked of scenes: wording, options in one fixed order, and the gold answer.

Wordings stay under eight words, so that an 8-gram decontamination against the benchmarks cannot take them for
leaks. Benchmarks use the first wording, training both.
"""

from typing import Literal, NamedTuple

from corpus.captions import hear, see, see_and_hear
from corpus.scene import COLOURS, COUNTS, DIRECTIONS, PITCHES, Scene

Family = Literal["picture", "sound", "joint"]
Name = Literal["colour", "direction", "pitch", "count", "number", "colour_at_high", "colour_at_low", "mood", "judge"]

COLOUR_MOODS = {"red": "Angry", "green": "Calm", "blue": "Sad", "yellow": "Happy"}
PITCH_MOODS = {"low": "Bored", "high": "Excited"}
"""A middle tone has no mood: those answers are one letter, which only the sound tells."""
MOODS = (*COLOUR_MOODS.values(), *PITCH_MOODS.values())


class Template(NamedTuple):
    """One kind of question. kind: scenes it can be asked of. values: what its gold answers are balanced over.

    uses: the attributes of a scene that the answer fixes; two questions of one clip must not share any.
    """

    family: Family
    kind: Literal["steady", "switch", "any"]
    uses: frozenset[str]
    wordings: tuple[str, str]
    options: tuple[str, ...]
    values: tuple[str, ...]


TEMPLATES: dict[Name, Template] = {
    "colour": Template(
        "picture",
        "steady",
        frozenset({"colour"}),
        ("What colour is the shape?", "What is the colour of the shape?"),
        COLOURS,
        COLOURS,
    ),
    "direction": Template(
        "picture",
        "any",
        frozenset({"direction"}),
        ("What direction does the shape move?", "Which way does the shape move?"),
        DIRECTIONS,
        DIRECTIONS,
    ),
    "pitch": Template(
        "sound",
        "steady",
        frozenset({"pitch"}),
        ("What pitch does the sound have?", "How high is the sound?"),
        PITCHES,
        PITCHES,
    ),
    "count": Template(
        "sound",
        "steady",
        frozenset({"count"}),
        ("How many beeps sound?", "What is the number of beeps?"),
        COUNTS,
        COUNTS,
    ),
    "number": Template(
        "sound",
        "steady",
        frozenset({"count"}),
        ("Count the beeps.", "Count the beeps."),
        (),
        COUNTS,
    ),
    "colour_at_high": Template(
        "joint",
        "switch",
        frozenset({"switch"}),
        ("When the tone is high, which colour?", "Which colour comes with the high tone?"),
        COLOURS,
        COLOURS,
    ),
    "colour_at_low": Template(
        "joint",
        "switch",
        frozenset({"switch"}),
        ("When the tone is low, which colour?", "Which colour comes with the low tone?"),
        COLOURS,
        COLOURS,
    ),
    "mood": Template(
        "joint",
        "steady",
        frozenset({"colour", "pitch"}),
        ("What emotions does the clip show?", "Which moods does the clip show?"),
        MOODS,
        tuple(f"{colour} {pitch}" for colour in COLOURS for pitch in PITCHES),
    ),
    "judge": Template(
        "sound",
        "steady",
        frozenset({"pitch"}),
        ("High sounds lie. Is this a lie?", "High sounds lie. Is this a lie?"),
        (),
        ("high", "middle", "high", "low"),
    ),
}


def wish(name: Name, value: str) -> dict[str, str]:
    """The fields of `Wishes` under which the scene answers template `name` with `value`."""
    if name == "mood":
        return dict(zip(("colour", "pitch"), value.split(), strict=True))
    fields = {
        "colour_at_high": "high",
        "colour_at_low": "low",
        "count": "beeps",
        "number": "beeps",
        "judge": "pitch",
    }
    return {fields.get(name, name): value}


def gold(name: Name, scene: Scene) -> tuple[str, ...]:
    """The gold answer as words: one, or one or two moods."""
    if name == "mood":
        moods = (COLOUR_MOODS[scene.colours[0]], PITCH_MOODS.get(scene.pitches[0], ""))
        return tuple(mood for mood in moods if mood)
    count = min(scene.beeps, len(COUNTS))
    answers = {
        "colour": scene.colours[0],
        "direction": scene.direction,
        "pitch": scene.pitches[0],
        "count": COUNTS[count - 1],
        "number": str(scene.beeps),
        "judge": "Yes" if scene.pitches[0] == "high" else "No",
    }
    return (scene.colour_at(name.removeprefix("colour_at_")) if name.startswith("colour_at") else answers[name],)


def letters(name: Name, scene: Scene) -> str:
    """The gold answer as option letters, sorted and joined by commas."""
    options = TEMPLATES[name].options
    return ",".join("ABCDEF"[place] for place in sorted(options.index(word) for word in gold(name, scene)))


def reason(name: Name, scene: Scene) -> str:
    """What a scene shows or plays that leads to the gold answer, then the answer."""
    words = gold(name, scene)
    answer = f"{', '.join(words)} {letters(name, scene)}" if TEMPLATES[name].options else words[0]
    return f"{_evidence(name, scene).rstrip(' .')} : {answer} ."


def _evidence(name: Name, scene: Scene) -> str:
    if name == "mood":
        return f"{scene.colours[0]} and {scene.pitches[0]}"
    if TEMPLATES[name].family == "joint":
        return see_and_hear(scene)
    return see(scene) if TEMPLATES[name].family == "picture" else hear(scene)
