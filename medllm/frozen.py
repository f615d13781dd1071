"""One frozen run, as one rank reads it: config.yaml and stores.json, and what they lead to."""

import json
import os
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from medllm import config
from medllm.checkpoint import folder as checkpoints
from medllm.data.cleaning import cleaned_as
from medllm.data.heldout import Chunk, chunks
from medllm.data.source.read import Quarantine
from medllm.data.steps import Layout, Steps
from medllm.data.store import Store
from medllm.errors import UserError
from medllm.hardware import Hardware
from medllm.parallel.loading import loaded


class Frozen:
    """What one rank reads of a run.

    start: optimiser steps behind it, by its newest checkpoint.
    """

    def __init__(self, run_dir: Path, rank: int) -> None:
        cfg = OmegaConf.load(run_dir / "config.yaml")
        assert isinstance(cfg, DictConfig), "config.yaml is a mapping"
        self.run_dir, self.rank, self.cfg = run_dir, rank, cfg
        self.hardware: Hardware = config.instantiate(cfg.hardware)
        # accelerate imports DeepSpeed where a model is saved, and it looks for a GPU unless told.
        os.environ["DS_ACCELERATOR"] = {"gpu": "cuda", "cpu": "cpu"}[self.hardware.accelerator]
        self.model, self.data = config.instantiate(cfg.model), config.instantiate(cfg.data)
        self.resumed = checkpoints.newest(run_dir / "checkpoints", sets_aside=rank == 0)
        self.start = self.resumed.step if self.resumed else 0

    @property
    def run_id(self) -> str:
        return str(self.run_dir.relative_to(Path(self.cfg.paths.runs).absolute()))

    @cached_property
    def tokenizer(self):
        return self.model.tokenizer()

    @cached_property
    def stores(self) -> dict[str, Store]:
        """Those that `medllm prepare` or `medllm train` made; a rank makes none.

        Raises:
            UserError: nobody made them.
        """
        file = self.run_dir / "stores.json"
        if not file.exists():
            raise UserError(
                f"{self.run_dir} has no stores.json; prepare its data on CPUs first: "
                f"python -m medllm.job prepare {self.run_dir}"
            )
        places = json.loads(file.read_text(encoding="utf-8"))
        return {name: Store(Path(place)) for name, place in places.items()}

    @cached_property
    def steps(self) -> Steps:
        """The micro-batches of this rank, from the first one that is not behind it."""
        cfg = self.cfg
        micro_batch, accumulate = self.hardware.accumulation(cfg.stage.global_batch)
        return Steps(
            self.stores,
            self.data.rows(self.stores, epochs=cfg.stage.epochs, seed=cfg.seed),
            global_batch=cfg.stage.global_batch,
            layout=Layout(self.rank, self.hardware.processes, micro_batch, accumulate),
            pad_id=self.tokenizer.pad_token_id,
            start=self.start,
        )

    def _network(self) -> torch.nn.Module:
        network: Any = loaded(self._untrained, self.hardware)
        network.set_attn_implementation(self.hardware.attention)
        if self.hardware.gradient_checkpointing:
            network.activation_checkpointing_enable({"use_reentrant": False})
        return network

    def _untrained(self) -> Any:
        """The model with its adapter, as it is before the first step."""
        return self.model.network(self.tokenizer, seed=self.cfg.seed)

    def _heldout(self) -> dict[str, list[Chunk]]:
        """The held-out text of every domain; malformed records go to heldout-*.jsonl."""
        pieces = {}
        for domain, source in self.data.heldout.items():
            quarantine = Quarantine()
            documents: Any = cleaned_as(source, source.examples(quarantine))
            pieces[domain] = chunks(documents, self.tokenizer, length=self.data.seq_len)
            if len(quarantine):
                quarantine.write(self.run_dir / f"heldout-{domain}-quarantine.jsonl")
        return pieces
