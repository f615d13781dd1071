"""A run is its science: the same model, data, stage, seed and past share one folder.

Hardware is only speed and machine paths are only places, so neither enters the name. A run that
was stopped resumes in its folder on other hardware, and two sweep points that share a stage find
it already trained.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

SCIENCE = ("model", "data", "stage", "seed", "previous", "world")


def run_id(cfg: DictConfig) -> str:
    """`name/` and eight hex digits, e.g. "world/sft/1a2b3c4d"; `cfg` must have passed `check`."""
    placed = cfg.copy()
    OmegaConf.set_readonly(placed, False)
    # ${paths.runs}/x becomes <runs>/x on every machine.
    placed.paths = {key: f"<{key}>" for key in cfg.get("paths", {})}
    plain: Any = OmegaConf.to_container(placed, resolve=True)
    science = {key: plain.get(key) for key in SCIENCE}
    return f"{cfg.name}/{digest(science)}"


def digest(plain: object) -> str:
    """Eight hex digits that name the content of plain dicts, lists and scalars."""
    text = json.dumps(plain, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def freeze(cfg: DictConfig, run_dir: Path) -> Path:
    """Write `cfg` resolved, with its `run_id`; the run reads `run_dir/config.yaml` only.

    Its paths are absolute, for whoever goes on with the run may stand in another folder.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    placed = cfg.copy()
    OmegaConf.set_readonly(placed, False)
    placed.paths = {key: str(Path(path).absolute()) for key, path in cfg.get("paths", {}).items()}
    resolved: Any = OmegaConf.to_container(placed, resolve=True)
    frozen = run_dir / "config.yaml"
    beside = run_dir / f".config.yaml.{os.getpid()}"
    OmegaConf.save(OmegaConf.create({"run_id": run_id(cfg), **resolved}), beside)
    beside.replace(frozen)  # atomic: a rank that starts early reads the old file or the new one
    return frozen
