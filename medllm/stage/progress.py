"""A progress bar on a terminal; a line now and then in a log file."""

import time
from typing import Any

import pytorch_lightning as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

LINES = 4  # in a log file, per run
PAUSE = 0.5  # least seconds between two drawings


class Bar(pl.Callback):
    """Steps done, the loss that was last read and the time left, on rank 0.

    Stands behind `Curves`, which reads the loss.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self.console = Console(stderr=True)
        self.bar = Progress(disable=True)  # until there is something to show
        self.drawn = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        steps = int(trainer.max_steps)
        self.step = trainer.global_step
        self.marks = {steps, *(steps * line // LINES for line in range(1, LINES))}
        self.hidden = not trainer.is_global_zero
        self.bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TimeRemainingColumn(), TextColumn("{task.fields[loss]}"),
            console=self.console, disable=self.hidden or not self.console.is_terminal,
        )  # fmt: skip
        self.task = self.bar.add_task(self.title, total=steps, completed=self.step, loss="")
        self.bar.start()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        step = trainer.global_step
        if step == self.step or self.hidden:
            return
        self.step = step
        if self.bar.disable:
            if step in self.marks:
                line = f"{self.title}: step {step} of {int(trainer.max_steps)}{_loss(pl_module)}"
                self.console.print(line, highlight=False)
        elif time.perf_counter() - self.drawn > PAUSE or step == trainer.max_steps:
            self.drawn = time.perf_counter()
            self.bar.update(self.task, completed=step, loss=_loss(pl_module))

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.bar.stop()

    def on_exception(self, trainer: pl.Trainer, pl_module: Any, exception: BaseException) -> None:
        self.bar.stop()


def _loss(stage: Any) -> str:
    loss = stage.meter.figures.get("train/loss")
    return "" if loss is None else f", loss {loss:.3f}"
