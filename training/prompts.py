"""The one prompt builder: fine-tuning, reinforcement learning, rollouts and evaluation all ask in these words.

A conversation is a system turn that states the output format and a user turn with the media, in the example's own
order, then the question. A context-first completion says in its `context` what the media show before reasoning.
Subtitles and descriptions never enter: the model has to watch and listen. Change PROMPT_VERSION with any word here:
stages put it into their fingerprints.
"""

from typing import Literal, NamedTuple, TypedDict

from schemas.completion import FormatName, parse, render
from schemas.example import AnswerKind, Example, Media, MediaKind

PROMPT_VERSION = "1"

AudioLayout = Literal["interleaved", "separate"]

SYSTEM: dict[FormatName, str] = {
    "context_first": (
        "First state in <context></context> what the media show and play that bears on the question. Then reason "
        "from it in <think></think>, checking it against the media. Then give the answer alone in "
        "<answer></answer>."
    ),
    "timed": (
        "First go through the parts of the media that bear on the question, in order of time and without overlap. For "
        "each, write <time>start-end</time> in seconds with one decimal, such as <time>1.5-4.0</time>, and then what "
        "it shows and plays in <caption></caption>; put all of them into <context></context>. Then reason from them "
        "in <think></think>. Then give the answer alone in <answer></answer>."
    ),
    "direct": "Watch and listen closely, then give the answer alone.",
}

INSTRUCTIONS: dict[AnswerKind, str] = {
    "choice": "Answer with the letter of one option.",
    "multi_choice": "Answer with the letters of all options that apply, separated by commas.",
    "yes_no": "Answer yes or no.",
    "number": "Answer with a number.",
    "regression": "Answer with a number, decimals allowed.",
    "ocr": "Answer with the text as it is written.",
    "free_text": "Answer in a sentence or two.",
    "emotion_words": "Answer with words for the emotions, separated by commas.",
}


class Part(NamedTuple):
    """One placeholder of a prompt: what kind of input it becomes, and the medium it is read from."""

    kind: MediaKind
    medium: Media


class Content(TypedDict, total=False):
    """One piece of a turn, as chat templates expect it: a medium's placeholder, or text."""

    type: Literal["video", "audio", "image", "text"]
    text: str


class Message(TypedDict):
    """One turn of a conversation, as chat templates expect it."""

    role: Literal["system", "user"]
    content: str | list[Content]


def messages(example: Example, format: FormatName, audio: AudioLayout = "interleaved") -> list[Message]:
    """The conversation that asks an example, up to where the assistant begins to write."""
    media: list[Content] = [{"type": part.kind} for part in parts(example, audio)]
    return [
        {"role": "system", "content": SYSTEM[format]},
        {"role": "user", "content": [*media, {"type": "text", "text": question_text(example)}]},
    ]


def parts(example: Example, audio: AudioLayout = "interleaved") -> list[Part]:
    """The media of an example in order. `separate` puts a video's sound after it, as a part of its own."""
    found = []
    for medium in example.media:
        found.append(Part(medium.kind, medium))
        if audio == "separate" and medium.kind == "video" and medium.has_audio:
            found.append(Part("audio", medium))
    return found


def question_text(example: Example) -> str:
    """What the user writes: the question, one line an option, and how to answer."""
    options = [f"{option.label}. {option.text}" for option in example.options]
    return "\n".join([example.question.strip(), *options, INSTRUCTIONS[example.answer_kind]])


def target(example: Example, format: FormatName) -> str:
    """What the assistant should write. Raises ValueError when an example was never rewritten into the format."""
    if format == "direct":
        return example.answer
    if not (example.context.strip() and example.think.strip()):
        raise ValueError(f"{example.id} has no context or reasoning to learn from: rewrite it first")
    written = render(example.context, example.think, example.answer)
    if format == "timed" and (errors := parse(written, format).errors):
        raise ValueError(f"{example.id} cannot be learnt in timed captions: {errors[0]}")
    return written


def texts(example: Example, format: FormatName) -> list[str]:
    """All text of an example as a tokenizer meets it: the two turns, and the target where there is one."""
    found = [SYSTEM[format], question_text(example)]
    if format == "direct" or (example.context.strip() and example.think.strip()):
        found.append(target(example, format))
    return found
