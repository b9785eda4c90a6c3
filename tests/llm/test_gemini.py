"""The gemini provider, with the real SDK, against a server on loopback."""

import asyncio
import base64
import io
import json
import traceback
import wave
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from PIL import Image

from llm.engine import Engine
from llm.providers.gemini import connect
from llm.providers.gemini_messages import THINKING_ROOM
from llm.request import Failure, MediaPart, Message, Outcome, ProviderError, Reply, Text
from media.errors import MediaError
from schemas.example import MediaKind
from schemas.llm import VideoInput
from schemas.values import UserError
from tests.llm.scripted import asked
from tests.llm.talking import KEY, Talk, ask, failed, question, talking
from tests.llm.vendors.faults import Behaviour, Fault
from tests.llm.vendors.protocol import Answer
from tests.llm.vendors.question import Medium
from tests.training.clips import keep, write_picture, write_sound, write_video


@pytest.fixture
def talk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Talk]:
    with talking(monkeypatch, Behaviour(retry_after=0.5)) as talk:
        yield talk


def generated(finish: str | None = "STOP", text: str | None = "fine", **changes: object) -> Answer:
    """A response as the server sends it; None leaves a field out."""
    candidate: dict[str, object] = {} if text is None else {"content": {"role": "model", "parts": [{"text": text}]}}
    candidate |= {} if finish is None else {"finishReason": finish}
    usage = {"promptTokenCount": 11, "candidatesTokenCount": 7, "thoughtsTokenCount": 30}
    body = {"candidates": [candidate], "usageMetadata": usage, "responseId": "r-1"} | changes
    return Answer(200, json.dumps(body).encode())


def test_answer_comes_with_its_id_tokens_and_end(talk: Talk, tmp_path: Path) -> None:
    talk.answer = generated()
    (reply,) = ask(tmp_path, question())
    assert reply == Reply(text="fine", request_id="r-1", input_tokens=11, output_tokens=37, finish="STOP")
    assert talk.vendors.counters.api_keys == {KEY}


def test_words_of_system_and_user_arrive_with_the_decoding(talk: Talk, tmp_path: Path) -> None:
    spoken = (Message(role="system", parts=(Text(text="be brief"),)), *question().messages)
    ask(tmp_path, question(messages=spoken, temperature=0.3, thinking=100, reply={"type": "object"}))
    (arrived,) = talk.questions
    assert (arrived.model, arrived.system, arrived.text) == ("m", "be brief", "what?")
    assert arrived.body["generationConfig"] == {
        "temperature": 0.3,
        "maxOutputTokens": 8 + 100,
        "thinkingConfig": {"thinking_budget": 100},  # as the SDK writes it; both spellings are protobuf's
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object"},
    }


def test_model_that_decides_itself_how_long_to_think_has_room_for_it(talk: Talk, tmp_path: Path) -> None:
    ask(tmp_path, question())
    assert talk.questions[0].body["generationConfig"] == {"temperature": 0.0, "maxOutputTokens": 8 + THINKING_ROOM}


def test_model_told_not_to_think_has_no_room_for_it(talk: Talk, tmp_path: Path) -> None:
    ask(tmp_path, question(thinking=0))
    config = talk.questions[0].body["generationConfig"]
    assert (config["maxOutputTokens"], config["thinkingConfig"]) == (8, {"thinking_budget": 0})


def test_thoughts_are_no_part_of_the_text(talk: Talk, tmp_path: Path) -> None:
    parts = [{"text": "let me see", "thought": True}, {"text": "fi"}, {"text": "ne"}]
    talk.answer = generated(candidates=[{"content": {"parts": parts}, "finishReason": "STOP"}])
    assert [reply.text for reply in ask(tmp_path, question())] == ["fine"]


def test_answer_without_id_or_usage_is_named_by_its_request(talk: Talk, tmp_path: Path) -> None:
    talk.answer = Answer(200, b'{"candidates": [{"content": {"parts": [{"text": "fine"}]}, "finishReason": "STOP"}]}')
    (reply,) = ask(tmp_path, question())
    assert (reply.text, reply.request_id, reply.input_tokens) == ("fine", question().identity, 0)


# Replies that are no answers


