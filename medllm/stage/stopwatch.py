"""The seconds that a run spends on training, and not on looking at itself or saving itself."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch


class Stopwatch:
    """Stands still until it is started."""

    def __init__(self) -> None:
        self.since: float | None = None  # reading of the clock when the lap began

    def start(self) -> None:
        """Begin the first lap, when what is under way on the device has ended."""
        _settle()
        self.since = time.perf_counter()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What happens within is no training."""
        if self.since is None:
            yield
            return
        _settle()  # else what is still under way would be taken for a part of the pause
        began = time.perf_counter()
        yield
        self.since += time.perf_counter() - began

    def lap(self) -> float:
        """Seconds since the lap began, and begin the next; 0 where it was never started."""
        if self.since is None:
            return 0.0
        _settle()
        now = time.perf_counter()
        seconds, self.since = now - self.since, now
        return seconds


def _settle() -> None:
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
