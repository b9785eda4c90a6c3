"""The one prompt builder: fine-tuning, reinforcement learning, rollouts and evaluation all ask in these words.

A conversation is a system turn that states the output format and a user turn with the media, in the example's own
order, then the question. A context-first completion says in its `context` what the media show before reasoning.
Subtitles and descriptions never enter: the model has to watch and listen, but in the view `transcript`, where subtitles
take the place of the sound. An evaluation may ask in a benchmark's own form (`Wording`), training never does. Change
PROMPT_VERSION with any word here: stages put it into their fingerprints.
"""

import re
from typing import Literal, NamedTuple, TypedDict

from schemas.completion import FormatName, parse, render
from schemas.example import AnswerKind, Example, Media, MediaKind
from schemas.training import Wording

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
    "reasoned": (
        "First reason in <think></think> from what the media show and play. Then give the answer alone in "
        "<answer></answer>."
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

TRANSCRIPT = "There is no sound. This is what is said:"
"""Stands above the subtitles, which stand above the question."""

_BLANK = re.compile(r"\{(question|options|instruction|letters|label|text)\}")


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


def messages(
    example: Example, format: FormatName, audio: AudioLayout = "interleaved", wording: Wording | None = None
) -> list[Message]:
    """The conversation that asks an example, up to where the assistant begins to write."""
    media: list[Content] = [{"type": part.kind} for part in parts(example, audio)]
    user: Message = {"role": "user", "content": [*media, {"type": "text", "text": question_text(example, wording)}]}
    system = system_text(example, format, wording)
    return [{"role": "system", "content": system}, user] if system else [user]


def parts(example: Example, audio: AudioLayout = "interleaved") -> list[Part]:
    """The media of an example in order. `separate` puts a video's sound after it, as a part of its own."""
    found = []
    for medium in example.media:
        found.append(Part(medium.kind, medium))
        if audio == "separate" and medium.kind == "video" and medium.has_audio:
            found.append(Part("audio", medium))
    return found


def system_text(example: Example, format: FormatName, wording: Wording | None = None) -> str:
    """The system turn; empty where there is none."""
    return wording.system if wording and example.options else SYSTEM[format]


def question_text(example: Example, wording: Wording | None = None) -> str:
    """What the user writes: the question, one line an option, and how to answer."""
    if wording and example.options:
        return _worded(example, wording)
    options = [f"{option.label}. {option.text}" for option in example.options]
    return "\n".join([example.question.strip(), *options, INSTRUCTIONS[example.answer_kind]])


def _worded(example: Example, wording: Wording) -> str:
    """All blanks are filled in at once, so that no text of a row is taken for one."""
    lines = [_filled(wording.option, {"label": one.label, "text": one.text}) for one in example.options]
    *labels, last = [option.label for option in example.options]
    before = f"{', '.join(labels)} or " if labels else ""
    values = {
        "question": example.question.strip(),
        "options": "\n".join(lines),
        "letters": before + last,
        "instruction": INSTRUCTIONS[example.answer_kind],
    }
    return _filled(wording.question, values)


def _filled(text: str, values: dict[str, str]) -> str:
    return _BLANK.sub(lambda blank: values.get(blank[1], blank[0]), text)


def with_transcript(example: Example) -> Example:
    """The example whose question is preceded by its subtitles, where it has any."""
    said = example.subtitles.strip()
    return example.model_copy(update={"question": f"{TRANSCRIPT}\n{said}\n\n{example.question}"}) if said else example


def target(example: Example, format: FormatName) -> str:
    """What the assistant should write. Raises ValueError when an example was never rewritten into the format."""
    if format == "direct":
        return example.answer
    if format == "reasoned":
        return _reasoned(example)
    if not (example.context.strip() and example.think.strip()):
        raise ValueError(f"{example.id} has no context or reasoning to learn from: rewrite it first")
    written = render(example.context, example.think, example.answer)
    if format == "timed" and (errors := parse(written, format).errors):
        raise ValueError(f"{example.id} cannot be learnt in timed captions: {errors[0]}")
    return written


def _reasoned(example: Example) -> str:
    if not example.think.strip():
        raise ValueError(f"{example.id} has no reasoning to learn from: rewrite it first")
    return f"<think>{example.think}</think><answer>{example.answer}</answer>"


def texts(example: Example, format: FormatName) -> list[str]:
    """All text of an example as a tokenizer meets it: the two turns, and the target where there is one."""
    found = [SYSTEM[format], question_text(example)]
    thought = example.think.strip() and (format == "reasoned" or example.context.strip())
    if format == "direct" or thought:
        found.append(target(example, format))
    return found
