"""Protocols: how a benchmark is asked and answered, as named presets.

A protocol says what it knows and leaves the rest to the recipe: a field that is None is the recipe's. Everything it
says lands in the parameters of `predict` or `answer`, and so in their fingerprints.

Wordings are our own throughout, and ask for the same form of answer: our reader takes a letter, its option's text or an
answer block, so that nothing hangs on a publisher's very words. Numbers that are to be compared with published ones to
the point need the very words; a recipe can give them as a protocol of its own.
"""

from typing import Annotated, Literal, get_args

from pydantic import Discriminator, Field, Tag

from schemas.completion import FormatName
from schemas.llm import Llm
from schemas.training import GenerateParams, MediaSettings, View, Wording
from schemas.values import Value

ProtocolName = Literal[
    "trained", "context_first", "timed", "reasoned", "direct", "transcript", "humanomniv2", "official"
]


class Protocol(Value):
    """How questions are put, and how their answers are written. What is None is the recipe's.

    format: None for the one that a stage was trained in. view: what is shown where no control says otherwise. fps,
    max_frames: frames a second, and at most. audio: a video's sound within its frames or after them. facts: what is
    known of the original, and what is not.
    """

    format: FormatName | None = None
    view: View = "full"
    wording: Wording | None = None
    fps: float | None = Field(default=None, gt=0)
    max_frames: int | None = Field(default=None, ge=1)
    audio: Literal["interleaved", "separate"] | None = None
    max_new_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0)
    facts: str = ""

    def generated(self, params: GenerateParams) -> GenerateParams:
        """How a checkpoint answers by this protocol; `params` says it without one."""
        format = self.format or params.format
        decoding = params.decoding.model_copy(update=_said(self, "max_new_tokens", "temperature"))
        if format in ("direct", "reasoned"):
            decoding = decoding.model_copy(update={"ordered_tags": None})
        media: MediaSettings = params.media.model_copy(update=_said(self, "fps", "max_frames", "audio"))
        changes = {"format": format, "wording": self.wording, "decoding": decoding, "media": media}
        return params.model_copy(update=changes)

    def asked(self, llm: Llm) -> Llm:
        """How a language model is asked by this protocol. Where the sound lies is its server's own affair."""
        frames = {"fps": self.fps, "most_frames": self.max_frames}
        video = llm.video.model_copy(update={name: value for name, value in frames.items() if value is not None})
        return llm.model_copy(update={"video": video, **_said(self, "temperature")})


def _is_own(chosen: object) -> str:
    return "own" if isinstance(chosen, (dict, Protocol)) else "name"


Chosen = Annotated[Annotated[ProtocolName, Tag("name")] | Annotated[Protocol, Tag("own")], Discriminator(_is_own)]
"""A preset by its name, or a protocol of a recipe's own."""


def _said(protocol: Protocol, *names: str) -> dict[str, object]:
    return {name: value for name in names if (value := getattr(protocol, name)) is not None}


_LOOK = "Look at the whole video and mind its details. Choose the option that answers the question best."
_LETTER = "Reply with the letter of the best option ({letters}) and nothing else."

PROTOCOLS: dict[ProtocolName, Protocol] = {
    "trained": Protocol(facts="each stage in the format it was trained in, a language model in `context_first`"),
    "context_first": Protocol(format="context_first", facts="description, reasoning, answer"),
    "timed": Protocol(format="timed", facts="timed captions, reasoning, answer"),
    "reasoned": Protocol(format="reasoned", facts="reasoning and answer, without a description"),
    "direct": Protocol(format="direct", facts="the answer alone"),
    "transcript": Protocol(
        view="transcript", facts="subtitles in place of the sound, as the paper shows clips to GPT-4o and o1"
    ),
    "humanomniv2": Protocol(
        format="context_first",
        fps=2.0,
        max_frames=32,
        audio="separate",
        max_new_tokens=2048,
        temperature=0.0,
        facts="the paper's evaluation: 2 frames a second, 32 at most (as the paper says; its code has no such limit), "
        "sound after the frames, 2,048 tokens; its decoding is the checkpoint's own, here greedy",
    ),
    "official": Protocol(facts="each benchmark by its own table, `OFFICIAL`"),
}
"""The presets by name. `official` is looked up by benchmark."""

