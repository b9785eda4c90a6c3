"""Failures that are neither the user's mistake nor a fault of the code: a rerun may succeed, and loses nothing."""

from schemas.artifact import Artifact
from schemas.values import UserError


class ModuleFailed(RuntimeError):
    """A training or generating process ended with an error; the message holds its last lines."""


class NoAnswer(RuntimeError):
    """The LLM could not be reached for some rows. What was answered is kept; a rerun asks for the rest."""


class BudgetReached(RuntimeError):
    """A stage has spent what it may. What was answered is kept; with a larger budget a rerun asks for the rest."""


class HubUnreachable(RuntimeError):
    """The Hugging Face hub did not answer, or not to the end. What came is kept; a rerun carries on from there."""


class StoreUnreachable(RuntimeError):
    """The bucket that holds the store did not answer. What was made is kept here; a rerun carries on from there."""


class LeaseLost(RuntimeError):
    """Another run took over what this one was making, so this one published nothing; a rerun reuses the other's."""


class BelowMinimum(RuntimeError):
    """A stage is below what its recipe asks of it. `report` is written, and all that was made is kept and named."""

    def __init__(self, message: str, report: Artifact) -> None:
        super().__init__(message)
        self.report = report


USER_FAULT = 78
"""Exit code of a process that met a mistake of the user's and said so in its last line (EX_CONFIG)."""

FAULTS: dict[int, type[Exception]] = {
    USER_FAULT: UserError,
    69: NoAnswer,
    73: LeaseLost,
    74: StoreUnreachable,
    77: BudgetReached,
}
"""Exit codes of a process of ours, a lane or training, that says in its last line what stopped it."""


def exit_code(fault: Exception) -> int:
    """Of a process that is stopped by one of `FAULTS`."""
    return next(code for code, kind in FAULTS.items() if isinstance(fault, kind))
