"""A reader turns a publisher's folder into examples and rejects, one for every row, in the publisher's order.

To add a dataset: write `tasks/datasets/<name>.py` with a `READER`, and add its line to the table in
`tasks/datasets/__init__.py` (a benchmark: `tasks/benchmarks`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from schemas.example import AnswerKind, Example, MediaKind, Reject
from schemas.values import UserError
from storage.folder import Folder
from tasks.reading.places import find_files
from tasks.reading.row import Pending

REASONS: dict[str, str] = {
    "missing_field": "a field that every row needs is absent or empty",
    "wrong_type": "a field holds another type than the publisher's format says",
    "repeated_field": "a JSON object of the row has a field twice",
    "not_unicode": "a text holds characters that cannot be stored as UTF-8",
    "unknown_problem_type": "the row names a problem type that is not in the publisher's list",
    "unknown_media_type": "the row names a kind of medium that is not in the publisher's list",
    "options_unclear": "the options cannot be told apart from their labels with certainty",
    "too_few_options": "a choice with fewer than two options",
    "answer_unclear": "the answer has no single reading",
    "answer_not_in_options": "the answer's text is none of the options",
    "label_without_option": "the answer names a label or index that no option has",
    "answer_conflict": "two fields of the row give different answers",
    "malformed_reasoning": "a context or think block is opened and not closed, or repeated",
    "unreadable_subtitles": "a subtitle file of the row is neither UTF-8 nor UTF-16 text",
    "media_conflict": "two fields of the row name different files",
    "turns_unclear": "a conversation whose turns are not questions and answers in turn",
    "unknown_emotion": "an emotion word whose synonyms are not known, so that no option is safely wrong",
    "too_many_emotions": "emotions that leave no room for an option that is safely wrong",
    "invalid_example": "the row reads, but breaks a rule of the example schema",
}
"""Why a reader leaves a row out. Ingestion adds its own reasons for media."""


Evidence = Literal["real rows", "a quoted row", "a description"]


@dataclass(frozen=True)
class Reader:
    """How one published dataset is read.

    licence: as the publisher states it. files: shell patterns, one of which must match the last part of a name in
    the folder. rows: the rows of a folder that has these files. kinds, media: what its examples may hold.
    verified: what the publisher's format is known from.
    """

    name: str
    licence: str
    homepage: str
    files: tuple[str, ...]
    rows: Callable[[Folder], Iterator[Pending]]
    kinds: tuple[AnswerKind, ...]
    media: tuple[MediaKind, ...]
    verified: Evidence

    def read(self, folder: Folder) -> Iterator[Example | Reject]:
        """Examples and rejects, lazily, media not yet probed. Raises as `pending` does."""
        return (row.read() for row in self.pending(folder))

    def pending(self, folder: Folder) -> Iterator[Pending]:
        """The rows, lazily, not read yet.

        Raises UserError at once when the folder is another dataset's, and later for a malformed file or a row
        that names a file outside the folder.
        """
        if not any(find_files(folder, pattern) for pattern in self.files):
            raise UserError(
                f"{self.name}: the folder holds no file {' or '.join(map(repr, self.files))} (it has {_some(folder)}); "
                f"point `folder` at the dataset as published at {self.homepage}"
            )
        return self.rows(folder)


def _some(folder: Folder) -> str:
    names = folder.names()
    return f"{', '.join(names[:3])}{'...' if len(names) > 3 else ''}" if names else "no files"
