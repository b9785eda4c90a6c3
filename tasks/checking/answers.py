"""What the models answered in a check, a row each: the judge's scores, and the facts that contexts state."""

from typing import NamedTuple

import pyarrow as pa

from llm.prompts.specificity import Facts

TRIALS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("candidate", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("score", pa.float64(), nullable=True),
        pa.field("failure", pa.string(), nullable=False),
    ]
)

FACTS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("picture", pa.int32(), nullable=True),
        pa.field("sound", pa.int32(), nullable=True),
        pa.field("unfound", pa.int32(), nullable=True),
        pa.field("reply", pa.string(), nullable=False),
        pa.field("failure", pa.string(), nullable=False),
    ]
)


class Trial(NamedTuple):
    """A candidate for the context of one row. score: 0 to 1; None where the judge failed, as `failure` says."""

    id: str
    candidate: str
    text: str
    score: float | None
    failure: str


class Stated(NamedTuple):
    """What the context of one row states; no facts where the model failed, as `failure` says. reply: its quotations."""

    id: str
    facts: Facts | None
    reply: str
    failure: str

    def row(self) -> dict[str, object]:
        """The row of `FACTS`."""
        counted = self.facts._asdict() if self.facts else dict.fromkeys(Facts._fields)
        return {"id": self.id, **counted, "reply": self.reply, "failure": self.failure}
