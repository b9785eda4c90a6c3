"""Ordered tags by construction: the tags are written for the model, and inside a block it writes what it likes.

`TagOrder` is an automaton over bytes, so it does not matter how a tokenizer cuts tags: a token learnt across a tag
(`.</`, `><`) is allowed exactly where its bytes are. Inside a block every token is allowed but those that would end
the turn, complete a tag that is not this block's end or what only looks like one, close a block that shows nothing, or
write more after the end than the next tag begins with. Tags that the model did not write itself are forced, in the
tokenizer's own tokens for them. Forced tokens are no samples of the model: they are reported, so that no gradient comes
from them. What a format asks for inside a block (the captions of `timed`) is left to the model.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, cast

import torch
from torch import Tensor
from transformers import LogitsProcessor, PreTrainedTokenizerBase

from schemas.completion import BLOCKS, TAGS, visible
from schemas.training import OrderedTags
from schemas.values import UserError
from training.spans import Tokenizer, token_bytes

NAMES = BLOCKS["context_first"]
OPEN = tuple(f"<{name}>".encode() for name in NAMES)
CLOSE = tuple(f"</{name}>".encode() for name in NAMES)
_TAGS = tuple(tag.encode() for tag in TAGS)
_GRAPHIC = frozenset(range(0x21, 0x7F))
_LIKE_TAG = re.compile(rf"<\s*+/?+\s*+(?:{'|'.join(NAMES)})\s*+/?+\s*+>", re.IGNORECASE)
"""What the format takes for a tag written wrongly, beside the tags themselves."""
_BEGUN = re.compile(r"<\s*/?\s*(\w*)\s*/?\s*")


class Place(NamedTuple):
    """Where one completion stands. block: the one being written, or the number of blocks at the end. pending: bytes
    that have to come next. body: the block's bytes so far, `tokens` tokens of them.
    """

    block: int = 0
    pending: bytes = OPEN[0]
    body: bytes = b""
    tokens: int = 0


class TagOrder:
    """The skeleton in one tokenizer's tokens. Raises UserError for a tokenizer that cannot write it, and for budgets
    that do not fit into `max_new_tokens`.

    banned: ids that no completion may hold. Blocks without a budget may be cut off by the end of the completion; with
    three budgets every completion is whole.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, banned: Sequence[int], budgets: OrderedTags, max_new_tokens: int
    ) -> None:
        self._tokenizer = tokenizer
        self.end = cast(int, tokenizer.eos_token_id)
        self._bytes = token_bytes(cast(Tokenizer, tokenizer), range(len(tokenizer)))
        self._budgets = (budgets.context, budgets.think, budgets.answer)
        self.never = sorted({self.end, *banned, *(id for id, text in enumerate(self._bytes) if not text)})
        # No tag is complete without this, so nothing else has to be looked at token by token.
        self._closing = [id for id, text in enumerate(self._bytes) if b">" in text]
        self._blank = [id for id, text in enumerate(self._bytes) if not _GRAPHIC.intersection(text)]
        self._refusals = lru_cache(4096)(self._refused)
        self._first = lru_cache(4096)(self._first_token)
        self._check(max_new_tokens)

    def forced(self, place: Place) -> int | None:
        """The one token that may come next, None inside a block."""
        if place.pending:
            return self._first(place.pending)
        return self.end if place.block == len(NAMES) else None

    def last_chance(self, place: Place) -> bool:
        """Whether the next token is the block's last and still has to say something."""
        budget = self._budgets[place.block]
        return budget is not None and place.tokens + 1 >= budget and not _readable(place.body)

    def after(self, place: Place, token: int) -> Place:
        """Where a completion stands once `token`, one that may come next, is written."""
        text = self._bytes[token] if token < len(self._bytes) else b""
        if place.pending:
            return place._replace(pending=place.pending[len(text) :])
        if place.block == len(NAMES):
            return place
        _, begun = _parted(place.body)
        if ending := _ending(begun + text):
            return Place(place.block + 1, _opening(place.block + 1)[len(ending.rest) :])
        written = place._replace(body=place.body + text, tokens=place.tokens + 1)
        return self._close(written) if written.tokens == self._budgets[place.block] else written

    def refusals(self, place: Place) -> list[int]:
        """Tokens that may not come next inside a block, beside `never`."""
        settled, begun = _parted(place.body)
        refused = self._refusals(place.block, begun, _readable(settled))
        return [*refused, *self._blank] if self.last_chance(place) else refused

    def _refused(self, block: int, begun: bytes, readable: bool) -> list[int]:
        """readable: whether the block says something before `begun`, with which a tag may have begun."""
        return [id for id in self._closing if not _may_follow(block, readable, begun + self._bytes[id])]

    def _close(self, place: Place) -> Place:
        """The budget is spent: what is missing of the block's end, and the next tag."""
        end = CLOSE[place.block]
        shared = next((size for size in range(len(end) - 1, 0, -1) if place.body.endswith(end[:size])), 0)
        if not _readable(place.body[: len(place.body) - shared]):
            shared = 0
        return Place(place.block + 1, end[shared:] + _opening(place.block + 1))

    def _first_token(self, text: bytes) -> int:
        ids = self._ids(text)
        if b"".join(self._bytes[id] for id in ids) != text:
            raise UserError(
                f"the tokenizer cannot write {text.decode()!r} as it stands: ordered tags need one that can"
            )
        return ids[0]

    def _ids(self, text: bytes) -> list[int]:
        return self._tokenizer.encode(text.decode(), add_special_tokens=False)

    def _check(self, max_new_tokens: int) -> None:
        seams = [OPEN[0], *(CLOSE[block] + _opening(block + 1) for block in range(len(NAMES)))]
        tags = sum(max(len(self._ids(seam[start:])) for start in range(len(seam))) for seam in seams)
        needed = tags + 1 + sum(budget or 1 for budget in self._budgets)
        if needed > max_new_tokens:
            raise UserError(
                f"ordered_tags: budgets {self._budgets} with up to {tags} tokens of tags and the end of turn need "
                f"{needed} tokens, max_new_tokens is {max_new_tokens}: raise it or lower the budgets"
            )


