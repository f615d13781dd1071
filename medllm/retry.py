"""Queue again the runs that failed, were stopped or were lost, and those that waited for them.

Each goes on from its last checkpoint, as it was frozen, with the code as it is now. What is done or
in the queue is left alone. Scores that are missing are asked for again, and so is the report.

    medllm retry recipe=world/qilin_med
    medllm retry run=world/cpt/1a2b3c4d sure=true
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from omegaconf import DictConfig

from medllm import config, submit
from medllm.errors import ConfigError
from medllm.launch import slurm
from medllm.report.status import Row
from medllm.report.status_find import named
from medllm.report.status_read import Traces
from medllm.report.status_survey import Survey, look
from medllm.report.status_table import reason
from medllm.report.status_verdict import DONE, FAILED, LIVE, LOST, STOPPED, UNSTARTED
from medllm.stage.faults import check_folder

RETRIED = {FAILED, STOPPED, LOST}


@dataclass(frozen=True, slots=True)
class Plan:
    """What to queue again, each run after the one it starts from.

    unscored: runs that are done, but for their scores.
    left: runs that are named and cannot be queued again, and why.
    """

    again: Sequence[str]
    unscored: Sequence[str]
    left: Sequence[str]


def main(cfg: DictConfig) -> None:
    config.check(cfg, "retry")
    if not isinstance(cfg.sure, bool):
        raise ConfigError([f"sure={cfg.sure!r} must be true or false"])
    runs = Path(cfg.paths.runs).absolute()
    wanted = named(runs, recipe=cfg.recipe, name=cfg.name, run=cfg.run)
    seen = look(runs, silent=timedelta(minutes=10), ask=slurm.states)
    rows = {row.id: row for row in seen.rows}
    chosen = plan(seen, wanted)
    for run in (*chosen.again, *chosen.unscored):
        print(f"{run}: {told(rows[run])}")
    for line in (*chosen.left, *seen.remarks):
        print(line)
    if not (chosen.again or chosen.unscored):
        print("nothing has failed that could be queued again")
    elif cfg.sure:
        queue_again(chosen, seen, runs, recipe=cfg.recipe)
    else:
        print("nothing was queued: add sure=true")


def told(row: Row) -> str:
    """Why it is queued again."""
    state = "not scored" if row.state == DONE else row.state
    return f"{state}, {reason(row)}" if reason(row) else state


def plan(seen: Survey, wanted: set[str]) -> Plan:
    """What of the `wanted` runs is to be queued again, with what could not start without them.

    Args:
        seen: all runs there are.
    """
    runs = {run.id: run for run in seen.traces}
    rows = {row.id: row for row in seen.rows}
    failed = {run for run in rows if rows[run].state in RETRIED and runs[run].submission}
    again: list[str] = []
    left = {run: why for run in sorted(wanted) if (why := _why_left(rows.get(run), runs.get(run)))}
    for run in sorted(failed, key=lambda run: (len(_before(run, runs)), run)):
        before = _before(run, runs)
        if run not in wanted and not set(before) & set(again):
            continue
        if before and before[0] not in again and before[0] in failed | left.keys():
            left[run] = f"starts from {before[0]}, which is not done; retry that one too"
        else:
            again.append(run)
    return Plan(
        again=again,
        unscored=[run for run in rows if run in wanted and rows[run].is_unscored],
        left=[f"{run}: left alone, {why}" for run, why in left.items()],
    )


def _before(run: str, runs: Mapping[str, Traces]) -> list[str]:
    """The runs that `run` starts from, the nearest first."""
    passed = [run]
    while (before := runs[run].previous if run in runs else None) and before not in passed:
        passed.append(before)  # a config written by hand may go round in circles
        run = before
    return passed[1:]


def _why_left(row: Row | None, run: Traces | None) -> str:
    """Why a run that is neither done nor in the queue cannot be queued again; else ""."""
    if row is None or run is None:
        return f"{UNSTARTED}: `medllm recipe` with submit=true queues it"
    if row.state in LIVE | {DONE} or (row.state in RETRIED and run.submission):
        return ""
    if run.submission is None:
        return f"{row.state}, and never queued: the command that started it goes on with it"
    return f"{row.state}: {row.note}"


def queue_again(chosen: Plan, seen: Survey, runs: Path, *, recipe: str | None) -> None:
    """Do it, and say what was queued.

    Raises:
        UserError: nothing can be written here, or Slurm refuses one; those before it are queued.
    """
    check_folder(runs)
    queue, scores = submit.Queue(runs=runs), []
    traces = {run.id: run for run in seen.traces}
    for run in chosen.again:
        before = traces[run].previous
        after = submit.jobs_of(runs, before) if before else []
        job = submit.resubmit(runs / run, queue=queue, after=after)
        print(f"{run}: {queue.told(job)}")
        scores += _scored(traces[run], queue, after=[job] if job else [])
    for run in chosen.unscored:
        scores += _scored(traces[run], queue, after=[])
    if recipe and (runs / recipe / "jobs" / "report.json").is_file():
        some = submit.thaw(runs / [*chosen.again, *chosen.unscored][0] / "config.yaml")
        job = submit.submit_report(
            recipe, config.instantiate(some.hardware), queue=queue, after=scores
        )
        print(f"report: {queue.told(job)}")


def _scored(run: Traces, queue: submit.Queue, *, after: Sequence[str]) -> list[str]:
    """Jobs that make the scores which are missing of a run."""
    jobs = []
    for asked in (scoring.asked for scoring in run.scorings if not scoring.is_finished):
        cfg = submit.thaw(run.folder / "config.yaml")
        job = submit.score(cfg, run.id, asked, queue=queue, after=after)
        jobs.append(job)
        print(f"{run.id}: scored by {queue.told(job)}")
    return jobs
