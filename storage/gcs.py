"""Google Cloud Storage, through the optional gcsfs. Written by its documentation; no test has run it yet."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any
from urllib.parse import quote

from schemas.failures import StoreUnreachable
from schemas.values import UserError
from storage.bucket import Bucket
from storage.remote import Version

_NONE_YET = "0"


class Gcs(Bucket):
    """`gs://BUCKET/PREFIX`; tags are generations."""

    scheme = "gs"

    def __init__(self, path: str) -> None:
        """Raises UserError where gcsfs is not installed."""
        try:
            files = import_module("gcsfs").GCSFileSystem(use_listings_cache=False)
        except ModuleNotFoundError:
            raise UserError(f"gs://{path} needs gcsfs: pip install 'contextfirst[gcs]'") from None
        super().__init__(path, files)

    def _read(self, key: str) -> Version | None:
        try:
            headers, content = self._files.call("GET", self._files.url(f"{self._bucket}/{key}"))
        except FileNotFoundError:
            return None
        return Version(content, str(headers["x-goog-generation"]))

    def _write(self, key: str, content: bytes, over: str | None) -> str | None:
        place = f"https://storage.googleapis.com/upload/storage/v1/b/{quote(self._bucket)}/o"
        condition = {"ifGenerationMatch": over or _NONE_YET}
        try:
            put = self._files.call(
                "POST", place, uploadType="media", name=key, data=content, json_out=True, **condition
            )
        except FileExistsError:
            return None
        return str(put["generation"])

    def _tag(self, facts: dict[str, Any]) -> str:
        return str(facts["generation"])

    @contextmanager
    def _told_plainly(self, key: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, UserError):
            raise
        except OSError as error:
            if error.errno is not None:  # this disk's fault; the client's own has no number
                raise
            raise self._unreachable(error) from error
        except Exception as error:  # gcsfs lets the errors of three HTTP libraries through
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> StoreUnreachable:
        why = " ".join(str(error).split()) or type(error).__name__
        return StoreUnreachable(f"{self.url} cannot be reached ({why}): a rerun goes on from what was made")
