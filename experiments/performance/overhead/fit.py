"""A run of ours beside an inline loop in plain PyTorch over the same batches.

    .venv/bin/python experiments/performance/overhead/fit.py
    .venv/bin/python experiments/performance/overhead/fit.py --parts        where a null step goes
    .venv/bin/python experiments/performance/overhead/fit.py --processes 2  beside bare DDP (gloo)

Ours is `medllm.attempt.Attempt`, as `medllm train` runs it: every callback, metrics.csv, W&B
offline, a progress bar on a terminal (a pseudo-terminal here), guard and checkpoints (none falls
due). Plain is forward, backward, clip, step, schedule, and no more, over batches in a list. Both
in turn in one process, one thread; that the weights are equal is asserted. CPU-seconds of the
process: of the cheapest window of 20 null steps (5 of the Llama), which is what counts where others
use the machine too, and on the mean; the least of `REPEATS`.
"""

import argparse
import os
import pty
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

REPO = Path(__file__).resolve().parents[3]
REPEATS = 5
GOAL_RATIO = 0.95  # of plain's speed, where a step takes 50 ms or more
GOAL_EXTRA = 1.0  # ms per step of a null model


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--parts", action="store_true")
    options.add_argument("--processes", type=int, default=1)
    options.add_argument("--repeats", type=int, default=REPEATS)
    options.add_argument("--folder", type=Path, help="of a process that measures")
    given = options.parse_args()
    if given.folder:
        measure(given.folder, given.repeats, parts=given.parts)
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(REPO)}
        words = [sys.executable]
        if given.processes > 1:
            words += ["-m", "torch.distributed.run", "--standalone"]
            words += [f"--nproc-per-node={given.processes}"]
        words += [__file__, "--folder", folder, "--repeats", str(given.repeats)]
        sys.exit(on_a_terminal([*words, *(["--parts"] if given.parts else [])]))


def on_a_terminal(words: list[str]) -> int:
    """Run `words` with a terminal to draw on, which nobody sees."""
    reader, writer = pty.openpty()
    with subprocess.Popen(words, stderr=writer) as process:
        os.close(writer)
        said = bytearray()
        threading.Thread(target=read, args=(reader, said), daemon=True).start()
    if process.returncode:
        print(said.decode(errors="replace")[-3000:], file=sys.stderr)
    return process.returncode


def read(reader: int, said: bytearray) -> None:
    try:
        while words := os.read(reader, 65536):
            said.extend(words)
    except OSError:
        return  # nobody has the terminal open any more


def measure(folder: Path, repeats: int, *, parts: bool) -> None:
    """Print both cases; of several processes, only the null model, from rank 0."""
    import bench  # torch is imported here

    if parts:
        bench.parts(folder)
        return
    ours, plain = bench.beside(folder, bench.NULL, repeats)
    if bench.RANK:
        return
    print(f"a null step, {bench.WORLD} process(es), ms   cheapest   mean   by the clock")
    for name, figures in {"plain": plain, "ours": ours, "more": ours - plain}.items():
        print(f"  {name:32}" + "".join(f"{figure:9.3f}" for figure in figures))
    print(f"  goal: at most {GOAL_EXTRA} more: {verdict(ours[0] - plain[0] <= GOAL_EXTRA)}")
    if bench.WORLD > 1:
        return
    ours, plain = bench.beside(folder, bench.LLAMA, max(3, repeats - 2))
    print("a step of a Llama, V=4096, ms          cheapest   mean   by the clock")
    for name, figures in {"plain": plain, "ours": ours, "of its speed": plain / ours}.items():
        print(f"  {name:32}" + "".join(f"{figure:9.3f}" for figure in figures))
    print(
        f"  goal: at least {GOAL_RATIO} of its speed: {verdict(plain[0] / ours[0] >= GOAL_RATIO)}"
    )


def verdict(is_met: bool) -> str:
    return "PASS" if is_met else "FAIL"


if __name__ == "__main__":
    main()
