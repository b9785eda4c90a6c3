"""Questions that a video is asked twice. The first stays; rows of different videos are never compared.

A duplicate has the same words, the same options in the same order and the same answer. A near-duplicate has the same
answer, the same options in any order, and nearly the same words: twice the words that both have in the same order,
over the words of both. At 0.95 that is one word more in ten, or one word other in twenty; a lower share would take
the questions of templated sources, which change one word and mean another thing, for one.

The same question with other distractors is neither: what has to be told apart is not the same. Social-IQ asks so.
"""

from collections import defaultdict
from collections.abc import Iterable
from difflib import SequenceMatcher

from tasks.curation.outline import Outline, Verdict, Verdicts
from tasks.curation.words import Words, words


def repeated(rows: Iterable[Outline]) -> Verdicts:
    """Verdicts on duplicates of an earlier row."""
    verdicts: Verdicts = {}
    for own in _by_video(rows):
        first: dict[tuple[object, ...], str] = {}
        for row in own:
            options = tuple(text.lower() for text in row.options)
            kept = first.setdefault((" ".join(row.question.lower().split()), options, row.gold), row.id)
            if kept != row.id:
                verdicts[row.id] = Verdict("duplicate", f"the same question about the same video as {kept}")
    return verdicts


def nearly_repeated(rows: Iterable[Outline], least: float) -> Verdicts:
    """Verdicts on near-duplicates of an earlier row that stays. least: share of words in common, 0 to 1."""
    verdicts: Verdicts = {}
    for own in _by_video(rows):
        kept: dict[tuple[object, ...], list[tuple[str, Words]]] = defaultdict(list)
        for row in own:
            asked = words(row.question)
            others = kept[words(row.gold), tuple(sorted(map(words, row.options)))]
            near = next((other for other, its_words in others if _alike(asked, its_words, least)), None)
            if near is None:
                others.append((row.id, asked))
            else:
                verdicts[row.id] = Verdict("near_duplicate", f"nearly the same question as {near}, which is kept")
    return verdicts


def _by_video(rows: Iterable[Outline]) -> Iterable[list[Outline]]:
    """The rows of each group that has more than one, in their order."""
    groups: dict[str, list[Outline]] = defaultdict(list)
    for row in rows:
        groups[row.group].append(row)
    return (own for own in groups.values() if len(own) > 1)


def _alike(one: Words, other: Words, least: float) -> bool:
    pair = SequenceMatcher(None, one, other, autojunk=False)
    return pair.real_quick_ratio() >= least and pair.quick_ratio() >= least and pair.ratio() >= least
