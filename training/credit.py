"""Which token gets how much: from rewards to advantages, as plain arrays.

Each reward has its own baseline, the mean over the completions of its group where it is known, and its own
target span; a token's advantage is the weighted sum over the terms that reach it. What is not known (NaN) has
no advantage and no part in the baseline.

N completions in groups that stand together, R rewards, K terms, T tokens.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.completion import BlockName, Completion, Span
from schemas.training import Gate, RewardTerm, Target
from training.spans import TokenText, block_tokens, overlapping

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_UNTIL_END: Mapping[Target, BlockName] = {"until_end(context)": "context", "until_end(think)": "think"}
_AFTER: Mapping[Target, BlockName] = {"after(context)": "context"}
_ONLY: Mapping[Target, BlockName] = {
    "only(context)": "context",
    "only(think)": "think",
    "only(answer)": "answer",
}
# Keeps a group with next to no spread from getting a huge advantage; TRL's value.
_EPSILON = 1e-4


def gated(rewards: Floats, names: Sequence[str], gates: Sequence[Gate]) -> Floats:
    """(N, R) rewards after the gates. All gates look at the values as given, so their order does not matter.

    A reward that is not known closes no gate, and stays not known behind a closed one.
    """
    column = {name: place for place, name in enumerate(names)}
    result = rewards.copy()
    for gate in gates:
        shut = rewards[:, column[gate.reward]] <= gate.at_most
        for name in gate.zeroes:
            values = result[:, column[name]]
            values[shut & ~np.isnan(values)] = 0.0
    return result


def advantages(rewards: Floats, group_size: int, scale: str = "none") -> Floats:
    """(N, R) advantages: reward minus the mean of what is known in its group; with scale `group` over its
    spread.

    Not known, or known alone, is 0.
    """
    groups = rewards.reshape(-1, group_size, rewards.shape[1])
    known = ~np.isnan(groups)
    count = known.sum(axis=1, keepdims=True)
    mean = np.where(known, groups, 0.0).sum(axis=1, keepdims=True) / np.maximum(count, 1)
    # The mean of equal values may differ from them in the last bit; a group without spread has no advantage.
    highest = np.where(known, groups, -np.inf).max(axis=1, keepdims=True)
    lowest = np.where(known, groups, np.inf).min(axis=1, keepdims=True)
    centred = np.where(known & (highest > lowest), groups - mean, 0.0)
    if scale == "group":
        variance = (centred**2).sum(axis=1, keepdims=True) / np.maximum(count - 1, 1)
        centred = centred / (np.sqrt(variance) + _EPSILON)
    return centred.reshape(rewards.shape)


def target_mask(target: Target, text: TokenText, completion: Completion, tokens: int, own: Span | None) -> Flags:
    """(tokens,) which tokens of one completion a target reaches.

    `until_end` of a block that is missing or never closed is everything: its end did not come, so every token
    stands before it, and leaving a block out is no way round its reward. `after` a missing block is everything
    too: no token can be told to stand before its end. `only` of a missing block is
    nothing: its tokens were not written, and blaming another block's would teach that block something false;
    pair such a term with `format` on all tokens, which is where a missing block costs. `own` without a span
    is nothing.
    """
    mask = np.zeros(tokens, dtype=np.bool_)
    if target == "all":
        mask[:] = True
        return mask
    if target == "own":
        reach = overlapping(text, own) if own else range(0)
    else:
        reach = _reach(target, block_tokens(text, completion), tokens)
    mask[reach.start : reach.stop] = True
    return mask


def token_advantages(
    values: Floats, names: Sequence[str], terms: Sequence[RewardTerm], masks: NDArray[np.bool_]
) -> Floats:
    """(N, T) sum over the terms of weight x advantage x mask. values: (N, R) advantages; masks: (N, K, T)."""
    columns = [list(names).index(term.reward) for term in terms]
    weights = np.array([term.weight for term in terms])
    return np.einsum("nk,k,nkt->nt", values[:, columns], weights, masks.astype(np.float64))


def silent(token_values: Floats, group_size: int) -> Flags:
    """(N,) True for completions of a group in which no token has any advantage: it teaches nothing."""
    groups = token_values.reshape(-1, group_size * token_values.shape[1])
    return np.repeat(~groups.any(axis=1), group_size)


def _reach(target: Target, blocks: Mapping[BlockName, range], tokens: int) -> range:
    if target in _UNTIL_END:
        block = blocks.get(_UNTIL_END[target])
        return range(block.stop if block else tokens)
    if target in _AFTER:
        block = blocks.get(_AFTER[target])
        return range(block.stop if block else 0, tokens)
    return blocks.get(_ONLY[target], range(0))
