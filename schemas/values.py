"""Frozen values, the half of a stage's arguments that is identity, and the errors that are the user's to mend."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen value with no room for unknown fields. A default is read like a given value: 1 for a float is 1.0.

    Texts are valid Unicode and short enough for an Arrow string: what half a surrogate pair breaks later fails here.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, protected_namespaces=(), str_max_length=2**31 - 1
    )


class Params(Value):
    """What changes the bytes of a stage's result, and so enters its fingerprint. The other half is a Runtime."""


class UserError(ValueError):
    """A mistake in what the user gave: shown as one line, with no traceback, and a non-zero exit."""
