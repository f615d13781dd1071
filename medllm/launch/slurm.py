"""Jobs of Slurm: the line that queues one, and what may be asked of it afterwards.

    line     sbatch ... slurm/train.sh CODE ENVIRONMENT PYTHON RUN_DIR srun ... medllm.run RUN_DIR
    submit   does it, after a look at what the partition allows
    find     the job that was queued by such a line, should whoever queued it be gone
    states   what Slurm says of jobs; cancel and requeue

The line is a list of words. Nothing is written into a script: slurm/*.sh are the same for every
job, and take what differs as arguments.
"""

import hashlib
import shutil
import sys
from pathlib import Path

from medllm.errors import ConfigError, UserError
from medllm.launch.client import Unanswered, absent, ask, last_words
from medllm.launch.job import Job
from medllm.launch.partition import check
from medllm.launch.queue import State, mine, states

__all__ = ["Job", "State", "cancel", "find", "line", "requeue", "states", "submit"]

# A word in sbatch's refusal -> the keys of hardware.slurm that it may be about.
KEYS = {
    "partition": ("partition", "cpu_partition"),
    "account": ("account",),
    "qos": ("qos",),
    "feature": ("constraint",),
    "(gres)": ("gres",),
    "node configuration": ("gres", "constraint", "cpus", "memory"),
    "time limit": ("time",),
    "--time": ("time",),
    "memory": ("memory",),
    "--mem": ("memory",),
    "option": ("flags",),
}


def line(job: Job, code: Path) -> list[str]:
    """The command that queues `job`, with the code of the snapshot `code`."""
    log = str(job.folder / "jobs" / "slurm-").replace("%", "%%") + "%j.log"
    return [
        "sbatch", "--parsable", f"--job-name={job.name}",
        f"--comment={comment(code.parent.parent)}",
        *_size(job), *_wishes(job), *_waiting(job),
        "--requeue", "--open-mode=append", f"--output={log}", *_signal(job), *_flags(job),
        str(code / "slurm" / job.body), str(code), job.slurm.environment, *_words(job, code),
    ]  # fmt: skip


def submit(job: Job, code: Path) -> str:
    """Queue `job`; its number.

    Raises:
        UserError: there is no cluster here, or it would never start this job.
    """
    if not shutil.which("sbatch"):
        raise UserError(f"{absent('sbatch')}, or choose hardware that starts runs here: cpu, gpu1")
    check(job)
    (job.folder / "jobs").mkdir(parents=True, exist_ok=True)
    try:
        done = ask(line(job, code))
    except Unanswered:
        if number := find(job, code.parent.parent):
            return number
        raise
    if done.returncode:
        raise _refusal(last_words(done.stderr), job)
    # Of a federation: "123;cluster". A site's own plugins may speak before it.
    return done.stdout.split()[-1].partition(";")[0]


def find(job: Job, runs: Path) -> str | None:
    """Number of the newest live job of this user's that is `job` of this folder of runs."""
    wanted = (job.name, comment(runs))
    found = [
        int(number)
        for number, state in mine().items()
        if (state.name, state.comment) == wanted and state.is_live
    ]
    return str(max(found)) if found else None


def comment(runs: Path) -> str:
    """Other folders of runs may have a run of the same name."""
    return f"medllm {hashlib.sha256(str(runs).encode()).hexdigest()[:8]}"


def cancel(ids: list[str]) -> None:
    """End jobs for good; those that ended already, or are not known any more, are passed over."""
    done = ask(["scancel", *ids])
    said = [words for words in done.stderr.splitlines() if "Invalid job id" not in words]
    if done.returncode and said:
        raise UserError(f"scancel cannot end {', '.join(ids)}: {last_words(done.stderr)}")


def requeue(job: str) -> None:
    """End the job where it is, and put it back into the queue under its number."""
    done = ask(["scontrol", "requeue", job])
    if done.returncode:
        raise UserError(f"job {job} cannot be queued again: {last_words(done.stderr)}")


def _size(job: Job) -> list[str]:
    tasks = job.nodes * job.tasks
    return [
        f"--nodes={job.nodes}",
        f"--ntasks={tasks}",
        f"--ntasks-per-node={job.tasks}",
        f"--cpus-per-task={job.slurm.cpus}",
    ]


def _wishes(job: Job) -> list[str]:
    """What is null is left to the cluster."""
    slurm = job.slurm
    wishes = {
        "mem": job.memory,
        "time": slurm.time,
        "gres": None if job.on_cpu else slurm.gres,
        "constraint": None if job.on_cpu else slurm.constraint,
        "partition": job.partition,
        "account": slurm.account,
        "qos": slurm.qos,
    }
    return [f"--{flag}={wish}" for flag, wish in wishes.items() if wish is not None]


def _waiting(job: Job) -> list[str]:
    kinds = {"afterok": job.after, "afterany": job.after_any}
    wanted = ",".join(":".join([kind, *ids]) for kind, ids in kinds.items() if ids)
    # Left alone, a job whose forerunner failed waits for ever.
    return [f"--dependency={wanted}", "--kill-on-invalid-dep=yes"] if wanted else []


def _signal(job: Job) -> list[str]:
    """To the ranks, which save themselves, and not to the shell around them (that is B:)."""
    return [f"--signal=USR1@{job.slurm.grace}"] if job.body == "train.sh" else []


def _flags(job: Job) -> list[str]:
    """Those that are free-form; they are about nodes with GPUs."""
    flags = {} if job.on_cpu else job.slurm.flags
    return [
        f"--{flag}" if value is True else f"--{flag}={value}"
        for flag, value in flags.items()
        if value is not False
    ]


def _words(job: Job, code: Path) -> list[str]:
    """What the body is told: of train.sh who decides on another start, then the command."""
    python = "python" if job.slurm.container else sys.executable
    here = ["env", f"OMP_NUM_THREADS={job.threads}", python, "-m"]
    if job.body == "train.sh":
        (run_dir,) = job.words
        return [sys.executable, run_dir, *_srun(job, code), *here, "medllm.run", run_dir]
    return [*(_srun(job, code) if job.slurm.container else []), *here, *job.words]


def _srun(job: Job, code: Path) -> list[str]:
    # The size again: since Slurm 22.05 a step does not inherit the processors of a task. ALL, since
    # SBATCH_EXPORT=NONE would otherwise keep PYTHONPATH from the ranks too.
    return ["srun", *_size(job), "--kill-on-bad-exit=1", "--export=ALL", *_container(job, code)]


def _container(job: Job, code: Path) -> list[str]:
    """An image by pyxis, which shows nothing of the cluster's disks unless told to."""
    if not job.slurm.container:
        return []
    runs = code.parent.parent
    seen = ",".join(f"{folder}:{folder}" for folder in dict.fromkeys([runs, *job.mounts]))
    return [
        f"--container-image={job.slurm.container}",
        f"--container-mounts={seen}",
        f"--container-workdir={runs}",
    ]


def _refusal(said: str, job: Job) -> ConfigError:
    about = [key for sign, keys in KEYS.items() if sign in said.lower() for key in keys]
    wishes = {key: getattr(job.slurm, key) for key in about}
    given = [f"hardware.slurm.{key}={wish or 'null'}" for key, wish in wishes.items()]
    perhaps = f"; change {', '.join(given)}" if given else ""
    return ConfigError([f"sbatch refuses {job.name}: {said}{perhaps}"])
