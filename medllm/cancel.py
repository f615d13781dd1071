"""End the jobs of runs, queued or running, and the processes that train here.

A run that trains saves itself first, and is not queued again by itself: `medllm retry` does that.
Runs that wait for one that is cancelled could never start, and are cancelled with it.

    medllm cancel recipe=world/qilin_med
    medllm cancel run=world/cpt/1a2b3c4d sure=true
"""

import os
import platform
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from omegaconf import DictConfig

from medllm import config
from medllm.errors import ConfigError
from medllm.launch import slurm
from medllm.report.status_clock import Job
from medllm.report.status_files import mapping
from medllm.report.status_find import named
from medllm.report.status_read import Traces
from medllm.report.status_survey import Ask, look
from medllm.report.status_verdict import is_live, own


@dataclass(frozen=True, slots=True)
class Target:
    """Something to end: a job of Slurm, or a process of this machine.

    what: its purpose and run, in words. why: "" if it was named.
    """

    what: str
    why: str = ""
    job: str | None = None
    pid: int | None = None

    def __str__(self) -> str:
        place = f"process {self.pid}" if self.job is None else f"job {self.job}"
        return f"{place}: {self.what}{f' ({self.why})' if self.why else ''}"


def main(cfg: DictConfig) -> None:
    config.check(cfg, "cancel")
    if not isinstance(cfg.sure, bool):
        raise ConfigError([f"sure={cfg.sure!r} must be true or false"])
    runs = Path(cfg.paths.runs).absolute()
    wanted = named(runs, recipe=cfg.recipe, name=cfg.name, run=cfg.run)
    targets, remarks = find_targets(runs, wanted, recipe=cfg.recipe, ask=slurm.states)
    verb = "ending" if cfg.sure else "would end"
    for line in (*(f"{verb} {target}" for target in targets), *remarks):
        print(line)
    if not targets:
        print("nothing is queued or running")
    elif cfg.sure:
        end(targets)
    else:
        print("nothing was ended: add sure=true")


def find_targets(
    runs: Path, wanted: set[str], *, recipe: str | None, ask: Ask
) -> tuple[list[Target], list[str]]:
    """What to end so that nothing works on the `wanted` runs, and what cannot be ended from here.

    Args:
        recipe: whose report is not to be written either.

    Raises:
        UserError: there are jobs, and Slurm cannot be asked about them.
    """
    every = {run.id: run for run in look(runs, silent=timedelta(0), ask=lambda _: {}).traces}
    below = {run: ancestor(every, run, wanted) for run in every.keys() - wanted}
    chosen = [run for run in every.values() if run.id in wanted or below[run.id]]
    report = _report(runs, recipe) if recipe else []
    ids = [job for job, _ in [*(each for run in chosen for each in _recorded(run)), *report]]
    jobs = ask(ids) if ids else {}
    targets, remarks = [], []
    for run in chosen:
        above = below.get(run.id)
        if above and not _is_busy(every[above], own(every[above], jobs)):
            continue  # that one is not ended, so this one may go on
        why = f"it waits for {above}" if above else ""
        still = _live(_recorded(run), own(run, jobs))
        targets += [Target(f"{what} {run.id}", why, job) for job, what in still]
        if run.is_training and not still:
            pid = holder(run)
            targets += [Target(f"train {run.id}", pid=pid)] if pid else []
            remarks += [] if pid else [_elsewhere(run)]
    return targets + [Target(what, job=job) for job, what in _live(report, jobs)], remarks


def ancestor(every: Mapping[str, Traces], run: str, wanted: set[str]) -> str | None:
    """The nearest of the `wanted` runs that `run` starts from, by however many steps."""
    passed = {run}
    while (before := every[run].previous if run in every else None) and before not in passed:
        if before in wanted:
            return before
        passed.add(before)  # a config written by hand may go round in circles
        run = before
    return None


def _recorded(run: Traces) -> list[tuple[str, str]]:
    """Jobs about a run that may not have ended, and what they do."""
    scorings = [(each.job.id, "evaluate") for each in run.scorings if not each.is_finished]
    if run.done is not None:
        return scorings
    before = [(run.preparation.id, "prepare")] if run.preparation else []
    return [*before, *((job, "train") for job in run.trainers), *scorings]


def _report(runs: Path, recipe: str) -> list[tuple[str, str]]:
    job = mapping(runs / recipe / "jobs" / "report.json", []) or {}
    return [(str(job["id"]), f"report {recipe}")] if job.get("id") else []


def _live(recorded: list[tuple[str, str]], jobs: Mapping[str, Job]) -> list[tuple[str, str]]:
    return [(job, what) for job, what in recorded if is_live(jobs.get(job))]


def _is_busy(run: Traces, jobs: Mapping[str, Job]) -> bool:
    """Whether the run is training or to be trained: what waits for it would wait for ever."""
    return run.done is None and (run.is_training or any(is_live(jobs.get(j)) for j in run.trainers))


def holder(run: Traces) -> int | None:
    """The process that holds the run's lock, where it is the last attempt's and runs here.

    Numbers of processes are used again, so that one is believed only if it has the lock open.
    """
    last, lock = run.last, run.folder / ".lock"
    if last is None or last.pid is None or last.host != platform.node():
        return None
    try:
        opened = list(Path(f"/proc/{last.pid}/fd").iterdir())
        return last.pid if any(_is_same(file, lock) for file in opened) else None
    except OSError:
        return None


def _is_same(file: Path, lock: Path) -> bool:
    try:
        return file.samefile(lock)
    except OSError:
        return False  # closed meanwhile


def _elsewhere(run: Traces) -> str:
    host, pid = (run.last.host, run.last.pid) if run.last else (None, None)
    return (
        f"{run.id} is trained by a process that cannot be ended from here; "
        f"end process {pid or '?'} on {host or 'its machine'}"
    )


def end(targets: Sequence[Target]) -> None:
    """Cancel the jobs and tell the processes to stop; they save themselves first.

    Raises:
        UserError: Slurm refuses.
    """
    for target in targets:
        if target.pid is not None:
            os.kill(target.pid, signal.SIGTERM)
    if jobs := [target.job for target in targets if target.job is not None]:
        slurm.cancel(jobs)