@pytest.mark.parametrize(
    ("answer", "failure", "told"),
    [
        (generated("SAFETY", None), "refused", "SAFETY"),
        (generated("RECITATION", None), "refused", "RECITATION"),
        (generated("PROHIBITED_CONTENT", None), "refused", "PROHIBITED_CONTENT"),
        (generated("SPII", None), "refused", "SPII"),
        (generated(candidates=[], promptFeedback={"blockReason": "BLOCKLIST"}), "refused", "BLOCKLIST"),
        (generated("MAX_TOKENS", "half"), "truncated", "MAX_TOKENS"),
        (generated("CONTINUATION", "half"), "truncated", "CONTINUATION"),
        (generated("OTHER", None), "unparsable", "OTHER"),
        (generated("SOME_NEW_WORD", "x"), "unparsable", "SOME_NEW_WORD"),
        (generated("STOP", None), "unparsable", "no text"),
        (generated("STOP", ""), "unparsable", "no text"),
        (generated("STOP", "half a pair \ud83d"), "unparsable", "half a character"),
    ],
)
def test_reply_that_is_no_answer_is_a_final_failure(
    talk: Talk, tmp_path: Path, answer: Answer, failure: Failure, told: str
) -> None:
    talk.answer = answer
    error = failed(tmp_path, question())
    assert (error.failure, error.can_succeed_later) == (failure, False)
    assert told in error.detail
    assert len(talk.questions) == 1


def test_reply_cut_short_is_kept_with_what_it_cost(talk: Talk, tmp_path: Path) -> None:
    talk.answer = generated("MAX_TOKENS", "half")
    reply = failed(tmp_path, question()).reply
    assert reply == Reply(text="half", request_id="r-1", input_tokens=11, output_tokens=37, finish="MAX_TOKENS")


def test_refused_prompt_is_kept_with_what_it_cost(talk: Talk, tmp_path: Path) -> None:
    talk.answer = generated(candidates=[], promptFeedback={"blockReason": "SAFETY"})
    reply = failed(tmp_path, question()).reply
    assert reply and (reply.text, reply.input_tokens, reply.finish) == ("", 11, "SAFETY")


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b'{"candidates": [{"con'),
        Answer(200, b"<html>maintenance</html>"),
        Answer(200, b""),
        Answer(200, b"[1, 2]"),
        Answer(200, b"[" * 100_000),
        Answer(200, b"\xff\xfe"),
        Answer(200, b'{"candidates": 3}'),
        Answer(200, b'{"candidates": [{"content": {"parts": [{"text": 7}]}}]}'),
        Answer(200, b"{}"),
        Answer(204, b""),
        generated(finish=None),
    ],
    ids=["half JSON", "HTML", "empty", "list", "deep", "bytes", "number", "no string", "no fields", "204", "no end"],
)
def test_body_that_is_no_reply_says_nothing_about_the_row(talk: Talk, tmp_path: Path, answer: Answer) -> None:
    talk.answer = answer
    assert failed(tmp_path, question()).failure == "unavailable"


# Errors


@pytest.mark.parametrize(
    ("fault", "failure", "retry_after"),
    [
        ("overloaded", "overloaded", 0.5),
        ("unavailable", "overloaded", None),
        ("error", "unavailable", None),
        ("drop", "unavailable", None),
        ("cut", "unavailable", None),
        ("malformed", "unavailable", None),
        ("quota", "exhausted", None),
        ("bad_request", "rejected", None),
        ("blocked", "refused", None),
        ("blocked_prompt", "refused", None),
        ("length", "truncated", None),
    ],
)
def test_fault_becomes_what_it_means_after_one_attempt(
    talk: Talk, tmp_path: Path, fault: Fault, failure: Failure, retry_after: float | None
) -> None:
    talk.fault = fault
    error = failed(tmp_path, question())
    assert (error.failure, error.retry_after) == (failure, retry_after)
    assert len(talk.questions) == 1


def test_call_that_is_given_up_can_be_made_again(talk: Talk, tmp_path: Path) -> None:
    async def twice() -> str:
        provider = connect(tmp_path / "state")
        try:
            talk.fault = "hang"
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await provider.send(question(), tmp_path)
            talk.fault = None
            return (await provider.send(question(), tmp_path)).text
        finally:
            await provider.close()

    assert asyncio.run(twice()) == "fine"


@pytest.mark.parametrize(("status", "failure"), [(408, "unavailable"), (413, "rejected"), (502, "unavailable")])
def test_status_decides_where_the_body_says_nothing(talk: Talk, tmp_path: Path, status: int, failure: Failure) -> None:
    talk.answer = Answer(status, b"{}")
    assert failed(tmp_path, question()).failure == failure


@pytest.mark.parametrize(
    ("asked_for", "understood"), [("2", 2.0), ("soon", None), ("999999999999", None), ("-1", None)]
)
def test_retry_after_is_taken_from_the_header_too(
    talk: Talk, tmp_path: Path, asked_for: str, understood: float | None
) -> None:
    talk.answer = Answer(429, b"{}", {"Retry-After": asked_for})
    error = failed(tmp_path, question())
    assert (error.failure, error.retry_after) == ("overloaded", understood)


