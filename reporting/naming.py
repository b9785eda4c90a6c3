"""Whether contexts still name what a model could not see or hear: evidence of a sense that was taken away is made up.

By word lists, so with errors both ways: a sound may be described without any of these words, and a word such as
"pitch" may mean no sound. A clause that denies ("no music is heard") names nothing. The same rule reads the contexts of
the full view, and the two shares stand beside each other.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reporting.differences import Column, Comparison, Difference, compare
from reporting.runs import POOLED
from reporting.views import VIEWS, Sense
from schemas.training import View
from schemas.values import Value

_HEARD = """
applause audible audio bang bangs bark barking barks beep beeping beeps bell buzz chatter cheer cheering clapping cry
crying cries hear heard hears hum humming laugh laughing laughs laughter loud loudly melody mumble music noise noises
pitch ring ringing said sang sing singing sings says scream screaming shout shouting shouts sigh sighs sob song sound
sounds soundtrack speak speaking speaks speech spoke talk talking talks tone tones utters voice voices whisper
whispering whispers yell yells
"""
_SEEN = """
angle appears background backdrop beard black blond blue brown camera clothes clothing color colour dark dress face
faces figure foreground frame gaze gestures glasses gray green grey hair hat image jacket looks nods onscreen orange
picture pink posture purple red scene screen seated seen shape shirt shot shows sits smile smiles smiling standing
stands stares subtitle suit sweater visible walks wearing wears white yellow
"""
_WORDS: dict[Sense, frozenset[str]] = {"sound": frozenset(_HEARD.split()), "picture": frozenset(_SEEN.split())}
_CLAUSE = re.compile(r"[.;:!?,\n]|\bbut\b|\band\b")
_DENIAL = re.compile(r"\b(?:no|not|nothing|none|never|without|cannot|silent|unseen|inaudible|invisible)\b|n['’]t\b")
_WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True)
class Contexts:
    """The contexts of one run: text by example (`Columns.key`), and the video of each."""

    run: str
    view: View
    title: str
    texts: Mapping[str, str]
    groups: Mapping[str, str]


class Named(Value):
    """How many contexts name evidence of `sense`, which `view` takes away, and how many do in the full view."""

    title: str
    view: View
    sense: Sense
    difference: Difference


def names(text: str, sense: Sense) -> bool:
    """Whether a clause of `text` that denies nothing has a word of `sense`."""
    own = _WORDS[sense]
    clauses = _CLAUSE.split(text.lower())
    return any(not _DENIAL.search(clause) and not own.isdisjoint(_WORD.findall(clause)) for clause in clauses)


def named(full: Contexts, altered: Iterable[Contexts], seed: int = 0) -> tuple[Named, ...]:
    """Each altered run and each sense that its view takes away, over the contexts that both runs wrote."""
    return tuple(
        Named(title=run.title, view=run.view, sense=sense, difference=_compared(full, run, sense, seed))
        for run in altered
        for sense in VIEWS[run.view].removes
    )


def _compared(full: Contexts, altered: Contexts, sense: Sense, seed: int) -> Difference:
    asked = Comparison(title=f"{altered.title}: names {sense}", run=altered.run, against=full.run)
    return compare(asked, POOLED, sense, _column(altered, sense), _column(full, sense), seed)


def _column(contexts: Contexts, sense: Sense) -> Column:
    """A share of draws by example; contexts that are missing or empty are left out."""
    values = {key: float(names(text, sense)) for key, text in contexts.texts.items() if text}
    return Column(values, contexts.groups)
