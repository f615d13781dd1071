"""python -m medllm.run RUN_DIR   One rank of one frozen run.

A run that was stopped goes on from its newest checkpoint, and one that is done is left alone. How
the process ends is what `medllm.journal` says.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

from omegaconf import OmegaConf

from medllm import lock
from medllm.attempt import Attempt
from medllm.checkpoint import folder as checkpoints
from medllm.errors import Stopped, UserError
from medllm.journal import AGAIN, Journal
from medllm.stage.watchdog import lost_peer


def is_done(run_dir: Path) -> bool:
    """Whether the run was trained to its end and exported."""
    return (run_dir / "done.json").exists()


def run(run_dir: Path) -> None:
    """Train the frozen run in `run_dir` from where it stands, and export its model.

    Raises:
        Stopped: a signal told it to; it is saved.
        UserError: it cannot go on; error.json says so too.
    """
    if is_done(run_dir):  # every rank sees it, so that none waits for another
        checkpoints.remove(run_dir / "checkpoints")
        return
    if rank(run_dir) > 0:
        _joined(Attempt(run_dir, rank(run_dir)))
        return
    waiting = f"another process trains in {run_dir}; waiting for it"
    with lock.held(run_dir / ".lock", waiting=waiting):
        if not is_done(run_dir):
            _noted(Attempt(run_dir, 0))
        elif Attempt(run_dir, 0).hardware.processes > 1:
            raise Stopped(f"{run_dir} was finished by another process in the meantime", AGAIN)


def rank(run_dir: Path) -> int:
    """Of this process, as srun or torchrun numbered it; 0 where neither did."""
    launcher = OmegaConf.load(run_dir / "config.yaml").hardware.launcher
    return int(os.environ.get("SLURM_PROCID" if launcher == "slurm" else "RANK", 0))


def _noted(attempt: Attempt) -> None:
    """Train, and keep the journal of rank 0."""
    journal = Journal(attempt.run_dir)
    number = journal.started(step=attempt.start, processes=attempt.hardware.processes)
    why = "failed"
    try:
        attempt.train()
        why = "done"
    except Stopped:
        why = "told to stop"
        raise
    except BaseException as error:
        if not lost_peer(error):  # the one that is gone may have said why
            _told(attempt, error)
        raise
    finally:
        with suppress(OSError):
            journal.ended(number, step=attempt.step, why=why)
    journal.forget_error()


def _joined(attempt: Attempt) -> None:
    """Train as one of the other ranks; a mistake of the user's may show in any."""
    try:
        attempt.train()
    except Stopped:
        raise
    except UserError as error:
        _told(attempt, error)
        raise


def _told(attempt: Attempt, error: BaseException) -> None:
    with suppress(OSError):  # of a full disk, which `error` tells
        Journal(attempt.run_dir).failed(
            step=attempt.step, kind=type(error).__name__, message=str(error)
        )


def main(run_dir: Path) -> int:
    """`run`, and the exit status that says whether to start it again."""
    try:
        run(run_dir)
    except UserError as error:
        print(f"medllm: {error}", file=sys.stderr)
        return error.status
    except Exception as error:
        if not lost_peer(error):
            raise
        print(f"medllm: another rank is gone: {error}", file=sys.stderr)
        return AGAIN
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute()))
