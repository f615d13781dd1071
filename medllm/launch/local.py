"""How a frozen run is started: here, or as one process per device under torchrun.

    1 process          run(run_dir) in this process, which already has torch in memory
    2 or more          torchrun ... medllm.run RUN_DIR; its words go to the terminal and launch.log
    on several nodes   the same command on each; the one for the others is said

Hydra never runs in a rank: each reads `run_dir/config.yaml`. Commands are lists; nothing is
templated into a shell.
"""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from medllm.errors import Stopped, UserError
from medllm.hardware import Hardware
from medllm.journal import AGAIN, Journal

STOPPED = (AGAIN, 130, 143)  # how a rank ends that was told to stop, and saved itself
# What we are told -> what torchrun is, and it the ranks; they know no hang-up.
PASSED_ON = {
    signal.SIGHUP: signal.SIGTERM,
    signal.SIGINT: signal.SIGINT,
    signal.SIGTERM: signal.SIGTERM,
    signal.SIGUSR1: signal.SIGUSR1,
}
GRACE = 120  # seconds for the ranks to save themselves; torchrun's own 30 are short


def command(run_dir: Path, hardware: Hardware) -> list[str]:
    """The command that starts the frozen run in `run_dir`; every node is given the same."""
    run = ["-m", "medllm.run", str(run_dir)]
    if hardware.processes == 1:
        return [sys.executable, *run]
    meeting = ["--standalone"]
    if hardware.nodes > 1:
        meeting = [
            f"--nnodes={hardware.nodes}",
            "--rdzv-backend=c10d",
            f"--rdzv-endpoint={hardware.head}",
            f"--rdzv-id={run_dir.name}",
        ]
    return [
        sys.executable, "-m", "medllm.launch.torchrun", *meeting,
        f"--nproc-per-node={hardware.devices}",
        "--signals-to-handle=SIGINT,SIGTERM,SIGUSR1", f"--shutdown-timeout={GRACE}",
        *run,
    ]  # fmt: skip


def launch(run_dir: Path, hardware: Hardware, run: Callable[[Path], object]) -> None:
    """Start the frozen run in `run_dir` and wait for its end.

    Args:
        run: what `medllm.run` does with a folder; called here when one process is enough, so
            that a chain of small runs imports torch once.

    Raises:
        Stopped: it was told to, and saved itself.
        UserError: a process failed; names the log.
    """
    if hardware.processes == 1:
        run(run_dir)
        return
    argv, log = command(run_dir, hardware), run_dir / "launch.log"
    if hardware.nodes > 1:
        print(elsewhere(argv, hardware), file=sys.stderr)
    if status := tee(argv, log, threads=hardware.threads):
        raise ending(run_dir, status, log)


def elsewhere(argv: list[str], hardware: Hardware) -> str:
    """What to type on the other nodes."""
    others = hardware.nodes - 1
    words = f"OMP_NUM_THREADS={hardware.threads or 1} {shlex.join(argv)}"
    return f"on {'the other node' if others == 1 else f'each of the {others} other nodes'}: {words}"


def ending(run_dir: Path, status: int, log: Path) -> UserError:
    """What to tell of a run whose processes ended with `status`, which is not 0."""
    error = Journal(run_dir).error()
    why = f": {error['message']}" if error else ""
    if status in STOPPED:
        said = f"the run in {run_dir} has stopped{why}; the same command goes on with it"
        return Stopped(said, status)
    return UserError(f"the run in {run_dir} ended with status {status}{why}; read {log}")


def tee(argv: list[str], log: Path, *, threads: int | None) -> int:
    """Run `argv`, copying all it says to the terminal and to the end of `log`; its status."""
    # Left alone, torchrun sets one thread and warns about it.
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads or 1)}
    with (
        log.open("ab") as copy,
        subprocess.Popen(
            argv,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # else Ctrl-C reaches torchrun twice, and it waits no longer
        ) as process,
        passing_on(process),
    ):
        assert process.stdout is not None, "a pipe was asked for"
        while words := process.stdout.read1():  # type: ignore[attr-defined]
            copy.write(words)
            sys.stderr.write(words.decode(errors="replace"))
            sys.stderr.flush()
    return process.returncode


@contextmanager
def passing_on(process: subprocess.Popen) -> Iterator[None]:
    """Let `process` hear what this process is told, so that we can wait for its end."""

    def hear(number: int, frame: object) -> None:
        process.send_signal(PASSED_ON[signal.Signals(number)])

    before = {number: signal.signal(number, hear) for number in PASSED_ON}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
