"""Which clips are made, what they show, and what is asked of them: everything but the bytes.

Each source draws from its own random stream. Gold values are dealt from a balanced deck per template,
everything else is left to chance, so that no attribute tells another.
"""

import random
from typing import NamedTuple

from corpus.quirks import EXTRAS, Fault
from corpus.scene import Scene, SceneKind, Wishes, draw_scene
from corpus.shares import Cell, benchmark_counts, training_counts
from corpus.templates import TEMPLATES, Name, wish

QUESTIONS_PER_CLIP = {"social_iq2": 2, "intentbench": 2, "daily_omni": 2, "worldsense": 2}
"""At most; one elsewhere, as the publishers have it for most of their clips."""
NEVER_TOGETHER: frozenset[Name] = frozenset({"mood", "judge", "number"})
ID_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"


class Ask(NamedTuple):
    """One question of a clip; `wording` is 0 or 1."""

    name: Name
    wording: int

    @property
    def text(self) -> str:
        return TEMPLATES[self.name].wordings[self.wording]

    @property
    def options(self) -> tuple[str, ...]:
        return TEMPLATES[self.name].options


class Clip(NamedTuple):
    """One clip of a source. number: its place there, from 0. video_id: eleven characters, like YouTube's."""

    source: str
    number: int
    video_id: str
    scene: Scene
    asks: tuple[Ask, ...]
    fault: Fault = "none"


class CorpusPlan(NamedTuple):
    train: dict[str, tuple[Clip, ...]]
    benchmarks: dict[str, tuple[Clip, ...]]


class _Wanted(NamedTuple):
    """A question with the gold value that it was dealt."""

    name: Name
    value: str


class _Pack(NamedTuple):
    """The questions of one clip to be."""

    wanted: tuple[_Wanted, ...]
    fault: Fault


def plan_corpus(seed: int, train_questions: int, benchmark_questions: int) -> CorpusPlan:
    """The same plan for the same numbers, on every machine."""
    train, benchmarks = training_counts(train_questions), benchmark_counts(benchmark_questions)
    return CorpusPlan(
        train={source: _plan_source(seed, source, train, (0, 1)) for source in _sources(train)},
        benchmarks={source: _plan_source(seed, source, benchmarks, (0,)) for source in _sources(benchmarks)},
    )


def _sources(counts: dict[Cell, int]) -> list[str]:
    return list(dict.fromkeys(source for source, _ in counts))


def _plan_source(seed: int, source: str, counts: dict[Cell, int], wordings: tuple[int, ...]) -> tuple[Clip, ...]:
    rng = random.Random(f"{seed}/{source}")
    own: dict[Name, int] = {name: count for (place, name), count in counts.items() if place == source}
    wanted = [_Wanted(name, value) for name, count in own.items() for value in _deck(rng, name, count)]
    rng.shuffle(wanted)
    packs = [_Pack(tuple(pack), "none") for pack in _pack(wanted, QUESTIONS_PER_CLIP.get(source, 1))]
    for extra in EXTRAS.get(source, ()):
        packs.append(_Pack(tuple(_Wanted(name, _deck(rng, name, 1)[0]) for name in extra.questions), extra.fault))
    rng.shuffle(packs)
    return tuple(_clip(rng, source, number, pack, wordings) for number, pack in enumerate(packs))


def _deck(rng: random.Random, name: Name, count: int) -> list[str]:
    """`count` gold values, each as often as the others but for a rest that is drawn."""
    values = TEMPLATES[name].values
    rounds, rest = divmod(count, len(values))
    dealt = list(values) * rounds + rng.sample(values, rest)
    rng.shuffle(dealt)
    return dealt


def _pack(wanted: list[_Wanted], size: int) -> list[list[_Wanted]]:
    """Questions into clips: up to `size` that fit the same scene; those that fit any scene fill up last."""
    packs: list[list[_Wanted]] = []
    for question in sorted(wanted, key=lambda question: TEMPLATES[question.name].kind == "any"):
        home = next((pack for pack in packs if len(pack) < size and _fits(pack, question)), None)
        if home is None:
            packs.append([question])
        else:
            home.append(question)
    return packs


def _fits(pack: list[_Wanted], question: _Wanted) -> bool:
    if NEVER_TOGETHER & {question.name, *(other.name for other in pack)}:
        return False
    template = TEMPLATES[question.name]
    others = [TEMPLATES[other.name] for other in pack]
    kinds = {template.kind, *(other.kind for other in others)} - {"any"}
    return len(kinds) <= 1 and not any(template.uses & other.uses for other in others)


def _clip(rng: random.Random, source: str, number: int, pack: _Pack, wordings: tuple[int, ...]) -> Clip:
    kinds = [TEMPLATES[question.name].kind for question in pack.wanted]
    drawn: SceneKind = "switch" if rng.random() < 0.5 else "steady"
    kind: SceneKind = "steady" if "steady" in kinds else "switch" if "switch" in kinds else drawn
    wishes = Wishes()
    for question in pack.wanted:
        wishes = wishes._replace(**wish(question.name, question.value))
    asks = tuple(Ask(question.name, rng.choice(wordings)) for question in pack.wanted)
    return Clip(source, number, _video_id(rng, number), draw_scene(rng, kind, wishes), asks, pack.fault)


def _video_id(rng: random.Random, number: int) -> str:
    first = "-" if number % 10 == 3 else rng.choice(ID_LETTERS[:-2])
    return first + "".join(rng.choices(ID_LETTERS, k=10))
