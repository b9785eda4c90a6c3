"""What one made clip shows and plays: the ground truth that pictures, sounds and gold answers are drawn from.

A steady scene has one colour and some beeps of one pitch. A switch scene changes colour at a random moment
and has one tone on each side of it, one high and one low in random order, so that neither the picture nor the
sound alone says which colour goes with which tone. Every scene moves in one direction.
"""

import random
from typing import Literal, NamedTuple

COLOURS = ("red", "green", "blue", "yellow")
DIRECTIONS = ("left", "right", "up", "down")
PITCHES = ("low", "middle", "high")
COUNTS = ("one", "two", "three", "four")

SceneKind = Literal["steady", "switch"]


class Wishes(NamedTuple):
    """What questions demand of a scene; None leaves it to chance. high, low: the colour at that tone."""

    colour: str | None = None
    direction: str | None = None
    pitch: str | None = None
    beeps: str | None = None
    high: str | None = None
    low: str | None = None


class Scene(NamedTuple):
    """One clip in words. switch: seconds at which colour and tone change, None for a steady scene.

    nuisance: seed of everything no question asks for (shape, size, track, shades, timing, texture, noise).
    """

    colours: tuple[str, ...]
    direction: str
    pitches: tuple[str, ...]
    beeps: int
    switch: float | None
    nuisance: int

    @property
    def kind(self) -> SceneKind:
        return "steady" if self.switch is None else "switch"

    def colour_at(self, pitch: str) -> str:
        """The colour shown while a tone of this pitch sounds."""
        return self.colours[self.pitches.index(pitch)]


def draw_scene(rng: random.Random, kind: SceneKind, wishes: Wishes) -> Scene:
    """A scene that grants the wishes and leaves everything else to `rng`."""
    direction = wishes.direction or rng.choice(DIRECTIONS)
    if kind == "steady":
        colours: tuple[str, ...] = (wishes.colour or rng.choice(COLOURS),)
        pitches: tuple[str, ...] = (wishes.pitch or rng.choice(PITCHES),)
        beeps = COUNTS.index(wishes.beeps or rng.choice(COUNTS)) + 1
        return Scene(colours, direction, pitches, beeps, None, rng.getrandbits(48))
    pitches = tuple(rng.sample(("high", "low"), 2))
    high, low = _two_colours(rng, wishes)
    colours = (high, low) if pitches[0] == "high" else (low, high)
    return Scene(colours, direction, pitches, 2, round(rng.uniform(0.6, 1.4), 3), rng.getrandbits(48))


def _two_colours(rng: random.Random, wishes: Wishes) -> tuple[str, str]:
    high = wishes.high or rng.choice([colour for colour in COLOURS if colour != wishes.low])
    low = wishes.low or rng.choice([colour for colour in COLOURS if colour != high])
    return high, low
