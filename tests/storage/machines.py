"""Several machines that share one bucket: each has a folder of its own and opens the same URL."""

from functools import partial
from pathlib import Path

import pytest

from schemas.runtime import Runtime
from storage import origin
from storage.heartbeat import Timing
from storage.remote import Remote
from storage.shared import Shared
from storage.store import Store
from tests.storage.memory import QUICK


class Machines:
    """bucket: what all reach, None for the one at the URL."""

    def __init__(
        self, patch: pytest.MonkeyPatch, folder: Path, url: str, bucket: Remote | None, timing: Timing = QUICK
    ):
        self._patch = patch
        self._folder = folder
        self.runtime = Runtime(store=url)
        patch.setattr(origin, "Shared", partial(Shared, timing=timing))
        if bucket is not None:
            patch.setattr(origin, "open_remote", lambda _url: bucket)

    def on(self, name: str) -> Runtime:
        """Go to a machine."""
        self._patch.setenv(origin.CACHE, str(self._folder / name))
        return self.runtime

    def store(self, name: str) -> Store:
        self.on(name)
        return Store(self.runtime.store)
