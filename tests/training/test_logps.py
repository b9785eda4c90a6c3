"""Log-probabilities in chunks: the numbers and gradients of the plain way, without its memory."""

from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import Qwen2_5OmniThinkerForConditionalGeneration
from trl.trainer.utils import entropy_from_logits, selective_log_softmax

from schemas.example import Example
from schemas.values import UserError
from training.inputs import Encoder, batch
from training.logps import Scores, completion_logps, head_weight, hidden_states, score_tokens, selected_logps

Model = Qwen2_5OmniThinkerForConditionalGeneration


def made(dtype: torch.dtype = torch.float32, words: int = 61) -> tuple[Tensor, Tensor, Tensor]:
    """Hidden states (3, 7, 8), a head and token ids."""
    torch.manual_seed(0)
    hidden, weight = torch.randn(3, 7, 8, dtype=dtype), torch.randn(words, 8, dtype=dtype)
    return hidden.requires_grad_(), weight.requires_grad_(), torch.randint(words, (3, 7))


def plain(hidden: Tensor, weight: Tensor, ids: Tensor, temperature: float) -> Scores:
    logits = hidden @ weight.T / temperature
    return Scores(selective_log_softmax(logits, ids), entropy_from_logits(logits))


@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("chunk", [1, 4, 21, 1000])
def test_values_and_gradients_are_those_of_the_plain_way(temperature: float, chunk: int) -> None:
    expected, found = made(torch.float64), made(torch.float64)
    wanted = plain(*expected, temperature)
    given = score_tokens(*found, temperature, chunk, entropy=True)
    pull = torch.randn(2, 3, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for scores in (wanted, given):
        (scores.logps * pull[0] + cast(Tensor, scores.entropy) * pull[1]).sum().backward()
    torch.testing.assert_close(given.logps, wanted.logps)
    torch.testing.assert_close(given.entropy, wanted.entropy)
    for mine, theirs in zip(found[:2], expected[:2], strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-5, atol=1e-5)


def test_gradients_without_the_entropy_are_those_of_the_plain_way_too() -> None:
    expected, found = made(), made()
    plain(*expected, 0.7).logps.square().sum().backward()
    selected_logps(*found, temperature=0.7, chunk=5).square().sum().backward()
    for mine, theirs in zip(found[:2], expected[:2], strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-5, atol=1e-5)


def test_gradients_are_the_slopes_of_the_values() -> None:
    hidden, weight, ids = made(torch.float64, words=11)

    def scored(states: Tensor, head: Tensor) -> tuple[Tensor, ...]:
        return cast(tuple[Tensor, ...], tuple(score_tokens(states, head, ids, 0.8, 4, entropy=True)))

    assert torch.autograd.gradcheck(scored, (hidden, weight))


def test_a_frozen_head_gets_no_gradient() -> None:
    hidden, weight, ids = made()
    selected_logps(hidden, weight.detach(), ids).sum().backward()
    assert hidden.grad is not None and weight.grad is None


def test_half_precision_is_scored_in_float32() -> None:
    hidden, weight, ids = made(torch.bfloat16)
    logps = selected_logps(hidden, weight, ids, chunk=4)
    logps.sum().backward()
    exact = selected_logps(hidden.detach().float(), weight.detach().float(), ids)
    assert logps.dtype == torch.float32 and hidden.grad is not None and hidden.grad.dtype == torch.bfloat16
    torch.testing.assert_close(logps, exact, atol=0.05, rtol=0.02)


def test_no_tensor_as_large_as_all_logits_is_ever_made() -> None:
    hidden, weight, ids = made()
    largest = 0

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            nonlocal largest
            made_here = func(*args, **(kwargs or {}))
            largest = max(largest, made_here.numel() if isinstance(made_here, Tensor) else 0)
            return made_here

    with Watch():
        selected_logps(hidden, weight, ids, chunk=2).sum().backward()
    assert largest == weight.numel()  # the head's own gradient; all logits would be more than twice as many
    assert ids.numel() * len(weight) > 2 * largest


def test_no_tokens_give_no_scores() -> None:
    hidden, weight, ids = made()
    scores = score_tokens(hidden[:, :0], weight, ids[:, :0], entropy=True)
    assert scores.logps.shape == (3, 0)


def test_a_temperature_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="temperature"):
        selected_logps(*made(), temperature=0)


def test_a_thinker_is_scored_with_its_media_as_its_own_forward_scores_it(
    model: Model, encoder: Encoder, asked: dict[str, Example]
) -> None:
    words = encoder.tokens("a square")
    inputs = [encoder.encode(asked[name], "direct") for name in ("video", "text")]
    inputs = [replace(each, ids=(*each.ids, *words)) for each in inputs]
    given = batch(inputs, encoder.processor.tokenizer.pad_token_id, "left")
    with torch.no_grad():
        logits = model(**cast(Any, given)).logits[:, -len(words) - 1 : -1]
        torch.testing.assert_close(
            hidden_states(model, **given)[:, -1] @ head_weight(model).T, model(**given).logits[:, -1]
        )
        scores = completion_logps(model, given, len(words), temperature=0.9, entropy=True)
    ids = cast(Tensor, given["input_ids"])[:, -len(words) :]
    torch.testing.assert_close(scores.logps, selective_log_softmax(logits / 0.9, ids))
    torch.testing.assert_close(scores.entropy, entropy_from_logits(logits / 0.9))


def test_a_head_with_a_bias_is_refused(model: Model) -> None:
    head: Any = model.get_output_embeddings()
    head.bias = torch.nn.Parameter(torch.zeros(model.config.get_text_config().vocab_size))
    try:
        with pytest.raises(UserError, match="more in its head"):
            head_weight(model)
    finally:
        head.bias = None
