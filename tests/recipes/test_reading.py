"""Recipes by name, with single fields changed, and one clear line for any mistake."""

from pathlib import Path

import pytest

from recipes import reading
from recipes.reading import read_recipe, recipe_names
from schemas.values import UserError
from tests.stages import one_line


@pytest.mark.parametrize("name", recipe_names())
def test_every_shipped_recipe_is_valid_and_called_as_its_file(name: str) -> None:
    recipe = read_recipe(name)
    assert recipe.name == name
    assert recipe.title and recipe.description


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("curation.min_quality=0.6", lambda recipe: recipe.curation.min_quality == 0.6),
        ("stages.sft.params.steps=7", lambda recipe: recipe.stage("sft").params.steps == 7),
        ("stages.1.params.steps=7", lambda recipe: recipe.stages[1].params.steps == 7),
        ("sources.emer.take=first:5", lambda recipe: recipe.sources[2].take == "first:5"),
        ("evaluation.benchmarks.worldsense.take=last:1%", lambda recipe: recipe.evaluation.benchmarks[2].take),
        ("evaluation.probe=null", lambda recipe: recipe.evaluation.probe is None),
        ("notices=[one, two]", lambda recipe: recipe.notices == ("one", "two")),
        ("stages.grpo1.solve_rate.correct_from=0.7", lambda recipe: recipe.stage("grpo1").solve_rate.correct_from),
        ("title=a = b", lambda recipe: recipe.title == "a = b"),
    ],
)
def test_single_field_is_changed(change: str, found: object) -> None:
    assert found(read_recipe("demo", [change]))  # type: ignore[operator]
    assert read_recipe("demo", [change]) != read_recipe("demo")


def test_changes_apply_in_order() -> None:
    assert read_recipe("demo", ["curation.seed=1", "curation.seed=2"]).curation.seed == 2


def test_changing_one_place_leaves_its_yaml_aliases_alone() -> None:
    recipe = read_recipe("demo", ["stages.sft.params.media.fps=9"])
    assert recipe.stage("sft").params.media.fps == 9
    assert {stage.params.media.fps for stage in recipe.stages if stage.name != "sft"} == {4.0}
    assert recipe.media.fps == 4.0


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("dmo", [], "unknown recipe 'dmo': did you mean 'demo'"),
        ("humanomni", [], "did you mean 'humanomniv2'"),
        ("zzz", [], "unknown recipe 'zzz': there are"),
        ("../demo", [], "unknown recipe"),
        ("", [], "unknown recipe"),
        ("demo", ["curation.min_qualty=1"], "unknown field 'curation.min_qualty'"),
        ("demo", ["curatoin.min_quality=1"], "unknown field 'curatoin'"),
        ("demo", ["curation.min_quality=high"], "curation.min_quality: .*not 'high'"),
        ("demo", ["curation=5"], "curation: "),
        ("demo", ["stages=[]"], "evaluation"),
        ("demo", ["curation.min_quality"], "expected path.to.field=value"),
        ("demo", ["=1"], "expected path.to.field=value"),
        ("demo", ["curation.min_quality=[1"], "the value is not YAML"),
        ("demo", ["sources.nobody.take=all"], "no 'nobody' among video_r1, social_iq2"),
        ("demo", ["sources.99.take=all"], "no '99' among"),
        ("demo", ["sources.nobody={}"], "no 'nobody' among"),
        ("demo", ["stages.sft.params.optimizer.learning_rate=1"], "unknown field .*learning_rate"),
        ("demo", ["name.first=a"], "'name' is a single value"),
        ("demo", ["name.first.second=a"], "there is nothing below 'first'"),
        ("demo", ["sources.video_r1.take=5"], "take"),
        ("demo", ["stages.grpo1.params.rewards=null"], "rewards"),
        ("demo", ["stages.sft.params.steps=1.5"], "steps"),
        ("demo", ["title="], "title"),
        ("demo", ["evaluation.probe.before=nobody"], "recipe demo: evaluation names stage 'nobody', which is none of"),
        ("demo", ["sources.emer.take=some"], "sources.2.take: take 'some' is not"),
    ],
)
def test_mistake_is_one_line_that_says_where(name: str, changes: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        read_recipe(name, changes)
    assert len(one_line(caught.value)) < 500


# Recipes of one's own


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of recipes with `demo` in it."""
    (tmp_path / "demo.yaml").write_text((Path(reading.__file__).parent / "demo.yaml").read_text())
    monkeypatch.setattr(reading, "_FOLDER", tmp_path)
    return tmp_path


def test_recipe_extends_another_and_changes_single_fields(folder: Path) -> None:
    (folder / "mine.yaml").write_text(
        "extends: demo\nname: mine\nset:\n  curation.seed: 3\n  stages.sft.params.steps: 5\n"
    )
    (folder / "ours.yaml").write_text("extends: mine\nname: ours\ncuration: {seed: 4}\n")
    mine, ours = read_recipe("mine"), read_recipe("ours", ["stages.cold.params.steps=6"])
    assert (mine.name, mine.curation.seed, mine.stage("sft").params.steps) == ("mine", 3, 5)
    assert (ours.name, ours.curation.seed, ours.stage("sft").params.steps) == ("ours", 4, 5)
    assert ours.stage("cold").params.steps == 6
    assert mine.sources == read_recipe("demo").sources


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no recipe"),
        ("- a list", "holds no recipe"),
        ("name: [", "is not YAML"),
        ("name: odd", "field '.*' is missing"),
        ("extends: odd", "'odd' names no other recipe"),
        ("extends: 3", "3 names no other recipe"),
        ("extends: nobody", "unknown recipe 'nobody'"),
        ("extends: demo\nset: [1]", "`set` is no mapping"),
        ("extends: demo\nset: {curation.sed: 1}", "unknown field 'curation.sed'"),
        ("extends: demo\nset: {1: 1}", "1"),
        ("extends: demo\n1: one", "1"),
        ("name: \x00", "is not YAML"),
    ],
)
def test_mistake_in_a_recipe_file_is_one_line(folder: Path, text: str, said: str) -> None:
    (folder / "odd.yaml").write_text(text)
    with pytest.raises(UserError, match=said) as caught:
        read_recipe("odd")
    one_line(caught.value)


def test_recipe_file_that_is_no_text_is_a_mistake(folder: Path) -> None:
    (folder / "odd.yaml").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(UserError, match="odd"):
        read_recipe("odd")


def test_recipes_that_extend_each_other_are_a_mistake(folder: Path) -> None:
    (folder / "one.yaml").write_text("extends: two\nname: one\n")
    (folder / "two.yaml").write_text("extends: one\nname: two\n")
    with pytest.raises(UserError, match="extends") as caught:
        read_recipe("one")
    one_line(caught.value)
