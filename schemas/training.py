"""What a training or generating subprocess is told: parameters that change the result, and the job that carries paths.

A stage writes a job as JSON, `python -m training.sft|grpo|generate JOB` reads it. Params are identity; a job's paths,
threads and parent pipe are not.
"""

from typing import Literal

from pydantic import Field

from schemas.completion import FormatName
from schemas.llm import Llm, LlmLimits
from schemas.values import Params, Value

View = Literal["full", "muted", "blind"]
"""full: all media. muted: sound replaced by noise at the clip's own noise floor. blind: frames flat grey."""

Target = Literal[
    "all",
    "until_end(context)",
    "until_end(think)",
    "after(context)",
    "only(context)",
    "only(think)",
    "only(answer)",
    "own",
]
"""Which tokens of a completion one reward's advantage reaches. `own`: the span that the reward itself returns."""


class MediaSettings(Value):
    """How media become tensors. Pixels are per frame after resizing; audio is 16 kHz mono.

    audio: `interleaved` merges the video's sound into its frames by time, `separate` puts it after them.
    """

    fps: float = 2.0
    max_frames: int = 32
    min_pixels: int = 128 * 28 * 28
    max_pixels: int = 768 * 28 * 28
    max_audio_seconds: float = 300.0
    audio: Literal["interleaved", "separate"] = "interleaved"


class Decoding(Value):
    """How completions are drawn. temperature 0 is greedy; top_k 0 and top_p 1 leave the distribution whole."""

    max_new_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    draws: int = 1
    seed: int = 0


class Optimizer(Value):
    """AdamW with linear warm-up; `schedule` says what follows the warm-up."""

    lr: float
    warmup_steps: int = 0
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0


Tower = Literal["vision", "audio"]


class SftParams(Params):
    """Supervised fine-tuning on the assistant's tokens alone.

    batch_size: examples of one update over all ranks. micro_batch: examples of one forward pass on one rank, which
    bounds memory; None for a rank's whole share.
    """

    format: FormatName
    steps: int
    batch_size: int
    micro_batch: int | None = None
    optimizer: Optimizer
    media: MediaSettings
    freeze: tuple[Tower, ...] = ()
    dtype: Literal["float32", "bfloat16"] = "float32"
    world_size: int = 1
    save_every: int = 100
    seed: int = 0


class Kl(Value):
    """KL weight: linear from `start` to `end` over the first `over` share of the steps, then flat (HumanOmniV2)."""

    start: float = 0.04
    end: float = 0.01
    over: float = 0.5


class RewardTerm(Value):
    """One reward's share in the update: its weight and the tokens its advantage reaches."""

    reward: str
    weight: float
    target: Target = "all"


class Gate(Value):
    """A reward at or under `at_most` sets the named others of the same completion to zero."""

    reward: str
    at_most: float
    zeroes: tuple[str, ...]


class GrpoParams(Params):
    """Group-relative policy optimisation. One update sees prompts_per_step x completions_per_prompt completions."""

    format: FormatName = "context_first"
    steps: int
    prompts_per_step: int
    completions_per_prompt: int
    optimizer: Optimizer
    media: MediaSettings
    decoding: Decoding
    rewards: tuple[RewardTerm, ...]
    gates: tuple[Gate, ...] = ()
    judge: Llm
    kl: Kl = Kl()
    loss: Literal["grpo", "dr_grpo", "dapo", "gspo"] = "dapo"
    epsilon: float = 0.2
    epsilon_high: float = 0.2
    iterations: int = 1
    scale: Literal["none", "group"] = "none"
    zero_variance: Literal["keep", "drop"] = "drop"
    mask_truncated: bool = True
    max_unknown_rewards: int = Field(
        default=32, description="Stop after this many rewards in a row that are not known (judge failures)."
    )
    freeze: tuple[Tower, ...] = ()
    dtype: Literal["float32", "bfloat16"] = "float32"
    world_size: int = 1
    save_every: int = 100
    seed: int = 0


class Job(Value):
    """Paths and speed of one subprocess. examples: Parquet in the order of use. blobs: media by digest.

    out: folder for the results; work: folder for checkpoints to resume from. responses: the LLM response log.
    parent: path of a named pipe whose end-of-file says that the stage is gone; a name, because launchers such as
    torchrun close inherited descriptors.
    """

    examples: str
    blobs: str
    checkpoint: str
    out: str
    work: str
    responses: str | None = None
    threads: int = 1
    llm: LlmLimits = LlmLimits()
    parent: str | None = None


class SftJob(Job):
    params: SftParams


class GrpoJob(Job):
    params: GrpoParams


class GenerateParams(Params):
    """Completions of a checkpoint: for solve rates, reward estimates and benchmarks alike."""

    format: FormatName
    view: View = "full"
    media: MediaSettings
    decoding: Decoding
    dtype: Literal["float32", "bfloat16"] = "float32"
    batch_size: int = 32
    rows_per_shard: int = 64

    def seen_as(self, view: View) -> "GenerateParams":
        return self.model_copy(update={"view": view})


class GenerateJob(Job):
    params: GenerateParams
