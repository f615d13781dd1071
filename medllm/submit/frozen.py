"""What is written down of a run before it starts; jobs compose nothing and read this.

config.yaml            all keys, resolved
contamination.yaml     the benchmarks that its data are held against, each as composed
stores.json            source to the folder of its rows, once they are made
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from medllm import config
from medllm.submit import same
from medllm.submit.standing import record


def freeze(cfg: DictConfig, exams: Mapping[str, DictConfig], run_dir: Path) -> None:
    """Write `cfg` and `exams` down; only under the starter's lock, and while nobody trains there.

    Scores of an earlier attempt go, since they are of another model.
    """
    config.freeze(cfg, run_dir)
    save(exams, run_dir / "contamination.yaml")
    shutil.rmtree(run_dir / "eval", ignore_errors=True)


def save(configs: Mapping[str, DictConfig], file: Path) -> None:
    """Several configs in one file, resolved; whole or as it was."""
    plain = {name: OmegaConf.to_container(each, resolve=True) for name, each in configs.items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    OmegaConf.save(OmegaConf.create(plain), beside)
    beside.replace(file)


def thaw(file: Path) -> DictConfig:
    cfg = OmegaConf.load(file)
    assert isinstance(cfg, DictConfig), f"{file} is a mapping"
    return cfg


def untrained(cfg: DictConfig) -> dict[str, DictConfig]:
    """The frozen configs of the runs before this one that are not trained yet, by id."""
    runs, found = Path(cfg.paths.runs).absolute(), {}
    while (previous := cfg.get("previous")) and (runs / previous / "config.yaml").exists():
        if (runs / previous / "done.json").exists():
            break
        cfg = found[previous] = thaw(runs / previous / "config.yaml")
    return found


def has_rows(cfg: DictConfig, run_dir: Path) -> bool:
    """Whether the rows of a frozen run are there, made of the raw files as they are now."""
    places = record(run_dir / "stores.json")
    if not places or not (run_dir / "contamination.json").exists():
        return False
    if not all((Path(place) / "manifest.json").is_file() for place in places.values()):
        return False
    return not same.differences(cfg, run_dir, same.prepared(run_dir))
