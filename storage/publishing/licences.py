"""Licences: what the rows' sources state, as the hub's identifiers and as web addresses where they are known ones."""

from typing import NamedTuple

from storage.publishing.tally import Tally


class Licence(NamedTuple):
    """The hub's identifier, and the address of the text."""

    hub: str
    address: str


_KNOWN = {
    "apache 2.0": Licence("apache-2.0", "https://spdx.org/licenses/Apache-2.0"),
    "mit": Licence("mit", "https://spdx.org/licenses/MIT"),
    "cc0 1.0": Licence("cc0-1.0", "https://spdx.org/licenses/CC0-1.0"),
    "cc by 4.0": Licence("cc-by-4.0", "https://spdx.org/licenses/CC-BY-4.0"),
    "cc by sa 4.0": Licence("cc-by-sa-4.0", "https://spdx.org/licenses/CC-BY-SA-4.0"),
    "cc by nc 4.0": Licence("cc-by-nc-4.0", "https://spdx.org/licenses/CC-BY-NC-4.0"),
    "cc by nc sa 4.0": Licence("cc-by-nc-sa-4.0", "https://spdx.org/licenses/CC-BY-NC-SA-4.0"),
}
"""By name in lower case with spaces; a licence with a condition behind its name is none of these."""


def known(stated: str) -> Licence | None:
    return _KNOWN.get(stated.lower().replace("-", " "))


def hub_fields(tally: Tally) -> dict[str, object]:
    """`license` of the card: the one that all sources state, else `other` with a pointer to LICENSE.md."""
    found = {known(stated) for _, stated in tally.sources}
    licence = found.pop() if len(found) == 1 else None
    if licence:
        return {"license": licence.hub}
    return {"license": "other", "license_name": "as-stated-by-each-source", "license_link": "LICENSE.md"}


def addresses(tally: Tally) -> list[str]:
    """Every licence of the rows: its address where it is known, else what the publisher states."""
    stated = sorted({licence for _, licence in tally.sources})
    return [found.address if (found := known(licence)) else licence for licence in stated]


def licence_text(tally: Tally) -> str:
    """LICENSE.md: every source under its own licence."""
    lines = [f"- `{source}`: {licence}" for source, licence in sorted(tally.sources)]
    return "\n".join(
        [
            "# Licences",
            "",
            "This dataset has no licence of its own. Its rows and the media that they name stay under the terms of "
            "the sources that they come from, as their publishers state them; every row has its own in `licence`.",
            "",
            *lines,
            "",
        ]
    )
