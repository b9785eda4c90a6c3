"""Training questions that hold a benchmark's, told by their 8-grams: runs of eight words (of Chinese, characters).

There are two ways to meet a benchmark's question:

- By share: both hold at least a chosen share of the 8-grams of the row or of the benchmark's question, whichever has
  fewer, so that neither a preamble before the benchmark's question nor more words behind it hide it. Runs asked of more
  than three videos, of the benchmarks or of training, belong to a template and are left out first, so that a wording
  which many rows share takes none of them away.
- As a whole: the row holds every run of the benchmark's question, but for templates of the benchmarks. That counts for
  a question which training asks of many videos too, where it was copied to them: a copy brings its answer along. A
  generic question ("What is the person in the video doing?") has other answers for other videos, so one that is asked
  as a whole of more than three of them, with no answer common to three quarters, meets nothing in this way.

A question under eight words has no run, as "What is happening?" may be asked of anything. It meets an equal question
with an equal gold answer, where that answer has eight words or more; otherwise only its video and files can tell.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from tasks.curation.outline import Outline
from tasks.curation.words import Words, runs, words

_RUN = 8
_MANY = 3
"""Videos; what is asked of more is common."""
_ONE_ANSWER = 0.75

Place = tuple[str, str]
"""A question of a benchmark: the benchmark's name, and the row's id."""


class _Benchmarks(NamedTuple):
    """What benchmarks ask. places: the questions with a mark. templates: marks that are in none for being common."""

    places: dict[Words, list[Place]]
    templates: set[Words]

    def sizes(self, left_out: AbstractSet[Words] = frozenset()) -> Counter[Place]:
        """How many marks each question has, without those left out."""
        kept = (places for mark, places in self.places.items() if mark not in left_out)
        return Counter(place for places in kept for place in places)


class _Training(NamedTuple):
    """What training asks of it. rows: those that share a mark, and the questions that each holds as a whole.

    templates: marks that are common in training. generic: questions that are asked as a whole with other answers.
    """

    rows: list[tuple[Outline, list[Place]]]
    templates: set[Words]
    generic: set[Place]


def same_questions(rows: Iterable[Outline], held_out: Iterable[Outline], share: float) -> dict[str, dict[str, str]]:
    """What each row's question has in common with a benchmark's, by row id and benchmark."""
    asked = _benchmarks(held_out)
    training = _training(rows, asked)
    templates = asked.templates | training.templates
    sizes = asked.sizes(left_out=templates)
    return {
        row.id: _by_share(_marks(row) - templates, asked, sizes, share) | _as_whole(whole, training.generic)
        for row, whole in training.rows
    }


def _benchmarks(held_out: Iterable[Outline]) -> _Benchmarks:
    places: dict[Words, list[Place]] = defaultdict(list)
    videos: dict[Words, set[str]] = defaultdict(set)
    for item in held_out:
        for mark in _marks(item):
            places[mark].append((item.origin, item.id))
            videos[mark].add(item.group)
    templates = _common(videos)
    return _Benchmarks({mark: found for mark, found in places.items() if mark not in templates}, templates)


def _training(rows: Iterable[Outline], asked: _Benchmarks) -> _Training:
    sizes = asked.sizes()
    sharing: list[tuple[Outline, list[Place]]] = []
    videos: dict[Words, set[str]] = defaultdict(set)
    answers: dict[Place, set[tuple[str, Words]]] = defaultdict(set)
    for row in rows:
        if not (shared := _marks(row) & asked.places.keys()):
            continue
        for mark in shared:
            if len(videos[mark]) <= _MANY:
                videos[mark].add(row.group)
        held = Counter(place for mark in shared for place in asked.places[mark])
        sharing.append((row, [place for place, count in held.items() if count == sizes[place]]))
        for place in sharing[-1][1]:
            answers[place].add((row.group, words(row.gold)))
    generic = {place for place, given in answers.items() if _is_generic(given)}
    return _Training(sharing, _common(videos), generic)


def _common(videos: Mapping[Words, set[str]]) -> set[Words]:
    return {mark for mark, groups in videos.items() if len(groups) > _MANY}


def _is_generic(given: Iterable[tuple[str, Words]]) -> bool:
    """Whether a question is asked of many videos with answers that differ. given: video and answer."""
    videos = {video for video, _ in given}
    commonest = max(Counter(answer for _, answer in given).values())
    return len(videos) > _MANY and commonest < _ONE_ANSWER * len(videos)


def _by_share(marks: set[Words], asked: _Benchmarks, sizes: Counter[Place], share: float) -> dict[str, str]:
    """By benchmark: the question that has most of the marks, if they are enough of either's."""
    counts = Counter(place for mark in marks for place in asked.places.get(mark, ()))
    fullest_last = sorted(counts.items(), key=lambda entry: (entry[1], entry[0]))
    found: dict[str, str] = {}
    for (benchmark, id), count in fullest_last:
        if count >= share * len(marks):
            found[benchmark] = f"{count / len(marks):.0%} of its question is in {id} of {benchmark}"
        elif count >= share * sizes[benchmark, id]:
            found[benchmark] = f"it holds {count / sizes[benchmark, id]:.0%} of the question of {id} of {benchmark}"
    return found


def _as_whole(held: Iterable[Place], generic: AbstractSet[Place]) -> dict[str, str]:
    """By benchmark: a question that is held as a whole and could not be asked of any video."""
    return {
        benchmark: f"it holds the whole question of {id} of {benchmark}"
        for benchmark, id in held
        if (benchmark, id) not in generic
    }


def _marks(row: Outline) -> set[Words]:
    """By what a question is told: its 8-grams, or if it is too short, itself with its gold answer, or nothing."""
    asked = words(row.question)
    if len(asked) >= _RUN:
        return runs(asked, _RUN)
    answered = words(row.gold)
    return {(*asked, "?", *answered)} if len(answered) >= _RUN else set()
