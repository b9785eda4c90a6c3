"""The offline provider: rules that answer every prompt, the same way every time, and say so."""

import asyncio
import json
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from llm import prompts
from llm.prompts import (
    judge_answer,
    judge_consistency,
    judge_context,
    judge_logic,
    paraphrase,
    predict,
    rate,
    rewrite,
    specificity,
)
from llm.prompts.scoring import score
from llm.providers import connect
from llm.request import Outcome, ProviderError, Reply, Request
from schemas.completion import FormatName, parse
from schemas.example import Example, Media, Option
from schemas.llm import Llm
from tests.stages import example
from tests.training.clips import keep, write_sound, write_video
from training.prompts import SYSTEM, question_text

JUDGE = Llm(provider="offline", model="rules-1")


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("blobs")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, blobs: Path) -> Media:
    path = write_video(tmp_path_factory.mktemp("clips") / "red.mp4", (220, 30, 30), 400)
    return keep(blobs, path, "video", has_audio=True)


def send(request: Request, blobs: Path) -> Reply:
    return asyncio.run(connect("offline", blobs).send(request, blobs))


def judged(request: Request) -> float | None:
    reply = send(request, Path("no media are needed"))
    return score(Outcome(identity=request.identity, text=reply.text))


def asked(module: object, clip: Media) -> Request:
    row = example("1", media=(clip,), description="a red square moves")
    if module in (rewrite, rate):
        return module.request(row, JUDGE)  # type: ignore[attr-defined]
    if module is predict:
        return predicting(row, "context_first")
    texts = {
        judge_answer: ("q", "red", "red"),
        judge_consistency: ("q", "It is red", "red"),
        judge_context: ("red", "red"),
        judge_logic: ("q", "red", "red", "red"),
        paraphrase: ("A red shape. A beep.",),
        specificity: ("A red shape. A beep.",),
    }
    return module.request(JUDGE, *texts[module])  # type: ignore[attr-defined, index]


def predicting(row: Example, format: FormatName) -> Request:
    return predict.request(row, SYSTEM[format], question_text(row), 64, JUDGE)


PROMPTS = [
    module
    for each in iter_modules(prompts.__path__)
    if hasattr(module := import_module(f"llm.prompts.{each.name}"), "NAME")
]


@pytest.mark.parametrize("module", PROMPTS, ids=lambda module: module.NAME)
def test_every_prompt_is_answered_and_twice_the_same(module: object, clip: Media, blobs: Path) -> None:
    request = asked(module, clip)
    first, second = send(request, blobs), send(request, blobs)
    assert first == second
    assert first.text and first.request_id.startswith("offline-")


@pytest.mark.parametrize("format", ["context_first", "reasoned", "direct"])
def test_question_is_answered_by_what_is_measured_in_the_asked_format(
    format: FormatName, clip: Media, blobs: Path
) -> None:
    row = example("1", media=(clip,), options=(Option(label="A", text="blue"), Option(label="B", text="red")))
    completion = parse(send(predicting(row, format), blobs).text, format)
    assert (completion.answer, completion.errors) == ("B", ())


def test_unknown_prompt_is_rejected(clip: Media, blobs: Path) -> None:
    with pytest.raises(ProviderError, match="no rule for prompt 'translate'") as caught:
        send(asked(rewrite, clip).model_copy(update={"prompt": "translate"}), blobs)
    assert caught.value.failure == "rejected"


def test_rewrite_says_what_is_measured_and_keeps_the_answer(clip: Media, blobs: Path) -> None:
    completion = parse(send(asked(rewrite, clip), blobs).text)
    assert completion.errors == ()
    assert completion.answer == "A"
    assert "red" in completion.body("context")
    assert completion.body("think")


def test_rewrite_keeps_what_the_publisher_wrote(blobs: Path) -> None:
    row = example("1", context="The scene.", think="Therefore.")
    completion = parse(send(rewrite.request(row, JUDGE), blobs).text)
    assert (completion.body("context"), completion.body("think")) == ("The scene.", "Therefore.")


@pytest.mark.parametrize("hertz", [None, 400.0])
def test_sound_alone_or_no_medium_at_all_can_be_rewritten(tmp_path: Path, hertz: float | None) -> None:
    media = () if hertz is None else (keep(tmp_path / "b", write_sound(tmp_path / "t.wav", hertz), "audio"),)
    row = example("1", media=media, description="a tone is heard")
    reply = send(rewrite.request(row, JUDGE), tmp_path / "b")
    assert parse(reply.text).errors == ()


def rated(row: Example, blobs: Path) -> dict[str, float]:
    verdict = rate.parse(send(rate.request(row, JUDGE), blobs).text)
    return {rating.name: rating.value for rating in verdict.ratings}


def test_rating_tells_a_row_that_its_clip_answers_from_one_that_it_does_not(clip: Media, blobs: Path) -> None:
    seen = rated(example("1", media=(clip,), answer="A", context="a red square"), blobs)
    unseen = rated(example("1", media=(clip,), answer="B", context="a red square"), blobs)
    assert seen["video_dependency"] > unseen["video_dependency"]
    assert rate.composite(seen) > rate.composite(unseen)


def test_better_context_scores_higher() -> None:
    reference = "a red square moves left while a low tone sounds"
    low, middle, high = (
        judged(judge_context.request(JUDGE, reference, text)) for text in ("nothing", "a red square", reference)
    )
    assert low == 0 and high == 1
    assert middle is not None and 0 < middle < 1


def test_reasoning_that_ends_in_another_answer_scores_nothing() -> None:
    fits = judged(judge_logic.request(JUDGE, "which colour?", "a red square", "the square is red", "red"))
    other = judged(judge_logic.request(JUDGE, "which colour?", "a red square", "the square is red", "blue"))
    assert other == 0 and fits is not None and fits > 0.5


def test_answers_in_the_same_words_agree() -> None:
    assert judged(judge_answer.request(JUDGE, "q", "a red square", "red square")) == 1
    assert judged(judge_answer.request(JUDGE, "q", "a red square", "a blue tone")) == 0


def test_replies_are_of_the_asked_form(clip: Media, blobs: Path) -> None:
    assert set(json.loads(send(asked(rate, clip), blobs).text)) == {*rate.DIMENSIONS, "category"}
    assert set(json.loads(send(asked(judge_logic, clip), blobs).text)) == {"score"}


def test_paraphrase_has_other_words_in_another_order() -> None:
    reply = send(paraphrase.request(JUDGE, "A red shape moves left. Two high beeps."), Path("no media are needed"))
    assert reply.text == "Two high peeps. A red figure goes left."


def test_facts_are_content_words_of_picture_and_of_sound() -> None:
    text = "a red shape moves left . two high beeps ."
    reply = send(specificity.request(JUDGE, text), Path("no media are needed"))
    assert specificity.count(text, specificity.parse(reply.text)) == (4, 3, 0)
