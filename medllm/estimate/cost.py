"""What a run costs: GPU-hours at most and presumably, and disk."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig

from medllm import config
from medllm.estimate.architecture import Unknown
from medllm.estimate.compute import flops_per_token
from medllm.estimate.devices import GIB, peak_flops
from medllm.estimate.sharding import width
from medllm.estimate.size import Size, size
from medllm.hardware import Hardware
from medllm.model.adapter import Lora

MFU = 0.4  # presumed; 0.38 to 0.46 is what others publish for 7B on H100 (see the README)


@dataclass(frozen=True, slots=True)
class Cost:
    """What cannot be told is None.

    gpu_hours_limit: nodes x GPUs x time limit of a job.
    gpu_hours_expected: for all tokens of the run, at an MFU of 0.4.
    tokens: read in the whole run; known once its rows are.
    checkpoint_bytes: of one checkpoint: what is trained, and its optimiser.
    export_bytes: of the exported model.
    disk_bytes: the most that lies on the disk at once.
    """

    gpu_hours_limit: float | None
    gpu_hours_expected: float | None
    tokens: int | None
    checkpoint_bytes: int | None
    export_bytes: int | None
    disk_bytes: int | None


def cost(cfg: DictConfig, earlier: Mapping[str, DictConfig]) -> Cost:
    """What the run that `cfg` composes costs.

    Args:
        earlier: configs of runs that are not trained yet, by id.
    """
    hardware: Hardware = config.instantiate(cfg.hardware)
    gpus = hardware.processes if hardware.accelerator == "gpu" else 0
    limit = gpus * hardware.slurm.seconds / 3600 if hardware.slurm else None
    tokens, found = read(cfg), size(cfg, earlier)
    if isinstance(found, Unknown):
        return Cost(limit, None, tokens, None, None, None)
    checkpoint, export = _checkpoint(found, hardware), _export(found, hardware, cfg)
    return Cost(
        gpu_hours_limit=limit,
        gpu_hours_expected=_expected(tokens, found, hardware, cfg),
        tokens=tokens,
        checkpoint_bytes=checkpoint,
        export_bytes=export,
        # One is written before the oldest goes, and all stay until the export is whole.
        disk_bytes=(cfg.checkpointing.keep + 1) * checkpoint + export,
    )


def problems(cfg: DictConfig, earlier: Mapping[str, DictConfig]) -> list[str]:
    """Why the disk cannot hold what the run will write, if it cannot."""
    needed = cost(cfg, earlier).disk_bytes
    if needed is None:
        return []
    run_dir = Path(cfg.paths.runs).absolute() / config.run_id(cfg)
    there = sum(file.stat().st_size for file in run_dir.glob("checkpoints/**/*") if file.is_file())
    free = shutil.disk_usage(next(at for at in run_dir.parents if at.is_dir())).free
    if needed - there <= free:
        return []
    return [
        f"the run will write {(needed - there) / GIB:.1f} GiB ({cfg.checkpointing.keep} + 1 "
        f"checkpoints and the export) and paths.runs={cfg.paths.runs} has {free / GIB:.1f} GiB "
        "left; make room, change paths.runs, or lower checkpointing.keep"
    ]


def read(cfg: DictConfig) -> int | None:
    """Tokens that the whole run reads; None until its stores are known to its folder."""
    file = Path(cfg.paths.runs) / config.run_id(cfg) / "stores.json"
    if not file.is_file():
        return None
    from medllm.data.store import Store

    places = json.loads(file.read_text(encoding="utf-8"))
    stores = {name: Store(Path(place)) for name, place in places.items()}
    rows = config.instantiate(cfg.data).rows(stores, epochs=cfg.stage.epochs, seed=cfg.seed)
    tokens = 0
    for number, store in enumerate(stores.values()):
        entries = rows.entries[rows.entries[:, 0] == number, 1]
        lengths = store.lengths.reshape(-1, 2).sum(axis=1) if store.is_pairs else store.lengths
        tokens += int(lengths[entries].sum())
    return tokens


def _expected(tokens: int | None, found: Size, hardware: Hardware, cfg: DictConfig) -> float | None:
    peak = peak_flops(hardware)
    if tokens is None or peak is None:
        return None
    return tokens * flops_per_token(found, cfg) / (peak * MFU) / 3600


def _checkpoint(found: Size, hardware: Hardware) -> int:
    """The trained weights with the two numbers that AdamW keeps for each."""
    is_zero = hardware.strategy.startswith("zero") and hardware.processes > 1
    return 3 * found.trained * (4 if is_zero else width(hardware))


def _export(found: Size, hardware: Hardware, cfg: DictConfig) -> int:
    adapter = config.instantiate(cfg.model.adapter)
    is_beside = isinstance(adapter, Lora) and adapter.export == "beside"
    return width(hardware) * (found.trained if is_beside else found.parameters)
