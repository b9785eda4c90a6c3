"""Any server that speaks OpenAI's chat completions: vLLM, SGLang, Ollama, `transformers serve`, the vendor itself.

Settings come from the environment: OPENAI_BASE_URL and OPENAI_API_KEY (a local server takes any key). Images and
sound go inline; a video goes as its sampled frames plus its sound, which every such server understands, or as the
file itself (`video_url`, as vLLM and SGLang take it) where the request says so and neither time nor sound is cut off.

The official client over aiohttp: its usual transport falls to half at hundreds of requests in flight. Replies are
read here and not by the client's models, which check nothing and cost a third of a call.
"""

import asyncio
import base64
import io
import json
import os
import re
from pathlib import Path

import httpx2
import openai
from PIL import Image
from pydantic import BaseModel, Field, ValidationError

from llm.request import Failure, MediaPart, Message, ProviderError, Reply, Request, Text
from media.blobs import blob_path
from media.frames import sample_frames
from media.picture import read_picture
from media.waveform import wav_bytes
from schemas.llm import VideoInput
from schemas.values import UserError

_MISTAKES = {
    401: "the server does not take the key: correct OPENAI_API_KEY",
    402: "the account is out of credit: top it up and rerun",
    404: "the server does not know this address or model: correct OPENAI_BASE_URL or the model's name",
}
_USED_UP = b"insufficient_quota"


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Completion(BaseModel):
    """What is read of a chat completion."""

    id: str | None = None
    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


