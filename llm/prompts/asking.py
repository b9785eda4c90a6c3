"""What prompts about one example share: its media first, then the text, and the fields that filled it in."""

from llm.request import MediaPart, Message, Request, Text
from schemas.example import Example
from schemas.values import Value


class Template(Value):
    """One prompt of this folder: its name and version, its system text, and the longest reply in tokens."""

    name: str
    version: int
    system: str
    max_tokens: int


def about(
    example: Example, template: Template, fields: dict[str, str], text: str, provider: str, model: str
) -> Request:
    """The request that shows an example's media and `text`."""
    media = tuple(
        MediaPart(kind=medium.kind, digest=medium.digest, start=medium.start, end=medium.end)
        for medium in example.media
    )
    return Request(
        provider=provider,
        model=model,
        prompt=template.name,
        version=template.version,
        messages=(
            Message(role="system", parts=(Text(text=template.system),)),
            Message(role="user", parts=(*media, Text(text=text))),
        ),
        fields=fields,
        max_tokens=template.max_tokens,
    )
