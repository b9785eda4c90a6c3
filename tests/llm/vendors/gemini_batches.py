"""Gemini's batch mode: many questions in one job, inline or as a file of lines, whose answers come when it is done."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.llm.vendors.faults import Faulted
from tests.llm.vendors.gemini_files import Files, Stored
from tests.llm.vendors.protocol import Answer

AnswerOne = Callable[[dict[str, Any], str], dict[str, Any]]
"""From one request and the model to `response` or `error`."""

FindStored = Callable[[str], Stored]


@dataclass
class Job:
    """lines: key or metadata beside the request of each. polls: times that it will still be seen at work."""

    name: str
    model: str
    shown: str
    lines: list[dict[str, Any]]
    in_file: bool
    polls: int
    state: str = "BATCH_STATE_PENDING"
    output: dict[str, Any] = field(default_factory=dict)


class Batches:
    """All jobs. created: how many there ever were."""

    def __init__(self, files: Files, answer_one: AnswerOne) -> None:
        self._jobs: dict[str, Job] = {}
        self._files = files
        self._answer_one = answer_one
        self.created = 0

    def create(self, model: str, body: dict[str, Any], polls: int, find: FindStored) -> Answer:
        batch = body.get("batch", {})
        source = batch.get("inputConfig", {})
        name = source.get("fileName")
        lines = _lines(find(name)) if name else source.get("requests", {}).get("requests")
        if not lines or not all(isinstance(line.get("request"), dict) for line in lines):
            raise Faulted("bad_request", "a batch needs requests, inline or as lines of a file")
        self.created += 1
        job = Job(f"batches/job-{self.created}", model, batch.get("displayName", ""), lines, bool(name), polls)
        self._jobs[job.name] = job
        return _answer(job)

    def answer(self, method: str, name: str) -> Answer:
        """GET, DELETE and POST, which is `cancel`, of one job. Each look brings it a step on."""
        job = self._jobs.get(name)
        if job is None:
            raise Faulted("not_found", name)
        if method == "DELETE":
            del self._jobs[name]
            return Answer(200, b"{}")
        if method == "POST":
            self._end(job, "CANCELLED")
            return Answer(200, b"{}")
        self._advance(job)
        return _answer(job)

    def listed(self) -> Answer:
        return Answer(200, json.dumps({"operations": [_shown(job) for job in self._jobs.values()]}).encode())

    def lose(self, state: str) -> None:
        """All jobs that are under way end as FAILED or EXPIRED."""
        for job in self._jobs.values():
            self._end(job, state)

    def _end(self, job: Job, state: str) -> None:
        if not _is_over(job):
            job.state = f"BATCH_STATE_{state}"

    def _advance(self, job: Job) -> None:
        if _is_over(job):
            return
        job.polls -= 1
        job.state = "BATCH_STATE_RUNNING"
        if job.polls < 0:
            self._do(job)
            job.state = "BATCH_STATE_SUCCEEDED"

    def _do(self, job: Job) -> None:
        ended = [_beside(line) | self._answer_one(line["request"], job.model) for line in job.lines]
        if not job.in_file:
            job.output = {"inlinedResponses": {"inlinedResponses": ended}}
            return
        content = "".join(json.dumps(one) + "\n" for one in ended).encode()
        job.output = {"responsesFile": self._files.add(content, "application/jsonl").name}


def _lines(stored: Stored) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in stored.content.splitlines() if line.strip()]
    except ValueError as error:
        raise Faulted("bad_request", f"{stored.name} has a line that is no JSON: {error}") from error


def _beside(line: dict[str, Any]) -> dict[str, Any]:
    return {name: line[name] for name in ("key", "metadata") if name in line}


def _is_over(job: Job) -> bool:
    return job.state not in ("BATCH_STATE_PENDING", "BATCH_STATE_RUNNING")


def _answer(job: Job) -> Answer:
    return Answer(200, json.dumps(_shown(job)).encode())


def _shown(job: Job) -> dict[str, Any]:
    told: dict[str, Any] = {
        "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch",
        "name": job.name,
        "model": f"models/{job.model}",
        "displayName": job.shown,
        "state": job.state,
        "createTime": "2026-01-01T00:00:00Z",
        "updateTime": "2026-01-01T00:00:00Z",
        "batchStats": {"requestCount": str(len(job.lines))},
    }
    if job.output:
        told["output"] = job.output
    return {"name": job.name, "metadata": told, "done": _is_over(job)}
