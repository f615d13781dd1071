"""Writes checkpoints while a run trains, and stops it when it is told to.

    signal or clock -> word -> all ranks agree -> save at the end of the step -> stop, or go on

Must be the last callback: what the others keep is saved as it is after this step.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from medllm.checkpoint import chance, folder, signals
from medllm.checkpoint.agreement import Agreement
from medllm.checkpoint.checkpointing import Checkpointing
from medllm.checkpoint.folder import Checkpoint
from medllm.checkpoint.seen import Seen
from medllm.errors import UserError


class Checkpoints(pl.Callback):
    """Saves, resumes and stops.

    Args:
        at: the run's folder of checkpoints.
        when: see `Checkpointing`.
        resumed: where this attempt goes on from; None from the start.
        seen: written out before every checkpoint.
        seed: of the run, from which another layout than the checkpoint's draws anew.
        timeout: seconds until a silent rank is given up.
        layout: facts for the manifest: processes, accumulate, strategy.
        patient: what to save within, so that nobody takes it for a hang.
    """

    def __init__(
        self,
        at: Path,
        *,
        when: Checkpointing,
        resumed: Checkpoint | None,
        seen: Seen,
        seed: int,
        timeout: int,
        layout: Mapping[str, Any],
        patient: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        self.at, self.when, self.resumed, self.seen = at, when, resumed, seen
        self.seed, self.timeout, self.layout, self.patient = seed, timeout, layout, patient
        self.told = signals.Told()
        self.step = resumed.step if resumed else 0  # the last step that ended
        self.seconds = 0.0  # of training that the weights took, until the attempt at hand
        self.stopped = 0  # how the process should end, where it was told to stop

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: Any, checkpoint: dict[str, Any]
    ) -> None:
        """Count micro-batches as this layout does: the step is the same, its parts are not."""
        assert self.resumed is not None, "a checkpoint is loaded only where there is one"
        done = self.resumed.step * trainer.accumulate_grad_batches
        # As Lightning 2.6 counts inside on_train_batch_end: the last one is not completed yet.
        counts = {"ready": done, "started": done, "processed": done, "completed": done - 1}
        loops = checkpoint["loops"]["fit_loop"]
        loops["epoch_loop.batch_progress"]["total"] = counts
        loops["epoch_loop.batch_progress"]["current"] = dict(counts)

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self.agreement = Agreement(timeout=self.timeout)
        starts = self.agreement.gather(trainer.global_step)
        if len(set(starts)) > 1:  # as where a disk shows its files to one node later
            raise UserError(f"ranks would go on from steps {starts}; start {self.at.parent} again")
        self.step, self.saved, self.began = trainer.global_step, *[time.monotonic()] * 2
        self.mine = self._mine(trainer, pl_module)
        self.told.listen()

    def _mine(self, trainer: pl.Trainer, stage: Any) -> dict[str, Any] | None:
        """What this rank kept, with its sums given to the meter; other layouts add them up."""
        if self.resumed is None:
            return None
        files = [self.resumed.folder / f"rank-{n}.pt" for n in range(self.resumed.processes)]
        parts = [torch.load(file, weights_only=True) for file in files]
        if len(parts) == trainer.world_size:
            stage.meter.load([parts[trainer.global_rank]["meter"]])
            return parts[trainer.global_rank]
        stage.meter.load([part["meter"] for part in parts] if trainer.is_global_zero else [])
        pl.seed_everything(self.seed + self.resumed.step + trainer.global_rank, verbose=False)
        return None

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int
    ) -> None:
        if self.mine is not None:  # the first batch: set-up has drawn its random numbers
            chance.given_back(self.mine["chance"])
            self.mine = None

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        step = trainer.global_step
        if step == self.step:  # within an accumulation
            return
        self.step = step
        word = self.agreement.on(self._word(trainer))
        by_count = self.when.steps is not None and step % self.when.steps == 0
        if word or by_count:
            with self.patient("saving a checkpoint"), pl_module.meter.watch.paused():
                self._save(trainer, pl_module)
        if word > signals.SAVE and step < trainer.max_steps:  # nothing is left to stop else
            number = signals.ORDER[word]
            assert number is not None, "a word above SAVE is a signal's"
            self.stopped = signals.STATUS[number]
            trainer.should_stop = True

    def on_train_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self.agreement.end()
        self.told.leave()
        self.seconds = self.state_dict()["seconds"]

    def state_dict(self) -> dict[str, Any]:
        return {"seconds": self.seconds + time.monotonic() - self.began}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.seconds = state_dict["seconds"]

    def on_exception(self, trainer: pl.Trainer, pl_module: Any, exception: BaseException) -> None:
        self.told.leave()

    def _word(self, trainer: pl.Trainer) -> int:
        minutes = self.when.minutes
        late = minutes is not None and time.monotonic() - self.saved >= minutes * 60
        due = signals.SAVE if late and trainer.is_global_zero else 0
        return max(self.told.word, due)

    def _save(self, trainer: pl.Trainer, stage: Any) -> None:
        rank, world = trainer.global_rank, trainer.world_size
        self.seen.write()
        work = folder.begun(self.at, self.step) if rank == 0 else folder.work(self.at, self.step)
        self.agreement.barrier()
        trainer.save_checkpoint(work / "trainer")
        mine = {"chance": chance.taken(), "meter": stage.meter.state()}
        torch.save(mine, work / f"rank-{rank}.pt")
        self.agreement.barrier()
        files = self.agreement.gather(folder.listed(work, rank=rank, world=world))
        if rank == 0:
            folder.finish(work, step=self.step, layout=self.layout, files=files)
            folder.prune(self.at, keep=self.when.keep)
        self.agreement.barrier()
        self.saved = time.monotonic()
