"""From characters of a completion to its tokens, exactly, without tokenising anything again.

In byte-level BPE each character of a vocabulary string is one byte, and an added token is literal text, so
the bytes of a completion and where each token begins in them are known. Tokens that were learnt across a tag
(`.</`, `><`) hold bytes of two things. A token that overlaps a span belongs to it; where two blocks share
one, it belongs to the earlier block alone, because choosing that token is what closed the earlier block.
Special tokens (end of turn, padding) have no text and belong to no block.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Protocol

from schemas.completion import BlockName, Completion, Span
from schemas.values import UserError


class AddedToken(Protocol):
    content: str
    special: bool


class Tokenizer(Protocol):
    """What is read of a Hugging Face tokenizer."""

    @property
    def added_tokens_decoder(self) -> Mapping[int, AddedToken]: ...

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]: ...


@dataclass(frozen=True)
class TokenText:
    """The text of a token sequence. starts: byte offset of each token, and the end; bytes_at: of each
    character, and the end.
    """

    text: str
    starts: tuple[int, ...]
    bytes_at: tuple[int, ...]


def token_text(tokenizer: Tokenizer, ids: Sequence[int]) -> TokenText:
    """The text of `ids` without special tokens. Bytes that are no UTF-8 become U+FFFD, one a byte.

    Raises UserError for a tokenizer that is not byte-level BPE.
    """
    pieces = token_bytes(tokenizer, ids)
    # One lone surrogate for each byte that is not UTF-8: what can be counted can be mapped back.
    raw = b"".join(pieces).decode("utf-8", errors="surrogateescape")
    lengths = (1 if _lone(character) else len(character.encode()) for character in raw)
    return TokenText(
        text="".join("\ufffd" if _lone(character) else character for character in raw),
        starts=tuple(accumulate(map(len, pieces), initial=0)),
        bytes_at=tuple(accumulate(lengths, initial=0)),
    )


def token_bytes(tokenizer: Tokenizer, ids: Sequence[int]) -> list[bytes]:
    """The bytes of each token; none for special tokens."""
    added = tokenizer.added_tokens_decoder
    names = tokenizer.convert_ids_to_tokens(list(ids))
    return [
        (b"" if added[token].special else added[token].content.encode()) if token in added else _bytes_of(name)
        for token, name in zip(ids, names, strict=True)
    ]


def overlapping(text: TokenText, span: Span) -> range:
    """Indexes of the tokens that hold at least one byte of a character span."""
    begin, end = text.bytes_at[span.start], text.bytes_at[span.end]
    if begin == end:
        return range(0)
    first = bisect_right(text.starts, begin) - 1
    return range(first, bisect_left(text.starts, end))


def block_tokens(text: TokenText, completion: Completion) -> dict[BlockName, range]:
    """Tokens of each block with its tags. Blocks never share one: a token on their border is the earlier
    one's.
    """
    ranges: dict[BlockName, range] = {}
    taken = 0
    for block in sorted(completion.blocks, key=lambda block: block.whole.start):
        tokens = overlapping(text, block.whole)
        ranges[block.name] = range(max(tokens.start, taken), max(tokens.stop, taken))
        taken = max(tokens.stop, taken)
    return ranges


def _lone(character: str) -> bool:
    return "\udc80" <= character <= "\udcff"


def _bytes_of(name: str) -> bytes:
    try:
        return bytes(_byte_of()[character] for character in name)
    except KeyError as error:
        raise UserError(
            f"the tokenizer is not byte-level BPE ({name!r} holds {error.args[0]!r}): spans cannot be found"
        ) from None


@cache
def _byte_of() -> dict[str, int]:
    """Byte-level BPE's alphabet (GPT-2): printable Latin-1 stands for itself, every other byte for U+0100
    onwards.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    return {chr(byte): byte for byte in printable} | {chr(256 + place): byte for place, byte in enumerate(others)}
