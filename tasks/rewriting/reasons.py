"""Why a rewrite is refused: a closed set of reasons, the first that is met counts.

The line of a reason is what the writer is told when it is asked to mend a reply, so each says what to do.
"""

from typing import NamedTuple

RULES: dict[str, str] = {
    "malformed": "Write the three blocks context, think and answer once each, in this order, not empty, and no more.",
    "answer_changed": "The answer block must repeat the given answer exactly.",
    "wrong_length": "Keep the context and the reasoning within the asked length.",
    "markup": "Write plain prose: no headings, lists, bold, tables, code, links, HTML, JSON or the like.",
    "wrong_language": "Write the context and the reasoning in the language of the question.",
    "choice_given_away": "The context must not name an option by its letter or repeat its text word for word.",
    "think_argues_otherwise": "The reasoning must end in the given answer and in no other.",
    "think_ungrounded": "The reasoning must build on what the context says.",
}
"""What code finds wrong with a reply. The writer may mend it once."""

CALLS: dict[str, str] = {
    "llm_truncated": "The reply was cut off at its end; write all three blocks, but shorter.",
    "llm_refused": "The provider's safety rules stopped the reply.",
    "llm_rejected": "The provider will never take this request.",
    "llm_unparsable": "The provider sent what is no reply.",
}
"""How a call ended that brought no reply. Of these only a reply that was cut off may be mended."""

REASONS = RULES | CALLS
MENDABLE = frozenset(RULES) | {"llm_truncated"}


class Fault(NamedTuple):
    """What is wrong with a reply: a reason of `REASONS`, what was seen, and the reply itself, as far as it came."""

    reason: str
    detail: str
    reply: str
