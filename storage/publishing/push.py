"""A published folder as a dataset on the Hugging Face hub, for whoever asks for it; nothing else here uploads.

The token comes from HF_TOKEN alone and is shown nowhere; HF_ENDPOINT names another hub.
"""

import os
import re
from fnmatch import fnmatch
from pathlib import Path

import httpx2
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError

from schemas.failures import HubUnreachable
from schemas.values import UserError
from storage.hub import passes

_REPOSITORY = re.compile(r"\w[\w.-]*/\w[\w.-]*")
_OURS = frozenset({"manifest.json", "croissant.json"})
_FROM_THE_HUB = frozenset({".gitattributes"})
_WRITTEN = ("data/*", "rejects/*", "overlaps/*", "LICENSE.md")
_MEANING = {
    401: "the hub does not know the token in HF_TOKEN: make one in its settings, under access tokens",
    403: "the token in HF_TOKEN may not write there: use one with write access to that owner's datasets",
}


def push(folder: Path, repository: str, private: bool, message: str) -> str:
    """Upload a folder as OWNER/NAME in one commit, so that nobody reads half of it, and return its address.

    A new repository is private or public as asked; one that is there keeps its setting, its history and no table of an
    earlier version. Raises UserError for a wrong name, no token, no right to write and a repository with other
    content; HubUnreachable when the hub does not answer.
    """
    if not _REPOSITORY.fullmatch(repository):
        raise UserError(f"{repository!r} is no name of a hub dataset: give --push OWNER/NAME")
    token = os.environ.get("HF_TOKEN")
    if not token:
        raise UserError("HF_TOKEN is not set: set it to a hub token that may write")
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"), token=token)
    try:
        return _push(api, folder, repository, private, message)
    except OfflineModeIsEnabled:
        raise UserError(f"{repository} cannot be pushed while HF_HUB_OFFLINE is set: unset it") from None
    except HfHubHTTPError as error:
        raise _refusal(repository, error) from None
    except (
        httpx2.HTTPError,
        ConnectionError,
        RuntimeError,
    ) as error:  # the client's RuntimeError: of one file's upload
        raise HubUnreachable(
            f"{repository} was not pushed ({str(error) or type(error).__name__}): push it again"
        ) from error


def _push(api: HfApi, folder: Path, repository: str, private: bool, message: str) -> str:
    there = _files_there(api, repository)
    if there and not there >= _OURS:
        raise UserError(
            f"{repository} holds files that contextfirst did not write ({min(there)}): name another with --push"
        )
    address = api.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    gone = [name for name in sorted(there - files.keys()) if any(fnmatch(name, pattern) for pattern in _WRITTEN)]
    operations = [
        *(CommitOperationDelete(name) for name in gone),
        *(CommitOperationAdd(name, path) for name, path in files.items()),
    ]
    api.create_commit(repository, operations, commit_message=message, repo_type="dataset")
    return str(address)


def _files_there(api: HfApi, repository: str) -> set[str]:
    try:
        return set(api.list_repo_files(repository, repo_type="dataset")) - _FROM_THE_HUB
    except RepositoryNotFoundError:
        return set()


def _refusal(repository: str, error: HfHubHTTPError) -> Exception:
    status = error.response.status_code
    if passes(status):
        return HubUnreachable(f"{repository} was not pushed (the hub answered {status}): push it again later")
    reason = " ".join((error.server_message or "it gave no reason").split())
    return UserError(f"{repository}: {_MEANING.get(status) or f'the hub refused it ({status}): {reason}'}")
