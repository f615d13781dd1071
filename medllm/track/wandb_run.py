"""One run of Weights & Biases for one training run, however often it is started.

W&B writes to its file every few seconds and a kill loses that, its file of an attempt that was
killed may end within a record, and `wandb sync` sends nothing after such a file. So W&B is no
store here but a follower: every attempt first tells it the rows of metrics.csv that it lacks.
Online those are the ones that did not arrive. Offline they are all, and the folders of earlier
attempts, whose every row is in the new one, are removed.
"""

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import wandb
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only

from medllm.track.metrics_file import MetricsFile

PATIENCE = 30  # seconds to wait for the server when a run starts
FAREWELL = 60  # seconds to wait for what is still to be sent when it ends
LIVES = 3  # times that wandb's own process may be started in an attempt
PREFIXES = ("train", "speed", "heldout")  # panels, each over the optimiser step


@dataclass(frozen=True)
class Reference:
    """A folder that W&B is told of and that stays where it is."""

    folder: Path
    kind: str
    name: str
    facts: Mapping[str, Any]


@dataclass(eq=False)
class WandB(Logger):
    """Follows a `MetricsFile` that stands before it among the loggers.

    mode: online or offline.
    settings: what `wandb.init` takes: project, id, name, group, tags, config ...
    """

    file: MetricsFile
    mode: Literal["online", "offline"]
    settings: Mapping[str, Any]
    references: list[Reference] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.run: Any = None
        self.known = 0  # rows that the server has
        self.lives = LIVES
        self.failed = False

    @property
    def name(self) -> str:
        return self.settings["project"]

    @property
    def version(self) -> str:
        return self.settings["id"]

    def log_hyperparams(self, *_: object, **__: object) -> None:
        """The config is given when the run begins."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        if self.run is None:
            self._begin()
        else:
            row = {**metrics, "step": step}
            self._try(lambda: self._send(row, self.file.count - 1))

    @rank_zero_only
    def log_table(
        self, key: str, *, columns: Sequence[str], data: Sequence[Sequence[Any]], step: int
    ) -> None:
        """A table, which joins the row that is logged next."""
        if self.run is None:
            self._begin()
        self._try(lambda: self._send_table(key, columns, data, step))

    def refer(self, reference: Reference) -> None:
        """Tell of a folder, now or when the run begins."""
        self.references.append(reference)
        if self.run is not None:
            self._try(lambda: self._send_reference(reference))

    def finalize(self, status: str) -> None:
        """Lightning says how training ended."""
        self.failed = status != "success"

    @rank_zero_only
    def finish(self) -> None:
        """End the run, so that the next one in this process is another."""
        if self.file.start:
            self.file.take_up()
        if self.run is None and self.file.count:
            self._begin()  # it was lost at the last row, or there was nothing left to train
        if self.run is None:
            return
        folder = Path(self.run.settings.sync_dir)
        self._try(lambda: self.run.finish(exit_code=int(self.failed)))
        self.run = None
        if self.mode == "offline":
            say(f"offline; to send it: wandb sync {folder}")

    def _begin(self) -> None:
        """Start the run and tell it all that it lacks; without a server, offline."""
        self.file.take_up()
        while self.run is None and self.lives:
            self.lives -= 1
            self._remove_earlier()
            try:
                self.run = self._init()
            except ConnectionError as error:  # wandb's own process died before this attempt
                self._lose(error)
            except wandb.Error as error:
                self._go_offline(error)
        if self.run is not None:
            self.known = self.run.step
            self._try(self._catch_up)

    def _init(self) -> Any:
        return wandb.init(
            **self.settings,
            mode=self.mode,
            dir=self.file.run_dir,
            # offline there is nothing to resume, and wandb says so each time
            resume="allow" if self.mode == "online" else None,
            reinit="finish_previous",
            settings=wandb.Settings(
                silent=True,
                console="off",
                init_timeout=PATIENCE,
                finish_timeout=FAREWELL,
                x_disable_stats=True,
                x_disable_meta=True,  # it has the command line, which may hold secrets
                disable_git=True,  # provenance.json has the commit and the difference
                x_save_requirements=False,
                x_transaction_log_flush_interval=2.0,
            ),
        )

    def _catch_up(self) -> None:
        self.run.define_metric("step", hidden=True)
        for prefix in PREFIXES:
            self.run.define_metric(f"{prefix}/*", step_metric="step")
        for number, row in enumerate(self.file.rows()):
            told = {key: float(value) for key, value in row.items() if value}
            self._send(told | {"step": int(row["step"])}, number)
        for reference in self.references:
            self._send_reference(reference)

    def _send(self, row: Mapping[str, Any], number: int) -> None:
        if number >= self.known:  # wandb would ignore it, and warn
            self.run.log(dict(row), step=number, commit=True)

    def _send_table(
        self, key: str, columns: Sequence[str], data: Sequence[Sequence[Any]], step: int
    ) -> None:
        number = self.file.count
        if number >= self.known:
            with staged_in(self.file.run_dir / "wandb"):
                table = wandb.Table(columns=list(columns), data=[list(row) for row in data])
                self.run.log({key: table, "step": step}, step=number, commit=False)

    def _send_reference(self, reference: Reference) -> None:
        with staged_in(self.file.run_dir / "wandb"):
            artifact = wandb.Artifact(
                reference.name.replace("/", "-"),
                type=reference.kind,
                metadata=dict(reference.facts),
            )
            uri = reference.folder.absolute().as_uri()
            artifact.add_reference(uri, checksum=False)
            self.run.log_artifact(artifact)

    def _try(self, action: Callable[[], object]) -> None:
        """Act, where there is a run; training goes on whatever becomes of it."""
        if self.run is None:
            return
        try:
            action()
        except (wandb.Error, ConnectionError) as error:
            self._lose(error)

    def _lose(self, error: Exception) -> None:
        """Wandb's own process is gone; the next row starts another."""
        self.run = None
        _end_service()
        if self.lives == 0:
            say(f"given up ({error}); metrics.csv goes on")

    def _go_offline(self, error: Exception) -> None:
        if self.mode == "online":
            say(f"no server ({error}); going on offline")
            self.mode = "offline"
        self._lose(error)

    def _remove_earlier(self) -> None:
        for folder in (self.file.run_dir / "wandb").glob(f"offline-run-*-{self.version}"):
            shutil.rmtree(folder)


@contextlib.contextmanager
def staged_in(folder: Path) -> Iterator[None]:
    """What wandb 0.31 keeps to send later, it keeps in `folder`, not in the home folder."""
    name = "WANDB_DATA_DIR"
    before = os.environ.get(name)
    os.environ[name] = before or str(folder)
    yield
    if before is None:
        del os.environ[name]


def _end_service() -> None:
    with contextlib.suppress(ConnectionError):  # it may be dead already
        wandb.teardown()


def say(words: str) -> None:
    print(f"W&B: {words}", file=sys.stderr)
