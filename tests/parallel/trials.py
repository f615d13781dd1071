"""Small trainings under any strategy, in as many processes as this is started in.

    python -m torch.distributed.run --standalone --nproc-per-node=2 -m tests.parallel.trials \
        jobs.json OUT

jobs.json is a list of the keyword arguments of `trial`; each may name another strategy. Rank 0
writes OUT/<name>.pt. Importing torch and DeepSpeed takes longer than all trainings together.
"""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MethodType
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import DeepSpeedStrategy
from torch.utils.data import DataLoader, IterableDataset

from medllm.hardware import Hardware
from medllm.model.adapter import Lora
from medllm.parallel.gather import Learnt
from medllm.parallel.loading import loaded
from medllm.parallel.strategy import environment, strategy
from medllm.stage.dpo import PreferenceOptimisation
from medllm.stage.one_stage import OneStage
from medllm.stage.optimizer import AdamW
from medllm.stage.pretrain import Pretraining
from medllm.stage.sft import SupervisedTuning
from medllm.types import IGNORE, Batch, PairBatch
from tests.conftest import VOCAB, tiny_llama

GLOBAL, ROWS, LENGTH = 8, 22, 12  # 2 whole steps, and one of 6 rows and 2 empty ones
RATE = AdamW(
    learning_rate=1e-3, weight_decay=0.1, betas=[0.9, 0.95], warmup=0.4, schedule="cosine",
    floor=0.1,
)  # fmt: skip
STAGES = {"pretrain": Pretraining, "sft": SupervisedTuning, "one_stage": OneStage}


def hardware(**more: Any) -> Hardware:
    return Hardware(
        **{
            "launcher": "local", "accelerator": "cpu", "device": None, "nodes": 1,
            "devices": int(os.environ.get("WORLD_SIZE", 1)), "micro_batch": 2,
            "precision": "32-true", "strategy": "ddp", "offload": "none", "attention": "sdpa",
            "threads": 1, "gradient_checkpointing": False, "timeout": 60, "head": None,
            "slurm": None, **more,
        }
    )  # fmt: skip


def lora():
    adapter = Lora(rank=4, alpha=8, dropout=0.0, targets="all-linear", export="merged")
    torch.manual_seed(1)
    network = adapter.attach(tiny_llama())
    for name, parameter in network.named_parameters():
        if "lora_B" in name:  # fresh ones are 0, and half of the gradients with them
            torch.nn.init.normal_(parameter, std=0.02)
    return network


