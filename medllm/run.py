"""python -m medllm.run RUN_DIR   One rank of one frozen run.

config.yaml, stores.json -> tokenizer -> rows -> steps -> stage -> export/, done.json
"""

import json
import logging
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import transformers
from omegaconf import DictConfig, OmegaConf
from torch.utils.data import DataLoader

from medllm import config, provenance
from medllm.data.cleaning import cleaned_as
from medllm.data.heldout import Chunk, chunks
from medllm.data.mixture import Mixture
from medllm.data.source.read import Quarantine
from medllm.data.steps import Layout, Steps
from medllm.data.store import Store
from medllm.launch import Hardware
from medllm.model.export import export
from medllm.stage.base import Stage
from medllm.stage.curves import Curves, Heldout
from medllm.stage.progress import Bar


def is_done(run_dir: Path) -> bool:
    """Whether the run was trained to its end and exported."""
    return (run_dir / "done.json").exists()


def run(run_dir: Path) -> None:
    """Train the frozen run in `run_dir` and export its model."""
    cfg = OmegaConf.load(run_dir / "config.yaml")
    assert isinstance(cfg, DictConfig), "config.yaml is a mapping"
    _hush()
    hardware: Hardware = config.instantiate(cfg.hardware)
    if hardware.threads:
        torch.set_num_threads(hardware.threads)
    pl.seed_everything(cfg.seed, verbose=False)
    model, data = config.instantiate(cfg.model), config.instantiate(cfg.data)
    tokenizer = model.tokenizer()
    stores = _stores(run_dir)
    steps = Steps(
        stores,
        data.rows(stores, epochs=cfg.stage.epochs, seed=cfg.seed),
        global_batch=cfg.stage.global_batch,
        layout=_layout(cfg, hardware),
        pad_id=tokenizer.pad_token_id,
    )
    stage = config.instantiate(cfg.stage)(
        lambda: _network(model, tokenizer, cfg.seed, hardware), steps.steps, list(stores)
    )
    heldout = Heldout(_heldout(data, tokenizer, run_dir))
    started = time.perf_counter()
    if steps.layout.rank == 0:
        provenance.record(run_dir, data={name: store.manifest for name, store in stores.items()})
    trainer = _fit(stage, steps, heldout, cfg, hardware, run_dir)
    if trainer.is_global_zero:
        export(stage.network, tokenizer, adapter=model.adapter, folder=run_dir / "export")
        done = {
            "steps": steps.steps,
            "seconds": round(time.perf_counter() - started, 1),
            "tokens": int(stage.meter.learnt),
        }
        (run_dir / "done.json").write_text(json.dumps(done))


def _stores(run_dir: Path) -> dict[str, Store]:
    """Those that `medllm.train` prepared; a rank makes none."""
    places = json.loads((run_dir / "stores.json").read_text(encoding="utf-8"))
    return {name: Store(Path(place)) for name, place in places.items()}


def _hush() -> None:
    """Less of what libraries say to nobody: devices not found, shards written, tips."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    transformers.utils.logging.disable_progress_bar()
    # Rows come from memory maps, which worker processes would read 13 times slower.
    warnings.filterwarnings("ignore", ".*does not have many workers.*")
    warnings.filterwarnings("ignore", ".*`IterableDataset` has `__len__` defined.*")
    warnings.filterwarnings("ignore", ".*smaller than the logging interval.*")
    warnings.filterwarnings("ignore", ".*LeafSpec.*is deprecated.*")  # Lightning 2.6.6


def _layout(cfg: DictConfig, hardware: Hardware) -> Layout:
    micro_batch, accumulate = hardware.accumulation(cfg.stage.global_batch)
    rank = int(os.environ.get("RANK", 0))
    return Layout(rank, hardware.processes, micro_batch, accumulate)


def _heldout(data: Mixture, tokenizer, run_dir: Path) -> dict[str, list[Chunk]]:
    """The held-out text of every domain; malformed records go to heldout-*.jsonl in the run."""
    pieces = {}
    for domain, source in data.heldout.items():
        quarantine = Quarantine()
        documents: Any = cleaned_as(source, source.examples(quarantine))
        pieces[domain] = chunks(documents, tokenizer, length=data.seq_len)
        if len(quarantine):
            quarantine.write(run_dir / f"heldout-{domain}-quarantine.jsonl")
    return pieces


def _network(model, tokenizer, seed: int, hardware: Hardware) -> torch.nn.Module:
    network = model.network(tokenizer, seed=seed)
    if hardware.gradient_checkpointing:
        # Adapters need inputs that require a gradient, for a frozen embedding gives none.
        network.enable_input_require_grads()
        network.gradient_checkpointing_enable({"use_reentrant": False})
    return network


def _fit(
    stage: Stage,
    steps: Steps,
    heldout: Heldout,
    cfg: DictConfig,
    hardware: Hardware,
    run_dir: Path,
) -> pl.Trainer:
    tracker = config.instantiate(cfg.tracker)
    loggers = tracker.loggers(
        str(run_dir.relative_to(Path(cfg.paths.runs).absolute())),
        group=cfg.group,
        job_type=cfg.name.rpartition("/")[2],
        tags=[cfg.model.name],
        config=OmegaConf.to_container(cfg),
        run_dir=run_dir,
    )
    trainer = pl.Trainer(
        accelerator=hardware.accelerator,
        devices=hardware.devices,
        num_nodes=hardware.nodes,
        strategy="ddp" if hardware.processes > 1 else "auto",
        precision=hardware.precision,
        max_steps=steps.steps,
        max_epochs=-1,
        accumulate_grad_batches=steps.layout.accumulate,
        callbacks=[Curves(), heldout, Bar(run_dir.parent.name)],
        logger=loggers,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    trainer.fit(stage, DataLoader(steps, batch_size=None))
    tracker.finish()
    return trainer


if __name__ == "__main__":
    run(Path(sys.argv[1]))
