"""What a training or generating subprocess is told: parameters that change the result, and the job that carries paths.

A stage writes a job as JSON, `python -m training.sft|grpo|generate JOB` reads it. Params are identity; a job's paths,
threads and parent pipe are not.
"""

from typing import Literal

from pydantic import Field, model_validator

from schemas.completion import FormatName
from schemas.llm import Llm, LlmLimits
from schemas.values import Params, Value

View = Literal["full", "muted", "blind", "question_only", "shuffled_media", "shifted_audio", "transcript"]
"""What is shown of an example, the question apart, which is always there.

full: all media. muted: sound replaced by noise at the clip's own noise floor. blind: frames flat grey. question_only:
no media. shuffled_media: the media of another video of the same benchmark. shifted_audio: sound moved in time, so that
it does not fit the picture. transcript: subtitles as text in the prompt in place of the sound.
"""

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


class OrderedTags(Value):
    """Tags are written for the model, in order. At most this many tokens in each block; None leaves a block as long as
    the completion lasts, which may cut it off.
    """

    context: int | None = Field(default=None, ge=1)
    think: int | None = Field(default=None, ge=1)
    answer: int | None = Field(default=None, ge=1)


class Decoding(Value):
    """How completions are drawn. temperature 0 is greedy; top_k 0 and top_p 1 leave the distribution whole.

    ordered_tags: hold completions to the tags of context_first; None leaves the model free.
    """

    max_new_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    draws: int = 1
    seed: int = 0
    ordered_tags: OrderedTags | None = None


class Optimizer(Value):
    """AdamW with linear warm-up; `schedule` says what follows the warm-up."""

    lr: float
    warmup_steps: int = 0
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0


Tower = Literal["vision", "audio"]
TinyFamily = Literal["qwen2_5_omni", "qwen3_omni_moe"]


