"""One small question to a server, with a deadline."""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any

_SECONDS = 15.0
_MOST_BYTES = 4 << 20


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A key in a header goes to nobody but whom it was meant for."""

    def redirect_request(self, req: object, fp: object, code: int, msg: str, headers: object, newurl: str) -> None:
        return None


def fetch(address: str, headers: Mapping[str, str]) -> Any:
    """The JSON that is there. Raises OSError where nobody answers in time (HTTPError with a status), ValueError for
    what is no address or no JSON."""
    if not address.startswith(("http://", "https://")):
        raise ValueError("no address of a server")
    request = urllib.request.Request(address, headers=dict(headers))
    with urllib.request.build_opener(_NoRedirect).open(request, timeout=_SECONDS) as answer:
        return json.loads(answer.read(_MOST_BYTES))
