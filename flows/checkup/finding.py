"""One thing that was looked at, what was seen, and what to do about it."""

from typing import Literal

from schemas.values import Value

Verdict = Literal["ok", "note", "broken"]


class Finding(Value):
    """part: the subject it belongs to. mend: what to do, where `said` does not say that itself.

    `broken` is what a run would stumble over; a `note` is worth knowing.
    """

    part: str
    name: str
    verdict: Verdict
    said: str
    mend: str = ""


class Findings(Value):
    """All that was found, in the order of looking."""

    findings: tuple[Finding, ...]

    @property
    def usable(self) -> bool:
        return all(finding.verdict != "broken" for finding in self.findings)
