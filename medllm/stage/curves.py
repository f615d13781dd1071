"""What is drawn while a run trains: losses, shares, rates, and what is forgotten or gained.

One callback logs every few steps from the stage's meter, since each `self.log` of
Lightning costs more than half a millisecond a step.
"""

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from medllm.stage.base import Stage

LOGS = 100  # readings of the training curves in a run
LOOKS = 5  # readings of the held-out curves in a run, the first before the first step
ROWS = 16  # held-out chunks scored at once


class Curves(pl.Callback):
    """Training curves, from the meter, to the run's loggers."""

    def __init__(self) -> None:
        self.last = 0  # step of the last reading

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.since = time.perf_counter()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        step = trainer.global_step
        every = max(1, int(trainer.max_steps) // LOGS)
        if step == self.last or not (step % every == 0 or step == trainer.max_steps):
            return
        self._log(trainer, pl_module, step)
        self.last = step

    def _log(self, trainer: pl.Trainer, stage: Stage, step: int) -> None:
        before, now = stage.meter.learnt, time.perf_counter()
        figures = stage.meter.read(lambda total: _summed(trainer, total))
        figures["train/learning_rate"] = trainer.optimizers[0].param_groups[0]["lr"]
        if stage.gradient_norm is not None:
            figures["train/gradient_norm"] = float(stage.gradient_norm)
        if stage.meter.learnt > before:
            figures["train/tokens_per_second"] = (stage.meter.learnt - before) / (now - self.since)
        self.since = now
        log_metrics(trainer, figures, step)


class Heldout(pl.Callback):
    """Bits per byte on held-out text of each domain, so that forgetting shows.

    chunks: domain to pieces of text, each (ids (T,) int32, bytes that the ids predict).
    """

    def __init__(self, chunks: Mapping[str, Sequence[tuple[np.ndarray, int]]]) -> None:
        self.chunks = chunks
        self.last = -1

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self._look(trainer, pl_module)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        steps = int(trainer.max_steps)
        marks = {round(steps * look / (LOOKS - 1)) for look in range(LOOKS)}
        if trainer.global_step in marks and trainer.global_step != self.last:
            self._look(trainer, pl_module)

    def _look(self, trainer: pl.Trainer, stage: Stage) -> None:
        assert stage.network is not None, "configure_model comes first"
        self.last = trainer.global_step
        stage.network.eval()
        figures = {
            f"heldout/{domain}/bits_per_byte": bits_per_byte(stage.network, chunks, stage.device)
            for domain, chunks in self.chunks.items()
        }
        stage.network.train()
        log_metrics(trainer, figures, trainer.global_step)


@torch.no_grad()
def bits_per_byte(
    network: torch.nn.Module, chunks: Sequence[tuple[np.ndarray, int]], device: torch.device
) -> float:
    """Negative log2-likelihood of held-out text, per UTF-8 byte; comparable over tokenizers."""
    nats, size = 0.0, sum(count for _, count in chunks)
    by_length = sorted((torch.from_numpy(ids).long() for ids, _ in chunks), key=len)
    for start in range(0, len(by_length), ROWS):
        ids = torch.nn.utils.rnn.pad_sequence(
            by_length[start : start + ROWS], batch_first=True, padding_value=-100
        ).to(device)
        logits = network(input_ids=ids.clamp(min=0), use_cache=False).logits
        nats += float(
            torch.nn.functional.cross_entropy(
                logits[:, :-1].float().flatten(0, 1), ids[:, 1:].flatten(), reduction="sum"
            )
        )
    return nats / math.log(2) / size


def log_metrics(trainer: pl.Trainer, figures: dict[str, float], step: int) -> None:
    for logger in trainer.loggers:
        logger.log_metrics(figures, step=step)


def _summed(trainer: pl.Trainer, total: torch.Tensor) -> torch.Tensor:
    """`total` summed over devices; NCCL knows only tensors on them."""
    if trainer.world_size == 1:
        return total
    here = total.to(trainer.strategy.root_device, copy=True)
    return trainer.strategy.reduce(here, reduce_op="sum")  # pyright: ignore
