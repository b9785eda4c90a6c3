"""The half of a stage's arguments that is not identity: where and how fast it runs."""

from schemas.llm import LlmLimits
from schemas.values import Value


class Runtime(Value):
    """What changes only where or how fast a stage runs, and never enters a fingerprint.

    store: folder of the artifact store. threads: CPU threads of one training or generating process.
    workers: processes for probing and decoding. llm: how fast language models are asked, and their budget.
    training_slots: training subprocesses at once. rehash: ignore the digest index and read every outside file again.
    responses: folder of this host's response log where the store is on a network disk, which is no place for SQLite;
    answers then go through the store. reports_url: where reports are served, for links; empty if nowhere.
    trackers: where training shows its metrics while it runs: tensorboard, trackio, wandb.
    """

    store: str
    threads: int = 1
    workers: int = 2
    llm: LlmLimits = LlmLimits()
    training_slots: int = 2
    rehash: bool = False
    responses: str = ""
    reports_url: str = ""
    trackers: tuple[str, ...] = ()

    @property
    def decoders(self) -> int:
        """Processes that decode media for one training or generating process."""
        return max(1, self.workers // self.training_slots)
