"""What a rollout engine is, and what it gives back.

The trainer hands over encoded prompts and gets completions as tokens, in order, one each. Sampling is seeded from
torch's global generator, so that a step that is repeated after a crash draws what it drew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from schemas.training import Decoding
from schemas.values import UserError
from training.inputs import Inputs


@dataclass(frozen=True)
class Written:
    """One completion.

    ids: its tokens with the end of turn. text: without. truncated: the end of turn never came. forced: which tokens
    the engine wrote in the model's stead, one flag a token; empty for none. logps: what the engine holds to be the
    model's log-probability of each token, at temperature 1 and before anything is suppressed or cut off; None unless
    it reports them.
    """

    ids: tuple[int, ...]
    text: str
    truncated: bool
    forced: tuple[bool, ...] = ()
    logps: tuple[float, ...] | None = None

    @property
    def chosen(self) -> tuple[bool, ...]:
        """Which tokens the model chose itself: those that a gradient may come from."""
        return tuple(not forced for forced in self.forced) or (True,) * len(self.ids)


class RolloutEngine(Protocol):
    """Writes completions. Raises UserError where it can not, and never returns an empty completion."""

    def complete(self, inputs: Sequence[Inputs], decoding: Decoding) -> list[Written]:
        """One completion for each of `inputs`, in their order; draws and seeds are the caller's."""
        ...

    def sync(self, model: PreTrainedModel) -> None:
        """Take over the weights of `model`, and forget what was computed with those before."""
        ...

    def close(self) -> None:
        """Give back memory and connections."""
        ...


def written(
    tokenizer: PreTrainedTokenizerBase,
    ids: Sequence[int],
    forced: Sequence[bool] = (),
    logps: Sequence[float] | None = None,
) -> Written:
    """The completion that `ids` hold, up to and with the first end of turn. Raises UserError for no tokens at all."""
    if not ids:
        raise UserError(
            "the rollout engine returned a completion without a single token: it failed, and a failure is no score; "
            "see its log, and for vLLM whether its media caches hold what the trainer sent (start again to go on)"
        )
    end = ids.index(tokenizer.eos_token_id) if tokenizer.eos_token_id in ids else None
    kept = tuple(ids if end is None else ids[: end + 1])
    return Written(
        kept,
        str(tokenizer.decode(list(kept), skip_special_tokens=True)),
        end is None,
        tuple(forced[: len(kept)]),
        None if logps is None else tuple(logps[: len(kept)]),
    )
