"""What is drawn while a run trains: losses, shares, rates, and what is forgotten or gained.

One callback logs every few steps from the stage's meter, since each `self.log` of
Lightning costs more than half a millisecond a step. Nothing waits for the device in between.

    train/*      what is learnt: the same however often a run was stopped and resumed
    speed/*      what it takes: tells of the machine
    heldout/*    what is forgotten or gained
"""

import resource
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as pl
import torch

from medllm.journal import Journal
from medllm.stage.base import Stage
from medllm.stage.heldout import Piece, batches, nats, share, to_bits

LOGS = 100  # readings of the training curves, at least, in a run of so many steps
EVERY = 10  # most steps between two readings
LOOKS = 5  # looks at held-out text and at replies in a run, the first before the first step
PAUSE = 1.0  # least seconds between two writings of progress.json


class Curves(pl.Callback):
    """Training curves, from the meter, to the run's loggers and its journal.

    flops_per_token: of training, per token read; None where nobody knows, then no MFU is drawn.
    peak_flops: per second, of one device.
    journal: told of the progress, by rank 0; None for a run that nobody watches.
    """

    def __init__(
        self,
        flops_per_token: float | None = None,
        peak_flops: float | None = None,
        journal: Journal | None = None,
    ) -> None:
        self.flops_per_token, self.peak_flops, self.journal = flops_per_token, peak_flops, journal
        self.step = 0  # the last step that ended
        self.timed = 0  # the step at which the watch was started or last read
        self.told = 0.0  # when the journal was told
        self.pace: float | None = None  # seconds per step

    def setup(self, trainer: pl.Trainer, pl_module: Any, stage: str) -> None:
        self.meter = pl_module.meter

    def state_dict(self) -> dict[str, Any]:
        return {"learnt": self.meter.learnt, "figures": self.meter.figures}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.meter.learnt, self.meter.figures = state_dict["learnt"], state_dict["figures"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self.step = self.started = trainer.global_step
        self.every = min(EVERY, max(1, int(trainer.max_steps) // LOGS))
        self._tell(trainer)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        step = trainer.global_step
        if step == self.step:  # within an accumulation
            return
        self.step = step
        if step % self.every == 0 or step == trainer.max_steps:
            self._log(trainer, pl_module)
        if step == self.started + 1:  # all before was warming up
            self.timed = step
            self.meter.start_watch()
        if time.perf_counter() - self.told > PAUSE:
            self._tell(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self._tell(trainer)

    def _log(self, trainer: pl.Trainer, stage: Stage) -> None:
        seconds = self.meter.watch.lap()
        figures = self.meter.read(lambda total: summed(trainer, total), seconds=seconds)
        with self.meter.watch.paused():
            figures["train/learning_rate"] = trainer.optimizers[0].param_groups[0]["lr"]
            if stage.gradient_norm is not None:
                figures["train/gradient_norm"] = float(stage.gradient_norm)
            figures |= self._speed(seconds, figures, trainer.world_size)
            log_metrics(trainer, figures, self.step)

    def _speed(
        self, seconds: float, figures: Mapping[str, float], devices: int
    ) -> dict[str, float]:
        speed = {"speed/memory_gib": memory()}
        if seconds:
            self.pace = speed["speed/seconds_per_step"] = seconds / (self.step - self.timed)
            self.timed = self.step
        rate = figures.get("speed/tokens_per_second")
        if rate and self.flops_per_token and self.peak_flops:
            speed["speed/mfu"] = self.flops_per_token * rate / (self.peak_flops * devices)
        return speed

    def _tell(self, trainer: pl.Trainer) -> None:
        """Of the last reading; the step is that of now."""
        self.told = time.perf_counter()
        if self.journal is None or not trainer.is_global_zero:
            return
        steps, figures = int(trainer.max_steps), self.meter.figures
        left = None if self.pace is None else round(self.pace * (steps - self.step), 1)
        self.journal.progressed(
            {
                "step": self.step,
                "steps": steps,
                "loss": figures.get("train/loss"),
                "tokens_per_second": figures.get("speed/tokens_per_second"),
                "mfu": figures.get("speed/mfu"),
                "seconds_left": left,
            }
        )


class Looks(pl.Callback):
    """Looks at the model at the marks of a run; subclasses say when the first look is, and how."""

    def __init__(self) -> None:
        self.step = 0  # the last step that ended
        self.marks: set[int] = set()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        step = trainer.global_step
        if step == self.step:
            return
        self.step = step
        if step in self.marks:
            self._look(trainer, pl_module)

    def _look(self, trainer: pl.Trainer, stage: Stage) -> None:
        raise NotImplementedError


class Heldout(Looks):
    """Bits per byte on held-out text of each domain, so that forgetting shows.

    Every rank scores its share, and as many batches as the others, for a forward pass of a
    sharded model is made together.

    chunks: domain to pieces of text, each (ids (T,) int32, bytes that the ids predict).
    """

    def __init__(self, chunks: Mapping[str, Sequence[Piece]]) -> None:
        super().__init__()
        self.chunks = {domain: pieces for domain, pieces in chunks.items() if pieces}

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self.step, self.marks = trainer.global_step, marks(int(trainer.max_steps))
        if self.step == 0:
            self._look(trainer, pl_module)

    def _look(self, trainer: pl.Trainer, stage: Stage) -> None:
        if not self.chunks:
            return
        with looking(trainer, stage) as network:
            figures = {
                f"heldout/{domain}/bits_per_byte": self._bits(trainer, network, pieces)
                for domain, pieces in self.chunks.items()
            }
            log_metrics(trainer, figures, self.step)

    def _bits(
        self, trainer: pl.Trainer, network: torch.nn.Module, pieces: Sequence[Piece]
    ) -> float:
        device = trainer.strategy.root_device
        total = torch.zeros((), dtype=torch.float64, device=device)
        for batch, counts in share(batches(pieces), trainer.global_rank, trainer.world_size):
            total += nats(network, batch.to(device)) * counts
        return to_bits(float(summed(trainer, total)), pieces)


def marks(steps: int) -> set[int]:
    """The steps after which a run of `steps` looks at itself."""
    return {round(steps * look / (LOOKS - 1)) for look in range(LOOKS)}


@contextmanager
def looking(trainer: pl.Trainer, stage: Stage) -> Iterator[torch.nn.Module]:
    """The network as it will be used, without dropout and gradients; no time of training."""
    assert stage.network is not None, "configure_model comes first"
    modes = [(module, module.training) for module in stage.network.modules()]
    precision = trainer.precision_plugin.val_step_context()  # as in training
    with stage.meter.watch.paused(), torch.no_grad(), precision:
        yield stage.network.eval()
        for module, mode in modes:
            module.training = mode


def log_metrics(trainer: pl.Trainer, figures: Mapping[str, float], step: int) -> None:
    for logger in trainer.loggers:
        logger.log_metrics(dict(figures), step=step)


def summed(trainer: pl.Trainer, total: torch.Tensor) -> torch.Tensor:
    """`total` summed over devices; NCCL knows only tensors on them."""
    if trainer.world_size == 1:
        return total
    here = total.to(trainer.strategy.root_device, copy=True)
    return trainer.strategy.reduce(here, reduce_op="sum")  # pyright: ignore


def memory() -> float:
    """GiB at their peak: allocated on this process's GPU, or resident where it has none."""
    if torch.cuda.is_initialized():
        return torch.cuda.max_memory_allocated() / 2**30
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB; on macOS bytes
    return peak / (2**30 if sys.platform == "darwin" else 2**20)
