"""Both loops, and the clock that ticks in the model itself: so it stands in the same place."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
import torch.distributed as dist
from omegaconf import DictConfig
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader
from transformers import LlamaConfig, LlamaForCausalLM

from medllm import config, train
from medllm.attempt import Attempt
from medllm.losses import token_nll
from medllm.prepare import prepare
from medllm.types import Batch

WORLD = int(os.environ.get("WORLD_SIZE", 1))
RANK = int(os.environ.get("RANK", 0))


class Null(torch.nn.Module):
    """One parameter, which says how likely each token is wherever it stands."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.one = torch.nn.Parameter(torch.zeros(size))

    def forward(self, input_ids: torch.Tensor, **_: Any) -> SimpleNamespace:
        return SimpleNamespace(logits=self.one.expand(*input_ids.shape, -1))


def llama(_: int) -> torch.nn.Module:
    torch.manual_seed(0)
    sizes = {"hidden_size": 192, "intermediate_size": 512, "num_hidden_layers": 4}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 4}
    return LlamaForCausalLM(LlamaConfig(vocab_size=4096, **sizes, **heads))


@dataclass(frozen=True)
class Case:
    """steps: of a run. first: the one at which the clock starts. window: steps timed together,
    a multiple of those between two logs, so that each holds its share of them.
    """

    make: Callable[[int], torch.nn.Module]
    steps: int
    first: int
    window: int
    seq_len: int
    global_batch: int


NULL = Case(Null, steps=2000, first=100, window=20, seq_len=64, global_batch=WORLD)
LLAMA = Case(llama, steps=42, first=2, window=5, seq_len=256, global_batch=4)


class Ticks:
    """CPU-seconds of this process and seconds by the clock, at each forward pass of training."""

    def __init__(self, network: torch.nn.Module) -> None:
        self.at: list[tuple[float, float]] = []
        network.register_forward_pre_hook(self.tick)

    def tick(self, network: torch.nn.Module, *_: Any) -> None:
        if network.training:
            self.at.append((time.process_time(), time.perf_counter()))

    def each(self, case: Case) -> np.ndarray:
        """Milliseconds per step: CPU in the cheapest window, CPU on the mean, by the clock."""
        at = np.array(self.at)[case.first :: case.window]
        cpu, wall = np.diff(at, axis=0).T * 1000 / case.window
        return np.array([cpu.min(), cpu.mean(), wall.mean()])


class Timed(Attempt):
    """As it is, with another model, and without an export."""

    case: Case

    def _network(self) -> torch.nn.Module:
        self.network = self.case.make(len(self.tokenizer))
        self.ticks = Ticks(self.network)
        return self.network

    def _export(self, *_: Any) -> None:
        """The network is not one that could be written down."""
        (self.run_dir / "export").mkdir()


