"""Files and batches at Gemini's side of the server, by its own client."""

import io
import json
from typing import Any

import pytest
from google.genai import errors, types

from tests.llm.vendors.clients import SESSION, generate, with_gemini
from tests.llm.vendors.faults import Behaviour, Faulted
from tests.llm.vendors.question import Question
from tests.llm.vendors.server import Vendors, serving

pytestmark = pytest.mark.filterwarnings(SESSION)


def upload(vendors: Vendors, content: bytes, **settings: str) -> types.File:
    asked = types.UploadFileConfig(mime_type="video/mp4", **settings)  # type: ignore[arg-type]
    return with_gemini(vendors, lambda client: client.files.upload(file=io.BytesIO(content), config=asked))


def ask_about(vendors: Vendors, file: types.File) -> Any:
    assert file.uri
    return generate(vendors, [types.Part.from_uri(file_uri=file.uri, mime_type="video/mp4"), "What is seen?"])


def look(vendors: Vendors, file: types.File) -> str:
    return with_gemini(vendors, lambda client: client.files.get(name=file.name)).state.value


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
def test_file_of_many_chunks_is_processed_then_used_then_deleted() -> None:
    content = b"frame " * 2_000_000  # the client sends 8 MiB at a time
    with serving(Behaviour(polls=2)) as vendors:
        file = upload(vendors, content, name="clip-1")
        assert (file.name, file.state, file.size_bytes) == ("files/clip-1", types.FileState.PROCESSING, 12_000_000)
        with pytest.raises(errors.ClientError, match="not in an ACTIVE state"):
            ask_about(vendors, file)
        assert [look(vendors, file) for _ in range(3)] == ["PROCESSING", "PROCESSING", "ACTIVE"]
        assert ask_about(vendors, file).text
        with_gemini(vendors, lambda client: client.files.delete(name=file.name))
        with pytest.raises(errors.ClientError, match="403 PERMISSION_DENIED"):
            ask_about(vendors, file)


def test_file_is_gone_after_its_time() -> None:
    with serving(Behaviour(polls=0)) as vendors:
        file = upload(vendors, b"clip")
        vendors.files.expire()
        with pytest.raises(errors.ClientError, match="403 PERMISSION_DENIED"):
            look(vendors, file)
    with serving(Behaviour(lifetime=0)) as vendors:
        file = upload(vendors, b"clip")
        with pytest.raises(errors.ClientError, match="403 PERMISSION_DENIED"):
            ask_about(vendors, file)


def test_same_content_uploaded_twice_is_counted_and_asks_the_same_question() -> None:
    seen: list[str] = []

    def say(question: Question) -> str:
        seen.append(question.content)
        return "A cup."

    with serving(Behaviour(polls=0), say) as vendors:
        for _ in range(2):
            ask_about(vendors, upload(vendors, b"clip"))
    assert list(vendors.counters.uploads.values()) == [2]
    assert len(set(seen)) == 1


def test_upload_fails_for_a_taken_name_a_bad_name_and_a_full_store() -> None:
    with serving(Behaviour(storage=10)) as vendors:
        upload(vendors, b"clip", name="clip-1")
        for settings, message in (
            ({"name": "clip-1"}, "ALREADY_EXISTS"),
            ({"name": "Clip 1"}, "INVALID_ARGUMENT"),
            ({}, "file_storage_bytes"),
        ):
            with pytest.raises(errors.ClientError, match=message):
                upload(vendors, b"clip 23", **settings)


def test_file_that_cannot_be_processed_ends_as_failed() -> None:
    with serving(Behaviour(polls=1)) as vendors:
        file = upload(vendors, b"no clip")
        vendors.files.unreadable.add(next(iter(vendors.counters.uploads)))
        assert [look(vendors, file) for _ in range(2)] == ["PROCESSING", "FAILED"]


def wait_for(vendors: Vendors, source: Any) -> tuple[list[str], Any]:
    async def watch(client: Any) -> tuple[list[str], Any]:
        job = await client.batches.create(model="m", src=source)
        states = [job.state.value]
        while not job.done:
            job = await client.batches.get(name=job.name)
            states.append(job.state.value)
        return states, job

    return with_gemini(vendors, watch)


def refusing_two(question: Question) -> str:
    if question.text == "two":
        raise Faulted("error")
    return question.text.upper()


def test_batch_of_inline_questions_is_answered_one_by_one() -> None:
    asked = [
        types.InlinedRequest(contents=[types.Content(role="user", parts=[types.Part(text=text)])])
        for text in ("one", "two", "three")
    ]
    with serving(Behaviour(polls=1), refusing_two) as vendors:
        states, job = wait_for(vendors, asked)
    assert states == ["JOB_STATE_PENDING", "JOB_STATE_RUNNING", "JOB_STATE_SUCCEEDED"]
    one, two, three = job.dest.inlined_responses
    assert (one.response.text, two.error.code, three.response.text) == ("ONE", 500, "THREE")


def test_batch_of_a_file_is_answered_by_a_file() -> None:
    lines = [
        {"key": text, "request": {"contents": [{"role": "user", "parts": [{"text": text}]}]}} for text in ("one", "two")
    ]
    content = "\n".join(json.dumps(line) for line in lines).encode()
    with serving(Behaviour(polls=0), refusing_two) as vendors:
        file = upload(vendors, content)
        _, job = wait_for(vendors, file.name)
        told = with_gemini(vendors, lambda client: client.files.download(file=job.dest.file_name))
    one, two = (json.loads(line) for line in told.splitlines())
    assert (one["key"], one["response"]["candidates"][0]["content"]["parts"][0]["text"]) == ("one", "ONE")
    assert (two["key"], two["error"]["status"]) == ("two", "INTERNAL")


def test_batch_can_be_cancelled_or_expire_unanswered() -> None:
    asked = [types.InlinedRequest(contents=[types.Content(role="user", parts=[types.Part(text="one")])])]

    async def cancelled(client: Any) -> Any:
        job = await client.batches.create(model="m", src=asked)
        await client.batches.cancel(name=job.name)
        return await client.batches.get(name=job.name)

    with serving() as vendors:
        assert with_gemini(vendors, cancelled).state.value == "JOB_STATE_CANCELLED"
        job = with_gemini(vendors, lambda client: client.batches.create(model="m", src=asked))
        vendors.batches.lose("EXPIRED")
        assert with_gemini(vendors, lambda client: client.batches.get(name=job.name)).state.value == "JOB_STATE_EXPIRED"
    assert vendors.counters.asked.total() == 0
