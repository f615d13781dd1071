"""Slurm's own commands, and what they say."""

import os
import re
import subprocess
from collections.abc import Sequence

from medllm.errors import UserError

PATIENCE = 120  # seconds; without slurmctld, squeue gives up after 10 to 60
NO_ANSWER = "Socket timed out"  # of a controller that may have done what was asked
NO_CONTROLLER = ("Unable to contact slurm controller", "Unable to process configuration file")
# What stands before every refusal, and after those of a misspelt flag.
NOISE = re.compile(
    r"^(\w+: )?((slurm_load_jobs )?error: |fatal: )?(Batch job submission failed: )?"
    r"|Try .* for more information$"
)
# SLURM_* speak of the job that we may stand in, and sbatch would take its tasks and memory for
# wishes. SQUEUE_STATES and their like hide jobs. With the names of other clusters one tool would
# speak of another cluster than the next, so that there is one: that of this machine or SLURM_CONF.
FOREIGN = ("SLURM_", "SQUEUE_", "SACCT_", "SINFO_", "SCANCEL_", "SCONTROL_", "SBATCH_CLUSTERS")
OURS = ("SLURM_CONF", "SLURM_JWT")


class Unanswered(UserError):
    """Slurm said nothing in time, and may have done what was asked, or not."""


def ask(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """What the command `words` says, whether it did what was asked or not.

    Raises:
        UserError: the command is not here, or no cluster answers.
        Unanswered: not in time.
    """
    try:
        done = subprocess.run(
            words,
            env=outside(),
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
        raise unanswered(words[0], f"within {PATIENCE} seconds") from error
    if done.returncode and NO_ANSWER in done.stderr:
        raise unanswered(words[0], f"in time ({last_words(done.stderr)})")
    if done.returncode and any(sign in done.stderr for sign in NO_CONTROLLER):
        raise UserError(
            f"{words[0]} is here, but no Slurm cluster answers: {last_words(done.stderr)}; try "
            "again when `sinfo` shows one"
        )
    return done


def absent(tool: str) -> UserError:
    return UserError(
        f"there is no {tool} here; go to a machine of the cluster, or start a small one with "
        "`make slurm-up`"
    )


def unanswered(tool: str, when: str) -> Unanswered:
    return Unanswered(
        f"{tool} did not answer {when}; ask squeue whether it did its work, then try again"
    )


def last_words(stderr: str) -> str:
    """Lines of an answer on one, without what stands before every refusal."""
    lines = [NOISE.sub("", line).strip() for line in stderr.splitlines()]
    return "; ".join(dict.fromkeys(line for line in lines if line))


def outside() -> dict[str, str]:
    """This environment without the variables that change what Slurm's commands say or do."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(FOREIGN) or name in OURS
    }
