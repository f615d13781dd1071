"""Trainings that all tests of this folder read, made once: see `trials`.

Steps 1 to 3 of every stage in one process; in two, under every strategy; and again from step 2.
"""

import json
import os
import subprocess
import sys

import pytest

from medllm import lock

STRATEGIES = ("ddp", "zero2", "zero3", "fsdp2")
# Norms that clip most of the steps: gradients are about 1.2, 0.2 and 0.1 long.
KINDS = {
    "pretrain": {"clip": 0.9},
    "sft": {"clip": 0.17, "adapter": True},
    "one_stage": {"clip": 1.2},
    "dpo_adapter": {"clip": 0.095, "adapter": True},
    "dpo_stored": {"clip": 0.095, "adapter": True},
}
RESUMED = ("pretrain", "sft")
OFFLOADS = {"zero1": "optimizer", "zero3": "all", "fsdp2": "all"}
ACCUMULATED = 2  # micro-batches of a step on each of two processes


def jobs(folder):
    """What two processes train; names are kind-strategy[-variant]."""

    def job(kind, strategy, variant="", **more):
        name = "-".join(filter(None, [kind, strategy, variant]))
        return {"name": name, "kind": kind, "strategy": strategy, **KINDS[kind], **more}

    def at(name):
        return [2, str(folder / name / "checkpoint")]

    for strategy in STRATEGIES:
        for kind in KINDS:
            yield job(kind, strategy, save=at(f"{kind}-{strategy}") if kind in RESUMED else None)
        for kind in RESUMED:
            yield job(kind, strategy, "again", resume=at(f"{kind}-{strategy}"))
            yield job(kind, strategy, "from_one", resume=at(f"{kind}-one"))
        mixed = {"precision": "bf16-mixed"}
        yield job("sft", strategy, "mixed", save=at(f"sft-{strategy}-mixed"), **mixed)
        yield job("sft", strategy, "mixed-again", resume=at(f"sft-{strategy}-mixed"), **mixed)
    for strategy, offload in OFFLOADS.items():
        name = f"pretrain-{strategy}-offload"
        yield job("pretrain", strategy, "offload", offload=offload, save=at(name))
        yield job("pretrain", strategy, "offload-again", offload=offload, resume=at(name))
    for strategy in ("zero3", "fsdp2"):
        yield job("dpo_adapter", strategy, "recomputed", checkpointing=True)
    for strategy in ("zero2", "zero3"):
        yield job("pretrain", strategy, "bare", bare=True)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Name of a training to what came of it; `folder` of it: its checkpoint."""
    import torch

    from tests.parallel import trials

    # Workers of xdist share what is above their own folders.
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "trials"
    folder.mkdir(exist_ok=True)
    with lock.held(folder / "lock", waiting="another worker trains"):
        if not (folder / "done").exists():
            for kind, settings in KINDS.items():
                at = folder / f"{kind}-one"
                one = trials.trial(
                    kind=kind, folder=str(at), save=[2, str(at / "checkpoint")], **settings
                )
                torch.save(one, at.with_suffix(".pt"))
            in_processes(2, list(jobs(folder)), folder)
            (folder / "done").touch()
    return Trained(folder)


class Trained:
    def __init__(self, folder):
        self.folder = folder

    def __getitem__(self, name):
        import torch

        return torch.load(self.folder / f"{name}.pt")

    def checkpoint(self, name):
        return self.folder / name / "checkpoint"


def in_processes(count, jobs, folder):
    """Train `jobs` in `count` processes, which write into `folder`."""
    file = folder / f"jobs-{count}.json"
    file.write_text(json.dumps(jobs))
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
    done = subprocess.run(
        [sys.executable, *torchrun, "-m", "tests.parallel.trials", str(file), str(folder)],
        capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert not done.returncode, done.stderr[-5000:]
