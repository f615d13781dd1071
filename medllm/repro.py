"""python -m medllm.repro RUN_DIR STEP   Take one step of a run again, and look closely.

Trains in one process from the newest checkpoint, or from the start, up to the step before: the
same weights as then to the last bit if the run had one process, else to 1e-6. Then it takes the
rows of the step one by one and prints the loss and the gradient norm of each, the first module
that makes something of it that is not finite, and the examples in it. It trains no further and
leaves the run as it is. For a run that stopped, see `repro/step-*/step.json` in its folder.
"""

import math
import sys
import warnings
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytorch_lightning as pl

from medllm.attempt import Attempt
from medllm.checkpoint.callback import Checkpoints
from medllm.checkpoint.checkpointing import Checkpointing
from medllm.checkpoint.seen import Seen
from medllm.data.names import examples_of
from medllm.errors import Stopped, UserError
from medllm.stage.examine import Examine, Look

LAYERS = 5  # weights named for the row with the largest gradient


class Unwritten(Checkpoints):
    """Goes on from a checkpoint, and writes none."""

    def _save(self, trainer: pl.Trainer, stage: object) -> None:
        pass


class Replay(Attempt):
    """An attempt, alone in its process, that only comes to a step and examines it."""

    def __init__(self, run_dir: Path) -> None:
        super().__init__(run_dir, 0)
        micro_batch, _ = self.hardware.accumulation(self.cfg.stage.global_batch)
        self.hardware = replace(
            self.hardware, launcher="local", nodes=1, devices=1, micro_batch=micro_batch,
            strategy="ddp", offload="none", slurm=None,
        )  # fmt: skip

    def examine(self, step: int) -> list[Look]:
        """The rows of a step, one by one.

        Raises:
            UserError: the run has no such step, or its newest checkpoint is past it.
        """
        if not self.start < step <= self.steps.steps:
            raise UserError(
                f"step {step} is not one of {self.start + 1} to {self.steps.steps}, those after "
                f"the newest checkpoint of {self.run_dir}"
            )
        pl.seed_everything(self.cfg.seed, verbose=False)
        warnings.filterwarnings("ignore", ".*callbacks used to create the checkpoint.*")
        lens, saver = Examine(step, self.steps.batches(step - 1)), self._reader()
        self._run(self._stage(), [lens, saver], [])
        if saver.stopped:
            raise Stopped("told to stop", saver.stopped)
        return lens.rows

    def _reader(self) -> Checkpoints:
        return Unwritten(
            self.run_dir / "checkpoints",
            when=Checkpointing(minutes=None, steps=None, keep=1),
            resumed=self.resumed,
            seen=Seen(self.run_dir / "seen", start=self.start),
            seed=self.cfg.seed,
            timeout=self.hardware.timeout,
            layout={},
            patient=lambda doing: nullcontext(),
        )


def told(replay: Replay, step: int, rows: list[Look]) -> list[str]:
    """Lines about a step, its worst row first."""
    worst = sorted(rows, key=lambda row: _badness(row.loss, row.gradient_norm), reverse=True)
    lines = [f"step {step}, after {step - replay.start - 1} steps from step {replay.start}"]
    for row in worst:
        names = examples_of(row.row, replay.steps.stores, replay.steps.rows)
        lines.append(
            f"row {row.row}: loss {row.loss:.6g}, gradient norm {row.gradient_norm:.6g}, "
            f"examples {' '.join(names)}"
        )
        lines += _origin(row)
    lines.append(f"largest gradients of row {worst[0].row}:")
    layers = sorted(worst[0].layers.items(), key=lambda each: _badness(each[1]), reverse=True)
    return lines + [f"  {name} {norm:.6g}" for name, norm in layers[:LAYERS]]


def _origin(row: Look) -> list[str]:
    """Where in the network a row stops being finite, on the way forth and on the way back."""
    lines = []
    if row.first_bad:
        lines.append(f"  not finite, first in the output of {row.first_bad}")
    if bad := [name for name, norm in row.layers.items() if not math.isfinite(norm)]:
        lines.append(f"  gradient not finite, first in that of {bad[-1]}")
    return lines


def main(run_dir: Path, step: int) -> int:
    try:
        replay = Replay(run_dir)
        print("\n".join(told(replay, step, replay.examine(step))))
    except UserError as error:
        print(f"medllm: {error}", file=sys.stderr)
        return error.status
    return 0


def _badness(*figures: float) -> tuple[bool, float]:
    finite = all(math.isfinite(figure) for figure in figures)
    return not finite, figures[0] if finite else 0.0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute(), int(sys.argv[2])))
