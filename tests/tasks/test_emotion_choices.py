"""Free emotion words made a choice of six: wrong options are never near the gold, whatever the words."""

from collections import Counter
from itertools import combinations

import pytest

from schemas.emotions import GROUPS, group_of
from tasks.reading.emotion_nearness import NEAR, NEGATIVE, POSITIVE
from tasks.reading.emotions import Choice, emotion_choice, near
from tasks.reading.row import BadRow, Row

WORDS = [word for forms in GROUPS.values() for listed in forms for word in listed.split(", ") if word]
SIDES = [*POSITIVE[0].split(", "), *NEGATIVE[0].split(", ")]


def choice(*labels: str, key: str = "0") -> Choice:
    return emotion_choice(Row("made", "made.csv", key, {}), labels)


def gold(chosen: Choice) -> list[str]:
    return [option.text for option in chosen.options if option.label in chosen.answer.split(",")]


def wrong(chosen: Choice) -> list[str]:
    return [option.text for option in chosen.options if option.label not in chosen.answer.split(",")]


def groups(words: list[str]) -> list[str]:
    found = [group_of(word) for word in words]
    assert None not in found
    return [name for name in found if name]


def test_no_wrong_option_could_be_said_for_the_gold() -> None:
    for word in WORDS:
        chosen = choice(word)
        assert gold(chosen) == [word]
        assert [option.label for option in chosen.options] == list("ABCDEF")
        assert len(set(groups([option.text for option in chosen.options]))) == 6
        (mine,) = groups([word])
        assert near(mine).isdisjoint(groups(wrong(chosen)))


def test_no_wrong_option_is_near_any_of_two_golds() -> None:
    plain = [adjectives.split(", ")[0] for adjectives, *_ in GROUPS.values() if adjectives]
    for first, second in combinations(plain, 2):
        chosen = choice(first, second)
        assert sorted(gold(chosen)) == sorted([first, second])
        barred = set().union(*map(near, groups([first, second])))
        assert barred.isdisjoint(groups(wrong(chosen)))


def test_nearness_holds_both_ways() -> None:
    assert all(name in near(other) for name in GROUPS for other in near(name))
    assert "fear" in near("worry") and "nervousness" in near("fear")


def test_words_of_one_meaning_are_one_option_under_the_first_written() -> None:
    assert gold(choice("Mad", "angry", "sad", "furious")) in (["mad", "sad"], ["sad", "mad"])


def test_choice_is_the_same_in_every_run_and_differs_between_rows() -> None:
    assert choice("angry", "sad") == choice("angry", "sad")
    assert len({choice("angry", "sad", key=str(number)) for number in range(8)}) > 4


def test_gold_is_at_no_favoured_place() -> None:
    answers = Counter(choice("angry", key=str(number)).answer for number in range(300))
    assert set(answers) == set("ABCDEF")
    assert max(answers.values()) < 80


@pytest.mark.parametrize(
    ("labels", "form"), [(("anger", "doubt"), 1), (("angry", "doubtful"), 0), (("enjoy", "accuse"), 0)]
)
def test_wrong_options_have_the_form_of_the_gold(labels: tuple[str, str], form: int) -> None:
    for word in wrong(choice(*labels)):
        (group,) = groups([word])
        assert word in GROUPS[group][form].split(", ")


def test_side_is_no_option_and_bars_its_own_side() -> None:
    chosen = choice("negative", "angry")
    assert gold(chosen) == ["angry"]
    assert set(NEGATIVE[1].split()).isdisjoint(groups(wrong(chosen)))


@pytest.mark.parametrize("labels", [("angry", "gruntled"), ("positive",), ()])
def test_word_whose_synonyms_are_not_known_rejects_the_row(labels: tuple[str, ...]) -> None:
    with pytest.raises(BadRow) as caught:
        choice(*labels)
    assert caught.value.reason == "unknown_emotion"


def test_more_than_five_emotions_reject_the_row() -> None:
    assert len(gold(choice("happy", "calm", "shy", "proud", "funny"))) == 5
    with pytest.raises(BadRow) as caught:
        choice("happy", "calm", "shy", "proud", "funny", "sad")
    assert caught.value.reason == "too_many_emotions"


def test_emotions_that_leave_no_safe_wrong_option_reject_the_row() -> None:
    with pytest.raises(BadRow) as caught:
        choice("negative", "positive", "thinking")
    assert caught.value.reason == "too_many_emotions"


def test_every_word_is_in_one_group_and_every_group_is_one_of_the_table() -> None:
    assert [word for word, count in Counter(WORDS + SIDES).items() if count > 1] == []
    named = {other for others in NEAR.values() for other in others.split()}
    assert named | set(NEAR) | set(POSITIVE[1].split()) | set(NEGATIVE[1].split()) <= set(GROUPS)
