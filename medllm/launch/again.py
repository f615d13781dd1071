"""python -m medllm.launch.again RUN_DIR STATUS   How a job goes on when its ranks have ended.

slurm/train.sh asks this after srun, inside the job. It exits with the run's status, having queued
the job again before where starting again mends what happened: the run saved itself before a limit,
a rank was lost or killed, another job takes its nodes. A job that Slurm ends itself (scancel,
scontrol requeue, a preemption without grace) does not come here: its shell is ended with it.
"""

import json
import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from medllm.errors import UserError
from medllm.journal import AGAIN, REFUSED, Journal, now
from medllm.launch.client import ask
from medllm.launch.slurm import requeue

MOST_IDLE = 3  # attempts in a row that got no further
TERMINATED = 128 + signal.SIGTERM
START = "medllm: start "  # what slurm/train.sh says first
# srun's own words, e.g. "srun: error: sn1: tasks 0-3: Exited with exit code 75" or "...: Killed"
TASKS = re.compile(
    r"^srun: error: .*: tasks? [\d,-]+: "
    r"(?:Exited with exit code (?P<status>\d+)|(?P<words>\w[\w ]*\w))",
    re.MULTILINE,
)
SIGNALS = {signal.strsignal(number): 128 + number for number in signal.Signals}
SIGNALS |= {"Out Of Memory": 128 + signal.SIGKILL}


@dataclass(frozen=True, slots=True)
class Verdict:
    """is_again: whether to queue the job once more; why: in words."""

    is_again: bool
    why: str


def judge(status: int, *, idle: int, is_preempted: bool = False) -> Verdict:
    """What to do after a run that ended with `status`.

    Args:
        idle: attempts in a row, this one included, that ended without a newer checkpoint.
        is_preempted: whether Slurm is about to give the nodes to another job.
    """
    if status == 0:
        return Verdict(False, "the run is done")
    if status == REFUSED:
        return Verdict(False, "the run refused to go on, which starting again does not mend")
    if status == TERMINATED and not is_preempted:
        return Verdict(False, "the run was told to end (SIGTERM)")
    if status != AGAIN and status <= 128:
        return Verdict(False, f"the run failed with status {status}")
    what = "another job takes its nodes" if is_preempted else _lost(status)
    if idle >= MOST_IDLE:
        return Verdict(
            False, f"{what}, but {idle} attempts in a row ended without a newer checkpoint"
        )
    return Verdict(True, what)


def _lost(status: int) -> str:
    if status == AGAIN:
        return "the run asks to be started again"
    names = {number.value: number.name for number in signal.Signals}
    return f"a rank was killed by {names.get(status - 128, f'signal {status - 128}')}"


def cause(status: int, ranks: Sequence[int]) -> int:
    """What the run ended with, where srun ended with `status`.

    srun ends the other ranks when one has failed, by SIGTERM and after a while by SIGKILL, and its
    own status is mostly the highest of all: 143 or 137 may hide a 75, a 2 or a 1.

    Args:
        ranks: statuses of those that failed, as srun told them, the first one first.
    """
    if status == 0 or not ranks:
        return status
    return REFUSED if REFUSED in ranks else ranks[0]


def statuses(log: Path) -> list[int]:
    """What single ranks ended with since the last start, as far as srun told."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    found = TASKS.finditer(text.rpartition(START)[2])
    told = [int(one["status"]) if one["status"] else SIGNALS.get(one["words"]) for one in found]
    return [status for status in told if status is not None]


def idle(began: int, ended: Sequence[int]) -> int:
    """How many attempts in a row, up to the last, ended at the checkpoint they began with.

    Args:
        began: step that the first of them began at.
        ended: newest checkpoint at the end of each.
    """
    count = 0
    for before, after in zip([began, *ended], ended, strict=False):
        count = 0 if after > before else count + 1
    return count


def newest(run_dir: Path) -> int:
    """Step of the newest whole checkpoint, 0 without one."""
    manifests = run_dir.glob("checkpoints/step-*/manifest.json")
    return max((int(file.parent.name.removeprefix("step-")) for file in manifests), default=0)


def attempts_without_progress(run_dir: Path, job: str, status: int) -> int:
    """`idle` of the attempts of `job`, this one included, which is written down."""
    file = run_dir / "jobs" / f"ends-{job}.jsonl"
    with file.open("a", encoding="utf-8") as ends:
        ends.write(json.dumps({"time": now(), "status": status, "step": newest(run_dir)}) + "\n")
    ended = [json.loads(line)["step"] for line in file.read_text(encoding="utf-8").splitlines()]
    starts = [line for line in Journal(run_dir).attempts() if "started" in line]
    began = [line["step"] for line in starts if line["job"] == job]
    # An attempt that died before it could say where it began got nowhere.
    return idle(began[0] if began else ended[0], ended)


def is_preempted(job: Mapping[str, str]) -> bool:
    """Whether another job is to have the nodes.

    In the time of grace before that, the ranks have SIGTERM and the job still runs. Should they
    leave at once, Slurm would take the job for failed, and not queue it again.
    """
    return job.get("PreemptTime", "None") != "None"  # which is None again at the next start


def main(run_dir: Path, status: int, number: str) -> int:
    """Say what is done and why, do it, and give back what the run ended with."""
    status = cause(status, statuses(run_dir / "jobs" / f"slurm-{number}.log"))
    if (run_dir / "done.json").exists():
        status = 0  # what goes wrong after that, as ranks take their leave, costs the run nothing
    idle = attempts_without_progress(run_dir, number, status)
    job = shown(ask(["scontrol", "show", "job", number]).stdout) if status else {}
    verdict = judge(status, idle=idle, is_preempted=is_preempted(job))
    done = _queue_again(number, job) if verdict.is_again else "it is not queued again"
    print(f"medllm: {verdict.why}; {done}{_error(run_dir) if status else ''}", flush=True)
    return status


def shown(text: str) -> dict[str, str]:
    """What scontrol shows of a job; its values with spaces in them are cut short."""
    return dict(re.findall(r"(\w+)=(\S+)", text))


def _queue_again(number: str, job: Mapping[str, str]) -> str:
    if job.get("JobState") != "RUNNING":
        # Slurm would let a cancelled job be queued again.
        return f"it is not queued again, for job {number} is {job.get('JobState', 'gone')}"
    try:
        requeue(number)
    except UserError as error:
        return str(error)
    return f"job {number} is queued again"


def _error(run_dir: Path) -> str:
    error = Journal(run_dir).error()
    return f". Last error, at step {error['step']}: {error['message']}" if error else ""


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), os.environ["SLURM_JOB_ID"]))
