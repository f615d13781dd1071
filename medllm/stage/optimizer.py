"""The one optimiser and its learning-rate curves."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from medllm.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class AdamW:
    """AdamW with linear warm-up, then decay.

    learning_rate: the peak.
    weight_decay: applied to matrices only, not to norms and biases.
    betas: two.
    warmup: share of steps spent rising from 0, in [0, 1).
    schedule: what follows the warm-up, down to `floor`.
    floor: share of the peak kept at the end, in [0, 1].
    """

    learning_rate: float
    weight_decay: float
    betas: Sequence[float]
    warmup: float
    schedule: Literal["cosine", "linear", "constant"]
    floor: float

    def __post_init__(self) -> None:
        problems = []
        if len(self.betas) != 2:
            problems.append(f"stage.optimizer.betas={list(self.betas)} must be two numbers")
        if not 0 <= self.warmup < 1:
            problems.append(f"stage.optimizer.warmup={self.warmup} must be a share in [0, 1)")
        if not 0 <= self.floor <= 1:
            problems.append(f"stage.optimizer.floor={self.floor} must be a share in [0, 1]")
        if problems:
            raise ConfigError(problems)

    def build(self, parameters: Iterable[torch.nn.Parameter], *, steps: int) -> dict:
        """What Lightning's `configure_optimizers` returns, for a run of `steps` updates."""
        trained = [p for p in parameters if p.requires_grad]
        groups = [
            {"params": [p for p in trained if is_matrix(p)], "weight_decay": self.weight_decay},
            {"params": [p for p in trained if not is_matrix(p)], "weight_decay": 0.0},
        ]
        # DeepSpeed drops an empty group, and the schedule would not find it.
        groups = [group for group in groups if group["params"]]
        first, second = self.betas
        optimizer = torch.optim.AdamW(groups, lr=self.learning_rate, betas=(first, second))
        # The rate of update n is that of its end, (n + 1) / steps: no update is lost to rate 0.
        curve = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: self.scale((n + 1) / steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": curve, "interval": "step"}}

    def scale(self, done: float) -> float:
        """Multiplier of the peak when `done`, a share of all steps, is behind us."""
        if done < self.warmup:
            return done / self.warmup
        left = 1 - min(1.0, (done - self.warmup) / (1 - self.warmup))
        shape = {
            "cosine": 0.5 * (1 - math.cos(math.pi * left)),
            "linear": left,
            "constant": 1.0,
        }[self.schedule]
        return self.floor + (1 - self.floor) * shape


def is_matrix(parameter: torch.nn.Parameter) -> bool:
    """Whether a weight has rows and columns, also where ZeRO-3 has left only a share of it here."""
    return len(getattr(parameter, "ds_shape", parameter.shape)) >= 2
