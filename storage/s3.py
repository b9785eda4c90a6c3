"""S3, and what speaks its protocol: AWS_ENDPOINT_URL says where, AWS_ACCESS_KEY_ID and its kin say who asks.

Writing on condition (If-None-Match, If-Match) is asked of the server, and tried out before a store is used: one that
takes no notice of conditions would let two runs overwrite each other.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import aiohttp
import s3fs
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError
from fsspec.asyn import sync
from fsspec.exceptions import FSTimeoutError

from schemas.failures import StoreUnreachable
from schemas.values import UserError
from storage.bucket import Bucket
from storage.remote import Version

_OVERTAKEN = frozenset({404, 409, 412})
_NOT_IMPLEMENTED = 501
_NO_BUCKET = "NoSuchBucket"
_NO_KEY = "NoSuchKey"
# s3fs lets those of the HTTP client through where an answer ends before its time
_CUT_OFF = (BotoCoreError, aiohttp.ClientError, ConnectionError, TimeoutError, FSTimeoutError)


class S3(Bucket):
    """`s3://BUCKET/PREFIX`; tags are ETags."""

    scheme = "s3"

    def __init__(self, path: str) -> None:
        super().__init__(path, s3fs.S3FileSystem(use_listings_cache=False))

    def _read(self, key: str) -> Version | None:
        try:
            return cast(Version, sync(self._files.loop, self._get, key))
        except FileNotFoundError as error:
            if _code_of(error) == _NO_KEY:
                return None
            raise

    async def _get(self, key: str) -> Version:
        answer = await self._files._call_s3("get_object", Bucket=self._bucket, Key=key)
        async with answer["Body"] as body:
            return Version(await body.read(), answer["ETag"])

    def _write(self, key: str, content: bytes, over: str | None) -> str | None:
        condition = {"IfMatch": over} if over else {"IfNoneMatch": "*"}
        try:
            put = self._files.call_s3("put_object", Bucket=self._bucket, Key=key, Body=content, **condition)
        except OSError as error:
            if _status_of(error) in _OVERTAKEN and _code_of(error) != _NO_BUCKET:
                return None
            raise
        return str(put["ETag"])

    def _tag(self, facts: dict[str, Any]) -> str:
        return str(facts["ETag"])

    @contextmanager
    def _told_plainly(self, key: str) -> Iterator[None]:
        try:
            yield
        except (NoCredentialsError, PartialCredentialsError):
            raise UserError(f"{self.url} needs a key: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY") from None
        except _CUT_OFF as error:
            raise self._unreachable(error) from error
        except OSError as error:
            if not isinstance(error.__cause__, ClientError):
                if error.errno is None:  # a transfer cut short, not this disk
                    raise self._unreachable(error) from error
                raise
            raise self._of_answer(error, key) from error

    def _of_answer(self, error: OSError, key: str) -> Exception:
        status, code = _status_of(error), _code_of(error)
        if code == _NO_BUCKET:
            return UserError(f"{self.url}: there is no bucket {self._bucket}: make it, or name another store")
        if code == _NO_KEY or status == 404:
            return FileNotFoundError(f"{self.url}/{key}")
        if status == _NOT_IMPLEMENTED:
            return UserError(f"{self.url} cannot write on condition (If-Match): keep the store in a bucket that can")
        if status in (401, 403):
            return UserError(
                f"{self.url} is closed to this key ({code}): let it list, read, write and delete there, "
                "or set AWS_ACCESS_KEY_ID to one that may"
            )
        return self._unreachable(error)

    def _unreachable(self, error: Exception) -> StoreUnreachable:
        why = " ".join(str(error).split()) or type(error).__name__
        return StoreUnreachable(f"{self.url} cannot be reached ({why}): a rerun goes on from what was made")


def _answer_of(error: OSError) -> dict[str, Any]:
    cause = error.__cause__
    return cast(dict[str, Any], cause.response) if isinstance(cause, ClientError) else {}


def _code_of(error: OSError) -> str:
    return str(_answer_of(error).get("Error", {}).get("Code", ""))


def _status_of(error: OSError) -> int:
    return int(_answer_of(error).get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
