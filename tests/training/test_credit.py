"""The arithmetic of credit: baselines, gates, targets, and what is not known."""

import numpy as np
import pytest

from schemas.completion import Span, parse, render
from schemas.training import Gate, RewardTerm, Target
from training.credit import advantages, gated, silent, target_mask, token_advantages
from training.spans import TokenText

NAN = float("nan")


def letters(text: str) -> TokenText:
    """One token a character."""
    return TokenText(text=text, starts=tuple(range(len(text) + 1)), bytes_at=tuple(range(len(text) + 1)))


TEXT = render("ctx", "thk", "A")


def _mask(target: Target, text: str = TEXT, extra: int = 1, own: Span | None = None) -> str:
    mask = target_mask(target, letters(text), parse(text), len(text) + extra, own)
    return "".join(character for character, hit in zip(text + "$" * extra, mask, strict=True) if hit)


def test_advantage_is_the_distance_to_the_mean_of_the_own_group() -> None:
    rewards = np.array([[1.0], [0.0], [0.5], [0.5]])
    assert advantages(rewards, 2).ravel().tolist() == [0.5, -0.5, 0.0, 0.0]


def test_what_is_not_known_has_no_advantage_and_no_part_in_the_baseline() -> None:
    rewards = np.array([[1.0], [NAN], [0.0], [NAN], [0.7], [NAN], [NAN], [NAN]])
    assert advantages(rewards, 4).ravel().tolist() == [0.5, 0.0, -0.5, 0.0, 0.0, 0.0, 0.0, 0.0]


def test_group_of_which_nothing_is_known_has_no_advantage() -> None:
    assert advantages(np.full((4, 1), NAN), 4, "group").ravel().tolist() == [0.0, 0.0, 0.0, 0.0]


def test_each_reward_has_its_own_baseline() -> None:
    rewards = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    assert advantages(rewards, 4).tolist() == [[0.75, -0.5], [-0.25, -0.5], [-0.25, 0.5], [-0.25, 0.5]]


def test_group_scale_divides_by_the_spread_of_what_is_known() -> None:
    scaled = advantages(np.array([[1.0], [0.0], [NAN]]), 3, "group")
    assert scaled.ravel() == pytest.approx([0.5 / (0.5**0.5 + 1e-4), -0.5 / (0.5**0.5 + 1e-4), 0.0])


def test_equal_rewards_have_exactly_no_advantage() -> None:
    assert not advantages(np.full((8, 1), 0.1 + 0.2), 8, "group").any()


def test_gate_zeroes_the_others_of_the_same_completion_before_baselines() -> None:
    rewards = np.array([[0.4, 1.0, 1.0], [0.6, 1.0, 0.5]])
    gates = [Gate(reward="context", at_most=0.4, zeroes=("accuracy", "logic"))]
    result = gated(rewards, ["context", "accuracy", "logic"], gates)
    assert result.tolist() == [[0.4, 0.0, 0.0], [0.6, 1.0, 0.5]]
    assert rewards[0, 1] == 1.0


def test_gates_do_not_depend_on_their_order() -> None:
    gates = [
        Gate(reward="context", at_most=0.4, zeroes=("logic",)),
        Gate(reward="logic", at_most=0.4, zeroes=("accuracy",)),
    ]
    rewards = np.array([[0.0, 1.0, 1.0]])
    names = ["context", "logic", "accuracy"]
    assert gated(rewards, names, gates).tolist() == gated(rewards, names, gates[::-1]).tolist() == [[0.0, 0.0, 1.0]]


def test_unknown_reward_neither_closes_a_gate_nor_becomes_zero() -> None:
    gates = [Gate(reward="context", at_most=0.4, zeroes=("logic",))]
    assert gated(np.array([[NAN, 1.0]]), ["context", "logic"], gates)[0, 1] == 1.0
    assert np.isnan(gated(np.array([[0.0, NAN]]), ["context", "logic"], gates)[0, 1])


@pytest.mark.parametrize(
    ("target", "reached"),
    [
        ("all", TEXT + "$"),
        ("until_end(context)", "<context>ctx</context>"),
        ("until_end(think)", "<context>ctx</context><think>thk</think>"),
        ("after(context)", "<think>thk</think><answer>A</answer>$"),
        ("only(context)", "<context>ctx</context>"),
        ("only(think)", "<think>thk</think>"),
        ("only(answer)", "<answer>A</answer>"),
    ],
)
def test_target_reaches_its_tokens_and_no_others(target: Target, reached: str) -> None:
    assert _mask(target) == reached


def test_own_target_reaches_the_span_of_the_reward() -> None:
    assert _mask("own", own=Span(start=9, end=12)) == "ctx"
    assert _mask("own", own=None) == ""


def test_until_end_of_and_after_a_missing_block_are_everything_and_only_of_it_nothing() -> None:
    open_ended = "<context>ctx"
    assert _mask("until_end(context)", open_ended) == open_ended + "$"
    assert _mask("until_end(think)", "") == "$"
    assert _mask("after(context)", open_ended) == open_ended + "$"
    assert _mask("only(context)", open_ended) == ""


def test_token_advantage_is_the_weighted_sum_of_the_terms_that_reach_it() -> None:
    terms = [
        RewardTerm(reward="format", weight=0.5, target="all"),
        RewardTerm(reward="context", weight=2.0, target="only(context)"),
        RewardTerm(reward="format", weight=1.0, target="only(answer)"),
    ]
    masks = np.array([[[1, 1, 1], [1, 0, 0], [0, 0, 1]]], dtype=bool)
    result = token_advantages(np.array([[0.5, 0.25]]), ["format", "context"], terms, masks)
    assert result.tolist() == [[0.75, 0.25, 0.75]]


def test_changing_one_reward_changes_advantages_on_its_target_alone() -> None:
    names = ["format", "context"]
    terms = [
        RewardTerm(reward="format", weight=1.0),
        RewardTerm(reward="context", weight=1.0, target="only(context)"),
    ]
    texts = [TEXT, render("longer ctx", "thk", "A")]
    width = max(map(len, texts)) + 1
    masks = np.array(
        [[target_mask(term.target, letters(text), parse(text), width, None) for term in terms] for text in texts]
    )
    before, after = (
        token_advantages(advantages(np.array([[1.0, low], [0.0, 0.9]]), 2), names, terms, masks) for low in (0.1, 0.3)
    )
    assert np.array_equal(before != after, masks[:, 1])


def test_group_without_any_advantage_is_silent_as_a_whole() -> None:
    tokens = np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 0.1], [0.0, 0.0]])
    assert silent(tokens, 2).tolist() == [True, True, False, False]
