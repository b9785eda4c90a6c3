"""What a stage leaves behind: a reference to pass on, and the manifest that describes the bytes."""

from typing import Literal

from pydantic import Field

from schemas.canonical import fingerprint
from schemas.values import Value

MANIFEST_FORMAT = 2
READABLE_FORMATS = frozenset({1, 2})
"""1 has no seal."""

Kind = Literal["folder", "examples", "checkpoint", "predictions", "scores", "report", "dataset"]


class Artifact(Value):
    """A reference to one artifact of the store: cheap to pass between tasks, never the data itself."""

    stage: str
    fingerprint: str
    kind: Kind

    def __str__(self) -> str:
        return f"{self.stage}/{self.fingerprint[:12]}"

    def __hash__(self) -> int:
        return hash((self.stage, self.fingerprint))


class File(Value):
    """One data file: path relative to the artifact, bytes, SHA-256, and rows and columns where it is a table."""

    path: str
    size: int
    sha256: str
    rows: int | None = None
    columns: dict[str, str] | None = None


class Input(Value):
    """One input as it was read: which artifact, and the digest of its content at that time."""

    stage: str
    fingerprint: str
    content: str


class Rows(Value):
    """Row counts of one stage: `entered` equals `left` plus all of `rejected` (reason -> count)."""

    entered: int = 0
    left: int = 0
    rejected: dict[str, int] = {}


class Usage(Value):
    """What LLM calls cost: calls sent, calls answered from the response log, tokens, and money in US dollars.

    unpriced: calls among those sent whose model has no price, so that `cost` leaves them out.
    """

    calls: int = 0
    hits: int = 0
    failures: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0
    unpriced: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(**{name: getattr(self, name) + getattr(other, name) for name in Usage.model_fields})


class Environment(Value):
    """Where the artifact was made."""

    commit: str
    dirty: bool
    lock: str
    packages: dict[str, str]
    python: str
    device: str
    threads: int


class Manifest(Value):
    """Everything known about one artifact. Written last: its presence says that the artifact is whole.

    seal: SHA-256 of the manifest's own text with an empty seal, so that no bit of it changes unseen.
    """

    format: int = MANIFEST_FORMAT
    stage: str
    version: str
    kind: Kind
    fingerprint: str
    content: str
    params: dict[str, object]
    inputs: dict[str, Input]
    files: list[File]
    rows: Rows = Rows()
    usage: Usage = Usage()
    notes: dict[str, object] = Field(default={}, description="Small facts worth showing without opening the data.")
    environment: Environment
    finished_at: str
    seconds: float
    seal: str = ""

    @property
    def artifact(self) -> Artifact:
        return Artifact(stage=self.stage, fingerprint=self.fingerprint, kind=self.kind)


def content_digest(files: list[File]) -> str:
    """Digest of an artifact's bytes: of its sorted (path, sha256) pairs, so independent of times and machines."""
    return fingerprint(sorted([file.path, file.sha256] for file in files))
