"""Pages that commands make say what the code says."""

import re
from pathlib import Path

from tasks.benchmarks import BENCHMARKS
from tasks.datasets import DATASETS
from tasks.reader import REASONS

PAGE = Path(__file__).parent.parent / "docs" / "datasets.md"


def test_page_of_datasets_has_every_reader_as_it_is() -> None:
    """Else: make docs."""
    rows = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| [")]
    found = {re.sub(r"\| \[(\w+)\].*", r"\1", row[0]): row[1:6] for row in rows}
    assert found == {
        name: [
            ", ".join(f"`{pattern}`" for pattern in reader.files),
            ", ".join(reader.kinds),
            ", ".join(reader.media),
            reader.licence,
            reader.verified,
        ]
        for name, reader in (DATASETS | BENCHMARKS).items()
    }


def test_page_of_datasets_explains_every_reason() -> None:
    assert all(f"| {reason} | {meaning} |" in PAGE.read_text() for reason, meaning in REASONS.items())