def test_server_that_is_not_there_is_unavailable(talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_BASE_URL", "http://127.0.0.1:9")
    assert failed(tmp_path, question()).failure == "unavailable"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("unauthorized", "correct GEMINI_API_KEY"),
        ("unknown_model", "model 'm'"),
        (Answer(401, b'{"error": {"message": "no"}}'), "correct GEMINI_API_KEY"),
        (Answer(403, b'{"error": {"message": "API has not been used in project"}}'), "API has not been used"),
        (Answer(400, b'{"error": {"status": "FAILED_PRECONDITION", "message": "User location"}}'), "User location"),
        (generated("PUP_LIMITED_DISABLED", None), "policy"),
    ],
)
def test_wrong_key_account_or_model_is_a_mistake_and_no_verdict_on_a_row(
    talk: Talk, tmp_path: Path, answer: Fault | Answer, told: str
) -> None:
    if isinstance(answer, str):
        talk.fault = answer
    else:
        talk.answer = answer
    with pytest.raises(UserError, match=told) as caught:
        ask(tmp_path, question())
    assert "\n" not in str(caught.value)
    assert len(talk.questions) == 1


@pytest.mark.parametrize("fault", ["overloaded", "error", "quota", "bad_request", "unauthorized", "unknown_model"])
def test_key_that_the_server_repeats_is_in_no_word_of_ours(talk: Talk, tmp_path: Path, fault: Fault) -> None:
    talk.fault = fault
    with pytest.raises((ProviderError, UserError)) as caught:
        ask(tmp_path, question())
    error = caught.value
    outcome = Outcome(identity="x", failure="rejected", detail=getattr(error, "detail", str(error)))
    printed = "".join(traceback.format_exception(error))
    assert KEY not in "".join((str(error), repr(error), repr(outcome), printed))


def test_key_that_the_server_repeats_is_not_in_the_response_log(talk: Talk, tmp_path: Path) -> None:
    talk.fault = "bad_request"
    engine = Engine(tmp_path / "state" / "responses.sqlite", tmp_path / "blobs")

    async def complete() -> list[Outcome]:
        async with engine.connected():
            return await engine.complete([question()])

    with closing(engine):
        (outcome,) = asyncio.run(complete())
    assert (outcome.failure, KEY in repr(outcome)) == ("rejected", False)
    assert not any(
        KEY.encode() in path.read_bytes() for path in (tmp_path / "state").rglob("*.sqlite*") if path.is_file()
    )


def test_key_is_in_no_text_of_the_provider_nor_in_what_it_keeps(talk: Talk, tmp_path: Path) -> None:
    provider = connect(tmp_path / "state")
    try:
        assert KEY not in repr(provider) + str(provider) + repr(vars(provider))
    finally:
        asyncio.run(provider.close())
    for path in (tmp_path / "state").iterdir():
        assert KEY.encode() not in path.read_bytes()


# Connecting


