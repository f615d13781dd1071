"""A progress bar on a terminal; a line now and then in a log file."""

from typing import Any

import pytorch_lightning as pl
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

LINES = 4  # in a log file, per run


class Bar(pl.Callback):
    """Steps done, the last loss (of rank 0's share) and the time left, on rank 0."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.console = Console(stderr=True)
        self.last = 0
        self.loss: torch.Tensor | float = 0.0  # of the optimiser step under way
        self.bar = Progress(disable=True)  # until there is something to show

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        hidden = not self.console.is_terminal or not trainer.is_global_zero
        self.bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TimeRemainingColumn(), TextColumn("{task.fields[loss]}"),
            console=self.console, disable=hidden,
        )  # fmt: skip
        self.task = self.bar.add_task(self.title, total=int(trainer.max_steps), loss="")
        self.bar.start()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, *_: Any
    ) -> None:
        step, steps = trainer.global_step, int(trainer.max_steps)
        # Lightning has divided by the micro-batches, so that they add up to the step's loss.
        self.loss = self.loss + outputs["loss"] if outputs else self.loss
        if step == self.last:
            return
        self.last = step
        if step % 10 == 0 or step == steps:
            loss = f"loss {float(self.loss):.3f}"
            self.bar.update(self.task, completed=step, loss=loss)
            if self.bar.disable and trainer.is_global_zero and step in self._marks(steps):
                self.console.print(f"{self.title}: step {step} of {steps}, {loss}", highlight=False)
        self.loss = 0.0

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.bar.stop()

    def on_exception(self, trainer: pl.Trainer, pl_module: Any, exception: BaseException) -> None:
        self.bar.stop()

    @staticmethod
    def _marks(steps: int) -> set[int]:
        return {steps, *(steps * line // LINES // 10 * 10 for line in range(1, LINES))}
