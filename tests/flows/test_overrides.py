"""Fields of the form, and what becomes of them in the recipe."""

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
