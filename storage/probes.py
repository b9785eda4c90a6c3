"""What was found out about media, by their digest, so that no file is probed twice.

    {store}/.index/probes.sqlite    digest, version of probing: the answer as JSON

A digest's answer never changes while probing does not. It is a cache: deleting it costs time, never correctness. What
may be the machine's fault rather than the file's (a deadline, a crash, a file out of reach) is asked again.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from llm.database import open_shared
from media.probe import ANSWER, PROBE_VERSION, Probe, Unreadable, probe_each

_TABLE = """CREATE TABLE IF NOT EXISTS probes (
    digest TEXT, version INTEGER, answer TEXT, PRIMARY KEY (digest, version)) WITHOUT ROWID"""
_KNOWN = """SELECT digest, answer FROM probes
    WHERE version = ? AND digest IN (SELECT value FROM json_each(?))"""
_AT_ONCE = 10_000
_PASSING = frozenset({"missing", "deadline", "crashed"})

Answer = Probe | Unreadable


class ProbeCache:
    """Probes by digest, in a SQLite file that several processes may share. For one thread; close it when done."""

    def __init__(self, path: Path, version: int = PROBE_VERSION) -> None:
        self._version = version
        self._connection = open_shared(path, _TABLE)

    def __enter__(self) -> "ProbeCache":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def probe_all(
        self, files: Mapping[str, Path], workers: int, deadline_seconds: float
    ) -> Iterator[tuple[str, Answer]]:
        """Digest and answer of every file, given by digest: first those that are known, then as they are probed.

        Each new answer is kept before it is given, so that a killed run asks only for the rest.
        """
        unknown = []
        digests = iter(files)
        while some := list(islice(digests, _AT_ONCE)):
            known = self._known(some)
            unknown += [digest for digest in some if digest not in known]
            yield from known.items()
        for digest, answer in probe_each(((one, files[one]) for one in unknown), workers, deadline_seconds):
            self._keep(digest, answer)
            yield digest, answer

    def _known(self, digests: list[str]) -> dict[str, Answer]:
        rows = self._connection.execute(_KNOWN, (self._version, json.dumps(digests)))
        return {digest: ANSWER.validate_json(answer) for digest, answer in rows}

    def _keep(self, digest: str, answer: Answer) -> None:
        """One row, at once: with a write-ahead log it costs far less than the probe did."""
        if isinstance(answer, Unreadable) and answer.reason in _PASSING:
            return
        row = (digest, self._version, answer.model_dump_json())
        self._connection.execute("INSERT OR REPLACE INTO probes VALUES (?, ?, ?)", row)
