"""What a run stands on: it decides how fast the weights come, never which.

Precision is the one honest exception, and is frozen with the run. `medllm.launch` starts runs
on it, `medllm.parallel` spreads a model over it, `medllm.estimate` says what fits.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from medllm.errors import ConfigError

SHARDED = ("zero1", "zero2", "zero3", "fsdp2")
TIME = re.compile(r"\d+(:\d+){0,2}|\d+-\d+(:\d+){0,2}")  # as man sbatch has it
MEMORY = re.compile(r"\d+[KMGTkmgt]?")


@dataclass(frozen=True, kw_only=True)
class Slurm:
    """What `sbatch` is asked for; null leaves it to the cluster or to SBATCH_PARTITION and its kin.

    partition, account, qos, constraint: as sbatch takes them.
    time: limit of a job, e.g. "24:00:00" or "2-00:00:00".
    gres: per node, e.g. "gpu:a100:8"; null asks for none.
    cpus: processors per task.
    memory: of a node, e.g. "200G"; "0" for all of it.
    container: image that srun starts the ranks in (pyxis).
    flags: further flags of sbatch, {exclusive: true, mail-type: END}.
    environment: shell command that a job starts with, e.g. "module load cuda/12.4".
    cpu_partition: for the steps without GPU (preparing, reporting); null: `partition`.
    grace: seconds before the limit at which a run is told to save itself and is queued again.
    """

    partition: str | None
    account: str | None
    qos: str | None
    time: str
    gres: str | None
    constraint: str | None
    cpus: int
    memory: str | None
    container: str | None
    flags: Mapping[str, str | int | bool]
    environment: str
    cpu_partition: str | None
    grace: int

    def __post_init__(self) -> None:
        problems = []
        if not TIME.fullmatch(self.time):
            problems.append(
                f"hardware.slurm.time={self.time} is no time; write minutes, hours:minutes:seconds "
                "or days-hours:minutes:seconds"
            )
        if self.memory is not None and not MEMORY.fullmatch(self.memory):
            problems.append(
                f"hardware.slurm.memory={self.memory} is no size; write a number with K, M, G or T"
            )
        if problems:
            raise ConfigError(problems)
        if self.grace >= self.seconds:
            raise ConfigError(
                [
                    f"hardware.slurm.grace={self.grace} seconds leave nothing of "
                    f"hardware.slurm.time={self.time}; lower it, or raise the time"
                ]
            )

    @property
    def seconds(self) -> int:
        """The time limit, which `sbatch` reads as [days-]hours[:minutes[:seconds]] or minutes."""
        days, _, clock = self.time.rpartition("-")
        parts = [int(part) for part in clock.split(":")]
        if days:
            hours, minutes, seconds = (*parts, 0, 0)[:3]
        elif len(parts) == 3:
            hours, minutes, seconds = parts
        else:
            hours, (minutes, seconds) = 0, (*parts, 0)[:2]
        return ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + seconds

    @property
    def bytes(self) -> int | None:
        """Memory of a node; megabytes where no unit is given. None: not said, or all of it."""
        if self.memory in (None, "0"):
            return None
        unit = "KMGT".index(self.memory[-1:].upper() if self.memory[-1:].isalpha() else "M")
        return int(self.memory.rstrip("KMGTkmgt")) * 1024 ** (unit + 1)


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """Machines, processes on them, and how a model is spread over these.

    launcher: local starts processes here, torchrun says what to start on every node, slurm
        queues a job.
    device: kind of GPU, which `medllm.estimate` knows memory and speed of; null: unknown.
    nodes, devices: machines, and processes on each.
    micro_batch: rows (pairs for dpo) per forward pass and device; null for all of a device's
        share of the global batch, without accumulation.
    strategy: ddp keeps the model whole on every device. zero1 shards the optimiser over them,
        zero2 also gradients, zero3 also weights (DeepSpeed); fsdp2 all three (PyTorch).
    offload: what lies in the memory of the processor: nothing, the optimizer (zero1 to zero3),
        or all (zero3: with the weights; fsdp2).
    attention: kernel; flash_attention_2 needs the package flash-attn.
    threads: processor threads per process; null leaves torch its own choice.
    gradient_checkpointing: compute activations again in the backward pass, to save memory.
    timeout: seconds that a collective, or a step, may take before the run gives up.
    head: host:port of the first node, for launcher=torchrun on several nodes.
    slurm: what a job asks for; null where launcher is not slurm.
    """

    launcher: Literal["local", "torchrun", "slurm"]
    accelerator: Literal["cpu", "gpu"]
    device: str | None
    nodes: int
    devices: int
    micro_batch: int | None
    precision: Literal["64-true", "32-true", "bf16-true", "bf16-mixed"]
    strategy: Literal["ddp", "zero1", "zero2", "zero3", "fsdp2"]
    offload: Literal["none", "optimizer", "all"]
    attention: Literal["sdpa", "eager", "flash_attention_2"]
    threads: int | None
    gradient_checkpointing: bool
    timeout: int
    head: str | None
    slurm: Slurm | None

    def __post_init__(self) -> None:
        if problems := [
            *self._counts(),
            *self._launching(),
            *self._sharding(),
            *self._kernels(),
        ]:
            raise ConfigError(problems)

    @property
    def processes(self) -> int:
        return self.nodes * self.devices

    def accumulation(self, global_batch: int) -> tuple[int, int]:
        """Rows of a micro-batch, and how many of them each device accumulates."""
        share = global_batch // self.processes
        micro_batch = self.micro_batch or share
        return micro_batch, share // micro_batch

    def _counts(self) -> list[str]:
        counts = {
            "nodes": self.nodes,
            "devices": self.devices,
            "micro_batch": self.micro_batch,
            "timeout": self.timeout,
        }
        return [
            f"hardware.{key}={count} must be at least 1"
            for key, count in counts.items()
            if count is not None and count < 1
        ]

    def _launching(self) -> list[str]:
        problems = []
        if self.nodes > 1 and self.launcher == "local":
            problems.append(
                f"hardware.nodes={self.nodes}, but hardware.launcher=local starts one machine; "
                "set hardware.nodes=1, or hardware.launcher=slurm or torchrun"
            )
        if self.nodes > 1 and self.launcher == "torchrun" and self.head is None:
            problems.append(
                f"hardware.nodes={self.nodes} under torchrun need a place to meet; set "
                "hardware.head=HOST:PORT of the first node"
            )
        if self.launcher == "slurm" and self.slurm is None:
            problems.append("hardware.launcher=slurm needs +hardware/slurm=default")
        return problems

    def _sharding(self) -> list[str]:
        problems = []
        fits = {"none": ("ddp", *SHARDED), "optimizer": ("zero1", "zero2", "zero3"),
                "all": ("zero3", "fsdp2")}[self.offload]  # fmt: skip
        if self.strategy not in fits:
            problems.append(
                f"hardware.offload={self.offload} does not go with hardware.strategy="
                f"{self.strategy}; use one of {', '.join(fits)}"
            )
        elif self.offload != "none" and self.processes == 1:
            problems.append(
                f"hardware.offload={self.offload} needs two processes or more, since one shards "
                "nothing; set hardware.devices=2 or hardware.offload=none"
            )
        if self.precision == "64-true" and self.strategy in SHARDED:
            problems.append(
                f"hardware.precision=64-true does not go with hardware.strategy={self.strategy} "
                "(Lightning 2.6); use hardware.strategy=ddp"
            )
        return problems

    def _kernels(self) -> list[str]:
        if self.attention != "flash_attention_2":
            return []
        problems = []
        if self.accelerator == "cpu":
            problems.append(
                "hardware.attention=flash_attention_2 runs on GPUs; set hardware.attention=sdpa"
            )
        if self.precision not in ("bf16-true", "bf16-mixed"):
            problems.append(
                f"hardware.attention=flash_attention_2 cannot compute in hardware.precision="
                f"{self.precision}; set hardware.precision=bf16-true or hardware.attention=sdpa"
            )
        if self.micro_batch != 1:
            problems.append(
                "hardware.attention=flash_attention_2 finds the seams of packed rows only one row "
                "at a time (transformers 5.23); set hardware.micro_batch=1 or "
                "hardware.attention=sdpa"
            )
        return problems
