import pytest

from reporting.naming import Contexts, named, names
from reporting.views import VIEWS
from schemas.training import View


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("A man whispers to her.", True),
        ("Two high beeps .", True),
        ("No voice is heard.", False),
        ("There is no music, but someone laughs.", True),
        ("He doesn't speak.", False),
        ("The soundless street lies still.", False),
        ("", False),
    ],
)
def test_clause_that_denies_nothing_names_a_sound_by_its_words(text: str, heard: bool) -> None:
    assert names(text, "sound") is heard


def test_picture_is_named_by_words_of_its_own() -> None:
    assert names("A woman in a red coat.", "picture")
    assert not names("Someone laughs.", "picture")


def _contexts(view: View, texts: dict[str, str]) -> Contexts:
    groups = {key: f"video {key}" for key in "abcd"}
    return Contexts(view, view, view.title(), texts, groups)


def test_share_of_what_is_made_up_is_over_contexts_that_both_views_wrote() -> None:
    full = _contexts("full", {"a": "a bell", "b": "a voice", "c": "rain", "d": ""})
    muted = _contexts("muted", {"a": "a bell", "b": "a street", "d": "a bell"})
    (found,) = named(full, [muted])
    assert (found.sense, found.difference.of_run.mean, found.difference.of_against.mean) == ("sound", 0.5, 1.0)
    assert (found.difference.difference.n, found.difference.unpaired) == (2, 2)


def test_view_that_takes_both_senses_away_is_asked_for_both() -> None:
    texts = dict.fromkeys("abcd", "a red bell")
    views: tuple[View, ...] = ("question_only", "shuffled_media")
    found = named(_contexts("full", texts), [_contexts(view, texts) for view in views])
    assert [(one.view, one.sense) for one in found] == [("question_only", "sound"), ("question_only", "picture")]


def test_every_view_has_a_title_of_its_own() -> None:
    titles = [seen.title for seen in VIEWS.values()]
    assert len(set(titles)) == len(titles)
    assert set(VIEWS) == set(View.__args__)
