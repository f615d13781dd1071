"""Make the row stores of a run on CPUs: raw files, cleaned, tokenised and packed.

Takes the same keys as train and trains nothing. Stores that are there and fresh are kept.

    medllm prepare experiments=world/cpt previous=world/base/1a2b3c4d
"""

from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from medllm import config
from medllm.errors import ConfigError

if TYPE_CHECKING:
    from medllm.data.store import Store


def prepare(cfg: DictConfig) -> "dict[str, Store]":
    """The stores of a checked config, built where they are missing or stale."""
    make_world(cfg)
    model, data = config.instantiate(cfg.model), config.instantiate(cfg.data)
    if problems := data.check(cfg.stage.global_batch):
        raise ConfigError(problems)
    return data.stores(model.tokenizer(), Path(cfg.paths.stores))


def make_world(cfg: DictConfig) -> None:
    """Write the invented world's files, where the config is made of it."""
    if cfg.get("world"):
        config.instantiate(cfg.world)


def main(cfg: DictConfig) -> None:
    from rich.console import Console

    from medllm.report.summary import stores_table

    config.check(cfg, "prepare")
    stores = prepare(cfg)
    Console().print(stores_table({name: store.manifest for name, store in stores.items()}))
    for name, store in stores.items():
        print(f"{name}: {store.folder}")
