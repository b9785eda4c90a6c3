"""Which rows of a source to take: `all`, `first:100`, `last:10%` or `random:50%`."""

import re
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

_RULE = re.compile(r"(all|(first|last|random):[0-9]+%?)")


def _known(rule: str) -> str:
    if not _RULE.fullmatch(rule):
        raise ValueError(f"take {rule!r} is not `all` or first|last|random with a number or %: `random:50%`")
    return rule


Take = Annotated[str, AfterValidator(_known), WithJsonSchema({"type": "string", "pattern": f"^{_RULE.pattern}$"})]
"""A rule by which rows are taken; any other text is refused, in forms too."""
