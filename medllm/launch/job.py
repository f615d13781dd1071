"""What is queued on a cluster, and what it asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from medllm.hardware import Hardware, Slurm


@dataclass(frozen=True, kw_only=True)
class Job:
    """Something to be done on a cluster.

    body: train.sh starts the ranks of a run, and queues itself again as long as that helps; cpu.sh
        starts one process.
    words: of train.sh the run's folder; of cpu.sh a module and its words.
    folder: of the run, or of what else the job is about; the log goes to its jobs/.
    after: jobs that must have ended well; when one cannot any more, this one is cancelled.
    after_any: jobs that must have ended, well or not.
    on_cpu: a step without GPU, for the partition `cpu_partition`.
    mounts: folders that a container shows, besides that of the runs.
    """

    name: str
    body: Literal["train.sh", "cpu.sh"]
    words: Sequence[str]
    folder: Path
    hardware: Hardware
    after: Sequence[str] = ()
    after_any: Sequence[str] = ()
    on_cpu: bool
    mounts: Sequence[Path] = ()

    @property
    def slurm(self) -> Slurm:
        assert self.hardware.slurm, "Hardware refuses launcher=slurm without it"
        return self.hardware.slurm

    @property
    def nodes(self) -> int:
        return self.hardware.nodes if self.body == "train.sh" else 1

    @property
    def tasks(self) -> int:
        """Of each node."""
        return self.hardware.devices if self.body == "train.sh" else 1

    @property
    def partition(self) -> str | None:
        return (self.on_cpu and self.slurm.cpu_partition) or self.slurm.partition

    @property
    def memory(self) -> str | None:
        """Of a node; nodes of another kind are not asked for as much as those with GPUs."""
        return None if self.on_cpu and self.slurm.cpu_partition else self.slurm.memory

    @property
    def threads(self) -> int:
        """Of a process. Without a word torch would take every processor of the node."""
        return self.hardware.threads or self.slurm.cpus
