"""What a model writes, parsed with character spans.

A `Format` names the blocks a completion must hold, in order: `context_first` is
<context>..</context><think>..</think><answer>..</answer>, `direct` is the bare answer. Parsing never raises: it
returns what was found and what was wrong, because a malformed completion is data.
"""

import re
from typing import Literal

from schemas.values import Value

FormatName = Literal["context_first", "direct"]
BlockName = Literal["context", "think", "answer"]

BLOCKS: dict[FormatName, tuple[BlockName, ...]] = {
    "context_first": ("context", "think", "answer"),
    "direct": (),
}
TAGS: tuple[str, ...] = tuple(f"<{slash}{name}>" for name in BLOCKS["context_first"] for slash in ("", "/"))


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


class Completion(Value):
    """A parsed completion. `errors` is empty exactly when the format is kept to the letter."""

    text: str
    format: FormatName
    blocks: tuple[Block, ...] = ()
    errors: tuple[str, ...] = ()

    def block(self, name: BlockName) -> Block | None:
        return next((block for block in self.blocks if block.name == name), None)

    def body(self, name: BlockName) -> str:
        """Body of a block without outer whitespace; empty when the block is missing."""
        block = self.block(name)
        return block.text.strip() if block else ""

    @property
    def answer(self) -> str:
        """The answer as written: the answer block, or the whole text of a direct completion."""
        return self.text.strip() if self.format == "direct" else self.body("answer")


def parse(text: str, format: FormatName = "context_first") -> Completion:
    """Parse `text`; each block is found once, from its first opening tag to the next closing tag."""
    if format == "direct":
        errors = ("empty",) if not text.strip() else ("tags in a direct answer",) if _any_tag(text) else ()
        return Completion(text=text, format=format, errors=errors)
    blocks = tuple(block for name in BLOCKS[format] if (block := _find(text, name)))
    return Completion(text=text, format=format, blocks=blocks, errors=tuple(_errors(text, format, blocks)))


def render(context: str, think: str, answer: str) -> str:
    """The canonical text of a context-first completion, with nothing between the blocks."""
    return f"<context>{context}</context><think>{think}</think><answer>{answer}</answer>"


def _any_tag(text: str) -> bool:
    return any(tag in text for tag in TAGS)


def _find(text: str, name: BlockName) -> Block | None:
    match = re.search(rf"<{name}>(.*?)</{name}>", text, re.DOTALL)
    if not match:
        return None
    body = Span(start=match.start(1), end=match.end(1))
    return Block(name=name, text=match[1], body=body, whole=Span(start=match.start(), end=match.end()))


def _errors(text: str, format: FormatName, blocks: tuple[Block, ...]) -> list[str]:
    found = {block.name: block for block in blocks}
    errors = [f"no {name} block" for name in BLOCKS[format] if name not in found]
    errors += [f"{tag} appears {text.count(tag)} times" for tag in TAGS if text.count(tag) > 1]
    errors += [f"empty {block.name} block" for block in blocks if not block.text.strip()]
    edges = [0] + [edge for block in blocks for edge in (block.whole.start, block.whole.end)] + [len(text)]
    if edges != sorted(edges):
        errors.append("blocks out of order")
    elif any(text[start:end].strip() for start, end in zip(edges[::2], edges[1::2], strict=True)):
        errors.append("text outside the blocks")
    return errors
