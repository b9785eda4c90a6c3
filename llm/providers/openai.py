"""Any server that speaks OpenAI's chat completions: vLLM, SGLang, Ollama, `transformers serve`, the vendor itself.

Settings come from the environment: OPENAI_BASE_URL and OPENAI_API_KEY (a local server takes any key). Images and
sound go inline; a video goes as its sampled frames plus its sound, which every such server understands.
"""

import base64
import io
import os
from pathlib import Path

import openai
from openai.types.chat import ChatCompletion
from PIL import Image

from llm.request import Failure, MediaPart, Message, ProviderError, Reply, Request, Text
from media.blobs import blob_path
from media.frames import sample_frames
from media.waveform import wav_bytes
from schemas.values import UserError

_FRAMES_PER_SECOND, _MOST_FRAMES = 1.0, 16


class OpenAI:
    def __init__(self, client: openai.AsyncOpenAI) -> None:
        self._client = client

    async def send(self, request: Request, blobs: Path) -> Reply:
        try:
            completion = await self._client.chat.completions.create(
                model=request.model,
                messages=[_message(message, blobs) for message in request.messages],  # type: ignore[misc]
                max_tokens=request.max_tokens,
                temperature=request.temperature,
            )
        except openai.APITimeoutError as error:
            raise ProviderError("timeout", str(error)) from error
        except openai.APIConnectionError as error:
            raise ProviderError("unavailable", str(error)) from error
        except openai.APIStatusError as error:
            raise _status_error(error) from error
        return _reply(completion)


def connect() -> OpenAI:
    """Raises UserError when neither a server nor a key is named."""
    if not (os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_KEY")):
        raise UserError(
            "provider openai needs OPENAI_API_KEY, or OPENAI_BASE_URL of a compatible server, in the environment"
        )
    key = os.environ.get("OPENAI_API_KEY") or "none"
    return OpenAI(openai.AsyncOpenAI(api_key=key, max_retries=0))  # the engine retries, and counts what it sends


def _reply(completion: ChatCompletion) -> Reply:
    choice = completion.choices[0]
    if choice.finish_reason == "content_filter" or choice.message.refusal:
        raise ProviderError("refused", choice.message.refusal or "content filter")
    if choice.finish_reason == "length":
        raise ProviderError("truncated", "the reply reached max_tokens")
    if not choice.message.content:
        raise ProviderError("unparsable", "the reply has no text")
    usage = completion.usage
    return Reply(
        text=choice.message.content,
        request_id=completion.id,
        input_tokens=usage.prompt_tokens if usage else 0,
        output_tokens=usage.completion_tokens if usage else 0,
    )


def _status_error(error: openai.APIStatusError) -> ProviderError:
    later = error.status_code in (408, 409, 429) or error.status_code >= 500
    failure: Failure = "unavailable" if later else "rejected"
    waited = error.response.headers.get("retry-after", "")
    return ProviderError(
        failure, f"HTTP {error.status_code}", float(waited) if waited.replace(".", "").isdigit() else None
    )


def _message(message: Message, blobs: Path) -> dict[str, object]:
    content = [shown for part in message.parts for shown in _part(part, blobs)]
    return {"role": message.role, "content": content}


def _part(part: Text | MediaPart, blobs: Path) -> list[dict[str, object]]:
    if isinstance(part, Text):
        return [{"type": "text", "text": part.text}]
    path = blob_path(blobs, part.digest)
    if part.kind == "image":
        with Image.open(path) as image:
            return [_image(image.convert("RGB"))]
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
