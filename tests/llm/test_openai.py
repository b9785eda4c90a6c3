"""The openai provider, with the real SDK, against a server on loopback."""

import asyncio
import base64
import io
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import av
import pytest
from PIL import Image

from llm.engine import Engine
from llm.providers import connect
from llm.request import MediaPart, Message, Outcome, Request, Text
from schemas.llm import LlmLimits
from schemas.values import UserError
from tests.llm.scripted import asked
from tests.llm.server import Answer, Reply, Server, completion, serving
from tests.training.clips import keep, write_picture, write_sound, write_video

KEY = "sk-test-0123456789abcdef"
SOON = {"Retry-After": "0"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with serving(lambda _asked: completion("fine")) as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.address)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        yield running


def ask(folder: Path, request: Request, attempts: int = 3, deadline: float = 30) -> Outcome:
    limits = LlmLimits(concurrency=4, deadline=deadline, attempts=attempts)
    engine = Engine(folder / "responses.sqlite", folder / "blobs", limits)

    async def complete() -> Outcome:
        async with engine.connected():
            (outcome,) = await engine.complete([request])
            return outcome

    with closing(engine):
        return asyncio.run(complete())


def question(text: str = "what?") -> Request:
    return asked(text, provider="openai")


def in_turn(*answers: Answer) -> Reply:
    left = list(answers)
    return lambda _asked: left.pop(0)


def test_answer_comes_with_its_id_and_tokens(server: Server, tmp_path: Path) -> None:
    outcome = ask(tmp_path, question())
    assert (outcome.text, outcome.failure, outcome.request_id) == ("fine", None, "chatcmpl-1")
    assert (outcome.input_tokens, outcome.output_tokens) == (11, 7)
    (arrived,) = server.asked
    assert arrived.key == f"Bearer {KEY}"
    assert (arrived.body["model"], arrived.body["max_tokens"], arrived.body["temperature"]) == ("m", 8, 0.0)
    assert arrived.text == "what?"


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
def test_busy_server_is_asked_again(server: Server, tmp_path: Path, status: int) -> None:
    server.reply = in_turn(Answer(status, {}, SOON), Answer(status, {}, SOON), completion("fine"))
    assert ask(tmp_path, question()).text == "fine"
    assert len(server.asked) == 3


def test_server_that_stays_busy_is_unavailable(server: Server, tmp_path: Path) -> None:
    server.reply = lambda _asked: Answer(500, {}, SOON)
    outcome = ask(tmp_path, question())
    assert (outcome.text, outcome.failure, outcome.detail) == (None, "unavailable", "HTTP 500")
    assert len(server.asked) == 3


@pytest.mark.parametrize("asked_for", ["0.0", "soon", "1.2.3", "²", "-1", "Wed, 21 Oct 2015 07:28:00 GMT", ""])
def test_any_retry_after_is_survived(server: Server, tmp_path: Path, asked_for: str) -> None:
    server.reply = in_turn(Answer(429, {}, {"Retry-After": asked_for.encode().decode("latin-1")}), completion("fine"))
    assert ask(tmp_path, question(), attempts=2).text == "fine"


def test_server_that_is_not_there_is_unavailable(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    outcome = ask(tmp_path, question(), attempts=1)
    assert (outcome.text, outcome.failure) == (None, "unavailable")


@pytest.mark.parametrize("status", [400, 403, 413, 422])
def test_request_that_the_server_refuses_is_rejected_at_once(server: Server, tmp_path: Path, status: int) -> None:
    server.reply = lambda _asked: Answer(status, {"error": {"message": "no"}})
    outcome = ask(tmp_path, question())
    assert (outcome.text, outcome.failure, outcome.detail) == (None, "rejected", f"HTTP {status}")
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [401, 402, 404])
def test_wrong_key_account_or_model_is_a_mistake_and_no_verdict_on_a_row(
    server: Server, tmp_path: Path, status: int
) -> None:
    server.reply = lambda _asked: Answer(status, {"error": {"message": f"Incorrect API key provided: {KEY}"}})
    with pytest.raises(UserError, match=f"HTTP {status}") as caught:
        ask(tmp_path, question())
    assert "\n" not in str(caught.value) and KEY not in str(caught.value)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (completion("half", finish="length"), "truncated"),
        (completion("no", finish="content_filter"), "refused"),
        (completion(None), "unparsable"),
        (completion(""), "unparsable"),
        (completion("half a pair \ud83d"), "unparsable"),
        (
            completion(None, choices=[{"index": 0, "finish_reason": "stop", "message": {"refusal": "I will not"}}]),
            "refused",
        ),
    ],
    ids=["length", "content filter", "no text", "empty text", "lone surrogate", "refusal"],
)
def test_reply_without_a_usable_text_is_a_failure_and_not_asked_for_again(
    server: Server, tmp_path: Path, answer: Answer, failure: str
) -> None:
    server.reply = lambda _asked: answer
    outcome = ask(tmp_path, question())
    assert (outcome.text, outcome.failure) == (None, failure)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b'{"choices": [{"mess'),
        Answer(200, b"<html>maintenance</html>", {"Content-Type": "text/html"}),
        Answer(200, b""),
        Answer(200, [1, 2]),
        Answer(200, {}),
        completion("x", choices=[]),
        completion("x", choices=None),
        completion("x", choices=[{"index": 0, "finish_reason": "stop"}]),
    ],
    ids=["half JSON", "HTML", "empty", "list", "no fields", "no choice", "null choices", "no message"],
)
def test_reply_that_is_no_completion_says_nothing_about_the_row(server: Server, tmp_path: Path, answer: Answer) -> None:
    server.reply = lambda _asked: answer
    outcome = ask(tmp_path, question(), attempts=1)
    assert (outcome.text, outcome.failure) == (None, "unavailable")
    server.reply = lambda _asked: completion("fine")
    assert ask(tmp_path, question()).text == "fine"


