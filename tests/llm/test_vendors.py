"""The server answers and fails as the vendors' own clients expect it."""

import base64
import json
from typing import Any

import aiohttp
import openai
import pytest
from google.genai import errors, types

from tests.llm.vendors.clients import KEY, SESSION, chat, failing, generate, with_gemini, with_openai
from tests.llm.vendors.faults import Behaviour, Fault
from tests.llm.vendors.protocol import Answer
from tests.llm.vendors.question import REPLY_LENGTH, Question
from tests.llm.vendors.server import serving

pytestmark = pytest.mark.filterwarnings(SESSION)
SCHEMA = {
    "type": "object",
    "properties": {"score": {"type": "number"}, "why": {"type": "string"}, "kind": {"enum": ["a", "b"]}},
    "required": ["score", "why", "kind"],
    "additionalProperties": False,
}


def test_both_clients_get_a_long_answer_of_their_own_to_each_question() -> None:
    with serving() as vendors:
        one = chat(vendors, "one")
        two = generate(vendors, "two")
    texts = [one.choices[0].message.content, two.text]
    assert [len(text) for text in texts] == [REPLY_LENGTH, REPLY_LENGTH]
    assert texts[0] != texts[1]
    assert one.usage.total_tokens == one.usage.prompt_tokens + one.usage.completion_tokens
    assert two.usage_metadata.candidates_token_count == one.usage.completion_tokens
    assert vendors.counters.api_keys == {KEY}


def test_question_means_the_same_to_both_vendors() -> None:
    seen: list[Question] = []

    def say(question: Question) -> str:
        seen.append(question)
        return "A whistle."

    picture = base64.b64encode(b"picture").decode()
    with serving(say=say) as vendors:
        chat(
            vendors,
            [
                {"type": "text", "text": "What is seen?"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}},
            ],
        )
        generate(vendors, ["What is seen?", types.Part.from_bytes(data=b"picture", mime_type="image/png")])
    one, two = seen
    assert (one.text, one.model, one.media) == (two.text, two.model, two.media)
    assert one.content == two.content
    assert (one.attempt, two.attempt) == (1, 2)
    assert vendors.counters.repeats == 1


def test_reply_fits_the_schema_that_is_asked_for() -> None:
    described: Any = {"type": "json_schema", "json_schema": {"name": "score", "schema": SCHEMA, "strict": True}}
    with serving() as vendors:
        one = json.loads(chat(vendors, response_format=described).choices[0].message.content)
        two = json.loads(generate(vendors, response_mime_type="application/json", response_json_schema=SCHEMA).text)
    assert one == two
    assert (one["score"], one["kind"]) == (1, "a")


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,not base64"}},
        {"type": "image_url", "image_url": {"url": "https://elsewhere/picture.png"}},
        {"type": "video_url", "video_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}},
        {"type": "sound"},
    ],
)
def test_part_without_decodable_content_is_a_bad_request(part: dict[str, Any]) -> None:
    with serving() as vendors, pytest.raises(openai.BadRequestError):
        chat(vendors, [part])


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("overloaded", openai.RateLimitError),
        ("quota", openai.RateLimitError),
        ("error", openai.InternalServerError),
        ("unavailable", openai.InternalServerError),
        ("unauthorized", openai.AuthenticationError),
        ("unknown_model", openai.NotFoundError),
        ("drop", openai.APIConnectionError),
        ("cut", openai.APIConnectionError),
        ("hang", openai.APITimeoutError),
        ("malformed", json.JSONDecodeError),
    ],
)
def test_fault_reaches_the_client_of_openai_as_its_own_exception(fault: Fault, expected: type[Exception]) -> None:
    with serving(say=failing(fault)) as vendors, pytest.raises(expected):
        chat(vendors, timeout=0.2 if fault == "hang" else 20)
    assert vendors.counters.faults == {fault: 1}
    assert vendors.counters.answered.total() == 0


@pytest.mark.parametrize(
    ("fault", "code", "name"),
    [
        ("overloaded", 429, "RESOURCE_EXHAUSTED"),
        ("quota", 429, "RESOURCE_EXHAUSTED"),
        ("error", 500, "INTERNAL"),
        ("unavailable", 503, "UNAVAILABLE"),
        ("unauthorized", 400, "INVALID_ARGUMENT"),
        ("unknown_model", 404, "NOT_FOUND"),
    ],
)
def test_fault_reaches_the_client_of_gemini_as_its_own_exception(fault: Fault, code: int, name: str) -> None:
    with serving(say=failing(fault)) as vendors, pytest.raises(errors.APIError) as raised:
        generate(vendors)
    assert (raised.value.code, raised.value.status) == (code, name)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("cut", aiohttp.ClientPayloadError),
        ("drop", aiohttp.ServerDisconnectedError),
        ("hang", TimeoutError),
        ("malformed", json.JSONDecodeError),
    ],
)
def test_broken_connection_reaches_the_client_of_gemini(fault: Fault, expected: type[Exception]) -> None:
    with serving(say=failing(fault)) as vendors, pytest.raises(expected):
        generate(vendors, http_options=types.HttpOptions(timeout=200 if fault == "hang" else 20_000))


