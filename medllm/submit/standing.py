"""Where a run stands: what its folder says, who holds its lock, what Slurm knows of its job.

runs/<id>/job.json               the newest job that trains it
runs/<id>/.lock                  held by whoever trains it
runs/.locks/<id, - for />        held by whoever freezes, queues or starts it here
"""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from omegaconf import DictConfig

from medllm import lock
from medllm.errors import ConfigError, UserError
from medllm.journal import read
from medllm.launch import slurm

# What Slurm says of jobs that will not run again by themselves.
ENDED = {
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY",
    "PREEMPTED", "REVOKED", "TIMEOUT",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Standing:
    """job: the one to wait for, of a run that is queued or running; of others None."""

    word: Literal["done", "running", "queued", "training here", "to train"]
    job: str | None = None


def standing(run_dir: Path) -> Standing:
    if (run_dir / "done.json").exists():
        return Standing("done")
    if found := live(run_dir / "job.json"):
        job, word = found
        return Standing("running" if word == "RUNNING" else "queued", job)
    if lock.is_held(run_dir / ".lock"):
        return Standing("training here")
    return Standing("to train")


def starting(runs: Path, run_id: str) -> AbstractContextManager[None]:
    """Hold the starter's lock of a run: what happens to it next is decided by one at a time."""
    waiting = f"another process is starting {run_id}; waiting for it"
    return lock.held(runs / ".locks" / run_id.replace("/", "-"), waiting=waiting)


def is_here(launcher: str, is_asked: bool) -> bool:
    """Whether runs start on this machine, and not as jobs.

    Raises:
        ConfigError: they do, and submit=true was said.
    """
    if launcher != "slurm" and is_asked:
        raise ConfigError(
            [
                f"submit=true, but hardware.launcher={launcher} starts runs here and now; choose "
                "hardware with launcher=slurm, such as slurm2, or leave submit=true out"
            ]
        )
    return launcher != "slurm"


def jobs_of_previous(cfg: DictConfig) -> list[str]:
    """The job that a run must wait for, because it starts from the export of another.

    Raises:
        ConfigError: that one is neither trained nor queued.
    """
    runs, previous = Path(cfg.paths.runs).absolute(), cfg.get("previous")
    start = Path(cfg.model.start.get("path") or "").absolute()
    if not previous or not start.is_relative_to(runs / previous):
        return []
    before = standing(runs / previous)
    if before.word != "done" and before.job is None:
        raise ConfigError(
            [f"previous={previous} is neither trained nor queued; train it first, or change it"]
        )
    return [before.job] if before.job else []


def live(file: Path) -> tuple[str, str] | None:
    """Number and state of the job that `file` records, if Slurm still has it before it.

    Raises:
        UserError: Slurm cannot be asked.
    """
    recorded = record(file)
    if recorded is None:
        return None
    try:
        state = slurm.states([recorded["id"]]).get(recorded["id"])
    except UserError as error:
        raise UserError(
            f"{file} names job {recorded['id']}, and whether it is still queued cannot be asked "
            f"here; if it is not, remove {file} ({error})"
        ) from error
    if state is None or state.word in ENDED or state.reason == "DependencyNeverSatisfied":
        return None
    return recorded["id"], state.word


def record(file: Path) -> Mapping[str, Any] | None:
    """What was queued: id, line, time, after."""
    return read(file.read_text(encoding="utf-8")) if file.is_file() else None


def write(file: Path, content: object) -> None:
    """`file` as JSON, whole or as it was."""
    beside = file.with_name(f".{file.name}.new")
    beside.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
    beside.replace(file)
