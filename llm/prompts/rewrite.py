"""Rewrite a question with its gold answer into context, reasoning and answer.

Why the rules are what they are:
- the clip comes first and is what counts; subtitles and the publisher's words are shown as material, because they help
  with names and speech, and may be wrong or hostile;
- the context comes before any thought of the question, so that it describes the scene and not the answer; naming an
  option by its letter or in its own words there would let a reader skip the media;
- picture and sound are asked for one by one and in time order, because a writer left to itself leaves out the sound;
- the reasoning may use only what the context holds, because it is later judged against that context, and it must end
  in the answer and argue for no other, because a model is trained to answer as it has reasoned;
- the answer is given to the writer and must come back unchanged: a writer that disagrees marks a bad row, and the
  validator drops it instead of training on either version;
- lengths are asked for as ranges, because a trace of a few words teaches nothing and an endless one is cut off;
- plain prose, because marks of layout would be learnt as part of thinking;
- a reply that broke a rule is shown with the rule and what was seen, once: most faults are slips.
"""

from llm.prompts.asking import MATERIAL, Template, about, material
from llm.request import Request
from schemas.example import Example
from schemas.llm import Llm
from schemas.values import Value

NAME = "rewrite"
VERSION = 2
CONTEXT_WORDS = (40, 300)
THINK_WORDS = (60, 400)
"""What is asked for; what is accepted is wider."""

_SYSTEM = (
    "You prepare training data for a model that watches and listens. You get a clip, a question about it with its "
    "correct answer, and perhaps what others wrote about the clip. Write exactly three blocks, in this order and with "
    "nothing around them: <context>...</context><think>...</think><answer>...</answer>.\n"
    f"context, {CONTEXT_WORDS[0]} to {CONTEXT_WORDS[1]} words: describe the clip for someone who can neither see nor "
    "hear it, in the order of time: who and what is shown, what they do, how faces and voices change, what is said, "
    "what other sounds are heard. Say what is there, and leave what it means to the next block. Do not mention the "
    "question or its options, do not use an option's letter, and do not copy an option's wording unless the clip "
    "itself says it.\n"
    f"think, {THINK_WORDS[0]} to {THINK_WORDS[1]} words: reason step by step from that description to the answer. Use "
    "only evidence that the description holds. You may weigh other answers and say why they fail, but argue for none "
    "of them, and end with the given answer.\n"
    "answer: repeat the given answer exactly, and nothing else.\n"
    "Where an earlier description or earlier reasoning is given, keep what the clip bears out and mend the rest.\n"
    "Write plain prose in the language of the question: no lists, no headings, no bold, no markdown, no HTML, no JSON. "
    f"{MATERIAL}"
)

_TEMPLATE = Template(name=NAME, version=VERSION, system=_SYSTEM, max_tokens=4096)

_TITLES = {
    "subtitles": "what is said, from the subtitles",
    "description": "what the publisher says of the clip",
    "context": "an earlier description",
    "think": "earlier reasoning",
    "question": "question",
    "options": "options",
    "answer": "the given answer",
    "earlier": "your earlier reply",
    "seen": "what was wrong with it",
}


class Repair(Value):
    """Why the writer is asked again: its earlier reply, the rule that it broke, and what was seen in it."""

    earlier: str
    rule: str
    seen: str


def request(example: Example, llm: Llm, repair: Repair | None = None) -> Request:
    """The request for one example, or the request to mend the reply to it."""
    fields = _fields(example) | (repair.model_dump() if repair else {})
    shown = [material(title, fields[name]) for name, title in _TITLES.items() if fields.get(name)]
    order = ["Your earlier reply broke a rule. " + repair.rule + " Write all three blocks again."] if repair else []
    return about(example, _TEMPLATE, fields, "\n\n".join([*shown, *order]), llm)


def _fields(example: Example) -> dict[str, str]:
    return {
        "question": example.question,
        "options": "\n".join(f"{option.label}. {option.text}" for option in example.options),
        "answer_kind": example.answer_kind,
        "answer": example.answer,
        "gold_text": example.gold_text,
        "subtitles": example.subtitles,
        "description": example.description,
        "context": example.context,
        "think": example.think,
    }