class OrderedTagsProcessor(LogitsProcessor):
    """Holds the rows of one `generate` call to a `TagOrder`, and remembers which tokens it forced."""

    def __init__(self, order: TagOrder) -> None:
        self._order = order
        self._places: list[Place] = []
        self._forced: list[list[bool]] = []

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # type: ignore[override]
        self._follow(input_ids[:, -1].tolist())
        scores = scores.clone()
        scores[:, self._order.never] = -torch.inf
        forced = [self._order.forced(place) for place in self._places]
        for row, (place, token) in enumerate(zip(self._places, forced, strict=True)):
            if token is None:
                scores[row, self._order.refusals(place)] = -torch.inf
            else:
                scores[row] = -torch.inf
                scores[row, token] = 0
        self._forced.append([token is not None for token in forced])
        return scores

    def forced(self, row: int, length: int) -> tuple[bool, ...]:
        """Which of the first `length` tokens of a row the model did not choose."""
        return tuple(step[row] for step in self._forced[:length])

    def _follow(self, newest: list[int]) -> None:
        if not self._places:
            self._places = [Place() for _ in newest]
        else:
            self._places = [self._order.after(*both) for both in zip(self._places, newest, strict=True)]


class Ending(NamedTuple):
    """The first tag in some bytes, and what stands before and after it."""

    said: bytes
    tag: bytes
    rest: bytes


def _ending(text: bytes) -> Ending | None:
    found = [(text.find(tag), tag) for tag in _TAGS if tag in text]
    if not found:
        return None
    start, tag = min(found)
    return Ending(text[:start], tag, text[start + len(tag) :])


def _may_follow(block: int, readable: bool, text: bytes) -> bool:
    """Whether a block may go on with `text`, or end in it."""
    ending = _ending(text)
    if _LIKE_TAG.search(_characters(ending.said if ending else text)):
        return False
    if ending is None:
        return True
    says_something = readable or _readable(ending.said)
    return ending.tag == CLOSE[block] and says_something and _opening(block + 1).startswith(ending.rest)


def _opening(block: int) -> bytes:
    return OPEN[block] if block < len(NAMES) else b""


def _parted(body: bytes) -> tuple[bytes, bytes]:
    """A body without the end with which a tag, or what looks like one, could begin; and that end."""
    start = body.rfind(b"<")
    found = _BEGUN.fullmatch(_characters(body[start:])) if start >= 0 else None
    if found and any(name.startswith(found[1].casefold()) for name in NAMES):
        return body[:start], body[start:]
    return body, b""


def _readable(text: bytes) -> bool:
    """Whether whole characters that show are there."""
    return bool(visible(_characters(text)))


def _characters(text: bytes) -> str:
    """The whole characters in some bytes: halves may yet become something else."""
    return text.decode("utf-8", "ignore")
