"""Which rows the weights were trained on: `seen/rank-<n>.csv`, a line per micro-batch.

    step,rows
    1,4 17 9 2

Written from the batches themselves, not from the plan. Steps that a resumed run takes again are
taken out first, so the files always tell what the weights as they are now have learnt from.
"""

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch


class Seen(pl.Callback):
    """Notes the rows of every batch; written out with each checkpoint and at the end."""

    def __init__(self, folder: Path, *, start: int) -> None:
        """`start`: steps already taken, whose lines are kept."""
        self.folder, self.start = folder, start
        self.lines: list[tuple[int, torch.Tensor]] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self.file = self.folder / f"rank-{trainer.global_rank}.csv"
        self.folder.mkdir(parents=True, exist_ok=True)
        keep(self.file, until=self.start)
        if trainer.is_global_zero:  # and those of ranks that this layout has not
            for number in range(trainer.world_size, len(list(self.folder.glob("rank-*.csv")))):
                keep(self.folder / f"rank-{number}.csv", until=self.start)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int
    ) -> None:
        self.lines.append((trainer.global_step + 1, batch.rows))

    def on_train_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self.write()

    def write(self) -> None:
        """Put what was noted since the last time into the file."""
        with self.file.open("a", encoding="utf-8") as file:
            for step, rows in self.lines:
                file.write(f"{step},{' '.join(map(str, rows.tolist()))}\n")
        self.lines.clear()


def keep(file: Path, *, until: int) -> None:
    """Take the steps after `until` out of `file`; begin it where it is not there."""
    lines = file.read_text(encoding="utf-8").splitlines()[1:] if file.is_file() else []
    kept = [line for line in lines if int(line.partition(",")[0]) <= until]
    beside = file.with_name(f".{file.name}.new")
    beside.write_text("".join(f"{line}\n" for line in ["step,rows", *kept]), encoding="utf-8")
    beside.replace(file)


def rows(folder: Path) -> dict[int, list[int]]:
    """Step to the rows that all ranks took in it, in no order; -1 for empty ones is left out."""
    found: dict[int, list[int]] = {}
    for file in sorted(folder.glob("rank-*.csv")):
        for line in file.read_text(encoding="utf-8").splitlines()[1:]:
            step, _, numbers = line.partition(",")
            mine = [int(number) for number in numbers.split() if int(number) >= 0]
            found.setdefault(int(step), []).extend(mine)
    return found