class Lora(Value):
    """Low-rank adapters in place of training all weights: `alpha / rank` times B A is added to each adapted weight.

    targets: names of the linear layers that get one, wherever they are but in frozen towers. What is published has
    the adapters merged in; they are kept beside it.
    """

    rank: int = Field(ge=1)
    alpha: float = Field(gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


Offloaded = Literal["optimizer", "weights"]


class TrainingParams(Params):
    """What both ways of training share: what is trained, and how it is spread over processes and memory.

    lora: adapters instead of all weights. zero: 2 or 3 shares gradients and the optimizer's state over the ranks
    with DeepSpeed, 3 the weights too; with bfloat16 the weights themselves are then bfloat16. offload: what ZeRO
    keeps in the CPU's memory; weights with ZeRO 3 alone. gradient_checkpointing: whether activations are computed
    again on the way back; None for on a GPU alone.
    """

    lora: Lora | None = None
    zero: Literal[0, 2, 3] = 0
    offload: tuple[Offloaded, ...] = ()
    gradient_checkpointing: bool | None = None


class SftParams(TrainingParams):
    """Supervised fine-tuning on the assistant's tokens alone.

    batch_size: examples of one update over all ranks. micro_batch: examples of one forward pass on one rank, which
    bounds memory; None for a rank's whole share. bucket: of how many batches in their drawn order the examples are
    sorted by length before they are cut into batches again, so that less is padding; 1 leaves the order as drawn.
    """

    format: FormatName
    steps: int
    batch_size: int
    micro_batch: int | None = None
    bucket: int = Field(default=1, ge=1)
    optimizer: Optimizer
    media: MediaSettings
    freeze: tuple[Tower, ...] = ()
    dtype: Literal["float32", "bfloat16"] = "float32"
    world_size: int = 1
    save_every: int = 100
    seed: int = 0


class Kl(Value):
    """The weight of the KL term, and what to do about a step whose KL leaps.

    Linear from `start` to `end` over the first `over` share of the steps, then flat (HumanOmniV2). With a `target`, a
    KL in nats a token, the weight begins at `start` and is steered towards the target instead; `gain` is how hard.
    spike: a step leaps whose KL is this many times the median of the steps before it; on_spike: what then happens.
    """

    start: float = 0.04
    end: float = 0.01
    over: float = 0.5
    target: float | None = Field(default=None, gt=0)
    gain: float = Field(default=0.1, gt=0, le=1)
    spike: float = Field(default=10.0, gt=1)
    on_spike: Literal["warn", "stop"] = "warn"


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


class Agreement(Value):
    """How far the log-probabilities of sampled tokens that a rollout engine reports may be from the trainer's own, in
    nats: on average and at most. every: how often a check, in takings-over of weights; the first is always checked.
    """

    mean: float = 0.05
    most: float = 5.0
    every: int = Field(default=1, ge=1)


class Rollouts(Value):
    """Who writes the completions of a step. agreement: None for no check, which only transformers may go without."""

    engine: Literal["transformers", "vllm", "vllm_server"] = "transformers"
    agreement: Agreement | None = None


class RolloutPlace(Value):
    """Where and how large a vLLM engine is; nothing of it changes what is written. folder: of the whole model that vLLM
    beside the trainer opens, before it is given the trainer's weights; the stage's own checkpoint where it is empty.
    memory: share of the GPU's memory that it may take. url, port: of a vLLM server, and for the weights' NCCL group.
    """

    folder: str = ""
    memory: float = Field(default=0.3, gt=0, lt=1)
    url: str = "http://localhost:8000"
    port: int = Field(default=51216, ge=1, le=65535)


class GrpoParams(TrainingParams):
    """Group-relative policy optimisation. One update sees prompts_per_step x completions_per_prompt completions.

    micro_batch: completions of one forward and backward pass on one rank; None for a rank's whole share. rollout_batch:
    completions that one rank writes at once, whole groups; None for its whole share. Both bound memory; the first
    changes an update by rounding alone.
    zero_variance: what becomes of a group that teaches nothing, because no token of it has an advantage: it is kept for
    its KL, dropped from the loss, or other prompts are drawn in its place, `resample_at_most` times, and then dropped.
    mask_truncated, mask_malformed: leave completions out of the loss that ran into the token limit, or whose format has
    errors; they count in their group's baseline all the same.
    views, view_completions: for the reward `modality`, how else each prompt is answered, and how often.
    max_unknown_share: stop when more than this share of the last 256 judged rewards is not known.
    evaluate_every: steps between greedy answers to at most `evaluate_on` held-out examples; 0 for none.
    """

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
    zero_variance: Literal["keep", "drop", "resample"] = "drop"
    resample_at_most: int = Field(default=3, ge=1)
    rollouts: Rollouts = Rollouts()
    micro_batch: int | None = Field(default=None, ge=1)
    rollout_batch: int | None = Field(default=None, ge=1)
    mask_truncated: bool = True
    mask_malformed: bool = False
    views: tuple[Literal["muted", "blind"], ...] = ()
    view_completions: int = Field(default=2, ge=1)
    max_unknown_rewards: int = Field(
        default=32, description="Stop after this many rewards in a row that are not known (judge failures)."
    )
    max_unknown_share: float | None = Field(default=None, gt=0, lt=1)
    evaluate_every: int = Field(default=0, ge=0)
    evaluate_on: int = Field(default=64, ge=1)
    freeze: tuple[Tower, ...] = ()
    dtype: Literal["float32", "bfloat16"] = "float32"
    world_size: int = 1
    save_every: int = 100
    seed: int = 0


class Job(Value):
    """Paths and speed of one subprocess. examples: Parquet in the order of use. blobs: media by digest.

    out: folder for the results; work: folder for checkpoints to resume from. responses: the LLM response log.
    media_cache: folder of decoded media, which any number of jobs may share; None for one of its own in `work`.
    workers: processes that decode media for one rank. parent: path of a named pipe whose end-of-file says that the
    stage is gone; a name, because launchers such as torchrun close inherited descriptors.
    """

    examples: str
    blobs: str
    checkpoint: str
    out: str
    work: str
    responses: str | None = None
    media_cache: str | None = None
    workers: int = Field(default=1, ge=1)
    threads: int = 1
    llm: LlmLimits = LlmLimits()
    parent: str | None = None


class SftJob(Job):
    params: SftParams


class GrpoJob(Job):
    """held_out: Parquet of the examples for evaluation during training. place: of the rollout engine. trackers: where
    metrics are shown, beside the table that is published (tensorboard, trackio, wandb); logs: folder for theirs.
    judge_deadline, collective_timeout: as in Runtime.
    """

    params: GrpoParams
    held_out: str | None = None
    place: RolloutPlace = RolloutPlace()
    trackers: tuple[str, ...] = ()
    logs: str | None = None
    judge_deadline: float = Field(default=600.0, gt=0)
    collective_timeout: float = Field(default=1800.0, gt=0)


class Wording(Value):
    """How a question with options is put where it is not put in our own words; others always are.

    system: the system turn; without one the model's own template decides. question: the user's text, in which
    `{question}`, `{options}`, `{letters}` ("A, B or C") and `{instruction}` (our own, by kind of answer) are filled in.
    option: one line of the options, with `{label}` and `{text}`.
    """

    system: str = ""
    question: str = "{question}\n{options}\n{instruction}"
    option: str = "{label}. {text}"

    @model_validator(mode="after")
    def _asks(self) -> "Wording":
        if "{question}" not in self.question or "{options}" not in self.question:
            raise ValueError("a wording's `question` needs {question} and {options}, or they are not shown")
        if "{text}" not in self.option:
            raise ValueError("a wording's `option` needs {text}, or the options are not shown")
        return self


class Altering(Value):
    """How far the views `shuffled_media` and `shifted_audio` go. seed: which other video is taken, and whether sound is
    moved forward or back. shift_seconds: how far it is moved; half its length where it is shorter than twice that.
    """

    seed: int = 0
    shift_seconds: float = Field(default=10.0, gt=0)


class GenerateParams(Params):
    """Completions of a checkpoint: for solve rates, reward estimates and benchmarks alike. wording: None for ours."""

    format: FormatName
    view: View = "full"
    altering: Altering = Altering()
    wording: Wording | None = None
    media: MediaSettings
    decoding: Decoding
    dtype: Literal["float32", "bfloat16"] = "float32"
    batch_size: int = Field(default=32, ge=1)
    rows_per_shard: int = Field(default=64, ge=1)

    def seen_as(self, view: View, altering: Altering) -> "GenerateParams":
        """The same with other media. What a view does not use does not enter: no sound has no layout."""
        changed: dict[str, object] = {"view": view, "altering": altering if view in ALTERED else Altering()}
        if view == "transcript":
            changed["media"] = self.media.model_copy(update={"audio": "separate"})
        return self.model_copy(update=changed)


ALTERED: tuple[View, ...] = ("shuffled_media", "shifted_audio")
"""Views for which `Altering` says more."""


class Questions(Value):
    """Examples that a model answers in one way. examples: as those of a job. parts: how many of them are of each
    benchmark, by name and in their order; where there are none, all are of one.
    """

    params: GenerateParams
    examples: str
    parts: dict[str, int] = {}


class GenerateJob(Job):
    """also: other examples that the same model answers in other ways, whose shards follow those of `params`. rank: of
    several processes that share the shards, each with a GPU of its own. parts: as of `Questions`.
    """

    params: GenerateParams
    parts: dict[str, int] = {}
    also: tuple[Questions, ...] = ()
    rank: int = 0

    @property
    def questions(self) -> tuple[Questions, ...]:
        return (Questions(params=self.params, examples=self.examples, parts=self.parts), *self.also)
