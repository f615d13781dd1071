"""A step under the lens: which rows, and which layers, make a loss or a gradient what it is.

The weights are as they were before the step, and stay so. Dropout is drawn anew.
"""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytorch_lightning as pl
import torch

from medllm.stage.base import Stage
from medllm.types import IGNORE, Batch, PairBatch


@dataclass(frozen=True, kw_only=True)
class Look:
    """What comes out of a row, as out of a step that is made of it alone.

    row: its number in the plan.
    loss: per learnt token, or per pair.
    gradient_norm: of all weights together.
    layers: gradient norm of each weight, in the order of the forward pass.
    first_bad: the first module in the forward pass whose output is not finite, or "".
    """

    row: int
    loss: float
    gradient_norm: float
    layers: dict[str, float] = field(repr=False)
    first_bad: str


class Examine(pl.Callback):
    """Looks at a step once the weights are as they were before it, and ends the run there.

    step: counted from 1, as checkpoints are.
    batches: all of the step, of any number of rows each.
    """

    def __init__(self, step: int, batches: Iterable[Batch | PairBatch]) -> None:
        self.step, self.batches = step, batches
        self.rows: list[Look] = []  # one by one; empty rows are left out

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step != self.step - 1 or self.rows:
            return
        for whole in self.batches:
            here = trainer.strategy.batch_to_device(whole)
            self.rows += [look(pl_module, row) for row in one_by_one(here)]
        trainer.should_stop = True


def look(stage: Stage, batch: Batch | PairBatch) -> Look:
    """Forward and backward pass of a row, through the stage's own `training_step`."""
    assert stage.network is not None, "configure_model comes first"
    plugin = stage.trainer.precision_plugin
    stage.network.zero_grad(set_to_none=True)  # of the step before
    with watched(stage.network) as bad, plugin.train_step_context():
        loss: Any = stage.training_step(batch, 0)
    loss.backward()
    # `training_step` divides by what the whole step learns; here this row is all of it.
    learns = batch.learnt if isinstance(batch, Batch) else batch.judged
    scale = learns / (stage.parts * max(1, _learnt(batch)))
    layers = {
        name: float(weight.grad.norm()) * scale
        for name, weight in stage.network.named_parameters()
        if weight.grad is not None
    }
    stage.network.zero_grad(set_to_none=True)
    return Look(
        row=int(batch.rows[0]),
        loss=float(loss.detach()) * scale,
        gradient_norm=math.hypot(*layers.values()),
        layers=layers,
        first_bad=bad[0] if bad else "",
    )


def one_by_one(batch: Batch | PairBatch) -> Iterator[Batch | PairBatch]:
    """Batches of one row, or one pair, each; padding is kept, empty rows are not."""
    count = len(batch.rows)
    for at in (batch.rows >= 0).nonzero().flatten().tolist():
        both = [at] if isinstance(batch, Batch) else [at, at + count]
        parts = {
            name: value[both if len(value) == len(batch.ids) else [at]]
            for name, value in batch._asdict().items()
            if isinstance(value, torch.Tensor)
        }
        yield batch._replace(**parts)


@contextmanager
def watched(network: torch.nn.Module) -> Iterator[list[str]]:
    """Names of the modules whose output was not finite meanwhile, in order; inner ones first."""
    bad: list[str] = []

    def note(name: str, output: Any) -> None:
        tensor = output[0] if isinstance(output, tuple) else output
        if isinstance(tensor, torch.Tensor) and not torch.isfinite(tensor).all():
            bad.append(name)

    hooks = [
        module.register_forward_hook(lambda _, __, output, name=name: note(name, output))
        for name, module in network.named_modules()
    ]
    try:
        yield bad
    finally:
        for hook in hooks:
            hook.remove()


def _learnt(batch: Batch | PairBatch) -> int:
    """Targets, or pairs, that are learnt."""
    if isinstance(batch, Batch):
        return int((batch.targets != IGNORE).sum())
    return int((batch.rows >= 0).sum())
