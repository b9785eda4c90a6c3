"""Say a description again in other words: what a judge of contexts must score high.

The writer sees the description alone, so that it can add nothing to it.
"""

from llm.prompts.asking import MATERIAL, Template, asked, material
from llm.request import Request
from schemas.llm import Llm

NAME = "paraphrase"
VERSION = 1

_SYSTEM = (
    "You say a description of a clip again in other words. Keep every fact: who and what, where, how many, in which "
    "order, what is said and heard. Add none and guess none. Change words and the build of sentences wherever the "
    "facts stay the same; keep names, numbers and quoted speech. Write in the language of the description, about as "
    f"long as it is. Reply with the new description alone.\n{MATERIAL}"
)

_TEMPLATE = Template(name=NAME, version=VERSION, system=_SYSTEM, max_tokens=2048)


def request(llm: Llm, description: str) -> Request:
    text = material("description", description)
    return asked(_TEMPLATE, {"description": description}, text, llm)


def parse(text: str) -> str:
    """The new description. Raises ValueError for a reply without words."""
    if not text.strip():
        raise ValueError("the reply is empty")
    return text.strip()
