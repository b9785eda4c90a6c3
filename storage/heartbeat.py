"""Leases in a bucket, where no kernel drops what a dead holder held.

    leases/{stage}/{fingerprint}.json    who holds it, and a count that rises while the holder lives

Whoever waits watches that object by a monotonic clock of its own and takes it over when it has not changed for `lapse`
seconds that were really watched, so nobody's wall clock is trusted and a clock that jumps counts for one look at most.
Every change is a write over the version last seen: of two takers one wins, and a holder that was taken over learns it
from its next beat, at the latest before it publishes. Leases spare double work; that nobody overwrites what he has not
seen is the publishing's own condition.
"""

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from pydantic import ValidationError

from schemas.failures import LeaseLost
from schemas.values import UserError, Value
from storage.remote import Remote, Version

LEASES = "leases/"


class Timing(NamedTuple):
    """Seconds between two beats and between two looks, and without a change until a lease is dead.

    monotonic: seconds since some moment. sleep: wait so many.
    """

    beat: float = 10.0
    look: float = 2.0
    lapse: float = 60.0
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep


USUAL = Timing()


class Lease(Value):
    """Who holds something. token: of this holding alone. beats: how often it has shown life."""

    host: str
    pid: int
    run: str
    token: str
    beats: int = 0


class Watch:
    """For how long one lease has shown no life, counted in looks of ours rather than read from a clock."""

    def __init__(self, timing: Timing) -> None:
        self._monotonic = timing.monotonic
        self._most = 2 * timing.look
        self._tag = ""
        self._idle = 0.0
        self._looked = timing.monotonic()

    def idle(self, tag: str) -> float:
        """Seconds without a change, up to this look at its tag."""
        now = self._monotonic()
        step = min(max(now - self._looked, 0.0), self._most)
        self._idle = self._idle + step if tag == self._tag else 0.0
        self._tag, self._looked = tag, now
        return self._idle


class Held:
    """A lease that this process holds."""

    def __init__(self, remote: Remote, key: str, lease: Lease, tag: str) -> None:
        self._remote = remote
        self._key = key
        self._lease = lease
        self._tag: str | None = tag
        self._lock = threading.Lock()

    def confirm(self) -> None:
        """Show life. Raises LeaseLost when another has taken the lease over, StoreUnreachable when nobody can tell."""
        with self._lock:
            beaten = self._lease.model_copy(update={"beats": self._lease.beats + 1})
            if self._tag is not None:
                self._tag = self._remote.write(self._key, _content(beaten), over=self._tag) or self._again(beaten)
            if self._tag is None:
                raise LeaseLost(
                    f"{self._remote.url}/{self._key} was taken over by another run, which heard nothing from this one "
                    "for too long: nothing was published; run again to reuse what the other makes"
                )
            self._lease = beaten

    def let_go(self) -> None:
        """Raises as `confirm` does."""
        self.confirm()
        self._remote.remove([self._key])

    def _again(self, beaten: Lease) -> str | None:
        """The tag after a second write, over one of ours whose answer got lost."""
        there = self._remote.read(self._key)
        if there is None or _token(there) != beaten.token:
            return None
        return self._remote.write(self._key, _content(beaten), over=there.tag)


@contextmanager
def hold(remote: Remote, key: str, run: str, on_wait: Callable[[str], None], timing: Timing = USUAL) -> Iterator[Held]:
    """Hold a lease for a run, beating in the background; `on_wait` is told once who holds it before."""
    held = acquire(remote, key, run, on_wait, timing)
    over = threading.Event()
    beating = threading.Thread(target=_beat, args=(held, over, timing.beat), name=f"lease {key}", daemon=True)
    beating.start()
    try:
        yield held
    finally:
        over.set()
        beating.join()
        with suppress(Exception):  # what the block raised counts; a lease that is not let go lapses by itself
            held.let_go()


def acquire(remote: Remote, key: str, run: str, on_wait: Callable[[str], None], timing: Timing = USUAL) -> Held:
    """Wait for a lease and take it, without beating."""
    mine = Lease(host=socket.gethostname(), pid=os.getpid(), run=run, token=uuid.uuid4().hex)
    watch, told = Watch(timing), False
    while True:
        there = remote.read(key)
        if there is None or watch.idle(there.tag) >= timing.lapse:
            if tag := remote.write(key, _content(mine), over=there.tag if there else None):
                return Held(remote, key, mine, tag)
            continue
        if not told:
            on_wait(there.content.decode("utf-8", errors="replace"))
            told = True
        timing.sleep(timing.look)


def await_end(remote: Remote, key: str, timing: Timing = USUAL) -> None:
    """Wait until nobody holds a lease; that of a dead holder is taken away."""
    watch = Watch(timing)
    while there := remote.read(key):
        if watch.idle(there.tag) >= timing.lapse:
            _take_away(remote, key, there)
        else:
            timing.sleep(timing.look)


def living(remote: Remote, but: str, timing: Timing = USUAL) -> list[Lease | None]:
    """The leases that the living hold, but one: each is watched until it changes or lapses. None: one not readable.

    Those of dead holders are taken away, so that they cannot publish if they are not dead after all.
    """
    first = {found.key: found.tag for found in remote.list(LEASES) if found.key != but}
    watches = {key: Watch(timing) for key in first}
    found: list[Lease | None] = []
    while watches:
        for key in list(watches):
            there = remote.read(key)
            if there is None:
                del watches[key]
            elif there.tag != first[key]:
                found.append(parsed(there))
                del watches[key]
            elif watches[key].idle(there.tag) >= timing.lapse:
                _take_away(remote, key, there)
        if watches:
            timing.sleep(timing.look)
    return found


def _take_away(remote: Remote, key: str, there: Version) -> None:
    """Unless its holder shows life, or another takes it away meanwhile, whose words differ: equal ones would count as
    written by both, and the slower would remove the next holder's."""
    if remote.write(key, uuid.uuid4().hex.encode(), over=there.tag):
        remote.remove([key])


def check_conditions(remote: Remote) -> None:
    """Raises UserError for a bucket that takes no notice of conditions."""
    key = f"{LEASES}.tried/{uuid.uuid4().hex}"
    first = remote.write(key, b"1", over=None)
    again = remote.write(key, b"2", over=None)
    second = remote.write(key, b"3", over=first)
    stale = remote.write(key, b"4", over=first)
    remote.remove([key])
    if first is None or second is None or again is not None or stale is not None:
        raise UserError(
            f"{remote.url} takes no notice of conditions (If-None-Match, If-Match), so that runs would overwrite each "
            "other: keep the store in a bucket that does"
        )


def parsed(there: Version) -> Lease | None:
    """None for what is no lease of this version: it is watched like any other."""
    try:
        return Lease.model_validate_json(there.content)
    except ValidationError:
        return None


def _token(there: Version) -> str | None:
    lease = parsed(there)
    return lease.token if lease else None


def _content(lease: Lease) -> bytes:
    return lease.model_dump_json().encode()


def _beat(held: Held, over: threading.Event, seconds: float) -> None:
    """Beat until it is over or lost; who holds it learns the latter, and what else stays wrong, when it confirms."""
    while not over.wait(seconds):
        try:
            held.confirm()
        except LeaseLost:
            return
        except Exception:
            # One refusal (a key that is being renewed, a cut answer) may pass before the lease has lapsed, and a thread
            # that ended here would let it lapse for sure.
            continue
