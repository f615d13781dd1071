"""How much of a machine preparing data may take: only speed, never what comes out."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process

from medllm.errors import ConfigError, UserError

GIB = 1 << 30
WORTH_IT = 1 << 23  # bytes of files below which starting processes costs more than it saves


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """workers: processes that clean and compare; None for one per core.

    memory: GiB that sorting and comparing may take, all workers together.
    """

    workers: int | None = None
    memory: float = 4.0

    def __post_init__(self) -> None:
        problems = []
        if self.workers is not None and self.workers < 1:
            problems.append(f"preparation.workers={self.workers} must be at least 1, or null")
        if self.memory <= 0:
            problems.append(f"preparation.memory={self.memory} must be positive")
        if problems:
            raise ConfigError(problems)

    @property
    def processes(self) -> int:
        return self.workers or len(os.sched_getaffinity(0))

    @property
    def bytes(self) -> int:
        return int(self.memory * GIB)

    @contextmanager
    def pool(self, size: int) -> Iterator[ProcessPoolExecutor | None]:
        """Processes for `size` bytes of files; None where this one is enough.

        Raises:
            UserError: one of them was killed.
        """
        if self.processes == 1 or size < WORTH_IT:
            yield None
            return
        try:
            # spawn: a fork would copy the threads of tokenizers and torch, and might hang.
            with ProcessPoolExecutor(
                self.processes, mp_context=get_context("spawn"), initializer=_follow_the_parent
            ) as pool:
                yield pool
        except BrokenProcessPool as error:
            raise UserError(
                "a worker process was killed, perhaps for want of memory; what is finished is "
                f"kept: start again with preparation.workers below {self.processes}"
            ) from error


def _follow_the_parent() -> None:
    """End with the process that started this one, even if that is killed outright."""
    parent = parent_process()
    assert parent is not None, "only a worker runs this"

    def wait() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
