"""Whether a context gives the choice away: a model that reads it would not need the clip.

Two things do: an option named by its letter, and an option of three words or more said word for word. The second is
no giveaway where the same words stand in the question, the subtitles or the publisher's description, for then they
are what was asked or said in the clip. Shorter texts ("red", "a dog") are what an honest description must say, and
emotion words are scored instead (`tasks/rewriting/overlap.py`).
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from schemas.example import Example, Option
from tasks.rewriting.overlap import asks_for_emotions
from tasks.rewriting.wording import plain, says, word_count, words

LONG = 3
_LOOKALIKES = str.maketrans("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧАВЕКМНОРСТХ", "ABEZHIKMNOPTYXABEKMHOPCTX")
"""Greek and Cyrillic capitals that read as Latin ones."""
_NAMED = r"\b(?:option|choice|answer|opción|respuesta|réponse|antwort|вариант|ответ)(?:\s+(?:is|es|est|ist))?[\s:#_\-]+"
_COMPOUNDS = "vitamin plan hepatitis type grade group team class block gate exit room building hall line key of letter"
ALONE = r"(?<![\w.'’])" + "".join(f"(?<!{word} )" for word in re.findall(r"key of|\w+", _COMPOUNDS))
"""Before a letter that stands alone: it is no part of a word, a shortening, or a name like "vitamin C"."""
_ENDS = r"(?![^\W\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3]|-|['’]\w)"
"""No letter of the same word follows; signs of a script without spaces, or a Korean particle, may."""
_NAMED_UNSPACED = r"(?:选项|選項|答案|选择|選擇|選択肢|正解|정답|선택지)(?:是|为|為|は|은|는)?[\s:]*"


class Named(NamedTuple):
    """An option named in a text: its label, and the words that name it."""

    label: str
    words: str


def given_away(example: Example, context: str) -> str:
    """What in a context gives the choice away; empty if nothing."""
    if named := next(named_options(context, example.options), None):
        return named.words
    if asks_for_emotions(example):
        return ""
    said = [words(text) for text in (example.question, example.subtitles, example.description)]
    described = words(context)
    for option in long_options(example.options):
        phrase = words(option.text)
        if says(described, phrase) and not any(says(text, phrase) for text in said):
            return option.text
    return ""


def long_options(options: Iterable[Option]) -> list[Option]:
    """The options whose text is too long to stand in another text by chance."""
    return [option for option in options if word_count(option.text) >= LONG]


def named_options(text: str, options: Iterable[Option]) -> Iterator[Named]:
    """Options that `text` names by their letter as a choice.

    `option B`, `(B)`, `B.`, `B)`, `answer: b`, `answer is 'B'` name one; a plain capital, as in "A man" or
    "vitamin C", does not, and neither does a small "a" or "i", which are words.
    """
    labels = [option.label for option in options]
    if not labels:
        return
    for match in _pattern(tuple(labels)).finditer(plain(text).translate(_LOOKALIKES)):
        yield Named(next(group for group in match.groups() if group).upper(), match[0].strip())


def _pattern(labels: tuple[str, ...]) -> re.Pattern[str]:
    upper = "|".join(map(re.escape, labels))
    either = "|".join([upper, *(re.escape(label.lower()) for label in labels if label not in ("A", "I"))])
    return re.compile(
        rf"(?:(?i:{_NAMED})|{_NAMED_UNSPACED})[\"'(\[「]?({either}){_ENDS}"
        rf"|[(\[]({upper})[)\]]|(?:^|[.,;:!?]\s)\s*({upper})\)|{ALONE}({upper})\.(?=\s+[^\s<]|\s*$)"
    )
