"""Whatever stands in a recipe or behind --set, it is a recipe or one clear line: never a traceback."""

import copy
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from recipes import reading
from recipes.reading import read_recipe
from schemas.recipe import Recipe
from schemas.values import UserError
from tests.stages import one_line

SMALL = """
name: small
title: Small
description: As few fields as a recipe can have.
corpus: {seed: 0}
model: {tiny_seed: 0}
sources: [{name: emer, dataset: intent_train, folder: "corpus:train/emer", take: "first:5"}]
rewrite: {provider: offline, model: rules-1}
rate: {provider: offline, model: rules-1}
judge: {provider: offline, model: rules-1}
curation: {min_quality: 0.3, mix: {emer: all}}
media: {fps: 1.0, max_frames: 2, min_pixels: 3136, max_pixels: 3136}
stages:
  - name: sft
    kind: sft
    title: SFT
    params:
      {format: direct, steps: 1, batch_size: 1, optimizer: {lr: 1.0e-3},
       media: {fps: 1.0, max_frames: 2, min_pixels: 3136, max_pixels: 3136}}
evaluation: {benchmarks: [], stages: [sft], decoding: {max_new_tokens: 4}}
"""
FIELDS = yaml.safe_load(SMALL)
SURPRISES = (
    *(
        "",
        "null",
        "~",
        "yes",
        "0x1F",
        "1e400",
        "-.inf",
        ".nan",
        "2026-01-31",
        "12:30:45",
        "!!binary aGk=",
        "!!set {a, b}",
    ),
    *(
        "!!python/object/apply:os.system [ls]",
        "&a [*a]",
        "*nobody",
        "{a: 1, a: 2}",
        "{1: 2}",
        "{[1]: 2}",
        "? a",
        "- - -",
    ),
    *("[" * 500, "{a: " * 500, '"\\ud800"', "\0", "\ufeff", "%YAML 9.9", "--- 1\n--- 2", "<<: 1", "{<<: {a: 1}}"),
    *(
        "9" * 5000,
        "a\nb",
        "²",
        "..",
        "[1,2]",
        "{}",
        "[]",
        "'",
        '"',
        "\t",
        "@",
        "`",
        "!",
        "!!float x",
        "!!int x",
        "!!bool x",
    ),
)


