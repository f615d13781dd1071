"""Stands in for medllm/run.py in the snapshot of a test: a rank that plays its part in a play.

RUN_DIR/acts has a line for every start of the job:

    done       all is well
    wait       for a signal: SIGUSR1 writes a checkpoint and asks for another start, SIGTERM ends it
    kill       rank 1 dies by SIGKILL
    refuse     rank 0 refuses to go on; the others wait
    lose       rank 0 has lost a peer; the others wait
"""

import os
import signal
import sys
import time
from pathlib import Path


def main(run_dir: Path) -> int:
    rank = int(os.environ["SLURM_PROCID"])
    start = int(os.environ.get("SLURM_RESTART_COUNT") or 0)
    act = (run_dir / "acts").read_text().split()[start]
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
    signal.signal(signal.SIGUSR1, lambda number, frame: sys.exit(saved(run_dir, rank, start)))
    (run_dir / f"ready-{start}-{rank}").write_text(os.environ["OMP_NUM_THREADS"])
    if act == "done":
        return 0
    if act == "kill" and rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if act in ("refuse", "lose") and rank == 0:
        time.sleep(1)
        return {"refuse": 2, "lose": 75}[act]
    time.sleep(120)
    return 1


def saved(run_dir: Path, rank: int, start: int) -> int:
    if rank == 0:
        folder = run_dir / "checkpoints" / f"step-{start + 1:08d}"
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text("{}")
    return 75


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
