"""The context reward: judged coverage of the reference, and what is not known."""

from schemas.completion import render
from tests.training.rewards.examples import answered, example, replying, rollout, scores, values
from training.rewards import REWARDS

CONTEXT = REWARDS["context"]
GOLD = example("choice", "A", ["red", "blue"], context="A red ball rolls.")


def test_reference_itself_scores_one_and_another_context_less() -> None:
    def reply(request: object) -> str:
        fields = request.fields  # type: ignore[attr-defined]
        return '{"score": 5}' if fields["candidate"] == fields["reference"] else '{"score": 1}'

    rollouts = [rollout(render("A red ball rolls.", "Red.", "A")), answered("A")]
    assert values(CONTEXT, GOLD, rollouts, replying(reply)) == [1.0, 0.2]


def test_empty_context_scores_zero_without_asking() -> None:
    def reply(_: object) -> str:
        raise AssertionError("the judge was asked")

    rollouts = [rollout(""), rollout("<context> </context><think>x</think><answer>A</answer>")]
    assert values(CONTEXT, GOLD, rollouts, replying(reply)) == [0.0, 0.0]


def test_judge_failure_is_left_out_not_zero() -> None:
    replies = iter([None, "", "5", '{"score": "5"}', '{"score": NaN}', '{"score": true}', "5/5", '{"score": 4}'])
    result = scores(CONTEXT, GOLD, [answered("A")] * 8, replying(lambda _: next(replies)))
    assert [score.value for score in result] == [None] * 7 + [0.8]
    assert all(score.judged for score in result)
    assert result[0].reason == "judge timeout" and result[1].reason == "judge unparsable"


def test_score_out_of_range_is_clamped() -> None:
    replies = iter(['{"score": 50}', '{"score": -3}'])
    assert values(CONTEXT, GOLD, [answered("A")] * 2, replying(lambda _: next(replies))) == [1.0, 0.0]


def test_context_without_a_reference_is_not_known_and_no_judge_failure() -> None:
    (score,) = scores(CONTEXT, example("choice", "A", ["red", "blue"], context=" "), [answered("A")])
    assert score.value is None and not score.judged and score.reason == "no reference"


def test_span_of_the_score_is_the_context_block() -> None:
    (score,) = scores(CONTEXT, GOLD, [answered("A")], replying(lambda _: '{"score": 5}'))
    assert score.span is not None
    assert answered("A").completion.text[score.span.start : score.span.end] == "<context>A ball rolls.</context>"
