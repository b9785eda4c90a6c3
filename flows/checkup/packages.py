"""Python and the installed packages, beside what is pinned. Nothing is imported for it."""

import platform
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import distributions
from pathlib import Path

from flows.checkup.finding import Finding

ROOT = Path(__file__).resolve().parents[2]
_LEAST, _BELOW = (3, 11), (3, 13)
_INSTALL = "install what is pinned: `make install`, or pip install --constraint constraints.txt --editable '.[dev]'"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


def python() -> Finding:
    """The interpreter and the platform."""
    said = f"{platform.python_version()} on {platform.platform()}"
    if _LEAST <= sys.version_info[:2] < _BELOW:
        return Finding(part="Python", name="version", verdict="ok", said=said)
    mend = "make the environment with Python 3.11 or 3.12: make install PYTHON=python3.11"
    return Finding(part="Python", name="version", verdict="broken", said=said, mend=mend)


def packages(root: Path = ROOT) -> Iterator[Finding]:
    """Every package that is missing or not of its pinned version; one line where there is none."""
    installed = {plain(found.name): found.version for found in distributions() if found.name}
    needed, pinned = _needed(root), _pinned(root)
    faults = [*_missing(needed, installed), *_others(needed, pinned, installed)]
    yield from faults
    if not faults:
        said = f"{len(pinned.keys() & installed.keys())} installed packages are of their pinned versions"
        if not pinned:
            said = f"{len(needed)} needed packages are installed; there is no constraints.txt to compare with"
        yield Finding(part="packages", name="versions", verdict="ok", said=said)


def plain(name: str) -> str:
    """A package's name as one spelling of all that mean it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _needed(root: Path) -> dict[str, bool]:
    """The packages that ours names, and whether it names one exact version."""
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    except FileNotFoundError:  # installed without its tree
        return {}
    found = {match[0]: "==" in line for line in project["dependencies"] if (match := _NAME.match(line))}
    return {plain(name): exact for name, exact in found.items()}


def _pinned(root: Path) -> dict[str, str]:
    place = root / "constraints.txt"
    lines = place.read_text(encoding="utf-8").splitlines() if place.exists() else []
    pairs = (line.split("==", 1) for line in lines if "==" in line and not line.startswith("#"))
    return {plain(name): version.strip() for name, version in pairs}


def _missing(needed: Mapping[str, bool], installed: Mapping[str, str]) -> Iterator[Finding]:
    for name in sorted(needed.keys() - installed.keys()):
        yield Finding(part="packages", name=name, verdict="broken", said="is not installed", mend=_INSTALL)


def _others(needed: Mapping[str, bool], pinned: Mapping[str, str], installed: Mapping[str, str]) -> Iterator[Finding]:
    """Another version of a package that needs its very one is broken; of another package it is only untried."""
    for name in sorted(pinned.keys() & installed.keys()):
        found = installed[name].partition("+")[0]
        if found != pinned[name]:
            verdict = "broken" if needed.get(name) else "note"
            said = f"{installed[name]} is installed, {pinned[name]} is pinned"
            yield Finding(part="packages", name=name, verdict=verdict, said=said, mend=_INSTALL)
