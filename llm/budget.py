"""What making one artifact may cost, in dollars and in tokens, over all runs that work on it.

Before a request is sent, the most that it can cost is set aside; what is left over comes back when it has ended. So
spending ends within one request's worth of the budget, however many are under way.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from llm.request import Outcome, Request, Text
from schemas.failures import BudgetReached
from schemas.llm import LlmLimits, Price
from schemas.values import UserError

_CHARACTERS_PER_TOKEN = 2
_TOKENS_PER_MEDIUM = 4096
_FREE = Price(input=0, output=0)


class Cost(NamedTuple):
    """US dollars and tokens."""

    dollars: float
    tokens: int


class Budget:
    """Sets money aside. spent: by earlier runs. Raises UserError where a budget in dollars meets a model without a
    price."""

    def __init__(self, limits: LlmLimits, spent: tuple[float, int] = (0.0, 0)) -> None:
        self._limits = limits
        self._dollars, self._tokens = spent
        self._aside, self._under_way = Cost(0.0, 0), 0
        self._most_input = dict[str, int]()
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def set_aside(self, *requests: Request) -> AsyncIterator[None]:
        """Hold the most that the requests can cost together, from when it fits until the block ends.

        Raises BudgetReached when it does not fit, with nothing else under way.
        """
        if self._limits.max_dollars is None and self._limits.max_tokens is None:
            yield
            return
        most = Cost(*map(sum, zip(*map(self._most, requests), strict=True)))
        while not self._fits(most):
            if not self._under_way:
                raise BudgetReached(self._said())
            self._changed.clear()
            await self._changed.wait()
        self._hold(most, 1)
        try:
            yield
        finally:
            self._hold(Cost(-most.dollars, -most.tokens), -1)
            self._changed.set()

    def spend(self, request: Request, outcome: Outcome) -> None:
        """A request has ended, and this is what it cost."""
        self._dollars += outcome.cost or 0.0
        self._tokens += outcome.input_tokens + outcome.output_tokens
        self._most_input[request.prompt] = max(self._most_input.get(request.prompt, 0), outcome.input_tokens)

    def _hold(self, cost: Cost, number: int) -> None:
        self._under_way += number
        aside = Cost(self._aside.dollars + cost.dollars, self._aside.tokens + cost.tokens)
        self._aside = aside if self._under_way else Cost(0.0, 0)  # and no rounding is left behind

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

    def _fits(self, most: Cost) -> bool:
        dollars = self._dollars + self._aside.dollars + most.dollars
        tokens = self._tokens + self._aside.tokens + most.tokens
        limits = self._limits
        return (limits.max_dollars is None or dollars <= limits.max_dollars) and (
            limits.max_tokens is None or tokens <= limits.max_tokens
        )

    def _said(self) -> str:
        limits = self._limits
        most = f"${limits.max_dollars:g}" if limits.max_dollars is not None else f"{limits.max_tokens} tokens"
        return (
            f"the next request might pass the budget of {most}: ${self._dollars:.4f} and {self._tokens} tokens are "
            "spent, and every answer is kept in the response log; raise llm.max_dollars or llm.max_tokens and rerun "
            "to go on from here"
        )
