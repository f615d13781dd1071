"""What a run left in its folder, read without trusting any of it.

A file may be torn, foreign or unreadable at any moment: what cannot be read counts as absent and
is told in `faults`. Nothing here is decided; `medllm.report.status` does that.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from medllm import journal, lock
from medllm.report.status_files import (
    held,
    is_folder,
    is_there,
    listed,
    mapping,
    matching,
    moment,
    text,
    whole,
    word,
    written,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt at a run, by the clock of its own machine; what it did not say is None.

    job: the Slurm job it ran in. why: of its end: "done", "told to stop" or "failed".
    """

    host: str | None = None
    pid: int | None = None
    job: str | None = None
    processes: int = 1
    started: datetime | None = None
    ended: datetime | None = None
    step: int | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A job that was queued: its id, when, and the jobs that it was to wait for.

    name: what the queue calls it; None of those queued before names were written down.
    """

    id: str
    name: str | None
    time: datetime | None
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """A job that was queued to score the run, and whether all its scores are there.

    asked: the file that says on which benchmarks.
    """

    job: Submission
    asked: Path
    is_finished: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """Everything `medllm status` knows of one run without asking anyone.

    previous: id of the run that it starts from.
    heard: when progress.json was last written, by the clock of the disk.
    submission, preparation, scorings: the newest jobs to train it, to make its rows, to score it.
    is_training: a process holds the run's lock. is_starting: one holds its starter's lock.
    log: the newest of the run's logs.
    """

    id: str
    folder: Path
    exists: bool
    is_frozen: bool
    previous: str | None
    done: Mapping[str, Any] | None
    attempts: tuple[Attempt, ...]
    progress: Mapping[str, Any]
    heard: datetime | None
    error: Mapping[str, Any]
    submission: Submission | None
    preparation: Submission | None
    scorings: tuple[Scoring, ...]
    is_training: bool
    is_starting: bool
    log: Path | None
    faults: tuple[str, ...]

    @property
    def last(self) -> Attempt | None:
        return self.attempts[-1] if self.attempts else None

    @property
    def trainers(self) -> list[str]:
        """Jobs that may stand for the run now: the last one queued, that of the last attempt."""
        given = (self.submission and self.submission.id, self.last and self.last.job)
        return list(dict.fromkeys(job for job in given if job))

    @property
    def jobs(self) -> list[str]:
        """Those that Slurm must be asked about to tell how the run stands."""
        if self.done is not None:
            return [scoring.job.id for scoring in self.scorings if not scoring.is_finished]
        return [*self.trainers, *([self.preparation.id] if self.preparation else [])]

    @property
    def names(self) -> dict[str, str]:
        """What the jobs of this run are called, as far as that was written down.

        Numbers begin anew where a cluster is set up anew, and then are other jobs'.
        """
        trains = self.submission and self.submission.name
        known = [*((job, trains) for job in self.trainers)]
        known += [(job.id, job.name) for job in (self.preparation, *self._scorers) if job]
        return {job: name for job, name in known if name}

    @property
    def _scorers(self) -> list[Submission]:
        return [scoring.job for scoring in self.scorings]


def read(runs: Path, run_id: str) -> Traces:
    """The traces of one run, whether its folder is there or not."""
    folder, faults = runs / run_id, []
    exists = is_folder(folder, faults)
    done, frozen = folder / "done.json", text(folder / "config.yaml", faults)
    return Traces(
        id=run_id,
        folder=folder,
        exists=exists,
        is_frozen=frozen is not None,
        previous=_previous(frozen or ""),
        # The trainer goes by the file being there, and so must we.
        done=(mapping(done, faults) or {}) if is_there(done) else None,
        attempts=_attempts(folder / "attempts.jsonl", faults),
        progress=mapping(folder / "progress.json", faults) or {},
        heard=written(folder / "progress.json"),
        error=mapping(folder / "error.json", faults) or {},
        submission=_submission(folder / "job.json", faults),
        preparation=_submission(folder / "jobs" / "prepare.json", faults),
        scorings=tuple(_scorings(folder, faults)),
        is_training=held(folder / ".lock", faults),
        is_starting=held(lock.starters(runs, run_id), faults),
        log=_newest_log(folder),
        faults=tuple(faults),
    )


def _previous(frozen: str) -> str | None:
    """Reading hundreds of configs as YAML would take seconds; the key stands at a line's start."""
    found = re.search(r"^previous: ['\"]?([^\s'\"]+)", frozen, re.MULTILINE)
    return found[1] if found and found[1] != "null" else None


def _newest_log(folder: Path) -> Path | None:
    logs = [*matching(folder / "jobs", "*.log"), folder / "launch.log"]
    dated = ((written(file), file) for file in logs)
    return max(((when, file) for when, file in dated if when), default=(None, None))[1]


def _scorings(folder: Path, faults: list[str]) -> Iterator[Scoring]:
    for file in matching(folder / "jobs", "evaluate-*.json"):
        job, asked = _submission(file, faults), file.with_suffix(".yaml")
        if job is not None:
            names = re.findall(r"^(\w+):", text(asked, faults) or "", re.MULTILINE)
            finished = all(is_there(folder / "eval" / name / "score.json") for name in names)
            yield Scoring(job=job, asked=asked, is_finished=finished)


def _submission(file: Path, faults: list[str]) -> Submission | None:
    job = mapping(file, faults)
    if not job or not isinstance(job.get("id"), str | int):
        return None
    after = listed(job.get("after"))
    return Submission(
        id=str(job["id"]),
        name=word(job.get("name")),
        time=moment(job.get("time")),
        after=tuple(map(str, after)),
    )


def _attempts(file: Path, faults: list[str]) -> tuple[Attempt, ...]:
    """Beginnings and ends put together by number; a line torn by a kill is passed over."""
    merged: dict[int, dict[str, Any]] = {}
    for line in map(journal.read, (text(file, faults) or "").splitlines()):
        if isinstance(line, dict) and isinstance(line.get("attempt"), int):
            merged[line["attempt"]] = merged.get(line["attempt"], {}) | line
    return tuple(_attempt(merged[number]) for number in sorted(merged))


def _attempt(said: Mapping[str, Any]) -> Attempt:
    job = said.get("job")
    return Attempt(
        host=word(said.get("host")),
        pid=whole(said.get("pid")),
        job=None if job is None else str(job),
        processes=whole(said.get("processes")) or 1,
        started=moment(said.get("started")),
        ended=moment(said.get("ended")),
        step=whole(said.get("step")),
        why=word(said.get("why")),
    )
