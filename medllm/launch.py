"""How a frozen run is started: here, or as one process per device under torchrun.

    1 device     run(run_dir) in this process, which already has torch in memory
    2 or more    torchrun ... -m medllm.run RUN_DIR; its words go to the terminal and launch.log

Hydra never runs in a rank: each reads `run_dir/config.yaml`. Commands are lists; nothing is
templated into a shell.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from medllm.errors import ConfigError, UserError


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """What a run stands on; it decides how fast the weights come, never which.

    Precision is the one honest exception, and is frozen with the run.

    nodes, devices: machines, and processes on each.
    micro_batch: rows (pairs for dpo) per forward pass and device; None for all of a device's
        share of the global batch, without accumulation.
    threads: processor threads per process; None leaves torch its own choice.
    gradient_checkpointing: compute activations again in the backward pass, to save memory.
    """

    launcher: Literal["local"]
    accelerator: Literal["cpu", "gpu"]
    nodes: int
    devices: int
    micro_batch: int | None
    precision: Literal["64-true", "32-true", "bf16-true", "bf16-mixed"]
    threads: int | None
    gradient_checkpointing: bool

    def __post_init__(self) -> None:
        counts = {"nodes": self.nodes, "devices": self.devices, "micro_batch": self.micro_batch}
        problems = [
            f"hardware.{key}={count} must be at least 1"
            for key, count in counts.items()
            if count is not None and count < 1
        ]
        if self.nodes > 1:
            problems.append(
                f"hardware.nodes={self.nodes}, but hardware.launcher=local starts one machine; "
                "set hardware.nodes=1"
            )
        if problems:
            raise ConfigError(problems)

    @property
    def processes(self) -> int:
        return self.nodes * self.devices

    def accumulation(self, global_batch: int) -> tuple[int, int]:
        """Rows of a micro-batch, and how many of them each device accumulates."""
        share = global_batch // self.processes
        micro_batch = self.micro_batch or share
        return micro_batch, share // micro_batch


def command(run_dir: Path, hardware: Hardware) -> list[str]:
    """The one command that starts the frozen run in `run_dir` on `hardware`."""
    run = ["-m", "medllm.run", str(run_dir)]
    if hardware.processes == 1:
        return [sys.executable, *run]
    # torchrun by module: its script is on PATH only where the environment is activated.
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return [*torchrun, f"--nproc-per-node={hardware.devices}", *run]


def launch(run_dir: Path, hardware: Hardware, run: Callable[[Path], object]) -> None:
    """Start the frozen run in `run_dir` and wait for its end.

    Args:
        run: what `medllm.run` does with a folder; called here when one process is enough, so
            that a chain of small runs imports torch once.

    Raises:
        UserError: a process failed; names the log.
    """
    if hardware.processes == 1:
        run(run_dir)
        return
    log = run_dir / "launch.log"
    status = tee(command(run_dir, hardware), log, threads=hardware.threads)
    if status:
        raise UserError(f"the run in {run_dir} ended with status {status}; read {log}")


def tee(argv: list[str], log: Path, *, threads: int | None) -> int:
    """Run `argv`, copying all it says to the terminal and to the end of `log`; its status."""
    # Left alone, torchrun sets one thread and warns about it.
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads or 1)}
    with (
        log.open("ab") as copy,
        subprocess.Popen(
            argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process,
    ):
        assert process.stdout is not None, "a pipe was asked for"
        while words := process.stdout.read1():  # type: ignore[attr-defined]
            copy.write(words)
            sys.stderr.write(words.decode(errors="replace"))
            sys.stderr.flush()
    return process.returncode
