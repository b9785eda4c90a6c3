"""One text for one value: equal values have one fingerprint, and what has no such text raises."""

from enum import Enum, StrEnum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.artifact import File, content_digest
from schemas.canonical import canonical_json, fingerprint
from schemas.values import Value


class Colour(Enum):
    RED = "red"


class Size(StrEnum):
    BIG = "big"


class Point(Value):
    y: float = 2
    x: int = 1


def test_given_and_default_numbers_are_one_value() -> None:
    assert fingerprint(Point()) == fingerprint(Point(x=1, y=2)) == fingerprint(Point(x=1, y=2.0))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (1, "1"),
        (1.0, "1.0"),
        ("ü", '"ü"'),
        ({"b": 1, "a": [2, (3,)]}, '{"a":[2,[3]],"b":1}'),
        (Point(), '{"x":1,"y":2.0}'),
        ([Colour.RED, Size.BIG], '["red","big"]'),
        ({"point": Point(x=4)}, '{"point":{"x":4,"y":2.0}}'),
    ],
)
def test_value_has_one_text(value: object, text: str) -> None:
    assert canonical_json(value) == text


@pytest.mark.parametrize(
    "value",
    [{1, 2}, b"a", Path("a"), float("nan"), float("inf"), {1: 2}, object, {"a": {"b": {3}}}, [Path("a")], 1j],
    ids=repr,
)
def test_value_without_a_text_raises(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        fingerprint(value)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(texts, values, max_size=5))
def test_order_of_keys_does_not_matter(mapping: dict[str, object]) -> None:
    assert fingerprint(dict(reversed(mapping.items()))) == fingerprint(mapping)


@given(values, values)
def test_different_texts_are_different_values(one: object, other: object) -> None:
    assert (fingerprint(one) == fingerprint(other)) == (canonical_json(one) == canonical_json(other))


def test_content_is_names_and_bytes_and_not_their_order_or_count_of_rows() -> None:
    a, b = File(path="a", size=1, sha256="1"), File(path="b", size=1, sha256="2")
    assert content_digest([a, b]) == content_digest([b, a.model_copy(update={"rows": 3})])
    assert content_digest([a, b]) != content_digest([a, b.model_copy(update={"path": "c"})])
    assert content_digest([a, b]) != content_digest([a, b.model_copy(update={"sha256": "3"})])
