"""How long ago a run was heard of, among machines whose clocks disagree.

Times in a run folder are those of the machine it ran on. The time that a file was last written is
the disk's; what lies between the two is told, and breaks no duration.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from medllm.report.status_files import moment
from medllm.report.status_read import Traces

SKEW = timedelta(minutes=1)  # clocks that differ by less are called equal


class Job(Protocol):
    """What Slurm says of a job (`medllm.launch.slurm.State`)."""

    @property
    def word(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def node(self) -> str: ...
    @property
    def elapsed(self) -> timedelta: ...
    @property
    def restarts(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def has_ended(self) -> bool: ...
    @property
    def is_live(self) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """The one who looks.

    now, host: the clock and the name of this machine.
    silent: a run that has said nothing for longer is said to be silent.
    is_slurm_known: whether Slurm could be asked.
    """

    now: datetime
    host: str
    silent: timedelta
    is_slurm_known: bool


def age(run: Traces, here: Here) -> timedelta | None:
    """How long ago a sign of life was seen; never negative, whatever the clocks say."""
    seen = [run.heard, run.last.started if run.last else None]
    ages = [max(here.now - time, timedelta(0)) for time in seen if time is not None]
    return min(ages, default=None)


def is_fresh(run: Traces, here: Here) -> bool:
    since = age(run, here)
    return since is not None and since < here.silent


def silence(run: Traces, job: Job | None, here: Here) -> str:
    ages = [age(run, here), job.elapsed if job else None]  # the files may be older than the job
    since = min((known for known in ages if known is not None), default=timedelta(0))
    return f"silent for {words(since)}" if since > here.silent else ""


def skew(run: Traces, here: Here) -> str:
    """By how much the clock of the machine that trains is wrong: beside ours, or the disk's."""
    written = moment(run.progress.get("time"))
    if written is None or run.heard is None:
        return ""
    host = (run.last and run.last.host) or "the machine that trains"
    if written - here.now > SKEW:
        return f"clock of {host} is {words(written - here.now)} ahead of here"
    if run.heard - written > SKEW:
        return f"clock of {host} is {words(run.heard - written)} behind the disk's"
    return ""


def words(time: timedelta) -> str:
    """The two largest units, e.g. "45 s", "12 min", "2 h 5 min", "3 d 4 h"."""
    seconds = int(time.total_seconds())
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{seconds} s"
