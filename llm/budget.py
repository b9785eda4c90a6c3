"""What making one artifact may cost, in dollars and in tokens, over all runs that work on it.

Before a request is sent, the most that it can cost is set aside; what is left over comes back when it has ended. So
spending ends within one request's worth of the budget, however many are under way and whichever processes of this host
have sent them: all keep one ledger.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import reduce
from pathlib import Path

from llm.ledger import NOTHING, Books, Cost, Ledger
from llm.request import Outcome, Request, Text
from schemas.failures import BudgetReached
from schemas.llm import LlmLimits, Price
from schemas.values import UserError

_CHARACTERS_PER_TOKEN = 2
_TOKENS_PER_MEDIUM = 4096
_FREE = Price(input=0, output=0)
_LOOK_SECONDS = 0.1


class Budget:
    """Sets money aside. For one thread; close it when done.

    path: of the ledger. scope: the artifact. spent: asked for what earlier runs cost. Raises UserError where a budget
    in dollars meets a model without a price.
    """

    def __init__(self, limits: LlmLimits, path: Path, scope: str, spent: Callable[[], tuple[float, int]]) -> None:
        self._limits = limits
        bounded = limits.max_dollars is not None or limits.max_tokens is not None
        self._ledger = Ledger(path, scope, spent) if bounded else None
        self._aside, self._under_way = NOTHING, 0
        self._spent = NOTHING  # and not in the ledger yet
        self._most_input = dict[str, int]()
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def set_aside(self, *requests: Request) -> AsyncIterator[None]:
        """Hold the most that the requests can cost together, from when it fits until the block ends.

        Raises BudgetReached when it does not fit, with nothing else under way in any process.
        """
        if self._ledger is None:
            yield
            return
        most = reduce(Cost.plus, map(self._most, requests))
        async with self._turn:  # one looks, and the others wait for it
            while not self._held(self._ledger, most):
                self._ledger.bury()
                await self._change()
        try:
            yield
        finally:
            self._give_back(self._ledger, most)

    def spend(self, request: Request, outcome: Outcome) -> None:
        """A request has ended, and this is what it cost."""
        self._spent = self._spent.plus(Cost(outcome.cost or 0.0, outcome.input_tokens + outcome.output_tokens))
        self._most_input[request.prompt] = max(self._most_input.get(request.prompt, 0), outcome.input_tokens)

    def close(self) -> None:
        if self._ledger:
            self._ledger.close()

    def _held(self, ledger: Ledger, most: Cost) -> bool:
        """Whether it fits, and then it is set aside."""
        with ledger.opened() as books:
            if self._fits(books, most):
                self._aside, self._under_way = self._aside.plus(most), self._under_way + 1
                ledger.set_aside(self._aside)
                return True
            if not books.aside.tokens:
                raise BudgetReached(self._said(books.spent))
        return False

    async def _change(self) -> None:
        """Wait until a request of ours has ended, or long enough for one of another process."""
        self._changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS):
                await self._changed.wait()

    def _give_back(self, ledger: Ledger, most: Cost) -> None:
        self._under_way -= 1
        rest = Cost(self._aside.dollars - most.dollars, self._aside.tokens - most.tokens)
        self._aside = rest if self._under_way else NOTHING  # and no rounding is left behind
        ledger.settle(self._spent, self._aside)
        self._spent = NOTHING
        self._changed.set()

    def price(self, request: Request) -> Price | None:
        """What the model costs, or None where nobody said. Rules that run on this machine are free."""
        return _FREE if request.provider == "offline" else self._limits.prices.get(request.model)

    def cost(self, request: Request, input_tokens: int, output_tokens: int, batch: bool = False) -> float | None:
        """US dollars of so many tokens, or None where the model has no price."""
        price = self.price(request)
        if price is None:
            return None
        return (price.batch if batch else 1) * (input_tokens * price.input + output_tokens * price.output) / 1e6

    def input_tokens(self, request: Request) -> int:
        """Tokens of a request as far as one can tell: by its characters and media, or as many as any like it had."""
        parts = [part for message in request.messages for part in message.parts]
        characters = sum(len(part.text) for part in parts if isinstance(part, Text))
        guess = characters // _CHARACTERS_PER_TOKEN + _TOKENS_PER_MEDIUM * len(request.media)
        return max(guess, self._most_input.get(request.prompt, 0)) if request.media else guess

    def _most(self, request: Request) -> Cost:
        taken, given = self.input_tokens(request), request.max_tokens + (request.thinking or 0)
        dollars = self.cost(request, taken, given)
        if dollars is None and self._limits.max_dollars is not None:
            raise UserError(
                f"a budget in dollars needs the price of {request.model}: add it to the recipe, "
                f"`llm: {{prices: {{{request.model}: {{input: ..., output: ...}}}}}}` in US dollars a million tokens"
            )
        return Cost(dollars or 0.0, taken + given)

    def _fits(self, books: Books, most: Cost) -> bool:
        dollars, tokens = books.spent.plus(books.aside).plus(most)
        limits = self._limits
        return (limits.max_dollars is None or dollars <= limits.max_dollars) and (
            limits.max_tokens is None or tokens <= limits.max_tokens
        )

    def _said(self, spent: Cost) -> str:
        limits = self._limits
        most = f"${limits.max_dollars:g}" if limits.max_dollars is not None else f"{limits.max_tokens} tokens"
        return (
            f"the next request might pass the budget of {most}: ${spent.dollars:.4f} and {spent.tokens} tokens are "
            "spent, and every answer is kept in the response log; raise llm.max_dollars or llm.max_tokens and rerun "
            "to go on from here"
        )
