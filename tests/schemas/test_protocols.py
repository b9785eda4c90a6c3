"""Protocols: named, complete for all nine benchmarks, and wholly in the parameters that a stage is told."""

import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from recipes.reading import read_recipe
from schemas.llm import Llm, VideoInput
from schemas.protocols import OFFICIAL, PROTOCOLS, Protocol, ProtocolName, protocol_of
from schemas.recipe import Recipe
from schemas.training import Decoding, GenerateParams, MediaSettings, OrderedTags, Wording
from tests.tasks.nine_benchmarks import NINE
from tests.training.clips import example
from training.prompts import INSTRUCTIONS, SYSTEM, messages, question_text

PAGE = Path(__file__).resolve().parents[2] / "docs" / "evaluation.md"
MEDIA = MediaSettings(fps=1.0, max_frames=8)
PARAMS = GenerateParams(
    format="context_first", media=MEDIA, decoding=Decoding(max_new_tokens=512, ordered_tags=OrderedTags())
)


def recipe(**evaluation: object) -> Recipe:
    fields = read_recipe("demo").model_dump(mode="json")
    return Recipe.model_validate({**fields, "evaluation": {**fields["evaluation"], **evaluation}})


def test_every_name_has_a_protocol_and_every_benchmark_an_official_one() -> None:
    assert PROTOCOLS.keys() == set(get_args(ProtocolName))
    assert OFFICIAL.keys() == NINE.keys()
    assert all(protocol.facts for protocol in (*PROTOCOLS.values(), *OFFICIAL.values()))


def test_default_protocol_changes_nothing() -> None:
    assert read_recipe("demo").evaluation.protocol == "trained"
    assert PROTOCOLS["trained"].generated(PARAMS) == PARAMS
    llm = Llm(provider="openai", model="m")
    assert PROTOCOLS["trained"].asked(llm) == llm


def test_all_that_a_protocol_says_lands_in_the_parameters() -> None:
    wording = Wording(question="{question}\n{options}")
    protocol = Protocol(
        format="direct",
        wording=wording,
        fps=2.0,
        max_frames=32,
        audio="separate",
        max_new_tokens=16,
        temperature=0.5,
    )
    found = protocol.generated(PARAMS)
    assert found.media == MEDIA.model_copy(update={"fps": 2.0, "max_frames": 32, "audio": "separate"})
    assert found.decoding == Decoding(max_new_tokens=16, temperature=0.5)
    assert (found.format, found.wording) == ("direct", wording)
    asked = protocol.asked(Llm(provider="openai", model="m"))
    assert (asked.video, asked.temperature) == (VideoInput(fps=2.0, most_frames=32), 0.5)


def test_papers_protocol_is_what_the_paper_says() -> None:
    found = PROTOCOLS["humanomniv2"].generated(PARAMS)
    assert (found.media.fps, found.media.max_frames, found.media.audio) == (2.0, 32, "separate")
    assert (found.decoding.max_new_tokens, found.decoding.temperature, found.format) == (2048, 0.0, "context_first")


@pytest.mark.parametrize("name", OFFICIAL)
def test_official_protocol_leaves_no_blank_and_shows_question_and_options(name: str) -> None:
    asked = example("1")
    wording = OFFICIAL[name].wording
    text = question_text(asked, wording)
    assert asked.question in text and "red" in text and "blue" in text
    assert not re.search(r"\{\w*\}", text)
    system = messages(asked, OFFICIAL[name].format or "direct", wording=wording)[0]
    assert system["role"] == ("system" if wording is None or wording.system else "user")


def test_text_of_a_row_is_never_taken_for_a_blank() -> None:
    asked = example("1").model_copy(update={"question": "What is {options} or {letters}?"})
    text = question_text(asked, Wording(question="{question}\n{options}\n{instruction} {letters}"))
    assert text == ("What is {options} or {letters}?\nA. red\nB. blue\nAnswer with the letter of one option. A or B")


def test_letter_of_one_option_stands_alone() -> None:
    asked = example("1")
    text = question_text(
        asked.model_copy(update={"options": asked.options[:1]}), Wording(question="{question}\n{options}\n({letters})")
    )
    assert text.endswith("\nA. red\n(A)")


