"""What a model writes, parsed with character spans.

A `Format` says how a completion is written:

| format        | form                                                                                     |
|---------------|------------------------------------------------------------------------------------------|
| context_first | <context>..</context><think>..</think><answer>..</answer>                                |
| timed         | the same, the context a list of <time>0.0-2.5</time><caption>..</caption> in their order |
| reasoned      | <think>..</think><answer>..</answer>                                                     |
| direct        | the bare answer                                                                          |

Parsing never raises: it returns what was found and what was wrong, because a malformed completion is data. It takes
time in proportion to the text, whatever the text.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

from schemas.values import Value

FormatName = Literal["context_first", "direct", "timed", "reasoned"]
BlockName = Literal["context", "think", "answer"]

BLOCKS: dict[FormatName, tuple[BlockName, ...]] = {
    "context_first": ("context", "think", "answer"),
    "direct": (),
    "timed": ("context", "think", "answer"),
    "reasoned": ("think", "answer"),
}
TAGS: tuple[str, ...] = tuple(f"<{slash}{name}>" for name in BLOCKS["context_first"] for slash in ("", "/"))

_LIKE_TAG = re.compile(r"<\s*+/?+\s*+(?:context|think|answer)\s*+/?+\s*+>", re.IGNORECASE)
_LIKE_MOMENT_TAG = re.compile(r"<\s*+/?+\s*+(?:time|caption)\s*+/?+\s*+>", re.IGNORECASE)
_SECONDS = r"\s*+([0-9]{1,6}(?:\.[0-9]{1,3})?+)\s*+"
_MOMENT = re.compile(rf"<time>{_SECONDS}-{_SECONDS}</time>\s*+<caption>([^<]*+)</caption>")
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and symbols that draw nothing."""


class Span(Value):
    """A half-open range of characters."""

    start: int
    end: int


class Block(Value):
    """One tagged block: its body, the span of the body, and the span with its tags."""

    name: BlockName
    text: str
    body: Span
    whole: Span


class Moment(Value):
    """What is seen and heard from `start` to `end`, in seconds of the clip. whole: its characters with its tags."""

    start: float
    end: float
    text: str
    whole: Span


class Completion(Value):
    """A parsed completion. `errors` is empty exactly when the format is kept to the letter."""

    text: str
    format: FormatName
    blocks: tuple[Block, ...] = ()
    moments: tuple[Moment, ...] = ()
    errors: tuple[str, ...] = ()

    def block(self, name: BlockName) -> Block | None:
        return next((block for block in self.blocks if block.name == name), None)

    def body(self, name: BlockName) -> str:
        """Body of a block without outer whitespace; empty when the block is missing or shows nothing."""
        block = self.block(name)
        return visible(block.text) if block else ""

    @property
    def answer(self) -> str:
        """The answer as written: the answer block, or the whole text of a direct completion."""
        return visible(self.text) if self.format == "direct" else self.body("answer")


def parse(text: str, format: FormatName = "context_first") -> Completion:
    """Parse `text`; each block is found once, from its first opening tag to the next closing tag."""
    if format == "direct":
        tagged = _LIKE_TAG.search(text) or _LIKE_MOMENT_TAG.search(text)
        errors = ("empty",) if not visible(text) else ("tags in a direct answer",) if tagged else ()
        return Completion(text=text, format=format, errors=errors)
    blocks = tuple(block for name in BLOCKS[format] if (block := _find(text, name)))
    errors = _errors(text, format, blocks)
    if format != "timed":
        return Completion(text=text, format=format, blocks=blocks, errors=tuple(errors))
    context = next((block.body for block in blocks if block.name == "context"), Span(start=0, end=0))
    moments = find_moments(text, context)
    errors += _moment_errors(text, context, moments)
    return Completion(text=text, format=format, blocks=blocks, moments=moments, errors=tuple(errors))


def find_moments(text: str, within: Span) -> tuple[Moment, ...]:
    """The timed blocks among the characters `within`, as they stand: order and times are not looked at."""
    return tuple(
        Moment(
            start=float(found[1]), end=float(found[2]), text=found[3], whole=Span(start=found.start(), end=found.end())
        )
        for found in _MOMENT.finditer(text, within.start, within.end)
    )


def render(context: str, think: str, answer: str) -> str:
    """The canonical text of a completion with blocks, with nothing between them."""
    return f"<context>{context}</context><think>{think}</think><answer>{answer}</answer>"


def visible(text: str) -> str:
    """`text` without outer whitespace; empty where no character of it shows, such as zero-width ones alone."""
    return text.strip() if any(map(_shows, text)) else ""


def _shows(character: str) -> bool:
    kind = unicodedata.category(character)
    return kind[0] not in "ZM" and kind not in ("Cc", "Cf") and character not in _BLANKS


def _find(text: str, name: BlockName) -> Block | None:
    start = text.find(f"<{name}>")
    begin = start + len(f"<{name}>")
    end = text.find(f"</{name}>", begin) if start >= 0 else -1
    if end < 0:
        return None
    whole = Span(start=start, end=end + len(f"</{name}>"))
    return Block(name=name, text=text[begin:end], body=Span(start=begin, end=end), whole=whole)


def _errors(text: str, format: FormatName, blocks: tuple[Block, ...]) -> list[str]:
    found = {block.name: block for block in blocks}
    errors = [f"no {name} block" for name in BLOCKS[format] if name not in found]
    errors += [f"{tag} appears {text.count(tag)} times" for tag in TAGS if text.count(tag) > 1]
    errors += [f"{tag!r} is no tag" for tag in sorted({*_LIKE_TAG.findall(text)} - {*TAGS})]
    errors += [f"empty {block.name} block" for block in blocks if not visible(block.text)]
    edges = [0] + [edge for block in blocks for edge in (block.whole.start, block.whole.end)] + [len(text)]
    if edges != sorted(edges):
        errors.append("blocks out of order")
    elif _gaps(text, edges).strip():
        errors.append("text outside the blocks")
    return errors


def _moment_errors(text: str, context: Span, moments: tuple[Moment, ...]) -> Iterator[str]:
    if not moments:
        yield "no timed caption"
    edges = [edge for moment in moments for edge in (moment.whole.start, moment.whole.end)]
    if moments and _gaps(text, [context.start, *edges, context.end]).strip():
        yield "text outside the timed captions"
    if _LIKE_MOMENT_TAG.search(text[: context.start] + text[context.end :]):
        yield "timed captions outside the context"
    for number, moment in enumerate(moments, 1):
        if not visible(moment.text):
            yield f"caption {number} is empty"
        if moment.end <= moment.start:
            yield f"caption {number} ends before it starts"
    if any(after.start < before.end for before, after in pairwise(moments)):
        yield "captions overlap or stand out of order"


def _gaps(text: str, edges: list[int]) -> str:
    """The characters between the first edge and the second, the third and the fourth, and so on."""
    return "".join(text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True))
