"""Failures that are neither the user's mistake nor a fault of the code: a rerun may succeed, and loses nothing."""


class ModuleFailed(RuntimeError):
    """A training or generating process ended with an error; the message holds its last lines."""


class NoAnswer(RuntimeError):
    """The LLM could not be reached for some rows. What was answered is kept; a rerun asks for the rest."""
