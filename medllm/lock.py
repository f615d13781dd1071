"""One process at a time, by the kernel: a killed process holds nothing.

On a shared disk the file system must carry flock between nodes (NFS 4 does, Lustre if mounted with
`flock`).
"""

import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger(__name__)


def starters(runs: Path, run_id: str) -> Path:
    """The lock of whoever freezes, queues or starts a run here."""
    return runs / ".locks" / run_id.replace("/", "-")


@contextmanager
def held(file: Path, *, waiting: str) -> Iterator[None]:
    """Hold the lock `file`, made where it is not there; wait for whoever holds it.

    Args:
        waiting: what to log once, if there is someone to wait for.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "a") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.warning("%s", waiting)
            fcntl.flock(opened, fcntl.LOCK_EX)
        yield


def is_held(file: Path) -> bool:
    """Whether a process holds the lock `file` now."""
    if not file.exists():
        return False
    with open(file) as opened:
        try:  # shared: two who ask at once do not take each other for a holder
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
