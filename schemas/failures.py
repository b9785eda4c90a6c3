"""Failures that are neither the user's mistake nor a fault of the code: a rerun may succeed, and loses nothing."""


class ModuleFailed(RuntimeError):
    """A training or generating process ended with an error; the message holds its last lines."""


class NoAnswer(RuntimeError):
    """The LLM could not be reached for some rows. What was answered is kept; a rerun asks for the rest."""


class BudgetReached(RuntimeError):
    """A stage has spent what it may. What was answered is kept; with a larger budget a rerun asks for the rest."""


class HubUnreachable(RuntimeError):
    """The Hugging Face hub did not answer, or not to the end. What came is kept; a rerun carries on from there."""


USER_FAULT = 78
"""Exit code of a process that met a mistake of the user's and said so in its last line (EX_CONFIG)."""
