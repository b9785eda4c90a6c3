"""The media of rows as a folder has them: found by name, measured, and what is wrong with them.

For training, a row whose medium is missing or cannot be decoded is a reject with its reason. A benchmark keeps such a
row, so that it is counted as a load error beside every score.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from media.probe import Probe, Unreadable
from schemas.example import Example, Media, Reject
from storage.folder import Folder

MEASURED = ("duration", "frames", "fps", "width", "height", "has_audio", "audio_duration", "sample_rate")
"""What a medium of an example says of its file; the rest of a probe is in the table of media."""

Probes = Mapping[str, Probe | Unreadable]


class _Fault(NamedTuple):
    reason: str
    detail: str


def digests(rows: Iterable[Example | Reject], folder: Folder) -> dict[str, str]:
    """Digest -> name of every file that the rows speak of and the folder has."""
    media = (medium for row in rows if isinstance(row, Example) for medium in row.media)
    named: dict[str, str] = {}
    for medium in media:
        if medium.path in folder:
            named.setdefault(folder.entry(medium.path).digest, medium.path)
    return named


def with_media(row: Example, folder: Folder, probes: Probes, keep_unreadable: bool) -> Example | Reject:
    """The row with its media's digests and measures, or a reject that says which medium failed and how."""
    found = [_found(medium, folder, probes) for medium in row.media]
    fault = next((fault for _, fault in found if fault), None)
    if fault and not keep_unreadable:
        shown = row.model_dump_json(include={"question", "answer", "media"})
        return Reject.of(row, fault.reason, fault.detail, shown)
    if all(medium is named for (medium, _), named in zip(found, row.media, strict=True)):
        return row
    return row.model_copy(update={"media": _heard_once([medium for medium, _ in found])})


def _heard_once(media: Sequence[Media]) -> tuple[Media, ...]:
    """The media without a separate sound file where the video holds its own sound: Daily-Omni ships both."""
    if len(media) > 1 and any(medium.kind == "video" and medium.has_audio for medium in media):
        return tuple(medium for medium in media if medium.kind != "audio")
    return tuple(media)


def _found(medium: Media, folder: Folder, probes: Probes) -> tuple[Media, _Fault | None]:
    """The medium as the folder has it, and what is wrong with it."""
    if medium.path not in folder:
        return medium, _Fault("missing_media", f"{medium.path} is not in the folder")
    digest = folder.entry(medium.path).digest
    probe, named = probes[digest], medium.model_copy(update={"digest": digest})
    if isinstance(probe, Unreadable):
        return named, _Fault(f"{probe.reason}_media", f"{medium.path}: {probe.detail}")
    if probe.kind != medium.kind:
        return named, _Fault("wrong_media_kind", f"{medium.path} is {probe.kind}, not {medium.kind}")
    return named.model_copy(update={name: getattr(probe, name) for name in MEASURED}), None
