"""Train one run: a model, data and a stage, on some hardware.

The run's folder is named by its science, so the same run is never trained twice, and its
path is printed at the end. On one machine the row stores are made first.

    medllm train experiments=world/base
    medllm train experiments=world/cpt previous=world/base/1a2b3c4d hardware=cpu2
"""

import shutil
from pathlib import Path

from omegaconf import DictConfig

from medllm import config, launch
from medllm.prepare import prepare


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
        prepare(cfg)  # once, not in every rank
        # Scores of an earlier attempt, if any, are of another model.
        shutil.rmtree(run_dir / "eval", ignore_errors=True)
        config.freeze(cfg, run_dir)
        launch.launch(run_dir, config.instantiate(cfg.hardware), run)
    return run_id


def main(cfg: DictConfig) -> None:
    run_id = train(cfg)
    print(Path(cfg.paths.runs) / run_id)
