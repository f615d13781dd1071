"""Small frozen runs of every stage, and children of the test process that train and die."""

import os
import re
import shutil
import signal
import socket
import traceback

os.environ.setdefault("DS_ACCELERATOR", "cpu")
import deepspeed  # noqa: F401  (accelerate imports it with an export, and each child would anew)
import pytorch_lightning as pl

from medllm import attempt, config
from medllm.checkpoint.seen import rows
from medllm.prepare import prepare
from medllm.run import main
from medllm.train import freeze
from tests.stage.test_layouts import SMALL, STAGES

LORA = ["model/adapter=lora", "model.adapter.dropout=0.2"]  # so that chance matters


def frozen(places, name, stage, *more):
    """The folder of a frozen run below `places / name`; stores are shared below `places`."""
    given = [*SMALL, *STAGES[stage], "hardware.micro_batch=2", *more]
    folders = {"corpora": "corpora", "stores": "stores", "runs": f"{name}/runs"}
    cfg = config.compose(
        "train", [*given, *(f"paths.{key}={places / at}" for key, at in folders.items())]
    )
    config.check(cfg, "train")
    run_dir = places / name / "runs" / config.run_id(cfg)
    freeze(cfg, prepare(cfg), run_dir)
    return run_dir


class At(pl.Callback):
    """Does something to its own process when micro-batch `number` (from 1) begins."""

    def __init__(self, number, deed):
        self.number, self.deed, self.begun = number, deed, 0

    def on_train_batch_start(self, *_):
        self.begun += 1
        if self.begun == self.number:
            self.deed()


def in_child(run_dir, *, at=None, number=signal.SIGKILL, before=lambda: None):
    """Exit status of `medllm.run` in a fork that gets signal `number` at micro-batch `at`.

    Negative for a death by signal, as subprocess says it.

    Args:
        before: done in the child first.
    """
    return ended(forked(run_dir, at=at, number=number, before=before))


def in_two_children(run_dir, *, at=None, number=signal.SIGKILL):
    """Exit statuses of both ranks of `medllm.run`; the second gets the signal."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def numbered(rank):
        return lambda: os.environ.update(
            RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2", LOCAL_WORLD_SIZE="2",
            GROUP_RANK="0", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port),
        )  # fmt: skip

    first = forked(run_dir, before=numbered(0))
    second = forked(run_dir, at=at, number=number, before=numbered(1))
    return ended(first), ended(second)


def forked(run_dir, *, at=None, number=signal.SIGKILL, before=lambda: None):
    """The process of a fork that trains."""
    child = os.fork()
    if child == 0:
        before()
        ours = attempt.Attempt._callbacks
        deed = At(at, lambda: os.kill(os.getpid(), number))
        attempt.Attempt._callbacks = lambda self, *given: [*ours(self, *given), deed]
        try:
            os._exit(main(run_dir))
        except BaseException:
            traceback.print_exc()
        finally:  # pytest goes on in the parent only
            os._exit(1)
    return child


def ended(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def outcome(run_dir):
    """All that a run comes to: weights, curves without their times, rows seen, and its end."""
    timed = re.compile("second|mfu|memory")
    lines = (run_dir / "metrics.csv").read_text().splitlines()
    names = lines[0].split(",")
    kept = sorted((name, n) for n, name in enumerate(names) if not timed.search(name))
    curves = [[(name, line.split(",")[n]) for name, n in kept] for line in lines[1:]]
    return {
        "weights": (run_dir / "export/model.safetensors").read_bytes(),
        "curves": curves,
        "seen": rows(run_dir / "seen"),
        "done": re.sub('"seconds": [0-9.]+', "", (run_dir / "done.json").read_text()),
    }


def copied(run_dir, name):
    """The same frozen run, not trained yet, in other runs."""
    runs = run_dir.parents[1]
    other = runs.parent.parent / name / "runs" / run_dir.relative_to(runs)
    shutil.copytree(run_dir, other)
    text = (other / "config.yaml").read_text()
    (other / "config.yaml").write_text(text.replace(str(runs), str(other.parents[1])))
    return other
