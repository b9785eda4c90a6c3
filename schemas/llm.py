"""Which language model is asked, how, and within which limits of speed and money."""

from typing import Literal

from pydantic import Field

from schemas.values import Value


class VideoInput(Value):
    """How a clip reaches a server that leaves the choice.

    how: `frames` sends pictures and the sound, which every server understands; `file` sends the clip itself. fps,
    most_frames: of the frames. sound: whether it is sent too; without it a clip goes as frames.
    """

    how: Literal["frames", "file"] = "frames"
    fps: float = Field(default=1.0, gt=0)
    most_frames: int = Field(default=16, ge=1)
    sound: bool = True


class Llm(Value):
    """A language model and how it is asked: all that may change its replies.

    thinking: tokens that the model may think before it replies; None leaves it to the model. structured: ask for JSON
    by its schema where a reply is JSON; not every server knows how.
    """

    provider: str
    model: str
    temperature: float = Field(default=0.0, ge=0)
    thinking: int | None = Field(default=None, ge=0)
    structured: bool = True
    video: VideoInput = VideoInput()


class Price(Value):
    """US dollars a million tokens. batch: the share of it that a batch costs."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    batch: float = Field(default=0.5, ge=0)


class LlmLimits(Value):
    """How fast a language model is asked, and when to stop. Nothing here changes what it replies.

    concurrency: requests in flight at most; fewer when the server is overloaded. requests_per_minute,
    tokens_per_minute: of one model, over all processes of this host. deadline: seconds one attempt may take. attempts:
    for one request, while the server answers others. patience: seconds to wait for a server that answers nothing.
    batch: ask in jobs, one a shard, which cost less and may take a day, where the provider has them; judges are asked
    one by one. replay: ask nobody; answer from the response log alone, and fail where it holds no answer. prices: by
    model.
    max_dollars, max_tokens: what making one artifact may cost, over all runs that work on it; a budget in dollars
    needs prices.
    """

    concurrency: int = Field(default=32, ge=1)
    requests_per_minute: int | None = Field(default=None, ge=1)
    tokens_per_minute: int | None = Field(default=None, ge=1)
    deadline: float = Field(default=120.0, gt=0)
    attempts: int = Field(default=8, ge=1)
    patience: float = Field(default=900.0, ge=0)
    batch: bool = False
    replay: bool = False
    prices: dict[str, Price] = {}
    max_dollars: float | None = Field(default=None, ge=0)
    max_tokens: int | None = Field(default=None, ge=0)
