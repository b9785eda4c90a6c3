"""Fields of the form, and what becomes of them in the recipe."""

import pytest

from flows.overrides import Overrides, recipe_for


def test_revision_is_that_of_sources_on_the_hub_and_of_no_folder() -> None:
    moved = ["sources.video_r1.folder=hub:owner/name", "sources.video_r1.revision=v1"]
    recipe = recipe_for("demo", Overrides(revision="latest", set=moved))
    assert {source.name: source.revision for source in recipe.sources} == {
        "video_r1": "latest",
        "social_iq2": "local",
        "emer": "local",
        "omni_instruct": "local",
    }


def test_empty_form_leaves_the_recipe_as_it_is() -> None:
    assert recipe_for("demo", Overrides()) == recipe_for("demo", Overrides(revision="latest"))


@pytest.mark.parametrize("name", ["a #b", "1.5", "yes", "null", "gpt-5: x", "{a", "- a", "*a", "ω/α", "x\\n"])
def test_name_of_a_model_is_taken_as_it_is_written(name: str) -> None:
    recipe = recipe_for("demo", Overrides(llm_model=name))
    assert (recipe.rewrite.model, recipe.rate.model) == (name, name)


@pytest.mark.parametrize("tag", ["1.0", "2024-01-01", "0x10", "0123"])
def test_tag_that_looks_like_a_number_or_a_date_is_a_tag(tag: str) -> None:
    moved = ["sources.video_r1.folder=hub:owner/name", "sources.video_r1.revision=v1"]
    recipe = recipe_for("demo", Overrides(revision=tag, set=moved))
    assert recipe.sources[0].revision == tag


def test_fields_that_are_blank_leave_the_recipe_as_it_is() -> None:
    assert recipe_for("demo", Overrides(llm_model="", revision=" ")) == recipe_for("demo", Overrides())


def test_numbers_of_the_form_are_numbers_however_small() -> None:
    recipe = recipe_for("demo", Overrides(max_dollars=0.00001, min_quality=1e-7, concurrency=3))
    assert (recipe.llm.max_dollars, recipe.curation.min_quality, recipe.llm.concurrency) == (0.00001, 1e-7, 3)
