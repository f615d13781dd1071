"""Slurm's own commands, and what they say."""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence

from medllm.errors import UserError

PATIENCE = 120  # seconds; without slurmctld, squeue gives up after 10 to 60
NO_CONTROLLER = ("Unable to contact slurm controller", "Unable to process configuration file")
# What stands before every refusal, and after those of a misspelt flag.
NOISE = re.compile(
    r"^(\w+: )?((slurm_load_jobs )?error: |fatal: )?(Batch job submission failed: )?"
    r"|Try .* for more information$"
)


def ask(
    words: Sequence[str], environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """What the command `words` says, whether it did what was asked or not.

    Raises:
        UserError: the command is not here, or no cluster answers.
    """
    try:
        done = subprocess.run(
            words,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except FileNotFoundError as error:
        raise absent(words[0]) from error
    except subprocess.TimeoutExpired as error:
        raise UserError(
            f"{words[0]} did not answer within {PATIENCE} seconds; ask squeue whether it did its "
            "work, then try again"
        ) from error
    if done.returncode and any(sign in done.stderr for sign in NO_CONTROLLER):
        raise UserError(
            f"{words[0]} is here, but no Slurm cluster answers: {last_words(done.stderr)}; try "
            "again when `sinfo` shows one, or set hardware.launcher=local"
        )
    return done


def absent(tool: str) -> UserError:
    return UserError(
        f"hardware.launcher=slurm, but there is no {tool} here; go to a machine of the cluster, "
        "start a small one with `make slurm-up`, or set hardware.launcher=local"
    )


def last_words(stderr: str) -> str:
    """Lines of an answer on one, without what stands before every refusal."""
    lines = [NOISE.sub("", line).strip() for line in stderr.splitlines()]
    return "; ".join(dict.fromkeys(line for line in lines if line))


def outside() -> dict[str, str]:
    """This environment without the variables of a job that we may stand in.

    They speak of that job's tasks and memory, and sbatch would take some of them for wishes.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SLURM_") or name == "SLURM_CONF"
    }
