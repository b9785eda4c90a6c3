"""A request in the SDK's types; and as the JSON that goes over the wire, which a batch's file holds line by line."""

from collections.abc import Mapping

from google.genai import types

from llm.providers.gemini_media import Medium
from llm.request import MediaPart, Message, Request, Text
from llm.uploads import Upload
from schemas.values import UserError

THINKING_ROOM = 32_768
"""Tokens that a model may think which was given no budget: Gemini counts them against the limit of its reply, and
this is the most that its models think by themselves."""
_MOST_FPS = 24.0

Parts = Mapping[MediaPart, types.Part]


def as_parts(request: Request, media: Mapping[MediaPart, Medium], uploads: Mapping[str, Upload]) -> Parts:
    """The media within the request, or by their uploads, which are given by digest. Raises UserError for their fps, or
    where their sound is not to be sent.
    """
    return {part: _medium(request, part, medium, uploads.get(medium.digest)) for part, medium in media.items()}


def contents(request: Request, parts: Parts) -> list[types.Content]:
    """What the user says, turn by turn."""
    turns = [message for message in request.messages if message.role == "user"]
    return [types.Content(role="user", parts=_parts(message, parts)) for message in turns]


def settings(request: Request, parts: Parts) -> types.GenerateContentConfig:
    """Everything else. The SDK neither calls functions, nor asks again, nor reads the answer: it comes as it is."""
    return _decoding(request).model_copy(
        update={
            "system_instruction": _system(request, parts),
            "automatic_function_calling": types.AutomaticFunctionCallingConfig(disable=True),
            "automatic_continuation": False,
            "should_return_http_response": True,
        }
    )


def wire(request: Request, parts: Parts) -> dict[str, object]:
    """The JSON of a GenerateContentRequest."""
    system = _system(request, parts)
    told: dict[str, object] = {"systemInstruction": _plain(system)} if system else {}
    return told | {
        "contents": [_plain(content) for content in contents(request, parts)],
        "generationConfig": _plain(_decoding(request)),
    }


def _decoding(request: Request) -> types.GenerateContentConfig:
    thinking = None if request.thinking is None else types.ThinkingConfig(thinking_budget=request.thinking)
    return types.GenerateContentConfig(
        temperature=request.temperature,
        max_output_tokens=request.max_tokens + (THINKING_ROOM if request.thinking is None else request.thinking),
        thinking_config=thinking,
        response_mime_type="application/json" if request.reply else None,
        response_json_schema=request.reply,
    )


def _system(request: Request, parts: Parts) -> types.Content | None:
    said = [part for message in request.messages if message.role == "system" for part in _parts(message, parts)]
    return types.Content(parts=said) if said else None


def _medium(request: Request, part: MediaPart, medium: Medium, upload: Upload | None) -> types.Part:
    video = _cut(request, part) if part.kind == "video" else None
    if upload:
        return types.Part(file_data=types.FileData(file_uri=upload.uri, mime_type=upload.mime), video_metadata=video)
    return types.Part(inline_data=types.Blob(data=medium.read(), mime_type=medium.mime), video_metadata=video)


def _cut(request: Request, part: MediaPart) -> types.VideoMetadata:
    """The server cuts a clip and chooses its frames."""
    fps = request.video.fps
    if not request.video.sound:
        raise UserError("provider gemini is sent clips whole, with their sound: ask another one without")
    if fps > _MOST_FPS:
        raise UserError(f"provider gemini takes {_MOST_FPS:g} frames a second at most: lower video.fps")
    return types.VideoMetadata(fps=fps, start_offset=_seconds(part.start), end_offset=_seconds(part.end))


def _parts(message: Message, parts: Parts) -> list[types.Part]:
    return [types.Part(text=part.text) if isinstance(part, Text) else parts[part] for part in message.parts]


def _plain(value: types.Content | types.GenerateContentConfig) -> dict[str, object]:
    return value.model_dump(mode="json", by_alias=True, exclude_none=True)


def _seconds(offset: float | None) -> str | None:
    """A duration as protobuf's JSON writes it."""
    return None if offset is None else f"{offset:.3f}s"
