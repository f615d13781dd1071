"""What was learnt, put together for the export."""

from typing import Any

import pytorch_lightning as pl
import torch

from medllm.parallel.portable import Portable, trained

PRECISIONS = {"64-true": torch.float64, "bf16-true": torch.bfloat16}


def whole(trainer: pl.Trainer, network: torch.nn.Module) -> dict[str, torch.Tensor] | None:
    """The trained weights of `network` by name, on rank 0's processor; None elsewhere.

    To be called on all ranks, before the trainer lets go of its devices.
    """
    strategy = trainer.strategy
    assert isinstance(strategy, Portable), "made by medllm.parallel.strategy"
    dtype = PRECISIONS.get(str(trainer.precision), torch.float32)
    kept = {}
    for name, parameter in trained(network):
        weight = strategy.weight(parameter)
        if trainer.is_global_zero:
            kept[name] = weight.to("cpu", dtype, copy=True)
    return kept if trainer.is_global_zero else None


class Learnt(pl.Callback):
    """Keeps the trained weights once the last step is done, while the devices still have them."""

    def __init__(self) -> None:
        self.weights: dict[str, torch.Tensor] | None = None  # on rank 0

    def on_fit_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        # Also where a checkpoint stands at the last step, and nothing was left to train.
        if trainer.global_step == trainer.max_steps:
            self.weights = whole(trainer, pl_module.network)
