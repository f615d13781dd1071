"""What Slurm says of jobs: squeue for those it has before it, sacct for older ones.

squeue knows a job until MinJobAge seconds after its end (mostly 300). sacct needs slurmdbd, which
small clusters lack; a job that neither knows is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from medllm.errors import UserError
from medllm.launch.client import ask, last_words
from medllm.launch.period import period

# Columns of squeue and their widths: it pads and cuts to them, whatever stands in a cell.
COLUMNS = {
    "JobID": 20, "State": 20, "Reason": 60, "NodeList": 400, "TimeUsed": 20, "RestartCnt": 10,
    "Comment": 60, "Name": 400,
}  # fmt: skip
ACCOUNT = "JobIDRaw,State,NodeList,Elapsed,JobName"
# Jobs that will not run again by themselves.
ENDED = {
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY",
    "PREEMPTED", "REVOKED", "TIMEOUT",
}  # fmt: skip
NEVER = "DependencyNeverSatisfied"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What Slurm says of a job.

    word: PENDING, RUNNING, COMPLETED, FAILED, CANCELLED, TIMEOUT, NODE_FAIL and so on.
    reason: why it waits or failed, e.g. Dependency; "" for none.
    node: where it runs or ran, e.g. sn[1-2]; "" before it starts.
    elapsed: since its last start.
    restarts: how often it was queued again.
    comment: "" of a job that sacct alone knows.
    """

    word: str
    reason: str
    node: str
    elapsed: timedelta
    restarts: int
    name: str = ""
    comment: str = ""

    @property
    def has_ended(self) -> bool:
        return self.word in ENDED

    @property
    def is_live(self) -> bool:
        """Whether it may still do its work."""
        return not self.has_ended and self.reason != NEVER


def states(ids: Sequence[str]) -> dict[str, State]:
    """Of the jobs `ids`, those that Slurm knows.

    Raises:
        UserError: there is no squeue here, or no cluster answers.
    """
    if not ids:
        return {}
    known = _queued(ids)
    forgotten = [job for job in ids if job not in known]
    return {**known, **(_accounted(forgotten) if forgotten and _is_accounting() else {})}


def mine() -> dict[str, State]:
    """Those of this user that squeue knows.

    Raises:
        UserError: there is no squeue here, or no cluster answers.
    """
    return _squeue("--me")


def _queued(ids: Sequence[str]) -> dict[str, State]:
    return _squeue(f"--jobs={','.join(ids)}")


def _squeue(which: str) -> dict[str, State]:
    columns = ",".join(f"{name}:{width}" for name, width in COLUMNS.items())
    done = ask(["squeue", "--noheader", "--all", "--states=all", which, f"--Format={columns}"])
    # Of one job only: of several, squeue leaves out those it does not know.
    if done.returncode and "Invalid job id" in done.stderr:
        return {}
    if done.returncode:
        raise UserError(f"squeue does not say how jobs stand: {last_words(done.stderr)}")
    return queued(done.stdout)


def queued(text: str) -> dict[str, State]:
    """What squeue printed in COLUMNS, one job a line."""
    jobs = {}
    for line in text.splitlines():
        cells, at = {}, 0
        for name, width in COLUMNS.items():
            cells[name], at = line[at : at + width].strip(), at + width
        jobs[cells["JobID"]] = State(
            word=cells["State"],
            reason="" if cells["Reason"] == "None" else cells["Reason"],
            node=cells["NodeList"],
            elapsed=_elapsed(cells["TimeUsed"]),
            restarts=int(cells["RestartCnt"]),
            name=cells["Name"],
            comment=cells["Comment"],
        )
    return jobs


@cache
def _is_accounting() -> bool:
    """Whether sacct can be asked; found out once, for it may take long to say no."""
    try:
        return ask(["sacct", "--noheader", "--jobs=1"]).returncode == 0
    except UserError:
        return False


def _accounted(ids: Sequence[str]) -> dict[str, State]:
    done = ask(
        ["sacct", "--noheader", "--parsable2", "--allocations", "--duplicates",
         f"--jobs={','.join(ids)}", f"--format={ACCOUNT}"]
    )  # fmt: skip
    if done.returncode:
        raise UserError(f"sacct does not say how jobs stood: {last_words(done.stderr)}")
    return accounted(done.stdout)


def accounted(text: str) -> dict[str, State]:
    """What sacct printed of ACCOUNT: a line for every start of every job."""
    jobs: dict[str, State] = {}
    for line in text.splitlines():
        job, word, node, elapsed, name = line.split("|", 4)
        jobs[job] = State(
            word=word.split()[0],  # "CANCELLED by 0"
            reason="",
            node="" if node == "None assigned" else node,
            elapsed=_elapsed(elapsed),
            restarts=jobs[job].restarts + 1 if job in jobs else 0,
            name=name,
        )
    return jobs


def _elapsed(text: str) -> timedelta:
    # INVALID: a clock went backwards
    return timedelta() if text == "INVALID" else period(text) or timedelta()
