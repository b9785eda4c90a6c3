"""Size of the tiny model, apart from the code that makes it, so that a stage can name it without torch."""

from schemas.training import TinyFamily
from schemas.values import Params, Value


class TinyParams(Params):
    """A thinker of about a million parameters, for the demo and the tests.

    family: the `model_type` of the real model. sound_seconds: longest sound; two seconds stay within one attention
    window of the audio tower. spread: standard deviation of the initial weights. The usual 0.02 learns far slower at
    this size. experts, experts_per_token: of each layer of a family with experts.
    """

    family: TinyFamily = "qwen2_5_omni"
    vocabulary: int = 640
    hidden: int = 128
    layers: int = 3
    heads: int = 4
    key_value_heads: int = 2
    feed_forward: int = 256
    experts: int = 4
    experts_per_token: int = 2
    rope_theta: float = 10000.0
    vision_hidden: int = 64
    vision_layers: int = 2
    audio_hidden: int = 64
    audio_layers: int = 2
    sound_seconds: int = 2
    spread: float = 0.06
    seed: int = 0


class TinyJob(Value):
    """What `python -m training.tiny JOB` is told: folders of examples whose texts the tokenizer learns, and where to
    write."""

    params: TinyParams
    examples: tuple[str, ...]
    out: str
    parent: str | None = None
