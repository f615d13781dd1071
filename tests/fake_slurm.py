"""A stand-in for Slurm's commands: jobs are lines in a file, and stand as the test says.

queue.jsonl    one line per sbatch: {"id", "line"}
states.json    number of a job to its state and perhaps its reason; PENDING if it is not named,
               unknown if null
"""

import json
import sys
from pathlib import Path

SCRIPT = """#!{python} -SE
import fcntl, json, sys
from pathlib import Path
folder, words = Path({folder!r}), sys.argv[1:]
queue, states = folder / "queue.jsonl", json.loads((folder / "states.json").read_text())
if {name!r} == "sbatch":
    with open(queue, "a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        number = str(1 + len(file.readlines()))
        file.write(json.dumps({{"id": number, "line": words}}) + "\\n")
        print(number)
elif {name!r} == "squeue":
    jobs = [json.loads(line) for line in queue.open()] if queue.exists() else []
    lines = {{job["id"]: job["line"] for job in jobs}}
    asked = [word.partition("=")[2].split(",") for word in words if word.startswith("--jobs")]
    for job in asked[0] if asked else lines:
        if (said := states.get(job, "PENDING")) is not None:
            state, _, reason = said.partition(" ")
            told = [next((w.partition("=")[2] for w in lines.get(job, ())
                          if w.startswith(flag)), "") for flag in ("--comment=", "--job-name=")]
            print(job.ljust(20) + state.ljust(20) + (reason or "None").ljust(60) + "".ljust(400)
                  + "0:00".ljust(20) + "0".ljust(10) + told[0].ljust(60) + told[1].ljust(400))
elif {name!r} == "scancel":
    states |= dict.fromkeys(words, "CANCELLED")
    (folder / "states.json").write_text(json.dumps(states))
elif {name!r} == "sinfo":
    print("debug*|infinite|2|8|64000")
else:
    sys.exit(1)
"""


class FakeSlurm:
    """Commands in a folder of their own, which a test puts first on PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.say({})
        for name in ("sbatch", "squeue", "sinfo", "sacct", "scancel"):
            script = folder / name
            text = SCRIPT.format(python=sys.executable, folder=str(folder), name=name)
            script.write_text(text, encoding="utf-8")
            script.chmod(0o755)

    def say(self, states: dict[str, str | None]) -> None:
        """How jobs stand from now on."""
        (self.folder / "states.json").write_text(json.dumps(states), encoding="utf-8")

    @property
    def jobs(self) -> dict[str, list[str]]:
        """Number of every job to what sbatch was given."""
        file = self.folder / "queue.jsonl"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        return {job["id"]: job["line"] for job in map(json.loads, lines)}

    def words(self, job: str) -> list[str]:
        """What a job that is no training gives to `python -m medllm.job`."""
        line = self.jobs[job]
        return line[line.index("medllm.job") + 1 :]

    def names(self) -> dict[str, str]:
        """Number of every job to its name."""
        return {job: flag(line, "job-name") or "" for job, line in self.jobs.items()}

    def waits(self) -> dict[str, str | None]:
        """Name of every job to its dependency."""
        return {
            flag(line, "job-name") or "": flag(line, "dependency") for line in self.jobs.values()
        }


def flag(line: list[str], name: str) -> str | None:
    return next((w.partition("=")[2] for w in line if w.startswith(f"--{name}=")), None)