def paths(value: object, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every place in a recipe, as --set names it."""
    if above:
        yield above
    inner: Mapping[Any, object] = (
        dict(enumerate(value)) if isinstance(value, list) else value if isinstance(value, dict) else {}
    )  # type: ignore[assignment]
    for key, item in inner.items():
        yield from paths(item, (*above, str(key)))


PLACES = sorted(".".join(path) for path in paths(FIELDS))
patient = settings(deadline=None)
texts = st.text() | st.sampled_from(SURPRISES)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from(list(FIELDS)), inner, max_size=3)
    ),
    max_leaves=6,
)


def read(name: str, *changes: str) -> Recipe | UserError:
    """The recipe, or what says what is wrong with it; any other error ends the test."""
    try:
        return read_recipe(name, changes)
    except UserError as error:
        return error


def is_clear(found: Recipe | UserError) -> bool:
    """Whether it is a recipe, or one line that a terminal can show."""
    return isinstance(found, Recipe) or bool(one_line(found).encode())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of recipes: the small one, and what a test puts beside it."""
    place = tmp_path_factory.mktemp("recipes")
    (place / "small.yaml").write_text(SMALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "_FOLDER", place)
        yield place


def read_text(folder: Path, text: str) -> Recipe | UserError:
    (folder / "other.yaml").write_text(text, encoding="utf-8", errors="surrogatepass")
    return read("other")


def changed(path: str, value: object) -> dict[str, Any]:
    """The small one with one place replaced."""
    fields = copy.deepcopy(FIELDS)
    *above, last = path.split(".")
    place = fields
    for step in above:
        place = place[int(step)] if isinstance(place, list) else place[step]
    place[int(last) if isinstance(place, list) else last] = value
    return fields


def test_small_recipe_is_one(folder: Path) -> None:
    assert isinstance(read("small"), Recipe)


@patient
@given(text=texts)
def test_any_text_as_a_recipe(folder: Path, text: str) -> None:
    assert is_clear(read_text(folder, text))


@patient
@given(head=st.sampled_from(sorted(FIELDS)), text=texts)
def test_any_text_behind_a_field_of_a_recipe(folder: Path, head: str, text: str) -> None:
    assert is_clear(read_text(folder, f"extends: small\n{head}: {text}\n"))


@patient
@given(path=st.sampled_from(PLACES), value=values)
def test_any_value_anywhere_in_a_recipe(folder: Path, path: str, value: object) -> None:
    assert is_clear(read_text(folder, yaml.safe_dump(changed(path, value), allow_unicode=True)))


@patient
@given(fields=st.dictionaries(st.sampled_from([*FIELDS, "extends", "set"]) | st.text(), values, max_size=4))
def test_any_fields_on_top_of_another_recipe(folder: Path, fields: dict[str, object]) -> None:
    assert is_clear(read_text(folder, yaml.safe_dump({"extends": "small", **fields}, allow_unicode=True)))


@patient
@given(
    path=st.sampled_from(PLACES) | st.text(), more=st.sampled_from(["", ".", ".x", ".0", ".²", ".name.x"]), text=texts
)
def test_any_change_of_a_recipe(folder: Path, path: str, more: str, text: str) -> None:
    assert is_clear(read("small", f"{path}{more}={text}"))


@patient
@given(change=st.text())
def test_any_text_behind_set(folder: Path, change: str) -> None:
    assert is_clear(read("small", change))


@pytest.mark.parametrize("text", SURPRISES)
def test_each_surprise_behind_set_and_in_a_file(folder: Path, text: str) -> None:
    for place in ("curation.seed", "sources.emer", "stages", "curation.mix", "title", "judge"):
        assert is_clear(read("small", f"{place}={text}"))
    assert is_clear(read_text(folder, text))
    assert is_clear(read_text(folder, f"title: {text}\nextends: small\n"))


def test_aliases_that_unfold_to_more_than_memory_holds_are_refused(folder: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    found = read_text(folder, "\n".join(lines))
    assert isinstance(found, UserError) and "aliases" in one_line(found)


def test_alias_of_itself_is_refused(folder: Path) -> None:
    assert "alias" in str(read_text(folder, "title: &a [*a]\n"))
    assert "alias" in str(read("small", "curation.mix=&a {b: *a}"))


def test_recipes_that_extend_each_other_are_refused(folder: Path) -> None:
    (folder / "one.yaml").write_text("extends: two\n")
    (folder / "two.yaml").write_text("extends: one\n")
    assert "names no other recipe" in str(read("one"))


def test_what_json_can_say_is_said_alike_behind_set(folder: Path) -> None:
    recipe = read("small", f"notices={json.dumps(['a: b', '{c}', 'ü 😀'])}")
    assert isinstance(recipe, Recipe) and recipe.notices == ("a: b", "{c}", "ü 😀")


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf"])
def test_number_without_a_value_is_refused(folder: Path, value: str) -> None:
    for place in ("curation.min_quality", "stages.sft.params.optimizer.lr", "media.fps"):
        assert isinstance(read("small", f"{place}={value}"), UserError)


def test_field_that_stands_twice_is_refused(folder: Path) -> None:
    assert "field 'title' twice" in str(read_text(folder, "extends: small\ntitle: a\ntitle: b\n"))
    assert "field 'b' twice" in str(read("small", "curation.mix={b: all, b: all}"))
    assert isinstance(read_text(folder, "extends: small\nname: other\ncuration: {<<: {seed: 1}, seed: 2}\n"), Recipe)
    chain = "a: &a {seed: 1}\nset: {x: [{y: &b {<<: *a, seed: 2}}]}\ncuration: {<<: *b}\n"
    assert "twice" not in str(read_text(folder, chain))


def test_date_needs_no_quotes(folder: Path) -> None:
    recipe = read("small", "publishing.date=2026-01-31")
    assert isinstance(recipe, Recipe) and recipe.publishing.date == "2026-01-31"
