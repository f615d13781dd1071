"""One row of `medllm status` for each run, and their sum."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from medllm.report.status_clock import Here, Job, skew
from medllm.report.status_files import moment, real, whole
from medllm.report.status_read import Attempt, Traces
from medllm.report.status_verdict import DONE, RUNNING, STATES, is_unscored, spokesman, verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is told of one run; what is not known is None or "".

    state: one of STATES. note: why, in words. error: of the last failure, one line.
    mfu: share of the device's peak, in [0, 1]. device_seconds: over all attempts and processes.
    is_unscored: it is done, and of the jobs that should have scored it none is left.
    """

    id: str
    folder: Path
    state: str
    note: str
    error: str
    step: int | None
    steps: int | None
    loss: float | None
    tokens_per_second: float | None
    mfu: float | None
    seconds_left: float | None
    restarts: int
    job: str | None
    node: str
    log: Path | None
    device_seconds: float
    is_unscored: bool

    @property
    def share(self) -> float:
        """How much of the run is done, in [0, 1]."""
        if self.state == DONE:
            return 1.0
        return min(self.step / self.steps, 1.0) if self.step and self.steps else 0.0


def row(run: Traces, jobs: Mapping[str, Job], here: Here) -> Row:
    """Everything to tell of one run.

    Args:
        jobs: by id; a job that Slurm does not know is missing.
    """
    job_id = spokesman(run, jobs)
    job = jobs.get(job_id) if job_id else None
    state, note = verdict(run, jobs, here)
    steps = whole((run.done or run.progress).get("steps"))
    is_running = state == RUNNING
    return Row(
        id=run.id,
        folder=run.folder,
        state=state,
        note="; ".join(filter(None, [note, skew(run, here) if is_running else "", *run.faults])),
        error="" if state == DONE else _error(run),
        step=steps if state == DONE else _step(run),
        steps=steps,
        loss=real(run.progress.get("loss")),
        tokens_per_second=real(run.progress.get("tokens_per_second")),
        mfu=real(run.progress.get("mfu")),
        seconds_left=real(run.progress.get("seconds_left")) if is_running else None,
        restarts=max(len(run.attempts) - 1, job.restarts if job else 0, 0),
        job=job_id,
        node=(job.node if job else "") or (run.last and run.last.host) or "",
        log=run.log,
        device_seconds=sum(_device_seconds(attempt, run) for attempt in run.attempts),
        is_unscored=here.is_slurm_known and is_unscored(run, jobs),
    )


def _step(run: Traces) -> int | None:
    """The last that is known."""
    steps = (run.progress.get("step"), run.error.get("step"), run.last and run.last.step)
    return next((step for step in map(whole, steps) if step is not None), None)


def _error(run: Traces) -> str:
    """E.g. "Diverged at step 12: the loss is not a number"."""
    if not run.error:
        return ""
    kind, step = run.error.get("kind", "failed"), run.error.get("step")
    message = str(run.error.get("message", "")).strip().partition("\n")[0]
    return f"{kind}{'' if step is None else f' at step {step}'}: {message}".removesuffix(": ")


def _device_seconds(attempt: Attempt, run: Traces) -> float:
    """As far as known: an attempt that was killed counts up to its last sign of life.

    Both ends are by the clock of the machine that trained.
    """
    heard = moment(run.progress.get("time")) if attempt is run.last else None
    end = attempt.ended or heard
    if attempt.started is None or end is None:
        return 0.0
    return max((end - attempt.started).total_seconds(), 0.0) * attempt.processes


def counted(rows: Sequence[Row]) -> dict[str, int]:
    """How many runs are in each state, in the order of STATES, without those that none is in."""
    counts = Counter(row.state for row in rows)
    return {state: counts[state] for state in STATES if counts[state]}


def as_plain(row: Row) -> dict[str, Any]:
    """For JSON: whole paths as text, the state under its name, numbers as they are."""
    plain = asdict(row) | {"folder": str(row.folder.absolute())}
    return plain | {"log": str(row.log.absolute()) if row.log else None}