def test_error_names_the_time_to_wait_the_quota_and_the_key() -> None:
    with serving(Behaviour(retry_after=3.5), failing("overloaded")) as vendors:
        with pytest.raises(openai.RateLimitError) as one:
            chat(vendors)
        with pytest.raises(errors.APIError) as two:
            generate(vendors)
        vendors.desk.say = failing("quota")
        with pytest.raises(openai.RateLimitError) as three:
            chat(vendors)
        with pytest.raises(errors.APIError) as four:
            generate(vendors)
    assert one.value.response.headers["retry-after"] == "3.5"
    assert "'retryDelay': '3.5s'" in str(two.value)
    assert three.value.code == "insufficient_quota"
    assert "retry-after" not in three.value.response.headers
    assert "PerDay" in str(four.value)
    assert all(KEY in str(error.value) for error in (one, two, three, four))


def test_held_back_and_cut_replies_say_so() -> None:
    with serving() as vendors:
        ends = {}
        for fault in ("blocked", "blocked_prompt", "length"):
            vendors.desk.say = failing(fault)
            choice = chat(vendors).choices[0]
            ends[fault] = (choice.finish_reason, bool(choice.message.content), bool(choice.message.refusal))
            reply = generate(vendors)
            feedback = reply.prompt_feedback and reply.prompt_feedback.block_reason.value
            ends[fault] += (feedback, reply.candidates and reply.candidates[0].finish_reason.value)
    assert ends == {
        "blocked": ("content_filter", False, False, None, "SAFETY"),
        "blocked_prompt": ("stop", False, True, "PROHIBITED_CONTENT", None),
        "length": ("length", True, False, None, "MAX_TOKENS"),
    }


def test_models_are_listed_to_both_clients() -> None:
    async def listed(client: Any) -> list[str]:
        return [model.name async for model in await client.models.list()]

    async def known(client: openai.AsyncOpenAI) -> list[str]:
        return [model.id async for model in client.models.list()]

    with serving(Behaviour(models=("large", "small"))) as vendors:
        assert with_openai(vendors, known) == ["large", "small"]
        assert with_gemini(vendors, listed) == ["models/large", "models/small"]


def test_only_known_keys_and_models_are_served() -> None:
    with serving(Behaviour(api_keys=frozenset({"another"}))) as vendors:
        with pytest.raises(openai.AuthenticationError):
            chat(vendors)
        with pytest.raises(errors.ClientError, match="API_KEY_INVALID"):
            generate(vendors)
    with serving(Behaviour(models=("large",))) as vendors:
        with pytest.raises(openai.NotFoundError):
            chat(vendors)
        with pytest.raises(errors.ClientError, match="NOT_FOUND"):
            generate(vendors)


def test_whole_answer_can_be_made_by_hand_and_a_mistake_in_making_it_comes_to_light() -> None:
    def unpaid(question: Question) -> Answer:
        return Answer(402, b'{"error": {"message": "pay"}}')

    def mistaken(question: Question) -> str:
        return str(1 // 0)

    with serving(say=unpaid) as vendors, pytest.raises(openai.APIStatusError) as raised:
        chat(vendors)
    assert raised.value.status_code == 402
    with pytest.raises(ZeroDivisionError), serving(say=mistaken) as vendors, pytest.raises(openai.APIConnectionError):
        chat(vendors)


def test_cut_of_a_clip_and_its_thinking_arrive_as_the_client_names_them() -> None:
    seen: list[Question] = []

    def say(question: Question) -> str:
        seen.append(question)
        return "A cup."

    cut = types.VideoMetadata(start_offset="1.5s", end_offset="3s", fps=2)
    clip = types.Part(inline_data=types.Blob(data=b"clip", mime_type="video/mp4"), video_metadata=cut)
    with serving(say=say) as vendors:
        reply = generate(vendors, [clip], thinking_config=types.ThinkingConfig(thinking_budget=7))
    assert seen[0].media[0].video == {"startOffset": "1.5s", "endOffset": "3s", "fps": 2.0}
    assert reply.usage_metadata.thoughts_token_count == 7


def test_tokens_are_counted_without_an_answer() -> None:
    with serving() as vendors:
        counted = with_gemini(vendors, lambda client: client.models.count_tokens(model="m", contents="x" * 400))
    assert counted.total_tokens == 100
    assert vendors.counters.asked.total() == 0
