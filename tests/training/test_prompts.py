"""The words a model is asked in, whole: every change of them must be seen here, and in PROMPT_VERSION."""

import subprocess
import sys

import pytest

from schemas.completion import parse
from schemas.example import Example, Media, Option
from tests.training.clips import example
from training.prompts import INSTRUCTIONS, messages, question_text, target, texts

VIDEO = Media(kind="video", digest="d", path="a.mp4", has_audio=True)
SILENT = Media(kind="video", digest="d", path="a.mp4")
SOUND = Media(kind="audio", digest="e", path="a.wav", has_audio=True)
PICTURE = Media(kind="image", digest="f", path="a.png")

SYSTEM_TURN = {
    "role": "system",
    "content": (
        "First state in <context></context> what the media show and play that bears on the question. Then reason from "
        "it in <think></think>, checking it against the media. Then give the answer alone in <answer></answer>."
    ),
}
CHOICE = "Which colour is the square?\nA. red\nB. blue\nAnswer with the letter of one option."


def content(asked: Example, audio: str = "interleaved") -> list[str]:
    """The user turn in short: kinds of media, then the text."""
    turn = messages(asked, "context_first", audio)[1]["content"]  # type: ignore[arg-type]
    return [part.get("text") or part["type"] for part in turn]  # type: ignore[union-attr, arg-type]


def test_a_context_first_conversation() -> None:
    assert messages(example("one", VIDEO), "context_first") == [
        SYSTEM_TURN,
        {"role": "user", "content": [{"type": "video"}, {"type": "text", "text": CHOICE}]},
    ]


def test_a_direct_conversation_asks_the_same_under_another_system_turn() -> None:
    system, user = messages(example("one", VIDEO), "direct")
    assert system["content"] == "Watch and listen closely, then give the answer alone."
    assert user == messages(example("one", VIDEO), "context_first")[1]


@pytest.mark.parametrize(
    ("media", "audio", "kinds"),
    [
        ((VIDEO,), "interleaved", ["video"]),
        ((VIDEO,), "separate", ["video", "audio"]),
        ((SILENT,), "separate", ["video"]),
        ((PICTURE, SOUND), "interleaved", ["image", "audio"]),
        ((SOUND, PICTURE), "separate", ["audio", "image"]),
        ((), "interleaved", []),
    ],
)
def test_media_stand_before_the_question_in_their_own_order(
    media: tuple[Media, ...], audio: str, kinds: list[str]
) -> None:
    assert content(example("one", *media), audio) == [*kinds, CHOICE]


@pytest.mark.parametrize("kind", INSTRUCTIONS)
def test_every_kind_of_answer_says_how_to_answer(kind: str) -> None:
    answers = {"choice": "A", "multi_choice": "A", "yes_no": "yes", "number": "3", "regression": "3"}
    options = (Option(label="A", text="x"), Option(label="B", text="y")) if "choice" in kind else ()
    asked = example("one").model_copy(
        update={"answer_kind": kind, "answer": answers.get(kind, "words"), "options": options}
    )
    assert question_text(asked).splitlines()[-1] == INSTRUCTIONS[kind]  # type: ignore[index]


def test_subtitles_and_descriptions_never_enter() -> None:
    told = example("one", VIDEO).model_copy(update={"subtitles": "SECRET", "description": "SECRET"})
    assert "SECRET" not in str(messages(told, "context_first"))


def test_targets_of_both_formats() -> None:
    learnt = example("one", context="a red square .", think="the colour is red")
    assert target(learnt, "direct") == "A"
    assert target(learnt, "context_first") == (
        "<context>a red square .</context><think>the colour is red</think><answer>A</answer>"
    )


def test_reasoned_asks_for_two_blocks_and_needs_no_context() -> None:
    system = messages(example("one", VIDEO), "reasoned")[0]["content"]
    assert system == (
        "First reason in <think></think> from what the media show and play. Then give the answer alone in "
        "<answer></answer>."
    )
    learnt = example("one", think="so")
    assert target(learnt, "reasoned") == "<think>so</think><answer>A</answer>"
    assert parse(target(learnt, "reasoned"), "reasoned").errors == ()
    assert texts(learnt, "reasoned")[-1] == target(learnt, "reasoned")
    with pytest.raises(ValueError, match="one has no reasoning"):
        target(example("one"), "reasoned")


def test_an_example_that_was_never_rewritten_has_no_context_first_target() -> None:
    with pytest.raises(ValueError, match="one has no context"):
        target(example("one"), "context_first")
    assert texts(example("one"), "context_first") == [SYSTEM_TURN["content"], CHOICE]


def test_a_timed_conversation_asks_for_captions_that_its_own_parser_reads() -> None:
    system = messages(example("one", VIDEO), "timed")[0]["content"]
    assert system == (
        "First go through the parts of the media that bear on the question, in order of time and without overlap. For "
        "each, write <time>start-end</time> in seconds with one decimal, such as <time>1.5-4.0</time>, and then what "
        "it shows and plays in <caption></caption>; put all of them into <context></context>. Then reason from them "
        "in <think></think>. Then give the answer alone in <answer></answer>."
    )
    timed = example("one", context="<time>1.5-4.0</time><caption>a red square</caption>", think="so")
    assert parse(target(timed, "timed"), "timed").errors == ()


def test_context_without_times_is_no_timed_target() -> None:
    with pytest.raises(ValueError, match="one cannot be learnt in timed captions: no timed caption"):
        target(example("one", context="a red square", think="so"), "timed")


def test_prompts_need_no_torch() -> None:
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, training.prompts, training.tiny_params; print('torch' in sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "False"
