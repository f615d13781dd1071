"""`run_dir/metrics.csv`, which a run that is started again takes up where it left."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only


class MetricsFile(Logger):
    """A row per reading, a column per metric, empty where not logged.

    Lightning's own CSVLogger deletes the file of an earlier attempt; here a run that is taken
    up again keeps its past, less the steps that it takes twice.

    start: the step that this attempt goes on from; what was logged after it is struck out
        before the first new row. 0: all of it.
    count: rows, once the file is taken up.
    """

    def __init__(self, run_dir: Path, *, start: int = 0) -> None:
        super().__init__()
        self.run_dir, self.start = run_dir, start
        self.file = run_dir / "metrics.csv"
        self.columns: list[str] = []
        self.count = 0
        self.is_taken_up = False

    @property
    def name(self) -> str:
        return ""

    @property
    def version(self) -> str:
        return ""

    @property
    def save_dir(self) -> str:
        return str(self.run_dir)

    def log_hyperparams(self, *_: object, **__: object) -> None:
        """The frozen config already lies beside."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        assert step is not None, "a metric of a training run has a step"
        self.take_up()
        row = {"step": step, **metrics}
        if not row.keys() <= set(self.columns):
            self.rewrite(self.rows(), list(row))
        with self.file.open("a", newline="") as file:
            csv.DictWriter(file, self.columns).writerow(row)
        self.count += 1

    def take_up(self) -> None:
        """Strike out what this attempt will log again."""
        if not self.is_taken_up:
            past = [row for row in self.rows() if self.start and int(row["step"]) <= self.start]
            self.rewrite(past, ["step"])
            self.count, self.is_taken_up = len(past), True

    def rows(self) -> list[dict[str, str]]:
        """What the file holds now, less a line that a full disk cut off."""
        if not self.file.is_file():
            return []
        whole, _, _ = self.file.read_text(encoding="utf-8").rpartition("\n")
        return list(csv.DictReader(whole.splitlines()))

    def rewrite(self, rows: Sequence[Mapping[str, str]], more: Sequence[str]) -> None:
        """The file with `rows`, and with columns for `more` beside those it has."""
        self.columns = list(
            dict.fromkeys([*(key for row in rows for key in row), *self.columns, *more])
        )
        beside = self.file.with_suffix(".csv.new")
        self.run_dir.mkdir(parents=True, exist_ok=True)
        with beside.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.columns)
            writer.writeheader()
            writer.writerows(rows)
        beside.replace(self.file)
