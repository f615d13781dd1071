"""Train one run: a model, data and a stage, on some hardware.

The run's folder is named by its science, so the same run is never trained twice, and its
path is printed at the end. On one machine the row stores are made first.

    medllm train experiments=world/base
    medllm train experiments=world/cpt previous=world/base/1a2b3c4d hardware=cpu2
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import hydra.utils
from omegaconf import DictConfig

from medllm import config, launch
from medllm.errors import ConfigError
from medllm.prepare import matches, prepare

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
        _check_exams(cfg)
        stores = prepare(cfg)  # once, not in every rank
        _check_kind(cfg, stores)
        # Scores of an earlier attempt, if any, are of another model.
        shutil.rmtree(run_dir / "eval", ignore_errors=True)
        freeze(cfg, stores, run_dir)
        launch.launch(run_dir, config.instantiate(cfg.hardware), run)
    return run_id


def freeze(cfg: DictConfig, stores: "Mapping[str, Store]", run_dir: Path) -> None:
    """Write down all that the ranks read: the config, and where the stores are.

    Beside them contamination.json, for those who will score the run.
    """
    from medllm.data.contamination.report import of_run

    config.freeze(cfg, run_dir)
    places = {name: str(store.folder) for name, store in stores.items()}
    for name, content in {"stores": places, "contamination": of_run(matches(stores))}.items():
        text = json.dumps(content, indent=1, ensure_ascii=False)
        (run_dir / f"{name}.json").write_text(text, encoding="utf-8")


def _check_exams(cfg: DictConfig) -> None:
    """Refuse data that nobody has held against the benchmarks the model will be scored on."""
    checked = cfg.data.contamination.benchmarks if cfg.data.get("contamination") else ()
    if missing := set(cfg.benchmarks) - set(checked) - set(cfg.unchecked):
        names = ", ".join(sorted(missing))
        raise ConfigError(
            [
                f"the data is not checked against {names}, on which the model will be scored; add "
                "it to data.contamination.benchmarks, or name it in `unchecked` to go on without"
            ]
        )


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
