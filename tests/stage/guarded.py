"""A small run over real stores that goes wrong where it is told to, alone or on two ranks."""

import multiprocessing
import os
import signal
import socket
import sys
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NoReturn

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from medllm.data import mix
from medllm.data.mixture import Mixture
from medllm.data.steps import Layout, Steps
from medllm.errors import UserError
from medllm.journal import AGAIN
from medllm.stage.guard import Guard
from medllm.stage.sft import SupervisedTuning
from medllm.stage.watchdog import Watchdog, lost_peer
from tests.conftest import tiny_llama, tiny_tokenizer
from tests.data import corpora
from tests.stage import lessons

TEXTS = [f"the patient has fever number {number}" for number in range(40)]
PAIRS = [(f"rest {number} days", f"drug {number}") for number in range(40)]


def steps_of(folder: Path, *, rank: int = 0, world: int = 1, pairs: bool = False) -> Steps:
    """10 steps of 4 documents (pairs) in the order of a plan, one or two to a micro-batch."""
    source = (
        corpora.pairs(folder, "judged", PAIRS)
        if pairs
        else corpora.documents(folder, "books", TEXTS)
    )
    mixture = Mixture(
        sources={"books": source}, seq_len=64, packing="none", mix_unit="row",
        mix=mix.all_once, heldout={},
    )  # fmt: skip
    stores = mixture.stores(tiny_tokenizer(), folder, progress=False)
    rows = mixture.rows(stores, epochs=1, seed=0)
    layout = Layout(rank, world, 1 if world > 1 else 2, 2)
    return Steps(stores, rows, global_batch=4, layout=layout, pad_id=0)


class Faulty(SupervisedTuning):
    """Spoils what it learns from one row of the plan, in one of three ways."""

    row, way = -1, "loss"

    def training_step(self, batch, batch_idx):
        loss = super().training_step(batch, batch_idx)
        if self.row not in batch.rows.tolist():
            return loss
        if self.way == "loss":
            return loss * float("nan")
        if self.way == "gradient":  # the square root of 0 is 0, and its slope is not finite
            return loss + (loss - loss.detach()).abs().sqrt()
        return loss * 1e30 * 1e30


class At(pl.Callback):
    """Does `act` at the start of the first micro-batch after some steps."""

    def __init__(self, step, act):
        self.step, self.act = step, act

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.global_step == self.step:
            self.step = -1
            self.act()


def faulty(steps: Steps, *, row: int = -1, way: str = "loss") -> Faulty:
    stage = lessons.sft(tiny_llama, kind=Faulty, steps=steps.steps, sources=("books",))
    stage.row, stage.way = row, way
    return stage


def guard(run_dir: Path, steps: Steps, *, window=100, patience=50, rise=3.0) -> Guard:
    return Guard(run_dir, steps, window=window, patience=patience, rise=rise)


def fit(stage, steps: Steps, *callbacks, **more) -> pl.Trainer:
    trainer = lessons.trainer(
        steps.steps, accumulate_grad_batches=steps.layout.accumulate, callbacks=list(callbacks),
        **more,
    )  # fmt: skip
    trainer.fit(stage, DataLoader(steps, batch_size=None))
    return trainer


def started(target, *words, said: Path) -> BaseProcess:
    """A process that runs `target(*words)`, exits with what it returns and writes to `said`.

    Forked from a server that has imported torch once, for that takes longest.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.stage.guarded"])
    process = context.Process(target=_within, args=(said, target, words))
    process.start()
    return process


def _within(said: Path, target, words) -> NoReturn:
    with said.open("w") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    sys.exit(target(*words))


def two(folder: Path, **words: str) -> list[BaseProcess]:
    """Both ranks of `main`, started; they write to `said-0` and `said-1`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    for rank in (0, 1):
        (folder / f"data-{rank}").mkdir()
    return [
        started(main, folder, rank, port, words, said=folder / f"said-{rank}") for rank in (0, 1)
    ]


def until(process: BaseProcess, *, seconds: float) -> int | None:
    """The exit code, or None if the process does not end in time."""
    process.join(seconds)
    return process.exitcode


def until_stopped(process: BaseProcess) -> None:
    """Wait until SIGSTOP has stopped a process."""
    stat = Path(f"/proc/{process.pid}/stat")
    while stat.read_text().rpartition(")")[2].split()[0] != "T":
        time.sleep(0.05)


def main(folder: Path, rank: int, port: str, words: dict[str, str]) -> int:
    """One rank of two. Words: timeout, row, way; stop or kill: the rank it happens to."""
    os.environ.update(
        MASTER_ADDR="127.0.0.1", MASTER_PORT=port, LOCAL_RANK=str(rank), NODE_RANK="0",
        WORLD_SIZE="2",
    )  # fmt: skip
    torch.set_num_threads(1)
    steps = steps_of(folder / f"data-{rank}", rank=rank, world=2)
    stage = faulty(steps, row=int(words.get("row", -1)), way=words.get("way", "loss"))
    acts = {
        "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
        "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    }
    at = [At(3, act) for word, act in acts.items() if words.get(word) == str(rank)]
    try:
        with Watchdog(folder, rank=rank, timeout=float(words.get("timeout", 600))) as watchdog:
            fit(stage, steps, watchdog, guard(folder, steps), *at, devices=2, strategy="ddp")
    except UserError as error:
        print(error, file=sys.stderr)
        return error.status
    except Exception as error:
        if not lost_peer(error):
            raise
        print(f"lost: {error}", file=sys.stderr)
        return AGAIN
    return 0
