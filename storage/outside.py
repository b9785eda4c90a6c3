"""A folder outside the store, for others: whole or absent."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.values import UserError


@contextmanager
def whole_folder(to: Path, option: str) -> Iterator[Path]:
    """A folder beside `to` that takes its place when the block succeeds and is removed when it fails.

    option: of the command line, by which another place is named. Raises UserError for a place that holds something, or
    that cannot be written.
    """
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise UserError(f"{to} is {'not empty' if to.is_dir() else 'no folder'}: name another folder with {option}")
    beside = to.with_name(f".{to.name}.partial")
    try:
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        yield beside
        beside.replace(to)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise UserError(f"{to} cannot be written ({why}): name another folder with {option}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
