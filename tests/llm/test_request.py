"""A request's identity covers what could change the reply, and nothing else."""

import pytest

from llm.prompts import judge_answer, judge_context, judge_logic, paraphrase, rate, rewrite, specificity
from llm.request import MediaPart, Message, Request, Text
from schemas.example import Media
from schemas.llm import Llm
from tests.stages import example

DIGEST = "a" * 64
LLM = Llm(provider="p", model="m")
REQUEST = Request(
    provider="openai",
    model="m",
    prompt="rewrite",
    version=1,
    messages=(
        Message(role="system", parts=(Text(text="be brief"),)),
        Message(role="user", parts=(MediaPart(kind="video", digest=DIGEST, start=0.0, end=2.0), Text(text="what?"))),
    ),
    fields={"question": "what?"},
    max_tokens=64,
)


def said(*parts: Text | MediaPart) -> tuple[Message, ...]:
    return (REQUEST.messages[0], Message(role="user", parts=parts))


@pytest.mark.parametrize(
    "change",
    [
        {"provider": "offline"},
        {"model": "n"},
        {"prompt": "rate"},
        {"version": 2},
        {"max_tokens": 65},
        {"temperature": 0.5},
        {"fields": {"question": "who?"}},
        {"messages": said(MediaPart(kind="video", digest="b" * 64, start=0.0, end=2.0), Text(text="what?"))},
        {"messages": said(MediaPart(kind="video", digest=DIGEST, start=0.5, end=2.0), Text(text="what?"))},
        {"messages": said(MediaPart(kind="audio", digest=DIGEST, start=0.0, end=2.0), Text(text="what?"))},
        {"messages": said(MediaPart(kind="video", digest=DIGEST, start=0.0, end=2.0), Text(text="who?"))},
        {"messages": said(Text(text="what?"), MediaPart(kind="video", digest=DIGEST, start=0.0, end=2.0))},
        {"messages": REQUEST.messages[1:]},
    ],
    ids=str,
)
def test_whatever_could_change_the_reply_changes_the_identity(change: dict[str, object]) -> None:
    changed = REQUEST.model_copy(update=change)
    assert Request.model_validate(changed.model_dump()).identity != REQUEST.identity


def test_equal_requests_have_one_identity() -> None:
    assert Request.model_validate_json(REQUEST.model_dump_json()).identity == REQUEST.identity


def test_where_media_lie_and_who_the_row_is_do_not_enter() -> None:
    medium = Media(kind="video", digest=DIGEST, path="here/a.mp4", has_audio=True)
    one = example("1", question="what?", media=(medium,))
    moved = medium.model_copy(update={"path": "there/b.mp4"})
    other = one.model_copy(update={"id": "made/2", "source_row": "2", "media": (moved,), "source_revision": "9"})
    assert rewrite.request(one, LLM).identity == rewrite.request(other, LLM).identity
    assert rate.request(one, LLM).identity == rate.request(other, LLM).identity


def test_every_prompt_names_itself_and_its_version() -> None:
    row = example("1")
    asked = {
        rewrite: rewrite.request(row, LLM),
        rate: rate.request(row, LLM),
        judge_answer: judge_answer.request(LLM, "q", "r", "c"),
        judge_context: judge_context.request(LLM, "r", "c"),
        judge_logic: judge_logic.request(LLM, "q", "c", "t", "a"),
        paraphrase: paraphrase.request(LLM, "c"),
        specificity: specificity.request(LLM, "c"),
    }
    for module, request in asked.items():
        assert (request.prompt, request.version) == (module.NAME, module.VERSION)
        assert (request.provider, request.model) == ("p", "m")


def test_repair_is_another_request_than_the_first() -> None:
    row = example("1")
    repair = rewrite.Repair(earlier="<think></think>", rule="No block may be empty.", seen="empty think")
    assert rewrite.request(row, LLM).identity != rewrite.request(row, LLM, repair).identity
