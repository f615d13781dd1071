"""What all stages share: a model made late, an optimiser, clipping, and a meter of losses."""

from collections.abc import Callable, Sequence

import pytorch_lightning as pl
import torch
from torch.distributed.tensor import DTensor

from medllm.stage.meter import Meter
from medllm.stage.optimizer import AdamW


class Stage(pl.LightningModule):
    """A model and one way of teaching it. Subclasses write `training_step`.

    load_network: makes the model; called once, when the strategy is ready for it.
    steps: optimiser steps of the whole run, known from the plan. Asking Lightning for
        them would drop the dataloader's place on resume (Lightning#20550).
    sources: names of the data's sources, in the order of `Batch.sources`.
    global_batch: rows (pairs, for preferences) per optimiser step, over all devices.
    epochs: passes over the plan.
    clip: largest norm of the gradient.

    `gradient_norm` is that of all devices' gradient together, before it was clipped.
    """

    wants_pairs = False  # whether batches are PairBatch

    def __init__(
        self,
        load_network: Callable[[], torch.nn.Module],
        steps: int,
        sources: Sequence[str],
        *,
        optimizer: AdamW,
        global_batch: int,
        epochs: int,
        clip: float,
    ) -> None:
        super().__init__()
        self.load_network, self.steps = load_network, steps
        self.optimizer, self.clip = optimizer, clip
        self.global_batch, self.epochs = global_batch, epochs
        self.meter = Meter(sources)
        self.gradient_norm: torch.Tensor | None = None
        self.network: torch.nn.Module | None = None

    def configure_model(self) -> None:
        # Lightning may call this more than once.
        if self.network is None:
            self.network = self.load_network().train()
            self.exact = [buffer.clone() for buffer in self.network.buffers()]

    def on_fit_start(self) -> None:
        # Lightning's bf16-true rounds buffers too; rotary frequencies, rounded, turn far
        # positions by the wrong angle, and a server that loads the export does not round them.
        assert self.network is not None, "configure_model comes first"
        for buffer, exact in zip(self.network.buffers(), self.exact, strict=True):
            buffer.data = exact.to(buffer.device)

    def configure_optimizers(self) -> dict:
        assert self.network is not None, "configure_model comes first"
        return self.optimizer.build(self.network.parameters(), steps=self.steps)

    def configure_gradient_clipping(self, optimizer, *_, **__) -> None:
        # An engine that accumulates clips inside its step, and its strategy notes the norm.
        if self.trainer.strategy.handles_gradient_accumulation:
            return
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        norm = torch.nn.utils.clip_grad_norm_(parameters, self.clip)
        self.gradient_norm = norm.full_tensor() if isinstance(norm, DTensor) else norm

    @property
    def parts(self) -> int:
        """Micro-batches of one optimiser step over all devices.

        Every strategy divides a loss by the accumulated micro-batches and averages over devices.
        Multiplying by this undoes both, so that a sum over the step divided by what the
        step learns is what remains.
        """
        return self.trainer.world_size * self.trainer.accumulate_grad_batches
