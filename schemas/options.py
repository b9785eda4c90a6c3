"""Options and answers in one form, however they were written.

`read_options` takes what publishers ship (lists, "A.text", dicts, Python-literal strings), `read_plain` the lists of
those who never label, `gold` turns a
publisher's answer into the canonical one of `schemas.example`, and `given` reads a model's answer into the
same form. Both collect every reading a text allows and decide only when there is exactly one: a letter that
disagrees with the text behind it, "A or B" or a sentence is no answer. Nothing is guessed. A model's answer may begin
with words that only announce it: "The answer is", "Option".
"""

import ast
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from string import ascii_uppercase

from schemas.example import AnswerKind, Option
from schemas.numbers import plain_decimal

_MARKED = re.compile(r"\s*(?:\(([A-Za-z])\)|\[([A-Za-z])\]|([A-Za-z])\s*[.:)．：、])[.:]?\s*(.*)", re.DOTALL)
_SPACED = re.compile(r"\s*([A-Z])\s+(\S.*)", re.DOTALL)
_BARE = re.compile(r"(?:\(([A-Za-z])\)|\[([A-Za-z])\]|([A-Za-z])\)?)[.:]?")
_BETWEEN = re.compile(r"[,;&\n，；、]|\band\b")
_WORDS = re.compile(r"[^\W\d_]+(?:[ '’\-][^\W\d_]+){0,2}")
_USUAL = tuple(f"{label}. " for label in ascii_uppercase)
"""How options of the largest sources begin: known at once, without a pattern."""
_AROUND = "*`\"'"
_STOP = re.compile(r"(?<=[*`\"'])\.\Z")
"""The full stop behind an emphasis, which keeps the emphasis from being around the whole."""
_ANNOUNCED = re.compile(
    r"(?:(?:the|my)\s+)?(?:(?:final|correct|right|best)\s+)?(?:answer|option|choice|letter)s?\b"
    r"(?:\s+(?:is|are)\b)?\s*[:=：]?",
    re.IGNORECASE,
)
_MOST_PIECES = 3 * len(ascii_uppercase)
"""Of a list of labels; a longer one repeats itself without end and is no answer."""
_STRAIGHT = str.maketrans("‘’“”", "''\"\"")
_TAGGED = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)


class Undecided(ValueError):
    """Options or an answer with no single reading; `reason` is a short fixed word for counting."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def split_option(text: str) -> Option:
    """Label and text of "A. t", "A.t", "A) t", "(A) t" or "A: t". Raises Undecided without a label."""
    if not (match := _MARKED.fullmatch(text)):
        raise Undecided("options_unclear", f"no label in option {text!r}")
    return Option(label=_letter(match), text=match[match.re.groups].strip())


def letter(texts: Iterable[str]) -> tuple[Option, ...]:
    """Plain texts labelled A, B, C... in order."""
    return tuple([Option(label=label, text=text.strip()) for label, text in zip(ascii_uppercase, texts, strict=False)])


def read_options(value: object) -> tuple[Option, ...]:
    """Options of a publisher's field, in label order; none for None, "" and []. Raises Undecided."""
    if isinstance(value, str):
        value = _literal(value) if value.strip() else None
    return _filled(_keyed(value) if isinstance(value, dict) else _labelled(_texts(value)))


def read_plain(value: object) -> tuple[Option, ...]:
    """Options of a publisher who ships texts without labels, whatever they begin with. Raises Undecided."""
    return _filled(letter(_texts(value)))


def gold(kind: AnswerKind, answer: object, options: Sequence[Option] = ()) -> str:
    """Canonical answer of a publisher's: a text (with or without <answer> tags), an index from 0, a list.

    Raises Undecided when it cannot be decided.
    """
    if isinstance(answer, (list, tuple)):
        if any(isinstance(item, (list, tuple)) for item in answer):
            raise Undecided("answer_unclear", "a list of answers holds another list")
        return _join(kind, [gold("choice" if kind == "multi_choice" else kind, item, options) for item in answer])
    if isinstance(answer, bool):
        answer = "yes" if answer else "no"
    elif isinstance(answer, int) and kind == "choice":
        return _at(answer, options)
    if not isinstance(answer, (str, int, float)):
        raise Undecided("wrong_type", f"an answer of type {type(answer).__name__} cannot be read as {kind}")
    text = _untagged(str(answer))
    if kind == "emotion_words" and text.startswith("["):
        return gold(kind, _literal(text))
    if (found := _read(kind, text, options)) is None:
        raise _undecided(kind, text, options)
    return found


