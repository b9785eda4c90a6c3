"""The removal list: ids of rows that must not be used, because someone asked for it or because they are broken.

A text file, one id a line as examples carry it (`video_r1/Video-R1-260k:17`); lines that begin with `#` are comments.
A listed row is left out where rows are read, so that nothing built from them can hold it. An id that names no row is
told of, because a slip in it would keep the row that someone asked to have removed.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

from schemas.canonical import fingerprint
from schemas.values import UserError
from tasks.benchmarks import BENCHMARKS
from tasks.datasets import DATASETS


def read_removals(path: Path, dataset: str) -> list[str]:
    """The listed ids of one dataset, sorted. Raises UserError for a missing file or a line that is no id."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise UserError(f"removal list {path} cannot be read ({why}): correct the recipe's `removals`") from error
    ids = {name for number, line in enumerate(lines, 1) if (name := _id(path, number, line))}
    return sorted(name for name in ids if name.startswith(f"{dataset}/"))


def ids_of(ids: Sequence[str]) -> str:
    """One digest of a list of ids; empty for none."""
    return fingerprint(list(ids)) if ids else ""


def unmatched(ids: Sequence[str], removed: Collection[str], dataset: str, whole: bool) -> list[str]:
    """The listed ids that no row has. removed: the ids of rows that were left out.

    whole: every row was read. Then a list of which no id names a row is a mistake: raises UserError.
    """
    missing = [id for id in ids if id not in removed]
    if whole and ids and len(missing) == len(ids):
        raise UserError(
            f"the removal list names {missing[0]}{' and others' if len(ids) > 1 else ''}, but no row of {dataset} is "
            "called so: write each id as the examples carry it, without a file's ending"
        )
    return missing


def _id(path: Path, number: int, line: str) -> str:
    name = line.strip()
    dataset = name.partition("/")[0]
    if name.startswith("#"):
        return ""
    if name and dataset not in DATASETS | BENCHMARKS:
        known = ", ".join(sorted(DATASETS | BENCHMARKS))
        raise UserError(
            f"{path}, line {number}: {name[:80]!r} names no dataset: an id is `dataset/row` with one of {known}"
        )
    return name
