"""What a run tells about itself while it goes, in files that `medllm status` reads.

    attempts.jsonl   a line when an attempt starts, a line when it ends
    progress.json    the last known step, loss and speed
    error.json       why the last attempt failed; gone when a later one gets further

Only rank 0 writes, but for its error every rank may. Times are those of its own clock.
"""

import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# How `python -m medllm.run` ends, besides 0.
REFUSED = 2  # a mistake that starting again does not mend: a bad config, a diverging loss
AGAIN = 75  # saved and told to stop, or a rank was lost: start me again (EX_TEMPFAIL)


class Journal:
    """The journal of one run folder."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir

    def started(self, *, step: int, processes: int) -> int:
        """Note that an attempt begins at `step`; its number, from 1."""
        number = 1 + sum("started" in line for line in self.attempts())
        job = os.environ.get("SLURM_JOB_ID")
        self._append(
            attempt=number, started=now(), step=step, processes=processes,
            host=platform.node(), pid=os.getpid(), job=job,
        )  # fmt: skip
        return number

    def ended(self, number: int, *, step: int, why: str) -> None:
        """Note that attempt `number` ended at `step`: "done", "told to stop" or "failed"."""
        self._append(attempt=number, ended=now(), step=step, why=why)

    def attempts(self) -> list[dict[str, Any]]:
        """All lines so far; a line torn by a kill is passed over."""
        file = self.run_dir / "attempts.jsonl"
        lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
        whole = (read(line) for line in lines)
        return [line for line in whole if line is not None]

    def progressed(self, figures: Mapping[str, Any]) -> None:
        """Replace progress.json: step, steps, loss, tokens_per_second, mfu, seconds_left."""
        self._replace("progress.json", {**figures, "time": now()})

    def progress(self) -> dict[str, Any] | None:
        return self._read("progress.json")

    def failed(self, *, step: int, kind: str, message: str) -> None:
        """Replace error.json; `kind` is the name of the exception."""
        said = {"step": step, "kind": kind, "message": message, "time": now()}
        self._replace("error.json", said)

    def error(self) -> dict[str, Any] | None:
        return self._read("error.json")

    def forget_error(self) -> None:
        (self.run_dir / "error.json").unlink(missing_ok=True)

    def _append(self, **line: Any) -> None:
        with (self.run_dir / "attempts.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def _replace(self, name: str, content: Mapping[str, Any]) -> None:
        beside = self.run_dir / f".{name}.{os.getpid()}"  # ranks may fail at the same time
        beside.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        beside.replace(self.run_dir / name)

    def _read(self, name: str) -> dict[str, Any] | None:
        file = self.run_dir / name
        return read(file.read_text(encoding="utf-8")) if file.is_file() else None


def read(text: str) -> dict[str, Any] | None:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return None


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
