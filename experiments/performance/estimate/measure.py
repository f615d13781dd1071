"""How near the estimate of memory comes: real trainings on processors, beside what is foretold.

    python experiments/performance/estimate/measure.py            all shapes, as a table
    python experiments/performance/estimate/measure.py full       one of them

Each shape is trained for 3 steps on random rows in processes of its own. Compared is the most
memory that a process held (getrusage) with what it held before it made the network.
"""

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from medllm import config
from medllm.estimate.architecture import Unknown, architecture
from medllm.estimate.memory import CONTEXT, memory

MIB = 2**20
WIDE = ("hidden_size=512", "intermediate_size=1408", "num_hidden_layers=8", "num_attention_heads=8")
BASE = [
    *(f"++model.start.architecture.{size}" for size in WIDE),
    "model.start.vocabulary.size=8000", "data.seq_len=512", "stage.global_batch=4",
]  # fmt: skip
LORA, CKPT = "model/adapter=lora", "hardware.gradient_checkpointing=true"
SHAPES = {
    "full": [],
    "full, checkpointing": [CKPT],
    "full, 2 rows a pass, accumulated": ["hardware.micro_batch=2"],
    "32,000 entries": ["model.start.vocabulary.size=32000", CKPT],
    "eager attention": ["hardware.attention=eager"],
    "bf16-true": ["hardware.precision=bf16-true"],
    "bf16-mixed": ["hardware.precision=bf16-mixed"],
    "one document a row": ["data.packing=none"],
    "LoRA": [LORA],
    "LoRA, checkpointing": [LORA, CKPT],
    "DPO, LoRA": ["dpo"],
    "DPO, LoRA, checkpointing": ["dpo", CKPT],
    "2 x ddp": ["hardware=cpu2"],
    "2 x zero1": ["hardware=cpu2", "hardware.strategy=zero1"],
    "2 x zero2": ["hardware=cpu2", "hardware.strategy=zero2"],
    "2 x zero3": ["hardware=cpu2", "hardware.strategy=zero3"],
    "2 x fsdp2": ["hardware=cpu2", "hardware.strategy=fsdp2"],
}


def composed(name: str):
    shape = [word for word in SHAPES[name] if word != "dpo"]
    first = ["experiments=world/dpo", "previous=none"]
    first = first if "dpo" in SHAPES[name] else ["experiments=world/base"]
    first += ["model/start=bytes", "hardware.threads=1"]
    first += ["~data.heldout.general", "~data.heldout.medical"]  # not looked at below
    where = [word for word in shape if "=" in word and word.split("=")[0] in ("hardware",)]
    return config.compose("train", [*first, *where, *BASE, *[s for s in shape if s not in where]])


def measured(name: str) -> None:
    """Train, and print the MiB that rank 0 held above what it held before."""
    import pytorch_lightning as pl
    from torch.utils.data import DataLoader
    from transformers import AutoModelForCausalLM

    from medllm.parallel.loading import loaded
    from medllm.parallel.strategy import environment, strategy

    cfg = composed(name)
    hardware = config.instantiate(cfg.hardware)
    torch.set_num_threads(1)
    found = architecture(cfg, {})
    assert not isinstance(found, Unknown), found
    rows, accumulate = hardware.accumulation(cfg.stage.global_batch)

    def make():
        network = AutoModelForCausalLM.from_config(found.of(), dtype=torch.float32)
        network.set_attn_implementation(hardware.attention)
        return found.adapter.attach(network)

    def load():
        network: Any = loaded(make, hardware)
        if hardware.gradient_checkpointing:
            network.enable_input_require_grads()
            network.gradient_checkpointing_enable({"use_reentrant": False})
        return network

    stage = config.instantiate(cfg.stage)(load, 3, ["rows"])
    batch = batch_of(rows, found.of().vocab_size, cfg, is_pairs=stage.wants_pairs)
    trainer = pl.Trainer(
        accelerator="cpu", devices=hardware.devices, precision=hardware.precision, logger=False,
        strategy=strategy(hardware, clip=1.0), plugins=[environment(hardware)], max_steps=3,
        max_epochs=-1, accumulate_grad_batches=accumulate, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, use_distributed_sampler=False,
    )  # fmt: skip
    before = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    trainer.fit(stage, DataLoader([batch] * (3 * accumulate), batch_size=None))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if int(os.environ.get("RANK", 0)) == 0:
        print(f"RESULT {before / MIB:.0f} {(most - before) / MIB:.0f}", flush=True)


def batch_of(rows: int, vocabulary: int, cfg, *, is_pairs: bool):
    from medllm.types import Batch, PairBatch

    length = cfg.data.seq_len
    ids = torch.randint(vocabulary, (rows * (1 + is_pairs), length))
    numbers = torch.arange(rows)
    if is_pairs:
        return PairBatch(ids, ids, numbers, numbers, rows)
    document = length if cfg.data.packing == "none" else length // 2
    positions = (torch.arange(length) % document).expand(ids.shape)
    return Batch(ids, ids, positions, torch.zeros_like(ids), numbers, ids.numel())


def compare(names: list[str]) -> None:
    print("| shape | before, MiB | foretold, MiB | held, MiB | foretold / held |")
    print("|---|---|---|---|---|")
    for name in names:
        cfg = composed(name)
        need = memory(cfg, {})
        assert not isinstance(need, Unknown), need
        foretold = (need.total - CONTEXT["cpu"]) / MIB
        start = [sys.executable, "-W", "ignore"]
        if cfg.hardware.devices > 1:
            start += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
        # So that glibc gives back what torch frees, as CUDA's allocator uses it again.
        environment = os.environ | {"MEASURED": name, "MALLOC_MMAP_THRESHOLD_": "65536"}
        said = subprocess.run([*start, __file__], env=environment, capture_output=True, text=True)
        lines = [line for line in said.stdout.splitlines() if line.startswith("RESULT")]
        assert lines, said.stderr[-3000:]
        before, held = map(int, lines[0].split()[1:])
        print(
            f"| {name} | {before} | {foretold:.0f} | {held} | {foretold / held:.2f} |", flush=True
        )


if __name__ == "__main__":
    if "MEASURED" in os.environ:
        measured(os.environ["MEASURED"])
    else:
        compare(sys.argv[1:] or list(SHAPES))
