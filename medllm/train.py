"""Train one run: a model, data and a stage, on some hardware.

The run's folder is named by its science, so the same run is never trained twice, and its
path is printed at the end. On one machine the row stores are made first.

    medllm train experiments=world/base
    medllm train experiments=world/cpt previous=world/base/1a2b3c4d hardware=cpu2
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import hydra.utils
from omegaconf import DictConfig

from medllm import config, launch
from medllm.errors import ConfigError
from medllm.prepare import prepare

if TYPE_CHECKING:
    from medllm.data.store import Store


def train(cfg: DictConfig) -> str:
    """Train what `cfg` composes unless it is done, and return the run's id.

    Raises:
        ConfigError: with every problem of the config.
    """
    from medllm.run import is_done, run

    config.check(cfg, "train")
    run_id = config.run_id(cfg)
    run_dir = Path(cfg.paths.runs).absolute() / run_id
    if not is_done(run_dir):
        _check_kind(cfg, prepare(cfg))  # prepared once, not in every rank
        # Scores of an earlier attempt, if any, are of another model.
        shutil.rmtree(run_dir / "eval", ignore_errors=True)
        config.freeze(cfg, run_dir)
        launch.launch(run_dir, config.instantiate(cfg.hardware), run)
    return run_id


def _check_kind(cfg: DictConfig, stores: "Mapping[str, Store]") -> None:
    """Refuse preference pairs for a stage that reads rows, and rows for one that wants pairs."""
    wanted = hydra.utils.get_class(cfg.stage["_target_"]).wants_pairs
    given = all(store.is_pairs for store in stores.values())
    if given != wanted:
        kinds = {True: "preference pairs", False: "rows"}
        raise ConfigError(
            [
                f"data holds {kinds[given]}, but stage learns from {kinds[wanted]}; "
                "change one of them"
            ]
        )


def main(cfg: DictConfig) -> None:
    run_id = train(cfg)
    print(Path(cfg.paths.runs) / run_id)
