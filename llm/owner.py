"""Who holds something in a shared SQLite file: a process that is known to live because the kernel says so.

Each owner keeps a lock on a small file of its own beside the database. The kernel drops it when the process dies,
however it dies, so there is no heartbeat to tune and no clock to trust.
"""

import fcntl
import uuid
from pathlib import Path

from llm.database import alone


class Owner:
    """A name that lives as long as its process. The files of the dead are removed by whoever finds them."""

    def __init__(self, database: Path) -> None:
        self._folder = database.with_name(database.name + ".owners")
        self._folder.mkdir(exist_ok=True)
        self.name = uuid.uuid4().hex
        with alone(database):
            self._held = (self._folder / self.name).open("w")
            fcntl.flock(self._held, fcntl.LOCK_EX)

    def lives(self, name: str) -> bool:
        """Whether the owner called `name` is still there."""
        place = self._folder / name
        try:
            with place.open("r+") as other:
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False
        place.unlink(missing_ok=True)
        return False

    def close(self) -> None:
        (self._folder / self.name).unlink(missing_ok=True)
        self._held.close()
