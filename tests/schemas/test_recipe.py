"""A recipe in which every name that one part uses is defined by another."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from recipes.reading import read_recipe
from schemas.curation import Source
from schemas.recipe import Recipe

Fields = dict[str, Any]

TWICE = "evaluation.benchmarks reads 'worldsense' twice, as 'daily_omni' and as 'worldsense': .* recipe of its own"


def changed(change: Callable[[Fields], object]) -> Fields:
    fields = read_recipe("demo").model_dump(mode="json")
    change(fields)
    return fields


def put(*path: str, value: object) -> Callable[[Fields], object]:
    def change(fields: Fields) -> None:
        place: Any = fields
        for step in path[:-1]:
            names = [item["name"] for item in place] if isinstance(place, list) else []
            place = place[names.index(step)] if step in names else place[step]
        place[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("stages", "grpo1", "init_from", value="nobody"), "'nobody', which is none of|'nobody' is none of"),
        (put("stages", "cold", "init_from", value="grpo2"), "'grpo2', which is none of|'grpo2' is none of"),
        (put("stages", "sft", "name", value="cold"), "two stages are called 'cold'"),
        (put("stages", "sft", "name", value="model"), "two stages are called 'model'"),
        (put("stages", "sft", "name", value="report"), "a stage is called 'report', as something else is"),
        (put("stages", "sft", "name", value="Cold Start"), "lower-case"),
        (put("evaluation", "stages", value=["model", "nobody"]), "which is not in evaluation.stages|'nobody'"),
        (put("evaluation", "controls", value=[{"stage": "nobody", "view": "muted"}]), "'nobody'"),
        (put("evaluation", "comparisons", value=[{"stage": "sft", "against": "nobody"}]), "'nobody'"),
        (put("evaluation", "probe", "rewards_of", value="sft"), "is no GRPO stage"),
        (put("evaluation", "probe", "before", value="nobody"), "'nobody'"),
        (put("evaluation", "probe", "stages", value=["nobody"]), "'nobody'"),
        (put("sources", "emer", "name", value="video_r1"), "two sources have one name"),
        (put("corpus", value=None), "makes no corpus"),
        (put("sources", "emer", "folder", value="hub:nobody"), "'hub:nobody' is not `hub:owner/name`"),
        (put("sources", "emer", "folder", value="hub:../a/b"), "is not `hub:owner/name`"),
        (put("sources", "emer", "folder", value="hub:a/b"), "hub:a/b needs a `revision`: `latest`, a branch"),
        (put("sources", "emer", "take", value="some"), "take 'some'"),
        (put("sources", "emer", "take", value="first:x"), "take 'first:x'"),
        (put("model", value={}), "either `folder`"),
        (put("model", value={"folder": "a", "tiny_seed": 0}), "either `folder`"),
        (put("stages", "cold", "kind", value="dpo"), "dpo"),
        (put("curation", "contamination", value="ignore"), "contamination"),
        (put("curation", "mix", value={"emmer": "all"}), r"curation.mix names source 'emmer', .*'emer'"),
        (put("curation", "mix", value={"emer": "half"}), "take 'half'"),
        (put("curation", "near_duplicate", value=2), "near_duplicate"),
        (put("curation", "balance", value={"field": "type", "cap": 0}), "cap"),
        (put("stages", "grpo1", "held_out", value="exams"), "held_out 'exams' is none of evaluation.benchmarks"),
        (put("evaluation", "benchmarks", "daily_omni", "dataset", value="worldsense"), TWICE),
        (put("surprise", value=1), "surprise"),
    ],
)
def test_recipe_whose_parts_do_not_fit_is_refused(change: Callable[[Fields], object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Recipe.model_validate(changed(change))


@pytest.mark.parametrize("take", ["all", "first:1", "last:10%", "random:50%", "random:7"])
def test_take_rules_of_the_documentation_are_known(take: str) -> None:
    recipe = Recipe.model_validate(changed(put("sources", "emer", "take", value=take)))
    assert {source.name: source.take for source in recipe.sources}["emer"] == take


def test_source_on_the_hub_names_its_repository() -> None:
    at_hub = Source(name="clips", dataset="video_r1", folder="hub:maker/clips", revision="latest")
    assert (at_hub.repository, at_hub.files, at_hub.unpack) == ("maker/clips", (), True)
    assert Source(name="clips", dataset="video_r1", folder="/data/clips").repository is None


def test_stage_is_found_by_name() -> None:
    assert read_recipe("demo").stage("grpo1").kind == "grpo"