def test_reply_without_id_or_usage_is_named_by_its_request(server: Server, tmp_path: Path) -> None:
    server.reply = lambda _asked: completion("fine", id=None, usage=None)
    outcome = ask(tmp_path, question())
    assert (outcome.text, outcome.request_id, outcome.input_tokens) == ("fine", question().identity, 0)


def test_neither_server_nor_key_is_a_mistake_that_names_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(UserError, match=r"OPENAI_API_KEY.*OPENAI_BASE_URL"):
        connect("openai", Path())


def test_key_is_in_no_text_of_the_provider(server: Server) -> None:
    provider = connect("openai", Path())
    assert KEY not in repr(provider) + str(provider) + repr(vars(provider))


# Media


def with_media(*parts: MediaPart) -> Request:
    message = Message(role="user", parts=(*parts, Text(text="what?")))
    return question().model_copy(update={"messages": (message,)})


def test_picture_goes_as_a_jpeg(server: Server, tmp_path: Path) -> None:
    medium = keep(tmp_path / "blobs", write_picture(tmp_path / "red.png", (220, 30, 30)), "image")
    assert ask(tmp_path, with_media(MediaPart(kind="image", digest=medium.digest))).text == "fine"
    picture, text = server.asked[0].parts
    assert (picture["type"], text["type"]) == ("image_url", "text")
    image = decoded(picture["image_url"]["url"])
    assert (image.format, image.size) == ("JPEG", (40, 30))
    red, green, blue = image.getpixel((20, 15))  # type: ignore[misc]
    assert red > 180 and green < 80 and blue < 80


def test_sound_goes_as_a_wav_cut_to_its_stretch(server: Server, tmp_path: Path) -> None:
    medium = keep(tmp_path / "blobs", write_sound(tmp_path / "tone.wav", 900, seconds=2.0), "audio")
    ask(tmp_path, with_media(MediaPart(kind="audio", digest=medium.digest, start=0.5, end=1.0)))
    sound, _ = server.asked[0].parts
    assert (sound["type"], sound["input_audio"]["format"]) == ("input_audio", "wav")
    assert 0.4 < seconds_of(sound) < 0.6


def test_video_goes_as_frames_and_sound(server: Server, tmp_path: Path) -> None:
    medium = keep(tmp_path / "blobs", write_video(tmp_path / "red.mp4", (220, 30, 30), 400), "video")
    ask(tmp_path, with_media(MediaPart(kind="video", digest=medium.digest)))
    kinds = [part["type"] for part in server.asked[0].parts]
    assert kinds == ["image_url", "image_url", "input_audio", "text"]
    assert decoded(server.asked[0].parts[0]["image_url"]["url"]).size == (64, 48)
    assert seconds_of(server.asked[0].parts[2]) > 1.5


def test_silent_video_goes_as_frames_alone(server: Server, tmp_path: Path) -> None:
    medium = keep(tmp_path / "blobs", write_video(tmp_path / "silent.mp4", (30, 30, 220), None), "video")
    assert ask(tmp_path, with_media(MediaPart(kind="video", digest=medium.digest))).text == "fine"
    assert [part["type"] for part in server.asked[0].parts] == ["image_url", "image_url", "text"]


@pytest.mark.parametrize("kind", ["video", "audio", "image"])
def test_unreadable_medium_rejects_its_row_and_stops_nothing(server: Server, tmp_path: Path, kind: str) -> None:
    (tmp_path / "junk").write_bytes(b"no medium " * 50)
    digest = keep(tmp_path / "blobs", tmp_path / "junk", "video").digest
    outcome = ask(tmp_path, with_media(MediaPart.model_validate({"kind": kind, "digest": digest})))
    assert (outcome.text, outcome.failure) == (None, "rejected")
    assert "cannot read" in outcome.detail
    assert server.asked == []


def test_medium_that_is_gone_is_a_mistake_that_names_where_it_was(server: Server, tmp_path: Path) -> None:
    path = write_picture(tmp_path / "red.png", (220, 30, 30))
    medium = keep(tmp_path / "blobs", path, "image")
    path.unlink()
    with pytest.raises(UserError, match=f"{path} is gone"):
        ask(tmp_path, with_media(MediaPart(kind="image", digest=medium.digest)))
    assert server.asked == []


def decoded(address: str) -> Image.Image:
    head, content = address.split(",", 1)
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


def seconds_of(part: dict[str, dict[str, str]]) -> float:
    content = base64.b64decode(part["input_audio"]["data"])
    with av.open(io.BytesIO(content)) as container:
        frames = list(container.decode(audio=0))
        return sum(frame.samples for frame in frames) / frames[0].sample_rate
