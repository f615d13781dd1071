"""Ends a rank that hangs, so that a lost neighbour does not burn the rest of an allocation.

    every micro-batch and every forward pass is a sign of life
    none for `timeout` seconds -> all stacks to run_dir/stacks-rank-N.txt -> error.json -> exit 75

A collective has a time limit of its own and mostly raises first; `lost_peer` knows its errors. A
hang that holds Python's own lock is not seen from within, but by the other ranks.
"""

import contextlib
import faulthandler
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytorch_lightning as pl
import torch.distributed as dist

from medllm.journal import AGAIN, Journal
from medllm.types import Batch, PairBatch

PATIENCE = 10  # timeouts that loading, the first micro-batch, saving and exporting may take
LAST_WORDS = 10.0  # seconds for writing them down, on a disk that may be what hangs
# What NCCL calls the end of another rank or of the way to it, and gloo's own file names. The
# other errors of NCCL are mistakes of ours.
LOST = (
    "gloo/transport",
    "ncclRemoteError",
    "ncclSystemError",
    "NCCL communicator was aborted",
    "Watchdog caught collective operation timeout",
)


class Watchdog(pl.Callback):
    """A thread that ends this process when it has shown no sign of life for too long.

    Enter it around everything that a rank does, and give it to the trainer.

    Args:
        timeout: seconds between two signs; `PATIENCE` times as many until the first micro-batch
            is done and within `patient`.
    """

    def __init__(self, run_dir: Path, *, rank: int, timeout: float) -> None:
        self.run_dir, self.rank, self.timeout = run_dir, rank, timeout
        self.signs = 0
        self.step = 0  # optimiser steps behind it
        self.doing = "starting"
        self.is_patient = True
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def alive(self) -> None:
        """A sign of life."""
        self.signs += 1

    @contextlib.contextmanager
    def patient(self, doing: str) -> Iterator[None]:
        """Be patient while something long goes on, e.g. "exporting"."""
        before = self.doing, self.is_patient
        self.doing, self.is_patient = doing, True
        self.alive()
        try:
            yield
        finally:
            self.doing, self.is_patient = before
            self.alive()

    def on_fit_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        # Held-out looks and the reference of dpo are long, but go on by forward passes.
        self.hook = pl_module.network.register_forward_pre_hook(lambda *_: self.alive())

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: Any, batch: Batch | PairBatch, batch_idx: int
    ) -> None:
        self.alive()
        self.step = trainer.global_step
        rows, length = batch.ids.shape
        self.doing = f"training on a micro-batch of {rows} x {length} tokens"

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        self.alive()
        self.step, self.is_patient = trainer.global_step, False

    def on_fit_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self.hook.remove()
        self.doing, self.is_patient = "finishing", True

    @property
    def where(self) -> str:
        """What this rank is doing, e.g. "after step 12, training on a micro-batch of ..."."""
        return f"after step {self.step}, {self.doing}" if self.step else self.doing

    def _watch(self) -> None:
        pause = min(1.0, self.timeout / 20)
        seen, silent, last = self.signs, 0.0, time.monotonic()
        while not self.over.wait(pause):
            now = time.monotonic()
            # Time in which this whole process was stopped (Ctrl-Z, a suspended job) is no hang.
            silent += min(now - last, 2 * pause)
            last = now
            if self.signs != seen:
                seen, silent = self.signs, 0.0
            if silent >= self.timeout * (PATIENCE if self.is_patient else 1):
                self._end(silent)

    def _end(self, silent: float) -> None:
        late = threading.Timer(LAST_WORDS, os._exit, (AGAIN,))
        late.daemon = True
        late.start()
        message = (
            f"rank {self.rank} has shown no sign of life for {silent:.0f} s {self.where}; it or a "
            f"rank that it waits for hangs (hardware.timeout={self.timeout:g})"
        )
        print(f"medllm: {message}", file=sys.stderr, flush=True)
        stacks = self.run_dir / f"stacks-rank-{self.rank}.txt"
        with contextlib.suppress(OSError), stacks.open("w") as file:
            faulthandler.dump_traceback(file, all_threads=True)
        # Several ranks may note it at once, in the same file.
        with contextlib.suppress(OSError):
            Journal(self.run_dir).failed(
                step=self.step, kind="Hung", message=f"{message}; stacks in {stacks}"
            )
        os._exit(AGAIN)  # nothing gentler gets a thread out of a call that does not return


def lost_peer(error: BaseException) -> bool:
    """Whether `error`, or what led to it, is that of a rank whose neighbour is gone or silent.

    Such a rank is not at fault, and exits with `journal.AGAIN`.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, dist.DistNetworkError | dist.DistStoreError):
            return True
        if isinstance(seen, RuntimeError) and any(mark in str(seen) for mark in LOST):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
