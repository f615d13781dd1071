"""Where a run stands: what its folder says, who holds its lock, what Slurm knows of its job.

runs/<id>/job.json               the newest job that trains it
runs/<id>/.lock                  held by whoever trains it
runs/.locks/<id, - for />        held by whoever freezes, queues or starts it here
"""

import json
import time
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

ENDING = 10  # seconds that a job which is ending is waited for; its nodes mostly take one or two


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
    if (run_dir / "done.json").exists():  # its last words may fall between two of our looks
        return Standing("done")
    return Standing("to train")


def starting(runs: Path, run_id: str) -> AbstractContextManager[None]:
    """Hold the starter's lock of a run: what happens to it next is decided by one at a time."""
    waiting = f"another process is starting {run_id}; waiting for it"
    return lock.held(lock.starters(runs, run_id), waiting=waiting)


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
    return jobs_of(runs, previous)


def jobs_of(runs: Path, previous: str) -> list[str]:
    """The job that trains the run `previous`; none if that is done.

    Raises:
        ConfigError: it is neither trained nor queued.
    """
    before = standing(runs / previous)
    if before.word != "done" and before.job is None:
        raise ConfigError(
            [f"previous={previous} is neither trained nor queued; train it first, or change it"]
        )
    return [before.job] if before.job else []


def live(file: Path) -> tuple[str, str] | None:
    """Number and state of the job that `file` records, if it may still do its work.

    Raises:
        UserError: Slurm cannot be asked, or the job does not come to its end.
    """
    recorded = record(file)
    state = _settled(recorded, file) if recorded else None
    if recorded is None or state is None or not state.is_live or is_doomed(recorded, state):
        return None
    return recorded["id"], state.word


def _settled(recorded: Mapping[str, Any], file: Path) -> slurm.State | None:
    """What Slurm says of a job that is not just ending; None if it is not there."""
    number = recorded["id"]
    for _ in range(ENDING):
        try:
            state = slurm.states([number]).get(number)
        except UserError as error:
            raise UserError(
                f"{file} names job {number}, and whether it is still queued cannot be asked here; "
                f"if it is not, remove {file} ({error})"
            ) from error
        # Numbers begin anew where a cluster is set up anew, and then are other jobs'.
        if state is None or recorded.get("name", state.name) != state.name:
            return None
        if state.word != "COMPLETING":
            return state
        time.sleep(1)
    raise UserError(f"job {number} is ending; start this again when it has ended")


def is_doomed(recorded: Mapping[str, Any], state: slurm.State) -> bool:
    """Whether a job waits for one that has failed. Slurm cancels it, but not at once."""
    must_end_well = any(word.startswith("--dependency=afterok:") for word in recorded["line"])
    if state.word != "PENDING" or state.reason != "Dependency" or not must_end_well:
        return False
    before = slurm.states(recorded["after"]).values()
    return any(not each.is_live and each.word != "COMPLETED" for each in before)


def end_doomed(file: Path) -> None:
    """End the job that `file` records, if it waits for what has failed; before another is queued.

    Slurm would end it later, and whoever looks at the queue meanwhile take it for the new one.
    """
    recorded = record(file)
    state = _settled(recorded, file) if recorded else None
    if recorded and state and is_doomed(recorded, state):
        slurm.cancel([recorded["id"]])


def record(file: Path) -> Mapping[str, Any] | None:
    """What was queued: id, line, time, after."""
    return read(file.read_text(encoding="utf-8")) if file.is_file() else None


def write(file: Path, content: object) -> None:
    """`file` as JSON, whole or as it was."""
    beside = file.with_name(f".{file.name}.new")
    beside.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
    beside.replace(file)