def frozen(folder: Path, case: Case) -> Path:
    """The folder of a run of at least `case.steps` over the tiny world, not begun."""
    runs = folder / f"runs-{time.monotonic_ns()}"
    cfg = composed(folder, runs, case, epochs=1)
    stores = prepare(cfg)
    rows = sum(len(store) for store in stores.values())
    cfg = composed(folder, runs, case, epochs=-(-case.steps * case.global_batch // rows))
    run_dir = runs / config.run_id(cfg)
    train.freeze(cfg, stores, run_dir)
    return run_dir


def composed(folder: Path, runs: Path, case: Case, *, epochs: int) -> DictConfig:
    words = [
        *("experiments=world/base", "world=tiny", "name=overhead/fit"),
        # `data.heldout={}` would be merged into what is there, and change nothing.
        *("~data.heldout.general", "~data.heldout.medical"),
        *(f"data.seq_len={case.seq_len}", f"stage.epochs={epochs}", "tracker.mode=offline"),
        *(f"stage.global_batch={case.global_batch}", f"hardware={'cpu2' if WORLD > 1 else 'cpu'}"),
        *("hardware.threads=1", f"paths.runs={runs}", f"paths.corpora={folder}/corpora"),
        f"paths.stores={folder}/stores",
    ]
    cfg = config.compose("train", words)
    config.check(cfg, "train")
    assert not cfg.data.heldout, "looks at held-out text are no overhead"
    return cfg


def beside(folder: Path, case: Case, repeats: int) -> tuple[np.ndarray, np.ndarray]:
    """The least figures of `repeats`, of ours and of plain, which take turns."""
    torch.set_num_threads(1)
    ours, plain = [], []
    for _ in range(repeats):
        attempt = attempted(folder, case)
        ours.append(attempt.ticks.each(case))
        network, ticks = plainly(attempt)
        for clock in (attempt.ticks, ticks):  # a pass too many would make a window look cheap
            assert len(clock.at) == attempt.steps.steps, f"{len(clock.at)} passes"
        plain.append(ticks.each(case))
        for learnt, expected in zip(
            attempt.network.parameters(), network.parameters(), strict=True
        ):
            assert torch.equal(learnt, expected), "ours and plain learnt other weights"
    return np.min(ours, axis=0), np.min(plain, axis=0)


def attempted(folder: Path, case: Case) -> Timed:
    """A run of ours, to its end."""
    run_dir = shared(lambda: frozen(folder, case))
    attempt = Timed(run_dir, RANK)
    attempt.case = case
    attempt.train()
    return attempt


def shared(make: Callable[[], Path]) -> Path:
    """What rank 0 makes. Processes meet once, and not anew for each run."""
    if WORLD == 1:
        return make()
    if not dist.is_initialized():
        dist.init_process_group("gloo")
    made = [make() if RANK == 0 else None]
    dist.broadcast_object_list(made)
    assert made[0] is not None, "rank 0 made it"
    return made[0]


def plainly(attempt: Timed) -> tuple[torch.nn.Module, Ticks]:
    """The same model, batches, optimiser and schedule in a loop."""
    network, ticks, batches = fresh(attempt)
    model = DistributedDataParallel(network) if WORLD > 1 else network
    made = config.instantiate(attempt.cfg.stage.optimizer).build(
        network.parameters(), steps=attempt.steps.steps
    )
    optimizer, schedule = made["optimizer"], made["lr_scheduler"]["scheduler"]
    # In the optimiser's order, in which ours adds up the norm: another order rounds otherwise.
    parameters = [weight for group in optimizer.param_groups for weight in group["params"]]
    clip = attempt.cfg.stage.clip
    for batch in batches:
        logits = model(input_ids=batch.ids, position_ids=batch.positions, use_cache=False).logits
        loss = token_nll(logits, batch.targets).sum() * (WORLD / batch.learnt)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, clip)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return network, ticks


def fresh(attempt: Timed) -> tuple[torch.nn.Module, Ticks, Sequence[Batch]]:
    network = attempt.case.make(len(attempt.tokenizer)).train()
    network.requires_grad_(True)
    return network, Ticks(network), list(attempt.steps)


class Meters(pl.Callback):
    """Milliseconds per step in each hook of the callbacks, in the loggers, rows and the meter."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        hooks = [name for name in dir(pl.Callback) if name.startswith("on_train_batch")]
        for callback in trainer.callbacks:  # pyright: ignore[reportAttributeAccessIssue]
            if callback is not self:
                for hook in hooks:
                    if getattr(type(callback), hook) is not getattr(pl.Callback, hook):
                        self.time(callback, hook)
        for logger in trainer.loggers:
            self.time(logger, "log_metrics", inside=True)
        for name in ("training_step", "configure_gradient_clipping"):
            self.time(pl_module, name)
        self.time(pl_module.meter, "add_tokens", inside=True)
        self.time(pl_module.meter, "read", inside=True)

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.global_step == NULL.first:  # W&B began at the first log, once and for all
            self.spent = dict.fromkeys(self.spent, 0.0)

    def time(self, owner: Any, name: str, *, inside: bool = False) -> None:
        key = f"{'  of it ' if inside else ''}{type(owner).__name__}.{name}"
        call = getattr(owner, name)
        self.spent[key] = 0.0

        def timed(*args: Any, **kwargs: Any) -> Any:
            begun = time.thread_time()
            try:
                return call(*args, **kwargs)
            finally:
                self.spent[key] += time.thread_time() - begun

        setattr(owner, name, timed)


class Taken(Timed):
    """With a meter on every part."""

    def _callbacks(self, *given: Any) -> list[pl.Callback]:
        self.meters = Meters()
        return [*super()._callbacks(*given), self.meters]


def parts(folder: Path) -> None:
    """Where the time of a null step goes, dearest first."""
    torch.set_num_threads(1)
    attempt = Taken(frozen(folder, NULL), RANK)
    attempt.case = NULL
    attempt.train()
    steps = attempt.steps.steps - NULL.first
    print(f"null model, ms per step of {attempt.ticks.each(NULL)[0]:.3f}")
    for name, seconds in sorted(attempt.meters.spent.items(), key=lambda item: -item[1]):
        print(f"  {1000 * seconds / steps:6.3f}  {name}")
    began = time.thread_time()
    count = sum(1 for _ in attempt.steps)
    print(f"  {1000 * (time.thread_time() - began) / count:6.3f}  Steps, from rows to a batch")
    bare = bare_lightning(attempt)
    plain = plainly(attempt)[1].each(NULL)[0]
    print(f"  {plain:6.3f}  in all, plain\n  {bare:6.3f}  in all, Lightning without callbacks")


class Bare(pl.LightningModule):
    """The same lesson, and nothing that Lightning does not ask for."""

    def __init__(self, attempt: Timed) -> None:
        super().__init__()
        self.network, self.ticks, self.batches = fresh(attempt)
        self.cfg, self.steps = attempt.cfg.stage, attempt.steps.steps

    def training_step(self, batch: Batch, _: int) -> torch.Tensor:
        logits = self.network(
            input_ids=batch.ids, position_ids=batch.positions, use_cache=False
        ).logits
        return token_nll(logits, batch.targets).sum() / batch.learnt

    def configure_optimizers(self) -> Any:
        return config.instantiate(self.cfg.optimizer).build(
            self.network.parameters(), steps=self.steps
        )


def bare_lightning(attempt: Timed) -> float:
    """Milliseconds per step of a Trainer with no callback and no logger, over a list."""
    stage = Bare(attempt)
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=1,
        max_steps=stage.steps,
        max_epochs=-1,
        gradient_clip_val=attempt.cfg.stage.clip,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    trainer.fit(stage, DataLoader(stage.batches, batch_size=None))  # pyright: ignore
    return stage.ticks.each(attempt.case)[0]
