"""Stops a run whose loss or gradient is not finite, or whose loss diverges.

    step n ends      its loss and gradient norm start on their way to the processor
    step n + 1 ends  they are judged, everywhere alike, so that all ranks stop together
    a checkpoint, or the end of the run: they are judged at once, so that no bad weights are kept

The step is saved, see `medllm.stage.repro`. Must stand before whatever saves checkpoints.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist

from medllm.data.names import examples_of
from medllm.data.steps import Steps
from medllm.errors import UserError
from medllm.stage import repro
from medllm.stage.reading import Reading
from medllm.stage.repro import Share
from medllm.stage.trend import Trend

SHOWN = 8  # rows, and examples, that a message names; step.json has all


class Diverged(UserError):
    """Training cannot go on from here; another try comes to the same point."""


class Guard(pl.Callback):
    """Watches the loss of every step, averaged over all ranks, and the norm of its gradient.

    Changes when a run stops, never what it comes to.

    window, patience, rise: when a loss diverges, see `medllm.stage.trend.Trend`.
    """

    def __init__(
        self, run_dir: Path, steps: Steps, *, window: int, patience: int | None, rise: float
    ) -> None:
        self.run_dir, self.steps = run_dir, steps
        self.trend = Trend(window=window, patience=patience, rise=rise)
        self.step = 0
        self.losses: list[torch.Tensor] = []  # of the micro-batches of the step under way
        self.pending: tuple[int, list[torch.Tensor], Reading] | None = None  # not judged yet

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self.step = trainer.global_step

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, *_: Any
    ) -> None:
        self.losses.append(outputs["loss"])
        if trainer.global_step == self.step:  # within an accumulation
            return
        self.settle()
        self.step = trainer.global_step
        figures = _figures(self.losses, pl_module.gradient_norm)
        self.pending = self.step, self.losses, Reading(figures)
        self.losses = []

    def settle(self) -> None:
        """Judge the last step that ended. All ranks must call this together.

        Raises:
            Diverged: on all ranks, once the step is saved.
        """
        if self.pending is None:
            return
        step, losses, reading = self.pending
        self.pending = None
        loss, norm = reading.read()
        if not (math.isfinite(loss) and math.isfinite(norm)):
            what = f"step {step} has a loss of {loss:.6g} and a gradient norm of {norm:.6g}"
        elif self.trend.add(loss):
            what = (
                f"the loss diverges: {loss:.6g} in step {step} (gradient norm {norm:.6g}), and "
                f"for {self.trend.above} steps above {self.trend.bound():.6g}; if the data explain "
                "it, raise guard.patience"
            )
        else:
            return
        raise Diverged(self._account(step, losses, what, {"loss": loss, "gradient_norm": norm}))

    def on_train_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self.settle()

    def state_dict(self) -> dict[str, Any]:
        # Asked for on all ranks, just before a checkpoint is written.
        self.settle()
        return self.trend.state()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.trend.load(state_dict)

    def _account(
        self, step: int, losses: Sequence[torch.Tensor], what: str, figures: dict[str, float]
    ) -> str:
        """Save the step, and say all that is known of it."""
        mine = self._shares(step, losses)
        shares = sorted(_gathered(mine), key=_badness, reverse=True)
        folder = repro.folder_of(self.run_dir, step)
        is_gradient = not math.isfinite(figures["gradient_norm"])
        lines = [
            what,
            _worst(shares, all_of_them=is_gradient),
            self._kept(folder, step, shares, figures),
        ]
        lines.append(
            "try a lower stage.optimizer.learning_rate, a lower stage.clip or "
            "hardware.precision=32-true"
        )
        return "\n  ".join(lines)

    def _shares(self, step: int, losses: Sequence[torch.Tensor]) -> list[Share]:
        shares = []
        for loss, batch in zip(losses, self.steps.batches(step - 1), strict=True):
            rows = [row for row in batch.rows.tolist() if row >= 0]
            names = [examples_of(row, self.steps.stores, self.steps.rows) for row in rows]
            rank = self.steps.layout.rank
            # Lightning has divided by the micro-batches; a share is told as if all were like it.
            whole = float(loss) * len(losses)
            shares.append(Share(rank=rank, loss=whole, rows=rows, examples=names))
        return shares

    def _kept(
        self, folder: Path, step: int, shares: Sequence[Share], figures: dict[str, float]
    ) -> str:
        try:
            repro.write_batches(folder, self.steps.layout.rank, self.steps.batches(step - 1))
            if self.steps.layout.rank == 0:
                said = {"step": step, **figures, "losses_before": list(self.trend.usual)}
                repro.write_step(folder, shares, said)
        except OSError as error:  # the step is to be told of, even where it cannot be kept
            return f"it could not be saved in {folder}: {error}"
        return f"saved in {folder}; look into it with: python -m medllm.repro {self.run_dir} {step}"


def _figures(losses: Sequence[torch.Tensor], norm: torch.Tensor | float | None) -> torch.Tensor:
    """(2,) float32: the step's loss and the norm of its gradient, where the loss is."""
    loss = torch.stack(list(losses)).sum().float()
    # No norm where nothing is clipped; a gradient that is not finite shows in the next loss.
    known = torch.as_tensor(0.0 if norm is None else norm, dtype=loss.dtype, device=loss.device)
    return torch.stack([loss, known])


def _gathered(mine: list[Share]) -> list[Share]:
    """The shares of all ranks, which have all come here."""
    if not (dist.is_available() and dist.is_initialized()):
        return mine
    everyone: list[list[Share]] = [[]] * dist.get_world_size()
    dist.all_gather_object(everyone, mine)
    return [share for part in everyone for share in part]


def _badness(share: Share) -> float:
    return share.loss if math.isfinite(share.loss) else math.inf


def _worst(shares: Sequence[Share], *, all_of_them: bool) -> str:
    """The rows whose loss is not finite, or of the highest loss, and their examples.

    all_of_them: where all losses are finite and the gradient is not, no row is above suspicion.
    """
    bad = [share for share in shares if not math.isfinite(share.loss)]
    if not bad and all_of_them:
        said = "each row has a finite loss, but not their gradient: rows"
    else:
        said = f"worst rows, with a loss of {shares[0].loss:.6g}:"
    bad = bad or (shares if all_of_them else shares[:1])
    rows = [row for share in bad for row in share.rows]
    names = [name for share in bad for row in share.examples for name in row]
    return f"{said} {_few(rows)}, of examples {_few(names)}"


def _few(things: Sequence[object]) -> str:
    more = f" and {len(things) - SHOWN} more" if len(things) > SHOWN else ""
    return ", ".join(map(str, things[:SHOWN])) + more