def test_key_may_be_called_by_googles_name(talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEMINI_API_KEY")
    monkeypatch.setenv("GOOGLE_API_KEY", "other-key")
    ask(tmp_path, question())
    assert talk.vendors.counters.api_keys == {"other-key"}


def test_where_both_are_given_googles_name_wins_as_in_the_sdk(
    talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", "other-key")
    ask(tmp_path, question())
    assert talk.vendors.counters.api_keys == {"other-key"}


def test_missing_key_is_a_mistake_that_names_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    with pytest.raises(UserError, match=r"GEMINI_API_KEY.*GOOGLE_API_KEY"):
        connect(tmp_path)


def test_calls_go_by_the_fast_transport(talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*given: object, **named: object) -> None:
        raise AssertionError("the SDK took its slow transport")

    monkeypatch.setattr(httpx2.AsyncClient, "send", refuse)
    assert [reply.text for reply in ask(tmp_path, question())] == ["fine"]


def test_settings_of_the_vendors_cloud_do_not_lead_elsewhere(
    talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p")
    assert [reply.text for reply in ask(tmp_path, question())] == ["fine"]


def test_many_calls_go_side_by_side(talk: Talk, tmp_path: Path) -> None:
    requests = [asked(f"what is {number}?", provider="gemini") for number in range(50)]
    assert [reply.text for reply in ask(tmp_path, *requests)] == ["fine"] * 50
    assert len(talk.vendors.counters.answered) == 50


# Media


def medium(folder: Path, path: Path, kind: MediaKind, **cut: float) -> MediaPart:
    return MediaPart(kind=kind, digest=keep(folder / "blobs", path, kind).digest, **cut)


def shown(talk: Talk) -> Medium:
    """The only medium, as it arrived."""
    (medium,) = talk.questions[-1].media
    return medium


def content(talk: Talk) -> bytes:
    (encoded,) = (part["inlineData"]["data"] for part in talk.questions[-1].body["contents"][0]["parts"][:-1])
    return base64.urlsafe_b64decode(encoded)


@pytest.mark.parametrize(("suffix", "mime"), [("png", "image/png"), ("jpg", "image/jpeg"), ("webp", "image/webp")])
def test_picture_goes_as_it_lies(talk: Talk, tmp_path: Path, suffix: str, mime: str) -> None:
    path = write_picture(tmp_path / f"red.{suffix}", (220, 30, 30))
    ask(tmp_path, question(medium(tmp_path, path.rename(tmp_path / "misnamed.txt"), "image")))
    assert shown(talk).mime == mime
    assert content(talk) == (tmp_path / "misnamed.txt").read_bytes()


def test_picture_that_lies_on_its_side_is_set_upright(talk: Talk, tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (40, 30), (220, 30, 30)).save(tmp_path / "red.jpg", exif=turned)
    ask(tmp_path, question(medium(tmp_path, tmp_path / "red.jpg", "image")))
    picture = Image.open(io.BytesIO(content(talk)))
    assert (picture.format, picture.size) == ("JPEG", (30, 40))


def test_picture_of_another_format_goes_as_jpeg(talk: Talk, tmp_path: Path) -> None:
    ask(tmp_path, question(medium(tmp_path, write_picture(tmp_path / "red.gif", (220, 30, 30)), "image")))
    assert shown(talk).mime == "image/jpeg"
    assert Image.open(io.BytesIO(content(talk))).format == "JPEG"


def test_whole_sound_goes_as_it_lies(talk: Talk, tmp_path: Path) -> None:
    path = write_sound(tmp_path / "tone.wav", 900)
    ask(tmp_path, question(medium(tmp_path, path, "audio")))
    assert (shown(talk).mime, content(talk)) == ("audio/wav", path.read_bytes())


def test_cut_sound_goes_as_a_wav_of_its_stretch(talk: Talk, tmp_path: Path) -> None:
    path = write_sound(tmp_path / "tone.wav", 900, seconds=2.0)
    ask(tmp_path, question(medium(tmp_path, path, "audio", start=0.5, end=1.0)))
    with wave.open(io.BytesIO(content(talk))) as sound:
        assert 0.4 < sound.getnframes() / sound.getframerate() < 0.6


def test_sound_of_a_clip_goes_as_a_wav(talk: Talk, tmp_path: Path) -> None:
    path = write_video(tmp_path / "red.mp4", (220, 30, 30), 400)
    ask(tmp_path, question(medium(tmp_path, path, "audio")))
    assert (shown(talk).mime, content(talk)[:4]) == ("audio/wav", b"RIFF")


@pytest.mark.parametrize(
    ("suffix", "mime"),
    [("mp4", "video/mp4"), ("mov", "video/mov"), ("mkv", "video/x-matroska"), ("avi", "video/avi")],
)
def test_clip_goes_as_it_lies(talk: Talk, tmp_path: Path, suffix: str, mime: str) -> None:
    path = write_video(tmp_path / f"red.{suffix}", (220, 30, 30), None)
    ask(tmp_path, question(medium(tmp_path, path.rename(tmp_path / "clip"), "video")))
    assert (shown(talk).mime, content(talk)) == (mime, (tmp_path / "clip").read_bytes())


def test_clip_is_cut_and_sampled_by_the_server(talk: Talk, tmp_path: Path) -> None:
    path = write_video(tmp_path / "red.mp4", (220, 30, 30), 400)
    part = medium(tmp_path, path, "video", start=0.25, end=1.5)
    ask(tmp_path, question(part, video=VideoInput(fps=2.5)))
    assert shown(talk).video == {"startOffset": "0.250s", "endOffset": "1.500s", "fps": 2.5}


def test_more_frames_than_gemini_takes_are_a_mistake(talk: Talk, tmp_path: Path) -> None:
    part = medium(tmp_path, write_video(tmp_path / "red.mp4", (220, 30, 30), None), "video")
    with pytest.raises(UserError, match=r"24 frames a second.*video\.fps"):
        ask(tmp_path, question(part, video=VideoInput(fps=30)))
    assert talk.questions == []


@pytest.mark.parametrize("kind", ["video", "audio", "image"])
def test_file_that_is_not_of_its_kind_is_never_sent(talk: Talk, tmp_path: Path, kind: MediaKind) -> None:
    (tmp_path / "junk").write_bytes(b"no medium " * 50)
    with pytest.raises(MediaError, match="cannot read"):
        ask(tmp_path, question(medium(tmp_path, tmp_path / "junk", kind)))
    assert talk.questions == []
