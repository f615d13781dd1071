"""Trouble for the training jobs of a sweep on a Slurm cluster, at random and on purpose.

    python experiments/performance/preemption/disturb.py RUNS --times 12 --seed 0

Waits for a training job to be some steps on, then tells it to stop (SIGUSR1), kills one of its
ranks (SIGKILL), or queues it again as a preemption would (scontrol requeue); so many times in all.
Only for a cluster whose nodes are this machine. Writes RUNS/disturbed.jsonl.
"""

import argparse
import json
import random
import subprocess
import time
from pathlib import Path

STEPS = 20  # that an attempt makes before it is disturbed


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("runs", type=Path)
    words.add_argument("--times", type=int, default=12)
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--pause", type=float, default=15.0, help="seconds between two troubles")
    given = words.parse_args()
    chance = random.Random(given.seed)
    troubles = [tell, kill, queue_again] * -(-given.times // 3)
    chance.shuffle(troubles)
    for trouble in troubles[: given.times]:
        run_dir, job, pids = victim(given.runs, chance)
        step = json.loads((run_dir / "progress.json").read_text())["step"]
        trouble(job, pids, chance)
        line = {"run": str(run_dir.relative_to(given.runs)), "job": job, "near_step": step,
                "trouble": trouble.__name__}  # fmt: skip
        with (given.runs / "disturbed.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(line, flush=True)
        time.sleep(given.pause)


def tell(job: str, pids: list[int], chance: random.Random) -> None:
    """What Slurm does a while before the time limit."""
    subprocess.run(["scancel", "--signal=USR1", job], check=True)


def kill(job: str, pids: list[int], chance: random.Random) -> None:
    """What the kernel does when memory runs out."""
    subprocess.run(["kill", "-9", str(chance.choice(pids))], check=False)


def queue_again(job: str, pids: list[int], chance: random.Random) -> None:
    """What preemption does."""
    subprocess.run(["scontrol", "requeue", job], check=True)


def victim(runs: Path, chance: random.Random) -> tuple[Path, str, list[int]]:
    """A run that is being trained right now, its job, and the processes of its ranks."""
    while True:
        all_of_them = [(run_dir, job, ranks(run_dir)) for run_dir, job in running(runs)]
        found = [each for each in all_of_them if is_under_way(each[0], each[2])]
        if found:
            return chance.choice(sorted(found))
        time.sleep(0.2)


def running(runs: Path) -> list[tuple[Path, str]]:
    queue = subprocess.run(
        ["squeue", "-h", "-t", "RUNNING", "-o", "%A"], capture_output=True, text=True, check=True
    )
    jobs = set(queue.stdout.split())
    files = runs.glob("*/*/*/job.json")
    known = ((file.parent, json.loads(file.read_text())["id"]) for file in files)
    return [(run_dir, job) for run_dir, job in known if job in jobs]


def ranks(run_dir: Path) -> list[int]:
    """Processes of `python -m medllm.run RUN_DIR`, srun and the batch script left out."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"medllm.run" in words and str(run_dir).encode() in words and b"python" in words[0]:
            found.append(int(process.name))
    return found


def is_under_way(run_dir: Path, pids: list[int]) -> bool:
    """Both ranks live, and this attempt has told of steps of its own that are not the last ones."""
    attempts, progress = run_dir / "attempts.jsonl", run_dir / "progress.json"
    if len(pids) < 2 or not progress.exists() or not attempts.exists():
        return False
    last = json.loads(attempts.read_text().splitlines()[-1])
    now = json.loads(progress.read_text())
    is_of_this = "started" in last and last["started"] < now["time"]
    return is_of_this and last["step"] + STEPS <= now["step"] < now["steps"] - 10


if __name__ == "__main__":
    main()