OFFICIAL: dict[str, Protocol] = {
    "intentbench": PROTOCOLS["humanomniv2"].model_copy(
        update={"facts": "published by the makers of HumanOmniV2, whose evaluation this is"}
    ),
    "daily_omni": Protocol(
        format="direct",
        wording=Wording(
            question="These are questions about a video with its sound. One choice is right.\nQuestion: {question}\n"
            "Choices:\n{options}\nGive the letter of your choice ({letters}) and no other text.",
        ),
        max_new_tokens=10,
        temperature=0.0,
        facts="a letter alone, greedy, 10 tokens; frames are not stated",
    ),
    "worldsense": Protocol(
        format="direct",
        wording=Wording(
            system=_LOOK,
            question="You are given frames of a video and its sound.\n{question}\n{options}\n" + _LETTER,
        ),
        max_new_tokens=1024,
        temperature=0.0,
        facts="a system turn and a letter alone, greedy, 1,024 tokens (lmms-eval); its makers point to VLMEvalKit, "
        "which has 8 or 32 frames, or one or half of one a second, and does not say which counts",
    ),
    "omnivideobench": Protocol(
        format="direct",
        wording=Wording(
            question="Answer a question about a video.\n\nQuestion:\n{question}\n\nOptions:\n{options}\n\nAnswer with "
            "the letter ({letters}) alone. Choose the likeliest option also where you cannot see or hear all of it, "
            "and do not explain.",
        ),
        max_new_tokens=1024,
        temperature=0.7,
        facts="a letter alone, one option whatever was seen; sampled at temperature 0.7 with seed 42, 1,024 tokens; "
        "frames are not stated",
    ),
    "video_holmes": Protocol(
        format="reasoned",
        wording=Wording(
            question="Reason about the video to answer a question with one right option. Write your reasoning between "
            "<think> and </think>, and then the letter of the option between <answer> and </answer>.\nQuestion: "
            "{question}\nOptions:\n{options}",
        ),
        temperature=0.0,
        facts="reasoning in think tags, the letter in answer tags; frames and tokens are not stated; official "
        "baselines see the film without its sound",
    ),
    "video_mme": Protocol(
        format="direct",
        wording=Wording(
            question="Choose the best answer to this question about the video. " + _LETTER + "\n{question}\n{options}\n"
            "The best answer is:",
        ),
        max_new_tokens=16,
        temperature=0.0,
        facts="a letter alone, without subtitles (with them: the view `transcript`, which takes the sound away); "
        "greedy and 16 tokens in lmms-eval; frames differ from harness to harness",
    ),
    "mlvu": Protocol(
        format="direct",
        wording=Wording(
            system=_LOOK,
            question="Question: {question}\nOptions:\n{options}\nName the best option and nothing more.\n"
            "Best option: (",
            option="({label}) {text}",
        ),
        temperature=0.0,
        facts="the reply goes on from `Best option: (`, which the official scorer needs; there it opens the reply, "
        "here it ends the question, as in lmms-eval, which takes 16 tokens; the free-text tasks need more, and are "
        "asked in our words",
    ),
    "lvbench": Protocol(
        format="direct",
        wording=Wording(question="{question}\n{options}\n" + _LETTER, option="({label}) {text}"),
        max_new_tokens=16,
        temperature=0.0,
        facts="the question with its options inside, a letter alone, 16 tokens (lmms-eval); frames are not stated",
    ),
    "omnibench": Protocol(
        format="direct",
        wording=Wording(question="Question:\n{question}\n\nOptions:\n{options}\n\n" + _LETTER),
        max_new_tokens=128,
        temperature=0.0,
        facts="a letter alone, 128 tokens (lmms-eval, which puts the sound before the picture; here they keep the "
        "row's order); evalscope asks for steps and a last line with the letter",
    ),
}
"""By dataset. To add a benchmark: its reader, its metric, and a line here."""


def protocol_of(chosen: Chosen, dataset: str) -> Protocol:
    """The protocol of a benchmark. Raises ValueError for a dataset without an official one."""
    if isinstance(chosen, Protocol):
        return chosen
    if chosen != "official":
        return PROTOCOLS[chosen]
    if dataset not in OFFICIAL:
        raise ValueError(f"{dataset} has no official protocol: name one of {', '.join(get_args(ProtocolName)[:-1])}")
    return OFFICIAL[dataset]