class OpenAI:
    def __init__(self, client: openai.AsyncOpenAI) -> None:
        self._client = client
        self._vendor = not os.environ.get("OPENAI_BASE_URL")

    async def send(self, request: Request, blobs: Path) -> Reply:
        """Raises UserError for what no row is to blame for: a wrong key, account, address or model."""
        body = self._decoding(request)
        if request.media:
            body["messages"] = await asyncio.to_thread(_messages, request, blobs)  # decoding holds up all other calls
        else:
            body["messages"] = _messages(request, blobs)
        try:
            response = await self._client.post("/chat/completions", cast_to=httpx2.Response, body=body)
        except openai.APITimeoutError as error:
            if isinstance(error.__cause__, httpx2.ConnectTimeout):  # also what a refused connection comes as
                raise ProviderError("unavailable", "no connection to the server") from error
            raise ProviderError("timeout", "the connection timed out") from error
        except openai.APIStatusError as error:
            raise _status_error(error, request.model) from error
        except openai.APIError as error:
            raise ProviderError("unavailable", f"no chat completion came back: {type(error).__name__}") from error
        return _reply(response.content, request.identity)

    async def close(self) -> None:
        await self._client.close()

    def _decoding(self, request: Request) -> dict[str, object]:
        """A budget for thinking of 0 switches it off, as servers with Qwen's templates do; another adds to the
        tokens of the reply, which such servers count together."""
        longest = request.max_tokens + (request.thinking or 0)
        body: dict[str, object] = {"model": request.model, "temperature": request.temperature}
        body["max_completion_tokens" if self._vendor else "max_tokens"] = longest
        if request.thinking == 0 and not self._vendor:
            body["chat_template_kwargs"] = {"enable_thinking": False}
        if request.reply is not None:
            schema = {"name": request.prompt, "schema": request.reply, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return body


def connect(state: Path) -> OpenAI:
    """Raises UserError when neither a server nor a key is named, or without the fast transport."""
    del state
    if not (os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_KEY")):
        raise UserError(
            "provider openai needs OPENAI_API_KEY, or OPENAI_BASE_URL of a compatible server, in the environment"
        )
    try:
        transport = openai.DefaultAioHttpClient()
    except RuntimeError as error:
        raise UserError(f"provider openai needs aiohttp ({error}): pip install 'openai[aiohttp]'") from error
    key = os.environ.get("OPENAI_API_KEY") or "none"
    # The engine retries, and counts what it sends.
    return OpenAI(openai.AsyncOpenAI(api_key=key, max_retries=0, http_client=transport))


def _reply(content: bytes, name: str) -> Reply:
    """What a completion says; `name` stands for its id where it has none.

    Raises ProviderError for one that is no answer, or no completion at all.
    """
    try:
        completion = _Completion.model_validate(json.loads(content))
    except (ValueError, RecursionError) as error:
        kind = "of another form" if isinstance(error, ValidationError) else "no JSON"
        raise ProviderError("unavailable", f"the reply is no chat completion: it is {kind}") from error
    (choice, *_), usage = completion.choices, completion.usage or _Usage()
    reply = Reply(
        text=_text(choice),
        request_id=completion.id or name,
        input_tokens=usage.prompt_tokens or 0,
        output_tokens=usage.completion_tokens or 0,
        finish=choice.finish_reason or "",
    )
    if choice.finish_reason == "content_filter" or choice.message.refusal:
        raise ProviderError("refused", choice.message.refusal or "content filter", reply=reply)
    if choice.finish_reason == "length":
        raise ProviderError("truncated", "the reply reached max_tokens", reply=reply)
    if not reply.text:
        raise ProviderError("unparsable", "the reply holds no text", reply=reply)
    return reply


def _text(choice: _Choice) -> str:
    """The reply's text, or nothing where it holds half a surrogate pair, which no file could keep."""
    text = choice.message.content or ""
    return text if text.isascii() or text.encode("utf-8", "ignore").decode() == text else ""


def _status_error(error: openai.APIStatusError, model: str) -> ProviderError | UserError:
    """The server's own message is left out: some repeat the key in it."""
    code = error.status_code
    if code in _MISTAKES:
        return UserError(f"provider openai: HTTP {code}, {_MISTAKES[code]} (model {model!r})")
    if code == 429 and _USED_UP in error.response.content:
        return ProviderError("exhausted", "the account's quota is used up: raise it, or wait until it is renewed")
    failure: Failure = "rejected"
    if code in (429, 503):
        failure = "overloaded"
    elif code in (408, 409) or code >= 500:
        failure = "unavailable"
    waited = re.fullmatch(r"[0-9]+(\.[0-9]+)?", error.response.headers.get("retry-after", ""), re.ASCII)
    return ProviderError(failure, f"HTTP {code}", float(waited[0]) if waited else None)


def _messages(request: Request, blobs: Path) -> list[dict[str, object]]:
    return [_message(message, request, blobs) for message in request.messages]


def _message(message: Message, request: Request, blobs: Path) -> dict[str, object]:
    content = [shown for part in message.parts for shown in _part(part, request.video, blobs)]
    return {"role": message.role, "content": content}


def _part(part: Text | MediaPart, video: VideoInput, blobs: Path) -> list[dict[str, object]]:
    if isinstance(part, Text):
        return [{"type": "text", "text": part.text}]
    path = blob_path(blobs, part.digest)
    if part.kind == "image":
        return [_image(Image.fromarray(read_picture(path)))]
    if part.kind == "audio":
        return _sound(path, part)
    if video.how == "file" and video.sound and part.start is None and part.end is None:
        return [_clip(path), *_sound(path, part)]
    frames = sample_frames(path, video.fps, video.most_frames, part.start, part.end)
    heard = _sound(path, part) if video.sound else []
    return [_image(Image.fromarray(pixels)) for pixels in frames.pixels] + heard


def _image(image: Image.Image) -> dict[str, object]:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    address = "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
    return {"type": "image_url", "image_url": {"url": address}}


def _clip(path: Path) -> dict[str, object]:
    """The file as it is; servers look into it and not at the type."""
    return {
        "type": "video_url",
        "video_url": {"url": "data:video/mp4;base64," + base64.b64encode(path.read_bytes()).decode()},
    }


def _sound(path: Path, part: MediaPart) -> list[dict[str, object]]:
    """The sound, or nothing for a silent clip: a model that gets no sound part knows that there is none."""
    content = wav_bytes(path, part.start, part.end)
    if content is None:
        return []
    return [{"type": "input_audio", "input_audio": {"data": base64.b64encode(content).decode(), "format": "wav"}}]
