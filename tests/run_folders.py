"""Run folders as the journal and the queue leave them, at times of a test's own."""

import json
import os
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from medllm import lock
from medllm.launch.queue import State
from medllm.report.status_clock import Here

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HERE = Here(now=NOW, host="here", silent=timedelta(minutes=10), is_slurm_known=True)


def ago(**units):
    """For minutes=5 that is 11:55."""
    return NOW - timedelta(**units)


TWO_HOURS_AGO, HOUR_AGO = ago(hours=2), ago(hours=1)
HALF_HOUR_AGO, MINUTE_AGO = ago(minutes=30), ago(minutes=1)


class Said(State):
    """What Slurm says of a job, for which it mostly is enough how it stands."""

    def __init__(self, word, **rest):
        given = {"reason": "", "node": "", "elapsed": timedelta(hours=1), "restarts": 0, **rest}
        super().__init__(word=word, **given)


class RunFolder:
    """One folder below `runs`, written piece by piece."""

    def __init__(self, runs: Path, run_id: str = "world/cpt/1a2b3c4d") -> None:
        self.runs, self.id, self.path = runs, run_id, runs / run_id
        self.path.mkdir(parents=True)
        (self.path / "config.yaml").write_text("name: world/cpt\n")

    @classmethod
    def at(cls, runs: Path, run_id: str) -> "RunFolder":
        """One that is there already."""
        folder = cls.__new__(cls)
        folder.runs, folder.id, folder.path = runs, run_id, runs / run_id
        return folder

    def put(self, name: str, content: object, *, at: datetime = NOW) -> "RunFolder":
        """A file as text, or as JSON; last written at `at`."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        os.utime(file, (at.timestamp(), at.timestamp()))
        return self

    def started(self, number=1, *, at=HOUR_AGO, host="here", job=None, pid=1, step=0):
        place = {"processes": 2, "host": host, "pid": pid, "job": job}
        return self._attempt(attempt=number, started=at.isoformat(), step=step, **place)

    def ended(self, number=1, *, at=HALF_HOUR_AGO, why="failed", step=40):
        return self._attempt(attempt=number, ended=at.isoformat(), step=step, why=why)

    def _attempt(self, **line):
        with (self.path / "attempts.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
        return self

    def progressed(self, *, at=MINUTE_AGO, written=None, step=40, **figures):
        """progress.json, of the time `at` by its own clock, and written when the disk says."""
        said = {"step": step, "steps": 100, "loss": 2.5, "time": at.isoformat(), **figures}
        return self.put("progress.json", said, at=written or at)

    def submitted(self, job="12", *, at=TWO_HOURS_AGO, after=(), file="job.json", **rest):
        said = {**rest, "id": job, "line": ["sbatch"], "time": at.isoformat(), "after": list(after)}
        return self.put(file, said)

    def done(self):
        return self.put("done.json", {"steps": 100, "seconds": 60.0, "tokens": 5000})

    @contextmanager
    def trained(self):
        """Somebody holds the lock, as the rank that trains does."""
        with lock.held(self.path / ".lock", waiting=""):
            yield


def clients(folder: Path, monkeypatch, jobs: dict[str, Said] | None) -> Path:
    """Put a squeue that says `jobs`, or that no cluster answers, and a scancel, first on PATH.

    Returns:
        a file with what scancel was called with, a line per call.
    """
    from medllm.launch.queue import COLUMNS

    folder.mkdir()
    called = folder / "cancelled"
    lines = "\n".join(_line(number, said, COLUMNS) for number, said in (jobs or {}).items())
    (folder / "lines").write_text(f"{lines}\n")
    says = f"cat {folder}/lines"
    silent = "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1"
    bodies = {"squeue": says if jobs is not None else silent, "sacct": "exit 1"}
    bodies["scancel"] = f'echo "$@" >> {called}'
    for name, body in bodies.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return called


def _line(number: str, said: Said, columns) -> str:
    minutes = int(said.elapsed.total_seconds()) // 60
    cells = [
        number,
        said.word,
        said.reason or "None",
        said.node,
        f"{minutes}:00",
        str(said.restarts),
    ]
    cells += [said.comment, said.name]
    return "".join(cell.ljust(width) for cell, width in zip(cells, columns.values(), strict=True))
