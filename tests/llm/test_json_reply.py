"""Reading the one JSON object of a reply: tolerant in form, strict in values, and one line where it cannot."""

from typing import Annotated, Literal

import pytest
from pydantic import Field

from llm.json_reply import read, schema
from schemas.values import Value

OBJECT = '{"mood": {"rationale": "she smiles", "score": 0.5}, "kind": "face", "seen": ["teeth", "eyes"]}'


class Mood(Value):
    rationale: str
    score: Annotated[float, Field(ge=0, le=1)]


class Form(Value):
    mood: Mood
    kind: Literal["face", "voice"]
    seen: tuple[str, ...]


def form(score: object = "0.5", **changes: str) -> str:
    """The object with its score, or other texts in it, replaced."""
    text = OBJECT.replace("0.5", str(score))
    for old, new in changes.items():
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize(
    "text",
    [
        OBJECT,
        f"  \n{OBJECT}\n\n  ",
        f"```json\n{OBJECT}\n```",
        f"```\n{OBJECT}```",
        f"Here is what I see: {OBJECT}",
        f"{OBJECT} I hope that helps!",
        f"Sure [as asked].\n```json\n{OBJECT}\n```\nThat is all.",
        OBJECT.replace(", ", ",\r\n\t"),
    ],
)
def test_one_object_is_found_whatever_stands_around_it(text: str) -> None:
    found = read(text, Form)
    assert (found.mood.score, found.mood.rationale) == (0.5, "she smiles")
    assert (found.kind, found.seen) == ("face", ("teeth", "eyes"))


def test_whole_number_is_a_number_and_braces_in_a_text_are_text() -> None:
    found = read(form(1, teeth="}{"), Form)
    assert (found.mood.score, found.seen[0]) == (1.0, "}{")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no whole JSON object"),
        ("0.5", "no whole JSON object"),
        (OBJECT[:-1].replace("}", ""), "no whole JSON object"),
        ("} {", "no whole JSON object"),
        (f"{OBJECT}\n{OBJECT}", "more than one object"),
        (f"{OBJECT} or {{}}", "more than one object"),
        (f"{OBJECT} }}", "more than one object"),
        (f"[{OBJECT}]", "stands in a list"),
        (f"[1, {OBJECT}, 2]", "stands in a list"),
        (form(kind='kind": "face", "kind'), "'kind' is given twice"),
        (form('0.5, "score": 1'), "'score' is given twice"),
        (form("NaN"), "NaN is no finite number"),
        (form("-Infinity"), "-Infinity is no finite number"),
        (form("1e999"), "1e999 is no finite number"),
        (form("9" * 400), "is no finite number"),
        (form("9" * 5000), "is no finite number"),
        (form('"0.5"'), "mood.score: Input should be a valid number"),
        (form("true"), "mood.score: Input should be a valid number"),
        (form("null"), "mood.score: Input should be a valid number"),
        (form("1.01"), "mood.score: Input should be less than or equal to 1"),
        (form(face="nose"), "kind: Input should be 'face' or 'voice'"),
        (form(kind="sort"), "kind: Field required"),
        (form(**{'"kind"': '"sort": 1, "kind"'}), "sort: Extra inputs are not permitted"),
        (form(**{'["teeth", "eyes"]': '"teeth"'}), "seen: Input should be a valid array"),
        (form(teeth="\\ud800"), "JSON"),
        (form(**{"0.5}": "0.5,}"}), "not JSON"),
        ("{'score': 5}", "not JSON"),
        ('{"mood": ' + "[" * 50_000 + "}", "nested too deeply"),
        ('{"mood": ' * 50_000 + "}", "nested too deeply"),
    ],
)
def test_anything_else_is_refused_with_a_line_that_says_why(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        read(text, Form)
    assert reason in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1 and len(str(caught.value)) < 200


def test_schema_has_no_references_and_only_words_that_servers_share() -> None:
    text = {"type": "string"}
    mood = {"rationale": text, "score": {"type": "number"}}
    closed = {"type": "object", "additionalProperties": False}
    assert schema(Form) == closed | {
        "properties": {
            "mood": closed | {"properties": mood, "required": ["rationale", "score"]},
            "kind": {"type": "string", "enum": ["face", "voice"]},
            "seen": {"type": "array", "items": text},
        },
        "required": ["mood", "kind", "seen"],
    }
