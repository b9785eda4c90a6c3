"""Log-probabilities of given tokens, without the logits of all tokens at once.

A 7B thinker has 152,064 logits a token: 4,096 tokens are 2.5 GB in float32, and their gradient is as much again. Here
the last hidden states go through the head a chunk of tokens at a time, forwards and again backwards, so that memory
holds one chunk of logits and never more. The arithmetic from the logits on is float32 whatever the model computes in.
"""

from typing import Any, NamedTuple, cast

import torch
from torch import Tensor
from transformers import PreTrainedModel

from schemas.values import UserError

CHUNK = 512
"""Tokens whose logits are held at once: 0.3 GB of 152,064 each, and as much again to work on them."""


class Scores(NamedTuple):
    """logps: log-probability of each token. entropy: of the distribution it was taken from, in nats; None unless
    asked for."""

    logps: Tensor
    entropy: Tensor | None


def selected_logps(hidden: Tensor, weight: Tensor, ids: Tensor, temperature: float = 1.0, chunk: int = CHUNK) -> Tensor:
    """log softmax(hidden @ weight.T / temperature) at `ids`, in float32.

    hidden: (..., H), the state that predicts each token, so one place before it. weight: (V, H) of the head.
    ids: (...). Returns the shape of ids. Differentiable in hidden and weight.
    """
    return score_tokens(hidden, weight, ids, temperature, chunk).logps


def score_tokens(
    hidden: Tensor,
    weight: Tensor,
    ids: Tensor,
    temperature: float = 1.0,
    chunk: int = CHUNK,
    entropy: bool = False,
) -> Scores:
    """`selected_logps`, with the entropy if asked for, which is differentiable too. Raises ValueError for a temperature
    that is not above 0."""
    if temperature <= 0:
        raise ValueError(f"temperature {temperature} is not above 0")
    flat = hidden.reshape(-1, hidden.shape[-1])
    found = cast(Any, _Chunked).apply(flat, weight, ids.reshape(-1), 1 / temperature, chunk, entropy)
    logps, entropies = (None if each is None else each.view(ids.shape) for each in found)
    return Scores(cast(Tensor, logps), entropies)


def hidden_states(model: PreTrainedModel, **inputs: Any) -> Tensor:
    """The states that the head would be given, (batch, tokens, H). inputs: as the model's own forward takes them."""
    return cast(Any, _bare(model)).base_model(**inputs, use_cache=False).last_hidden_state


def head_weight(model: PreTrainedModel) -> Tensor:
    """(V, H). Raises UserError for a head that does more than multiply."""
    bare = cast(Any, _bare(model))
    head, config = bare.get_output_embeddings(), bare.config.get_text_config()
    if head.bias is not None or getattr(config, "final_logit_softcapping", None) is not None:
        raise UserError(f"{type(bare).__name__} does more in its head than multiply: it cannot be scored in chunks")
    return head.weight


def completion_logps(
    model: PreTrainedModel,
    inputs: dict[str, Any],
    length: int,
    temperature: float = 1.0,
    chunk: int = CHUNK,
    entropy: bool = False,
) -> Scores:
    """Scores of the last `length` tokens of each row of inputs["input_ids"], (batch, length)."""
    states = hidden_states(model, **inputs)[:, -length - 1 : -1]
    return score_tokens(states, head_weight(model), inputs["input_ids"][:, -length:], temperature, chunk, entropy)


def _bare(model: PreTrainedModel) -> PreTrainedModel:
    """The model inside its adapters."""
    return cast(Any, model).get_base_model() if hasattr(model, "peft_config") else model


class _Chunked(torch.autograd.Function):
    """Keeps the log-normaliser of each token, one number, and computes the logits anew for the gradient."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, hidden: Tensor, weight: Tensor, ids: Tensor, scale: float, chunk: int, entropy: bool
    ) -> tuple[Tensor, Tensor | None]:
        parts = [_score(hidden[place], weight, ids[place], scale, entropy) for place in _chunks(len(ids), chunk)]
        logps, normaliser, entropies = (torch.cat(each) if each else hidden.new_empty(0) for each in _columns(parts))
        ctx.save_for_backward(hidden, weight, ids, normaliser, entropies)
        ctx.scale, ctx.chunk, ctx.entropy = scale, chunk, entropy
        return logps, entropies if entropy else None

    @staticmethod
    def backward(  # type: ignore[override]
        ctx: Any, by_logp: Tensor, by_entropy: Tensor | None
    ) -> tuple[Tensor | None, Tensor | None, None, None, None, None]:
        hidden, weight, ids, normaliser, entropies = ctx.saved_tensors
        by_entropy = by_entropy if ctx.entropy else None
        to_hidden = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        # Chunks are summed in float32: in bfloat16 each addition would round what the others have gathered.
        to_weight = torch.zeros_like(weight, dtype=_wide(weight)) if ctx.needs_input_grad[1] else None
        for place in _chunks(len(ids), ctx.chunk):
            logits = _logits(hidden[place], weight, ctx.scale)
            gradient = _gradient(
                logits,
                ids[place],
                normaliser[place],
                by_logp[place],
                None if by_entropy is None else (by_entropy[place], entropies[place]),
            ).mul_(ctx.scale)
            if to_hidden is not None:
                to_hidden[place] = gradient.to(weight.dtype) @ weight
            if to_weight is not None:
                to_weight.addmm_(gradient.T, hidden[place].to(gradient.dtype))
        return to_hidden, None if to_weight is None else to_weight.to(weight.dtype), None, None, None, None


def _score(
    hidden: Tensor, weight: Tensor, ids: Tensor, scale: float, entropy: bool
) -> tuple[Tensor, Tensor, Tensor | None]:
    logits = _logits(hidden, weight, scale)
    chosen = logits.gather(-1, ids[:, None]).squeeze(-1)
    normaliser = logits.logsumexp(-1)
    if not entropy:
        return chosen - normaliser, normaliser, None
    share = (logits - normaliser[:, None]).exp_()
    return chosen - normaliser, normaliser, normaliser - logits.mul_(share).sum(-1)


def _gradient(
    logits: Tensor, ids: Tensor, normaliser: Tensor, by_logp: Tensor, by_entropy: tuple[Tensor, Tensor] | None
) -> Tensor:
    """Gradient in the logits z, whose memory it takes: g (1[id] - p) - e p (log p + H)."""
    log_share = logits.sub_(normaliser[:, None])
    factor = by_logp[:, None] if by_entropy is None else None
    if factor is not None:
        gradient = log_share.exp_().mul_(-factor)
    else:
        by, entropy = cast(tuple[Tensor, Tensor], by_entropy)
        share = log_share.exp()
        gradient = log_share.add_(entropy[:, None]).mul_(by[:, None]).add_(by_logp[:, None]).mul_(share).neg_()
    return gradient.scatter_add_(-1, ids[:, None], by_logp[:, None].to(gradient.dtype))


def _logits(hidden: Tensor, weight: Tensor, scale: float) -> Tensor:
    return (hidden.to(weight.dtype) @ weight.T).to(_wide(weight)).mul_(scale)


def _wide(weight: Tensor) -> torch.dtype:
    """float32, or the weight's own type where that is wider."""
    return torch.promote_types(weight.dtype, torch.float32)


def _chunks(length: int, size: int) -> list[slice]:
    return [slice(first, first + size) for first in range(0, length, size)]


def _columns(parts: list[tuple[Tensor, Tensor, Tensor | None]]) -> list[list[Tensor]]:
    return [[part[column] for part in parts if part[column] is not None] for column in range(3)]  # type: ignore[misc]
