"""Datasets of the Hugging Face hub: a revision's commit, its files, and their bytes, checked. Files only, never code.

`huggingface_hub` speaks to the hub and asks for the rest of a file whose transfer was cut. What this module adds is
that a partial file outlives its process, that every file is compared with the digest the hub states for it, and that
what the user can mend is said in one line. The hub is told who asks by HF_TOKEN, which no line repeats.
"""

import functools
import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

import httpx2
from huggingface_hub import HfApi, constants, hf_hub_url
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import http_get
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import build_hf_headers, silent_tqdm

from schemas.failures import HubUnreachable
from schemas.values import UserError
from storage.digests import hash_file
from storage.filenames import fault_of, has_hidden_part, matches

LATEST = "latest"
_RERUN = "a rerun carries on from what came"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_CHUNK = 1 << 20
_PASSING = frozenset({408, 425, 429})


class Repository(NamedTuple):
    """A dataset repository `owner/name`, and where the hub is; None is the hub that HF_ENDPOINT names, or the hub."""

    name: str
    endpoint: str | None = None

    @property
    def url(self) -> str:
        return f"{self.endpoint or constants.ENDPOINT}/datasets/{self.name}"


class HubFile(NamedTuple):
    """A file as the hub states it. digest: SHA-256 of its bytes if it is `large`, else git's SHA-1 of a blob."""

    path: str
    size: int
    digest: str
    large: bool


def commit_of(repository: Repository, revision: str) -> str:
    """The commit of `latest`, a branch, a tag or a commit; asks nobody about a commit. Raises as `files_of` does."""
    if _COMMIT.fullmatch(revision):
        return revision
    asked = None if revision == LATEST else revision
    with _told_plainly(repository, revision):
        found = HfApi(endpoint=repository.endpoint).dataset_info(repository.name, revision=asked).sha
    if found is None:
        raise HubUnreachable(f"{repository.url} does not say which commit {revision!r} is: try again later")
    return found


def files_of(repository: Repository, commit: str, patterns: Sequence[str]) -> list[HubFile]:
    """The files of a commit that fit a pattern, without hidden ones, by path.

    Raises UserError when there are none, for a name that leads out of the folder, and for a repository or revision
    that is not there, not open to this user or otherwise refused; HubUnreachable when the hub does not answer.
    """
    with _told_plainly(repository, commit):
        tree = HfApi(endpoint=repository.endpoint).list_repo_tree(
            repository.name, repo_type="dataset", revision=commit, recursive=True
        )
        found = sorted(_stated(item) for item in tree if isinstance(item, RepoFile))
    for file in found:
        if fault := fault_of(file.path):
            raise UserError(f"{repository.url} holds {file.path!r}, which {fault}: fetch what you need of it by hand")
    wanted = [file for file in found if matches(file.path, patterns) and not has_hidden_part(file.path)]
    if not wanted:
        kind = f"no file that fits {', '.join(patterns)}" if patterns else "no files"
        raise UserError(f"{repository.url} at {commit} holds {kind}: correct the source's `files` or `revision`")
    return wanted


def download(
    repository: Repository, commit: str, file: HubFile, to: Path, partial: Path, came: Callable[[int], None]
) -> None:
    """Fetch one file and move it to `to` once its bytes are what the hub states.

    partial: where it grows; what an earlier call left there is carried on from. came: told the bytes that came. A file
    with other bytes is fetched a second time from its start. Raises UserError when these are wrong too, otherwise as
    `files_of` does.
    """
    for _ in range(2):
        _carry_on(repository, commit, file, partial, came)
        if is_whole(file, partial, hash_file):
            to.parent.mkdir(parents=True, exist_ok=True)
            os.replace(partial, to)
            return
        partial.unlink()
    raise UserError(
        f"{repository.url}: {file.path} of {commit} came twice with bytes that are not those the hub states "
        f"({file.size} bytes, {file.digest}): look at the network between (proxy, mirror in HF_ENDPOINT) and run again"
    )


def passes(status: int) -> bool:
    """Whether an error of this HTTP status is the hub's for now, so that the same request may be answered later."""
    return status in _PASSING or status >= 500