def test_question_without_options_is_put_in_our_words() -> None:
    asked = example("1").model_copy(update={"options": (), "answer_kind": "free_text"})
    turns = messages(asked, "direct", wording=OFFICIAL["mlvu"].wording)
    assert turns[0]["content"] == SYSTEM["direct"]
    assert question_text(asked, OFFICIAL["mlvu"].wording).endswith(INSTRUCTIONS["free_text"])


@pytest.mark.parametrize("wrong", [{"question": "{question}"}, {"question": "{options}"}, {"option": "{label}"}])
def test_wording_that_does_not_show_everything_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="not shown"):
        Wording.model_validate(wrong)


def test_recipe_names_a_protocol_for_all_or_by_benchmark() -> None:
    own = {"format": "direct", "facts": "ours"}
    found = recipe(protocol="official", protocols={"worldsense": "direct", "daily_omni": own}).evaluation.by_benchmark()
    assert found == {
        "intentbench": OFFICIAL["intentbench"],
        "worldsense": PROTOCOLS["direct"],
        "daily_omni": Protocol(format="direct", facts="ours"),
    }


ASKED = {"name": "gemini", "title": "Gemini", "provider": "gemini", "model": "m"}


@pytest.mark.parametrize(
    ("evaluation", "said"),
    [
        ({"protocols": {"nobody": "direct"}}, "names benchmark 'nobody'"),
        ({"protocol": "theirs"}, "protocol"),
        ({"models": [ASKED], "controls": [{"stage": "gemini", "view": "muted"}]}, "a control shows 'gemini' 'muted'"),
        (
            {"models": [ASKED], "protocol": "transcript"},
            "shows 'gemini' 'transcript', and it can be shown question_only, shuffled_media alone",
        ),
        ({"models": [{**ASKED, "name": "grpo1"}]}, "two stages or models are called 'grpo1'"),
        ({"models": [ASKED, ASKED]}, "two stages or models are called 'gemini'"),
        ({"models": [ASKED], "decoding": {"max_new_tokens": 8, "draws": 2}}, "answer once"),
        ({"controls": [{"stage": "sft", "view": "deaf"}]}, "view"),
        ({"altering": {"shift_seconds": 0}}, "shift_seconds"),
    ],
)
def test_evaluation_that_cannot_be_done_is_refused(evaluation: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        recipe(**evaluation)


def test_language_model_is_measured_and_compared_beside_the_stages() -> None:
    views = [{"stage": "gemini", "view": "shuffled_media"}]
    found = recipe(models=[ASKED], controls=views, comparisons=[{"stage": "sft", "against": "gemini"}]).evaluation
    assert [*found.measured()][-2:] == [("gemini", "full"), ("gemini", "shuffled_media")]
    assert found.models[0].llm == Llm(provider="gemini", model="m")


def test_dataset_without_an_official_protocol_says_so() -> None:
    with pytest.raises(ValueError, match="avqa has no official protocol: name one of trained"):
        protocol_of("official", "avqa")


def line(name: str, protocol: Protocol) -> str:
    """A protocol as the page of evaluation shows it; a dash is the recipe's."""
    frames = (f"{protocol.fps:g}" if protocol.fps else "-", str(protocol.max_frames or "-"))
    temperature = "-" if protocol.temperature is None else f"{protocol.temperature:g}"
    cells = (
        f"`{name}`",
        protocol.format or "-",
        ", ".join(frames) if frames != ("-", "-") else "-",
        protocol.audio or "-",
        f"{protocol.max_new_tokens:,}" if protocol.max_new_tokens else "-",
        temperature,
        protocol.facts,
    )
    return f"| {' | '.join(cells)} |"


def test_page_of_evaluation_has_every_protocol_as_it_is() -> None:
    page = PAGE.read_text()
    wanted = [line(name, protocol) for name, protocol in (*PROTOCOLS.items(), *OFFICIAL.items())]
    assert [one for one in wanted if one not in page] == []
