"""Any server that speaks OpenAI's chat completions: vLLM, SGLang, Ollama, `transformers serve`, the vendor itself.

Settings come from the environment: OPENAI_BASE_URL and OPENAI_API_KEY (a local server takes any key). Images and
sound go inline; a video goes as its sampled frames plus its sound, which every such server understands.
"""

import asyncio
import base64
import io
import json
import os
import re
from pathlib import Path

import openai
from openai.types.chat import ChatCompletion
from PIL import Image

from llm.request import Failure, MediaPart, Message, ProviderError, Reply, Request, Text
from media.blobs import blob_path
from media.frames import sample_frames
from media.picture import read_picture
from media.waveform import wav_bytes
from schemas.values import UserError

_FRAMES_PER_SECOND, _MOST_FRAMES = 1.0, 16
_MISTAKES = {
    401: "the server does not take the key: correct OPENAI_API_KEY",
    402: "the account is out of credit: top it up and rerun",
    404: "the server does not know this address or model: correct OPENAI_BASE_URL or the model's name",
}


class OpenAI:
    def __init__(self, client: openai.AsyncOpenAI) -> None:
        self._client = client

    async def send(self, request: Request, blobs: Path) -> Reply:
        """Raises UserError for what no row is to blame for: a wrong key, account, address or model."""
        messages = await asyncio.to_thread(_messages, request, blobs)  # decoding would hold up every other call
        try:
            completion = await self._client.chat.completions.create(
                model=request.model,
                messages=messages,  # type: ignore[arg-type]
                max_tokens=request.max_tokens,
                temperature=request.temperature,
            )
        except openai.APITimeoutError as error:
            raise ProviderError("timeout", str(error)) from error
        except openai.APIStatusError as error:
            raise _status_error(error, request.model) from error
        except (openai.APIError, json.JSONDecodeError) as error:
            raise ProviderError("unavailable", f"no chat completion came back: {error}") from error
        return _reply(completion, request)

    async def close(self) -> None:
        await self._client.close()


def connect() -> OpenAI:
    """Raises UserError when neither a server nor a key is named."""
    if not (os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_KEY")):
        raise UserError(
            "provider openai needs OPENAI_API_KEY, or OPENAI_BASE_URL of a compatible server, in the environment"
        )
    key = os.environ.get("OPENAI_API_KEY") or "none"
    return OpenAI(openai.AsyncOpenAI(api_key=key, max_retries=0))  # the engine retries, and counts what it sends


def _reply(completion: ChatCompletion, request: Request) -> Reply:
    """The SDK checks no types, so what a proxy sent in place of a completion is found out here."""
    choices = completion.choices if isinstance(completion, ChatCompletion) else None
    if not choices or not choices[0].message:
        raise ProviderError("unavailable", "the reply is no chat completion")
    choice = choices[0]
    if choice.finish_reason == "content_filter" or choice.message.refusal:
        raise ProviderError("refused", choice.message.refusal or "content filter")
    if choice.finish_reason == "length":
        raise ProviderError("truncated", "the reply reached max_tokens")
    if not choice.message.content:
        raise ProviderError("unparsable", "the reply has no text")
    if re.search(r"[\ud800-\udfff]", choice.message.content):
        raise ProviderError("unparsable", "the reply holds half a character")
    usage = completion.usage
    return Reply(
        text=choice.message.content,
        request_id=completion.id or request.identity,
        input_tokens=(usage.prompt_tokens or 0) if usage else 0,
        output_tokens=(usage.completion_tokens or 0) if usage else 0,
    )


def _status_error(error: openai.APIStatusError, model: str) -> ProviderError | UserError:
    """The server's own message is left out: some repeat the key in it."""
    code = error.status_code
    if code in _MISTAKES:
        return UserError(f"provider openai: HTTP {code}, {_MISTAKES[code]} (model {model!r})")
    failure: Failure = "unavailable" if code in (408, 409, 429) or code >= 500 else "rejected"
    waited = re.fullmatch(r"[0-9]+(\.[0-9]+)?", error.response.headers.get("retry-after", ""), re.ASCII)
    return ProviderError(failure, f"HTTP {code}", float(waited[0]) if waited else None)


def _messages(request: Request, blobs: Path) -> list[dict[str, object]]:
    return [_message(message, blobs) for message in request.messages]


def _message(message: Message, blobs: Path) -> dict[str, object]:
    content = [shown for part in message.parts for shown in _part(part, blobs)]
    return {"role": message.role, "content": content}


def _part(part: Text | MediaPart, blobs: Path) -> list[dict[str, object]]:
    if isinstance(part, Text):
        return [{"type": "text", "text": part.text}]
    path = blob_path(blobs, part.digest)
    if part.kind == "image":
        return [_image(Image.fromarray(read_picture(path)))]
    if part.kind == "audio":
        return _sound(path, part)
    frames = sample_frames(path, _FRAMES_PER_SECOND, _MOST_FRAMES, part.start, part.end)
    return [_image(Image.fromarray(pixels)) for pixels in frames.pixels] + _sound(path, part)


def _image(image: Image.Image) -> dict[str, object]:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    address = "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
    return {"type": "image_url", "image_url": {"url": address}}


def _sound(path: Path, part: MediaPart) -> list[dict[str, object]]:
    """The sound, or nothing for a silent clip: a model that gets no sound part knows that there is none."""
    content = wav_bytes(path, part.start, part.end)
    if content is None:
        return []
    return [{"type": "input_audio", "input_audio": {"data": base64.b64encode(content).decode(), "format": "wav"}}]
