"""The two halves of every stage's arguments, and the errors that are the user's to mend.

`Params` holds what changes the bytes of the result and enters the fingerprint. `Runtime` holds what changes only
where and how fast it is made, and never enters.
"""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen value with no room for unknown fields. A default is read like a given value: 1 for a float is 1.0.

    Texts are valid Unicode and short enough for an Arrow string: what half a surrogate pair breaks later fails here.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, protected_namespaces=(), str_max_length=2**31 - 1
    )


class Params(Value):
    """What changes the bytes of a stage's result."""


class Runtime(Value):
    """What changes only where or how fast a stage runs.

    store: folder of the artifact store. threads: CPU threads of one training or generating process.
    workers: processes for probing and decoding. concurrency: LLM requests in flight. training_slots: training
    subprocesses at once. rehash: ignore the digest index and read every outside file again. replay: answer LLM
    requests from the response log alone. reports_url: where reports are served, for links; empty if nowhere.
    """

    store: str
    threads: int = 1
    workers: int = 2
    concurrency: int = 32
    training_slots: int = 2
    rehash: bool = False
    replay: bool = False
    reports_url: str = ""


class UserError(ValueError):
    """A mistake in what the user gave: shown as one line, with no traceback, and a non-zero exit."""