def given(kind: AnswerKind, answer_text: str, options: Sequence[Option] = ()) -> str | None:
    """Canonical form of a model's answer, or None when it holds no single reading.

    Letters may be lower case, bracketed, dotted or followed by the very text of their option; an option's
    text alone counts; several letters are joined by commas or "and". Emphasis marks around the whole are
    dropped, and so are words that announce the answer where the whole has no reading. What the answer of
    `ocr` and `free_text` says is all of it.
    """
    if kind in ("ocr", "free_text"):
        return _read(kind, answer_text, options)
    found = (_read(kind, text, options) for text in _announced(answer_text))
    return next((form for form in found if form is not None), None)


def label_of(text: str, options: Sequence[Option]) -> str:
    """Label of the one option with this text, for publishers whose answers are texts. Raises Undecided."""
    found = _same_text(text, options)
    if len(found) == 1:
        return found.pop()
    raise Undecided("answer_not_in_options" if not found else "answer_unclear", f"{len(found)} options say {text!r}")


def _read(kind: AnswerKind, text: str, options: Sequence[Option]) -> str | None:
    if kind == "choice":
        return _one(_choices(text, options))
    if kind == "multi_choice":
        return _several(text, options, bare=True) or _one(_choices(text, options)) or _several(text, options)
    if kind == "yes_no":
        return word if (word := _fold(text)) in ("yes", "no") else None
    if kind in ("number", "regression"):
        return plain_decimal(text)
    if kind == "emotion_words":
        return _emotions(text)
    return text.strip() or None


def _announced(text: str) -> Iterator[str]:
    """The text, then without its announcement, then without a second one: "The answer is option B"."""
    for _ in range(3):
        text = _STOP.sub("", text.strip()).strip(_AROUND).strip()
        yield text
        if not (announcement := _ANNOUNCED.match(text)):
            return
        text = text[announcement.end() :]


def _choices(text: str, options: Sequence[Option]) -> set[str]:
    """Labels that `text` may mean: by its letter alone; else by an option's text, with or without letter."""
    if label := _bare(text, options):
        return {label}
    found = _same_text(text, options)
    for match in filter(None, (_MARKED.fullmatch(text), _SPACED.fullmatch(text))):
        rest = match[match.re.groups]
        found |= {_letter(match)} & _same_text(rest, options) if rest.strip() else set()
    return found


def _same_text(text: str, options: Sequence[Option]) -> set[str]:
    exact = {option.label for option in options if option.text == text.strip()}
    return exact or {option.label for option in options if _fold(option.text) == _fold(text) != ""}


def _bare(text: str, options: Sequence[Option]) -> str | None:
    """The label that a lone letter is, even where it is also another option's text."""
    match = _BARE.fullmatch(text.strip())
    label = _letter(match) if match else ""
    return label if label in {option.label for option in options} else None


def _several(text: str, options: Sequence[Option], bare: bool = False) -> str | None:
    pieces = [piece for piece in _BETWEEN.split(text) if piece.strip()]
    if len(pieces) > _MOST_PIECES:
        return None
    labels = [_bare(piece, options) if bare else _one(_choices(piece, options)) for piece in pieces]
    return ",".join(sorted({label for label in labels if label})) if labels and all(labels) else None


def _emotions(text: str) -> str | None:
    words = [word for piece in _BETWEEN.split(text) if (word := piece.strip().strip(".\"'").lower())]
    return ",".join(sorted(set(words))) if words and all(map(_WORDS.fullmatch, words)) else None


def _join(kind: AnswerKind, parts: list[str]) -> str:
    if not parts or kind not in ("multi_choice", "emotion_words"):
        raise Undecided("answer_unclear", f"a list of {len(parts)} answers cannot be read as {kind}")
    return ",".join(sorted({word for part in parts for word in part.split(",")}))


def _at(index: int, options: Sequence[Option]) -> str:
    if 0 <= index < len(options):
        return options[index].label
    raise Undecided("label_without_option", f"answer index {index} with {len(options)} options")


