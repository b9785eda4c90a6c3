"""Ask a language model an example as an evaluation asks our own models, in the words of `training.prompts`.

The media come before the question, in the example's own order. Nothing is fenced: a benchmark's question is meant to be
answered, and a fence would be another question than the one that trained models get.
"""

from llm.prompts.asking import Template, about
from llm.request import Request
from schemas.example import Example
from schemas.llm import Llm

NAME = "predict"
VERSION = 1


def request(example: Example, system: str, text: str, max_tokens: int, llm: Llm) -> Request:
    """system: empty for none. text: all that the user writes. max_tokens: of the reply."""
    template = Template(name=NAME, version=VERSION, system=system, max_tokens=max_tokens)
    fields = {"question": example.question, "options": _options(example)}
    found = about(example, template, fields, text, llm)
    return found if system else found.model_copy(update={"messages": found.messages[1:]})


def _options(example: Example) -> str:
    return "\n".join(f"{option.label}. {option.text}" for option in example.options)