@dataclass
class Rows(IterableDataset):
    """Rows of random tokens cut as `medllm.data.steps` cuts them; of odd lengths learnt."""

    rank: int
    world: int
    micro_batch: int
    is_pairs: bool
    start: int = 0  # steps already done

    def __post_init__(self) -> None:
        chance = torch.Generator().manual_seed(5)
        rows = 2 * ROWS if self.is_pairs else ROWS
        self.ids = torch.randint(3, VOCAB, (rows, LENGTH), generator=chance)
        self.targets = self.ids.roll(-1, dims=1)
        self.targets[:, -1] = IGNORE
        for row, border in enumerate(torch.randint(0, LENGTH - 2, (rows,), generator=chance)):
            self.targets[row, :border] = IGNORE

    def __len__(self) -> int:
        return -(-ROWS // GLOBAL) * (GLOBAL // self.world // self.micro_batch)

    def __iter__(self) -> Iterator[Batch | PairBatch]:
        numbers = torch.arange(-(-ROWS // GLOBAL) * GLOBAL)
        numbers = torch.where(numbers < ROWS, numbers, -1).view(-1, GLOBAL)
        make = self._pairs if self.is_pairs else self._batch
        for step in numbers[self.start :]:
            for mine in step.view(-1, self.world, self.micro_batch)[:, self.rank]:
                yield make(mine, step[step >= 0])

    def once(self) -> Iterator[Batch | PairBatch]:
        return iter(self)

    def _take(self, numbers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        empty = (numbers < 0)[:, None]
        ids = self.ids[numbers].masked_fill(empty, 0)
        return ids, self.targets[numbers].masked_fill(empty, IGNORE)

    def _batch(self, mine: torch.Tensor, step: torch.Tensor) -> Batch:
        ids, targets = self._take(mine)
        positions = torch.arange(LENGTH).expand(ids.shape)
        learnt = int((self.targets[step] != IGNORE).sum())
        return Batch(ids, targets, positions, torch.zeros_like(ids), mine, learnt)

    def _pairs(self, mine: torch.Tensor, step: torch.Tensor) -> PairBatch:
        below = torch.where(mine < 0, mine, mine + ROWS)
        ids, targets = self._take(torch.cat([mine, below]))
        return PairBatch(ids, targets, mine, mine, len(step))


class Watch(pl.Callback):
    """Notes norm and rate of every step; saves after a step, goes on after a step.

    save: the step, and where to.
    """

    def __init__(self, save: Sequence | None, start: int) -> None:
        self.save, self.step, self.norms, self.rates = save, start, [], []

    def on_load_checkpoint(self, trainer, pl_module, checkpoint):
        # As medllm.checkpoint does: micro-batches are counted as this layout cuts them.
        done = self.step * trainer.accumulate_grad_batches
        counts = {"ready": done, "started": done, "processed": done, "completed": done - 1}
        progress = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]
        progress["total"], progress["current"] = counts, dict(counts)

    def on_train_batch_end(self, trainer, pl_module, *_):
        if trainer.global_step == self.step:
            return  # within an accumulation
        self.step = trainer.global_step
        assert pl_module.gradient_norm is not None
        self.norms.append(float(pl_module.gradient_norm))
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])
        if self.save and self.save[0] == trainer.global_step:
            trainer.save_checkpoint(self.save[1])


def stage_of(kind: str, load, *, clip: float):
    common = {"optimizer": RATE, "global_batch": GLOBAL, "epochs": 1, "clip": clip}
    steps = -(-ROWS // GLOBAL)
    if kind in STAGES:
        return STAGES[kind](load, steps, ["rows"], **common)
    return PreferenceOptimisation(
        load, steps, ["rows"], beta=0.1, loss="sigmoid", label_smoothing=0.0,
        reference=kind.removeprefix("dpo_"), **common,
    )  # fmt: skip


def trial(
    *, kind: str, folder: str, clip: float, adapter: bool = False,
    resume: Sequence | None = None, save: Sequence | None = None, bare: bool = False,
    checkpointing: bool = False, **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """Train three steps; the trained weights, norms, rates and losses, on rank 0.

    resume, save: a step, and the path of the checkpoint after it.
    bare: without what `Zero.backward` undoes.
    checkpointing: of activations.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    machine = hardware(**more)
    rank, world = int(os.environ.get("RANK", 0)), machine.processes

    def load():
        network = loaded(lora if adapter else tiny_llama, machine)
        if checkpointing:
            network.activation_checkpointing_enable({"use_reentrant": False})
        return network

    stage = stage_of(kind, load, clip=clip)
    made = strategy(machine, clip=clip)
    if bare:  # as Lightning comes
        made.backward = MethodType(DeepSpeedStrategy.backward, made)
    start, at = resume or (0, None)
    rows = Rows(rank, world, machine.micro_batch, stage.wants_pairs, start)
    watch, learnt = Watch(save, start), Learnt()
    trainer = pl.Trainer(
        accelerator="cpu", devices=machine.devices, precision=machine.precision,
        strategy=made, plugins=[environment(machine)],
        max_steps=stage.steps, max_epochs=-1, logger=False, callbacks=[watch, learnt],
        accumulate_grad_batches=GLOBAL // world // machine.micro_batch,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        use_distributed_sampler=False, default_root_dir=folder,
    )  # fmt: skip
    trainer.fit(stage, DataLoader(rows, batch_size=None), ckpt_path=at, weights_only=True)

    def total(mine):
        return made.reduce(mine.clone(), reduce_op="sum")

    return {
        "weights": learnt.weights, "norms": watch.norms, "rates": watch.rates,
        "losses": stage.meter.read(total),
    }  # fmt: skip


def main(jobs: str, out: str) -> None:
    for job in json.loads(Path(jobs).read_text()):
        name = job.pop("name")
        result = trial(folder=str(Path(out, name)), **job)
        if int(os.environ.get("RANK", 0)) == 0:
            torch.save(result, Path(out, f"{name}.pt"))


if __name__ == "__main__":
    main(*sys.argv[1:])