def is_whole(file: HubFile, path: Path, sha256: Callable[[Path], str]) -> bool:
    """Whether a local file has the bytes that the hub states; `sha256` reads or knows the digest of a large one."""
    if path.stat().st_size != file.size:
        return False
    return file.digest == (sha256(path) if file.large else _git_digest(path))


def _carry_on(repository: Repository, commit: str, file: HubFile, partial: Path, came: Callable[[int], None]) -> None:
    """Fetch the part of a file that is not there yet."""
    if file.size > constants.MAX_HTTP_DOWNLOAD_SIZE:
        raise UserError(
            f"{repository.url}: {file.path} is larger than the hub gives to plain HTTP ({file.size} bytes): fetch the "
            "dataset with `hf download` and name that folder"
        )
    partial.parent.mkdir(parents=True, exist_ok=True)
    address = hf_hub_url(repository.name, file.path, repo_type="dataset", revision=commit, endpoint=repository.endpoint)
    with _told_plainly(repository, commit), partial.open("ab") as stream:
        if stream.tell() > file.size:
            stream.truncate(0)
        http_get(
            address,
            stream,
            resume_size=stream.seek(0, os.SEEK_END),
            headers=build_hf_headers() | {"Accept-Encoding": "identity"},
            expected_size=file.size,
            tqdm_class=cast(Any, functools.partial(_Counted, came)),
        )


class _Counted(silent_tqdm):
    """What the client takes for a progress bar."""

    def __init__(self, came: Callable[[int], None], initial: int = 0, **facts: object) -> None:
        super().__init__()
        self._came = came
        came(initial)

    def update(self, n: int | float | None = 1) -> None:
        self._came(int(n or 0))


def _stated(file: RepoFile) -> HubFile:
    if file.lfs:
        return HubFile(file.path, file.lfs.size, file.lfs.sha256, large=True)
    return HubFile(file.path, file.size, file.blob_id, large=False)


def _git_digest(path: Path) -> str:
    sha1 = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            sha1.update(chunk)
    return sha1.hexdigest()


@contextmanager
def _told_plainly(repository: Repository, revision: str) -> Iterator[None]:
    """Turn the client's errors into one line each: UserError for what the user can mend, else HubUnreachable."""
    url = repository.url
    try:
        yield
    except OfflineModeIsEnabled:
        raise UserError(
            f"{url} at {revision} is not in the store and HF_HUB_OFFLINE is set: unset it, or name a commit that is"
        ) from None
    except GatedRepoError:
        raise UserError(f"{url} is gated: accept its terms there and set HF_TOKEN to a token of that account") from None
    except RevisionNotFoundError:
        raise UserError(f"{url} has no revision {revision!r}: name `latest`, a branch, a tag or a commit") from None
    except RepositoryNotFoundError:
        raise UserError(
            f"{url} does not exist or is private: correct the name, or set HF_TOKEN if it is yours"
        ) from None
    except DisabledRepoError:
        raise UserError(f"{url} was disabled by the hub: name another source") from None
    except HFValidationError as error:
        raise UserError(f"{url} is no name of a dataset on the hub: {str(error).splitlines()[0]}") from None
    except HfHubHTTPError as error:
        raise _of_status(url, error.response.status_code) from None
    except (httpx2.HTTPError, ConnectionError) as error:
        raise HubUnreachable(f"{url} cannot be reached ({type(error).__name__}): {_RERUN}") from None
    except OSError as error:
        if error.errno is not None:  # this disk's fault; the client's own, of a transfer cut short, has no number
            raise
        raise HubUnreachable(f"{url} broke off in the middle of a file: {_RERUN}") from None


def _of_status(url: str, status: int) -> Exception:
    if status == 401:
        return UserError(f"{url} refuses HF_TOKEN (401): set it to a token that is valid, or unset it")
    if status == 403:
        return UserError(f"{url} is closed to HF_TOKEN (403): accept its terms there, or let the token read it")
    if passes(status):
        return HubUnreachable(f"{url} answered with status {status}: {_RERUN}")
    return UserError(
        f"{url} does not give what was asked for (status {status}), and another try changes nothing: look whether it "
        "is still there, or fetch the files by hand and name that folder"
    )