def _undecided(kind: AnswerKind, text: str, options: Sequence[Option]) -> Undecided:
    seen = f"{text[:80]!r} cannot be read as {kind}"
    if not text.strip():
        return Undecided("missing_field", "empty answer")
    if kind not in ("choice", "multi_choice"):
        return Undecided("answer_unclear", seen)
    labels = {option.label for option in options}
    letters = [_BARE.fullmatch(piece.strip()) for piece in text.split(",")]
    if all(letters) and any(_letter(match) not in labels for match in letters if match):
        return Undecided("label_without_option", f"{seen}: the options are {','.join(sorted(labels))}")
    unclear = len(_choices(text, options)) > 1 or all(letters) or _MARKED.fullmatch(text)
    return Undecided("answer_unclear" if unclear else "answer_not_in_options", seen)


def _texts(value: object) -> list[str]:
    """The texts of a list; none for None."""
    if value is None:
        return []
    if not isinstance(value, (list, tuple)) or len(value) > len(ascii_uppercase):
        raise Undecided("options_unclear", f"options are no list of up to 26 texts but {str(value)[:80]!r}")
    return [_text_of(item) for item in value]


def _filled(options: tuple[Option, ...]) -> tuple[Option, ...]:
    if empty := [option.label for option in options if not option.text]:
        raise Undecided("options_unclear", f"option {empty[0]} has no text")
    return options


def _labelled(texts: list[str]) -> tuple[Option, ...]:
    """Labels from the texts where all have one and they are the first letters; else the texts are plain."""
    if len(texts) > 1 and all(map(str.startswith, texts, _USUAL)):
        return letter([text[3:] for text in texts])
    marked = [_MARKED.fullmatch(text) for text in texts]
    matches = [mark or _SPACED.fullmatch(text) for mark, text in zip(marked, texts, strict=True)]
    labels = [_letter(match) if match else "" for match in matches]
    expected = list(ascii_uppercase[: len(texts)])
    in_order = len(texts) > 1 and labels == expected
    if in_order or (len(texts) > 1 and all(marked) and sorted(labels) == expected):
        split = [(label, match[match.re.groups]) for label, match in zip(labels, matches, strict=True) if match]
        return tuple(Option(label=label, text=text.strip()) for label, text in sorted(split))
    half = [label for label, mark, place in zip(labels, marked, expected, strict=True) if mark and label == place]
    if len(half) > 1:
        raise Undecided("options_unclear", f"only some options are labelled in order: {labels}")
    return letter(texts)


def _keyed(texts: dict[object, object]) -> tuple[Option, ...]:
    """Options of a mapping label -> text; labels without a text (the nulls of a table) are left out."""
    spoken = sorted(
        (str(key).strip().upper(), _text_of(text).strip()) for key, text in texts.items() if text is not None
    )
    labels = [label for label, _ in spoken]
    if odd := [label for label in labels if label not in set(ascii_uppercase)]:
        raise Undecided("options_unclear", f"option label {odd[0][:20]!r} is not a letter")
    if len(set(labels)) < len(labels):
        raise Undecided("options_unclear", f"an option label stands twice in {','.join(labels)}")
    return tuple(Option(label=label, text=text) for label, text in _without_labels(spoken))


def _without_labels(spoken: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The texts without their own labels where all repeat them; "A. Lincoln" among others is a name."""
    marks = [(label, _MARKED.fullmatch(text)) for label, text in spoken]
    own = [(label, mark[4].strip()) for label, mark in marks if mark and _letter(mark) == label]
    return own if len(own) == len(spoken) else spoken


def _text_of(item: object) -> str:
    if isinstance(item, str):
        return item
    if isinstance(item, (int, float)) and not isinstance(item, bool):
        return str(item)
    raise Undecided("options_unclear", f"an option is a {type(item).__name__}, not a text")


def _literal(text: str) -> object:
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    raise Undecided("options_unclear", f"neither JSON nor a Python literal: {text[:80]!r}")


def _untagged(text: str) -> str:
    match = _TAGGED.search(text)
    if not match and ("<answer>" in text or "</answer>" in text):
        raise Undecided("answer_unclear", f"half an answer tag in {text[-80:]!r}")
    return (match[1] if match else text).strip()


def _letter(match: re.Match[str]) -> str:
    return next(group for group in match.groups()[:3] if group).upper()


def _fold(text: str) -> str:
    return " ".join(text.translate(_STRAIGHT).split()).strip(_AROUND + " .!").casefold()


def _one(found: set[str]) -> str | None:
    return next(iter(found)) if len(found) == 1 else None
