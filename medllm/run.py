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
    if rank(run_dir) > 0:
        Attempt(run_dir, rank(run_dir)).train()
        return
    waiting = f"another process trains in {run_dir}; waiting for it"
    with lock.held(run_dir / ".lock", waiting=waiting):
        if not is_done(run_dir):
            _noted(Attempt(run_dir, 0))


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
        with suppress(OSError):  # of a full disk, which `error` tells
            journal.failed(step=attempt.step, kind=type(error).__name__, message=str(error))
        raise
    finally:
        with suppress(OSError):
            journal.ended(number, step=attempt.step, why=why)
    journal.forget_error()


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
