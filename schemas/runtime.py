"""The half of a stage's arguments that is not identity: where and how fast it runs."""

import re

from pydantic import Field, field_validator

from schemas.llm import LlmLimits
from schemas.values import Value

_EXECUTOR = re.compile(r"local|processes|dask://[^/\s]+:\d+|ray://(auto|[^/\s]+:\d+)")


class Runtime(Value):
    """What changes only where or how fast a stage runs, and never enters a fingerprint.

    store: folder of the artifact store. threads: CPU threads of one training or generating process.
    workers: processes for probing and decoding. llm: how fast language models are asked, and their budget.
    training_slots: training subprocesses at once. generators: processes that write one artifact's completions, each on
    a GPU of its own where there are any. rehash: ignore the digest index and read every outside file again.
    responses: folder of this host's response log where the store is on a network disk, which is no place for SQLite;
    answers then go through the store. reports_url: where reports are served, for links; empty if nowhere.
    trackers: where training shows its metrics while it runs: tensorboard, trackio, wandb. judge_deadline: seconds in
    which a judge has to answer for a group in training; a late answer is not known. collective_timeout: seconds a rank
    waits for the others, so it has to be longer. executor: who does the shards of long stages: `local`, this process,
    and others beside it where a source is large; `processes`, so many as `workers`; `dask://host:port`, the workers of
    that scheduler; `ray://host:port` or `ray://auto`, a cluster's CPUs. nodes: machines that train together; the first
    one, where the run is, listens at `rendezvous` (host:port), and `launcher` starts a command on all of them.
    vllm_*: of a rollout engine that is vLLM, as in RolloutPlace.
    """

    store: str
    threads: int = Field(default=1, ge=1)
    workers: int = Field(default=2, ge=1)
    llm: LlmLimits = LlmLimits()
    training_slots: int = Field(default=2, ge=1)
    generators: int = Field(default=1, ge=1)
    rehash: bool = False
    responses: str = ""
    reports_url: str = ""
    trackers: tuple[str, ...] = ()
    judge_deadline: float = Field(default=600.0, gt=0)
    collective_timeout: float = Field(default=1800.0, gt=0)
    executor: str = "local"
    nodes: int = Field(default=1, ge=1)
    rendezvous: str = Field(default="", pattern=r"^(\S+:\d+)?$")
    launcher: str = ""
    vllm_folder: str = ""
    vllm_memory: float = Field(default=0.3, gt=0, lt=1)
    vllm_url: str = "http://localhost:8000"
    vllm_port: int = Field(default=51216, ge=1, le=65535)

    @field_validator("executor")
    @classmethod
    def _is_known(cls, executor: str) -> str:
        if not _EXECUTOR.fullmatch(executor):
            raise ValueError("choose local, processes, dask://HOST:PORT, ray://HOST:PORT or ray://auto")
        return executor

    @property
    def decoders(self) -> int:
        """Processes that decode media for one training or generating process."""
        return max(1, self.workers // self.training_slots)
