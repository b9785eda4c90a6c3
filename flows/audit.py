"""`make audit`: the pinned packages against a database of known vulnerabilities.

pip-audit by itself calls packages that the database does not know sound, and ends in a traceback where nobody answers.
Here what was not looked up is no pass: exit code 0 is for packages that were all looked up and are all sound.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

_SERVICES = ("pypi", "osv")
_OPTIONS = ("--requirement=constraints.txt", "--no-deps", "--disable-pip", "--format=json", "--progress-spinner=off")


class Verdict(NamedTuple):
    """lines: what to tell. sound: whether every package was looked up and none is vulnerable."""

    lines: list[str]
    sound: bool


def main(tool: str) -> int:
    """Ask one database after the other until one knows the packages. tool: the pip-audit to run."""
    for service in _SERVICES:
        done = subprocess.run(
            [tool, *_OPTIONS, "--vulnerability-service", service],
            capture_output=True,
            text=True,
            check=False,
        )
        found = verdict(done.stdout, service)
        if found is not None:
            print("\n".join(found.lines))
            return 0 if found.sound else 1
        print(f"{service}: {_reason(done)}", file=sys.stderr)
    print("NOT AUDITED: no database of vulnerabilities could be reached; run this where one can", file=sys.stderr)
    return 1


def verdict(report: str, service: str) -> Verdict | None:
    """What pip-audit's JSON says; None where it looked up nothing at all."""
    if not report.strip():
        return None
    packages: list[dict[str, Any]] = json.loads(report)["dependencies"]
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    if len(skipped) == len(packages):
        return None
    faults = [line for package in packages for line in _faults(package)]
    lines = [*faults, *([f"NOT AUDITED, {service} does not know them: {', '.join(skipped)}"] if skipped else [])]
    lines.append(f"{len(packages) - len(skipped)} packages looked up at {service}, {len(faults)} vulnerabilities")
    return Verdict(lines, not faults and not skipped)


def _faults(package: dict[str, Any]) -> list[str]:
    return [
        f"{package['name']} {package['version']}: {fault['id']}, "
        f"mended in {', '.join(fault['fix_versions']) or 'no version yet'}"
        for fault in package.get("vulns", ())
    ]


def _reason(done: "subprocess.CompletedProcess[str]") -> str:
    """The last line that pip-audit wrote where it gave up, else that it knew none of the packages."""
    last = done.stderr.strip().splitlines()[-1:] if done.returncode and not done.stdout.strip() else []
    return last[0][:300] if last else "none of the packages is known there; is it a mirror without advisories?"


if __name__ == "__main__":
    sys.exit(main(str(Path(sys.argv[1]))))
