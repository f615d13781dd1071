"""Supervised fine-tuning: imitate the assistant's turns."""

import torch

from medllm.losses import token_nll
from medllm.stage.base import Stage
from medllm.types import Batch


class SupervisedTuning(Stage):
    """Negative log-likelihood per learnt token, averaged over the whole optimiser step.

    Every token weighs the same wherever it fell, so the curve does not depend on how
    the step was cut into devices and micro-batches.
    """

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
        assert self.network is not None, "configure_model comes first"
        # use_cache=False: with a cache, transformers ignores the seams in `positions`.
        logits = self.network(
            input_ids=batch.ids, position_ids=batch.positions, use_cache=False
        ).logits
        nll = token_nll(logits, batch.targets)
        self.meter.add_tokens(nll, batch.targets, batch.sources)
        return nll.sum() * (self.parts / batch.learnt)
