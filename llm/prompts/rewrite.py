"""Rewrite a question with its gold answer into context, reasoning and answer.

Why the rules are what they are:
- the context comes before any thought of the question, so that it describes the scene and not the answer; naming an
  option by its letter there would let a reader skip the media;
- the reasoning may use only what the context holds, because it is later judged against that context;
- the answer is given to the writer and must come back unchanged: a writer that disagrees marks a bad row, and the
  validator drops it instead of training on either version.
"""

from llm.prompts.asking import Template, about
from llm.request import Request
from schemas.example import Example

NAME = "rewrite"
VERSION = 1

_SYSTEM = (
    "You prepare training data for a model that watches and listens. Write exactly three blocks, in this order and "
    "with nothing around them: <context>...</context><think>...</think><answer>...</answer>.\n"
    "context: describe the whole scene for someone who cannot see or hear it: what is shown, how it changes, what is "
    "said, what sounds are heard and when. Do not mention the question, its options or their letters.\n"
    "think: reason step by step from that description to the answer. Use only evidence that the description holds. "
    "Do not argue for any other answer.\n"
    "answer: repeat the given answer exactly.\n"
    "Plain sentences, no lists, no markdown, in the language of the question."
)


_TEMPLATE = Template(name=NAME, version=VERSION, system=_SYSTEM, max_tokens=2048)


def request(example: Example, provider: str, model: str, repair: str = "") -> Request:
    """The request for one example; `repair` is the validator's complaint about an earlier reply."""
    fields = _fields(example) | ({"repair": repair} if repair else {})
    return about(example, _TEMPLATE, fields, _user_text(fields), provider, model)


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


_TITLES = {
    "subtitles": "What is said, from the subtitles",
    "description": "What the publisher says of the clip",
    "context": "An earlier description, to be improved",
    "think": "Earlier reasoning, to be improved",
    "question": "Question",
    "options": "Options",
    "answer": "The answer",
    "repair": "Your earlier reply was refused; mend this",
}


def _user_text(fields: dict[str, str]) -> str:
    return "\n\n".join(f"{title}:\n{fields[name]}" for name, title in _TITLES.items() if fields.get(name))
