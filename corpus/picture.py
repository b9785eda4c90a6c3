"""Pixels of a scene: one coloured shape that crosses a dark grey, slightly textured background."""

import numpy as np

from corpus.scene import Scene

SIDE = 56
FPS = 12
SECONDS = 2.0
SHADES = {
    "red": (220, 40, 40),
    "green": (40, 180, 60),
    "blue": (50, 80, 230),
    "yellow": (230, 210, 50),
}
STEPS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
TRAVEL = 28.0


def draw_frames(scene: Scene) -> np.ndarray:
    """RGB frames, uint8 [24, 56, 56, 3], at 12 frames a second."""
    rng = np.random.default_rng([scene.nuisance, 1])
    background, coverage = _background(rng), _coverage(rng, scene)
    jitter = rng.uniform(-12, 12, 3)
    times = np.arange(int(SECONDS * FPS)) / FPS
    shades = np.stack([_shade(scene, time) + jitter for time in times])
    frames = background[None] * (1 - coverage) + shades[:, None, None, :] * coverage
    return np.clip(np.rint(frames), 0, 255).astype(np.uint8)


def draw_still(scene: Scene) -> np.ndarray:
    """The middle frame as a picture, uint8 [56, 56, 3]."""
    return draw_frames(scene)[int(SECONDS * FPS) // 2]


def _shade(scene: Scene, time: float) -> np.ndarray:
    second = scene.switch is not None and time >= scene.switch
    return np.array(SHADES[scene.colours[1 if second else 0]], dtype=float)


def _background(rng: np.random.Generator) -> np.ndarray:
    grey = rng.uniform(35, 75)
    return grey + rng.normal(0, 3.0, (SIDE, SIDE, 1)) + rng.uniform(-3, 3, (1, 1, 3))


def _coverage(rng: np.random.Generator, scene: Scene) -> np.ndarray:
    """How much of each pixel the shape covers, float [frames, 56, 56, 1], with soft edges."""
    frames = int(SECONDS * FPS)
    step = np.array(STEPS[scene.direction], dtype=float)
    along = np.linspace(-TRAVEL / 2, TRAVEL / 2, frames)[:, None] * step
    drift = rng.uniform(-2, 2) * np.abs(step) + rng.uniform(-9, 9) * (1 - np.abs(step))
    centres = SIDE / 2 - 0.5 + along + drift
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    right = np.abs(columns[None] - centres[:, 0, None, None])
    down = np.abs(rows[None] - centres[:, 1, None, None])
    half = rng.uniform(8.0, 10.0)
    reach = np.maximum(right, down) if rng.random() < 0.5 else np.hypot(right, down) * 0.92
    return np.clip(half - reach + 0.5, 0, 1)[..., None]
