"""What a partition allows, asked before a job is queued.

Slurm takes a job that is too large for its partition, and leaves it waiting for ever.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from medllm.errors import ConfigError, UserError
from medllm.launch.client import ask, last_words
from medllm.launch.job import Job
from medllm.launch.period import period

FORMAT = "%P|%l|%D|%c|%m"  # name (* after the default), limit, nodes, processors, MiB


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodes:
    """Those of one partition that are alike.

    limit: of a job's time; None for none.
    count: how many; cpus, memory (MiB): of each.
    """

    partition: str
    is_default: bool
    limit: timedelta | None
    count: int
    cpus: int
    memory: int


def check(job: Job) -> None:
    """Refuse a job that no partition it names will ever start.

    Raises:
        ConfigError: with every reason.
    """
    # --exact: else sinfo says "64+" of nodes that differ
    done = ask(["sinfo", "--noheader", "--exact", "--all", f"--format={FORMAT}"])
    if done.returncode:
        raise UserError(f"sinfo does not say what there is: {last_words(done.stderr)}")
    found = problems(job, parsed(done.stdout), default=os.environ.get("SBATCH_PARTITION"))
    if found:
        raise ConfigError(found)


def parsed(text: str) -> list[Nodes]:
    return [_nodes(*line.split("|")) for line in text.splitlines()]


def _nodes(name: str, limit: str, count: str, cpus: str, memory: str) -> Nodes:
    return Nodes(
        partition=name.removesuffix("*"),
        is_default=name.endswith("*"),
        limit=period(limit),
        count=int(count),
        cpus=int(cpus),
        memory=int(memory),
    )


def problems(job: Job, nodes: Sequence[Nodes], *, default: str | None) -> list[str]:
    """Why `job` would never start.

    Args:
        default: partition of a job that names none; None for Slurm's own.
    """
    named = job.partition or default
    wanted = named.split(",") if named else [one.partition for one in nodes if one.is_default]
    known = dict.fromkeys(one.partition for one in nodes)
    if unknown := [name for name in wanted if name not in known]:
        key = "cpu_partition" if job.partition != job.slurm.partition else "partition"
        return [
            f"hardware.slurm.{key}={name} is not a partition here; there are {', '.join(known)}"
            for name in unknown
        ]
    misfits = [_misfits(job, [n for n in nodes if n.partition == name]) for name in wanted]
    # Of several partitions, one that fits is enough.
    return [reason for reasons in misfits for reason in reasons] if all(misfits) else []


def _misfits(job: Job, nodes: Sequence[Nodes]) -> list[str]:
    """Where `job` is larger than the partition made of `nodes`."""
    partition = f"partition {nodes[0].partition}"
    count, cpus = sum(one.count for one in nodes), max(one.cpus for one in nodes)
    memory, limit = max(one.memory for one in nodes), nodes[0].limit
    found = []
    # A quality of service may lift the limit of the partition; sinfo does not tell.
    if limit and not job.slurm.qos and timedelta(seconds=job.slurm.seconds) > limit:
        found.append(
            f"hardware.slurm.time={job.slurm.time}, but {partition} ends jobs after {limit}"
        )
    if job.nodes > count:
        found.append(f"hardware.nodes={job.nodes}, but {partition} has {count} nodes")
    if job.tasks * job.slurm.cpus > cpus:
        found.append(
            f"{job.tasks} tasks a node with hardware.slurm.cpus={job.slurm.cpus} each, but "
            f"{partition} has nodes of at most {cpus} processors"
        )
    if job.memory and (job.slurm.bytes or 0) > memory * 2**20:
        found.append(
            f"hardware.slurm.memory={job.memory}, but {partition} has nodes of at most {memory}M"
        )
    return found
