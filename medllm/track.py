"""Where the numbers of a run go while it trains: metrics.csv always, Weights & Biases if wanted.

The id of a run is its digest, so a run that is stopped and started again goes on as itself,
in the file and on the server. Only rank 0 writes.
"""

import csv
import netrc
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlparse

import wandb
from pytorch_lightning.loggers import Logger, WandbLogger
from pytorch_lightning.utilities import rank_zero_only

from medllm.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Tracker:
    """Weights & Biases: which project, and whether its server is reached.

    mode: auto is online where a key is found and offline elsewhere; offline runs lie in
        `run_dir/wandb` and can be sent later with `wandb sync`; disabled writes none.
    """

    project: str
    mode: Literal["auto", "online", "offline", "disabled"]

    def loggers(
        self,
        run_id: str,
        *,
        group: str,
        job_type: str,
        tags: Sequence[str],
        config: Mapping[str, Any],
        run_dir: Path,
    ) -> list[Logger]:
        """What Lightning's Trainer takes; call `finish` when the run has ended.

        Raises:
            ConfigError: mode is online and there is no key.
        """
        loggers: list[Logger] = [MetricsFile(run_dir)]
        mode = self.decided()
        if mode != "disabled":
            wandb_logger = WandbLogger(
                project=self.project,
                id=run_id.replace("/", "-"),
                name=run_id,
                save_dir=run_dir,
                group=group,
                job_type=job_type,
                tags=list(tags),
                config=dict(config),
                mode=mode,
                # offline there is nothing to resume, and wandb says so each time
                resume="allow" if mode == "online" else None,
                settings=wandb.Settings(silent=True, console="off", x_disable_stats=True),
            )
            # Lightning 2.6.6 passes anonymous=None, which makes wandb 0.31 warn at each start.
            wandb_logger._wandb_init.pop("anonymous", None)
            loggers.append(wandb_logger)
        return loggers

    def decided(self) -> Literal["online", "offline", "disabled"]:
        if self.mode == "auto":
            return "online" if has_key() else "offline"
        if self.mode == "online" and not has_key():
            raise ConfigError(
                [
                    "tracker.mode=online, but there is no W&B key: run `wandb login`, "
                    "set WANDB_API_KEY, or choose tracker.mode=offline"
                ]
            )
        return self.mode

    def finish(self) -> None:
        """End the W&B run, so that the next one in this process is another."""
        wandb.finish()


def has_key() -> bool:
    """Whether a W&B key lies where wandb itself looks: the environment, then ~/.netrc."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlparse(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    file = Path(os.environ.get("NETRC", "~/.netrc")).expanduser()
    return file.is_file() and netrc.netrc(file).authenticators(host) is not None


class MetricsFile(Logger):
    """`run_dir/metrics.csv`: a row per logged step, a column per metric, empty where not logged.

    Lightning's own CSVLogger deletes the file of an earlier attempt; here a run that is taken
    up again keeps its past, less the steps that it takes twice.
    """

    def __init__(self, run_dir: Path) -> None:
        super().__init__()
        self.run_dir = run_dir
        self.file = run_dir / "metrics.csv"
        self.columns: list[str] = []  # empty until the first row of this attempt

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
        row = {"step": step, **metrics}
        if not self.columns:
            past = [r for r in self.rows() if int(r["step"]) < step]
            self.rewrite(past, list(row))
        elif not row.keys() <= set(self.columns):
            self.rewrite(self.rows(), list(row))
        with self.file.open("a", newline="") as file:
            csv.DictWriter(file, self.columns).writerow(row)

    def rows(self) -> list[dict[str, str]]:
        """What the file holds now."""
        if not self.file.is_file():
            return []
        with self.file.open(newline="") as file:
            return list(csv.DictReader(file))

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
