"""The same answers under the rules that HumanOmniV2 was published with and under ours.

Their rules are written down here as they are described, in a line or two each, and only to be disagreed with.
"""

import ast
import re
from collections.abc import Callable

import pytest

from schemas.completion import render
from schemas.example import AnswerKind
from tests.training.rewards.examples import answered, example, replying, rollout, values
from training.rewards import REWARDS

OPTIONS = ["red", "blue", "green"]


def exact(answer: str, gold: str) -> float:
    return float(answer.strip() == gold.strip())


def labels(answer: str, gold: str) -> float:
    """F1 of lists split at commas, neither stripped nor freed of repeats."""
    wrote, wanted = answer.split(","), gold.split(",")
    both = len(set(wrote) & set(wanted))
    return 2 * both / (len(wrote) + len(wanted))


def substring(answer: str, gold: str) -> float:
    both = (answer.lower(), gold.lower())
    return float(all("yes" in text for text in both) or all("no" in text for text in both))


def pointed(answer: str, gold: str) -> float:
    """Nothing when only one side has a point or comma; else equal to two decimals, if both are bare numbers."""
    if ("." in answer or "," in answer) != ("." in gold or "," in gold):
        return 0.0
    try:
        return float(round(float(answer.replace(",", "")), 2) == round(float(gold.replace(",", "")), 2))
    except ValueError:
        return 0.0


def relative(answer: str, gold: str) -> float:
    return 1 - min(1.0, (abs(float(answer) - float(gold)) + 1e-9) / (abs(float(gold)) + 1e-9))


def words(answer: str, gold: str) -> float:
    """1 - WER of words split at spaces, as they stand; for the equally long texts of the table."""
    wrote, wanted = answer.split(), gold.split()
    wrong = sum(one != other for one, other in zip(wrote, wanted, strict=True))
    return max(0.0, 1 - wrong / len(wanted))


@pytest.mark.parametrize(
    ("kind", "rule", "gold", "answer", "theirs", "ours"),
    [
        ("choice", exact, "B", "B.", 0.0, 1.0),
        ("choice", exact, "B", "(B)", 0.0, 1.0),
        ("choice", exact, "B", "b", 0.0, 1.0),
        ("choice", exact, "B", "B. blue", 0.0, 1.0),
        ("choice", exact, "B", "A", 0.0, 0.0),
        ("multi_choice", labels, "A,B", "A, B", 0.5, 1.0),
        ("multi_choice", labels, "A", "A,A,A", 0.5, 1.0),
        ("multi_choice", labels, "A,B", "a,b", 0.0, 1.0),
        ("multi_choice", labels, "A", "A,B,C", 0.5, 0.5),
        ("yes_no", substring, "no", "not sure", 1.0, 0.0),
        ("yes_no", substring, "no", "I know", 1.0, 0.0),
        ("yes_no", substring, "no", "cannot tell", 1.0, 0.0),
        ("yes_no", substring, "yes", "yesterday", 1.0, 0.0),
        ("yes_no", substring, "yes", "yes and no", 1.0, 0.0),
        ("yes_no", substring, "no", "yes and no", 1.0, 0.0),
        ("yes_no", substring, "no", "No.", 1.0, 1.0),
        ("number", pointed, "3", "3.0", 0.0, 1.0),
        ("number", pointed, "1000", "1,000", 0.0, 1.0),
        ("number", pointed, "50", "50%", 0.0, 1.0),
        ("number", pointed, "12", "12 people", 0.0, 1.0),
        ("number", pointed, "0.001", "0.004", 1.0, 0.0),
        ("number", pointed, "3", "4", 0.0, 0.0),
        ("regression", relative, "0", "0", 0.0, 1.0),
        ("regression", relative, "0", "0.1", 0.0, 0.9),
        ("regression", relative, "8", "6", 0.75, 0.75),
        ("ocr", words, "Exit left", "EXIT left.", 0.0, 1.0),
        ("ocr", words, "東京タワー", "東京タワ", 0.0, 0.8),
        ("ocr", words, "stop here", "stop there", 0.5, 0.5),
    ],
)
def test_answer_under_both_rules(
    kind: AnswerKind, rule: Callable[[str, str], float], gold: str, answer: str, theirs: float, ours: float
) -> None:
    asked = example(kind, gold, OPTIONS if "choice" in kind else ())
    assert rule(answer, gold) == pytest.approx(theirs, abs=1e-6)
    assert values(REWARDS["accuracy"], asked, [answered(answer)]) == [pytest.approx(ours)]


GOOD = render("A ball.", "So.", "A")
THEIR_FORMAT = re.compile(r"^<context>.*?</context>\s*<think>.*?</think>\s*<answer>.*?</answer>", re.DOTALL)


@pytest.mark.parametrize(
    ("text", "theirs", "ours"),
    [
        (GOOD, True, 1.0),
        (GOOD + " And now I ramble.", True, 0.0),
        (GOOD + GOOD, True, 0.0),
        (GOOD.replace("So.", "<answer>B</answer><think>So."), True, 0.0),
        (render("", "", ""), True, 0.0),
        ("\n" + GOOD, False, 1.0),
        ("A", False, 0.0),
    ],
)
def test_format_under_both_rules(text: str, theirs: bool, ours: float) -> None:
    assert bool(THEIR_FORMAT.search(text)) == theirs
    assert values(REWARDS["format"], example("choice", "A", OPTIONS), [rollout(text)]) == [ours]


def fifths(reply: str | None) -> float:
    """A fifth of what the whole reply is as a literal; nothing for a reply that is none and for no reply."""
    try:
        return ast.literal_eval(reply or "") / 5
    except (SyntaxError, TypeError, ValueError):
        return 0.0


@pytest.mark.parametrize(
    ("reply", "theirs", "ours"),
    [
        (None, 0.0, None),
        ("", 0.0, None),
        ("4/5", 0.0, None),
        ("Score: 4", 0.0, None),
        ("50", 10.0, None),
        ('{"score": 50}', 0.0, 1.0),
        ('{"score": -1}', 0.0, 0.0),
        ('{"score": 4}', 0.0, 0.8),
    ],
)
def test_reply_of_a_judge_under_both_rules(reply: str | None, theirs: float, ours: float | None) -> None:
    assert fifths(reply) == theirs
    found = values(REWARDS["context"], example("choice", "A", OPTIONS), [rollout(GOOD)], replying(lambda _: reply))
    assert found == [ours]


def test_context_that_has_no_reference_is_not_known_rather_than_worthless() -> None:
    asked = example("choice", "A", OPTIONS, context="")
    assert values(REWARDS["context"], asked, [rollout(GOOD)], replying(lambda _: '{"score": 5}')) == [None]


def test_kind_that_their_table_leaves_at_zero_is_scored() -> None:
    asked = example("emotion_words", "angry,worried")
    assert values(REWARDS["accuracy"], asked, [answered("angry, anxious")]) == [1.0]
