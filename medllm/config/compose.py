"""Where the YAML lives, and how a root and its overrides become one config."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hydra
import hydra.utils
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

REPO = Path(__file__).resolve().parent.parent.parent
CONF = REPO / "conf"


def register_resolvers() -> None:
    """Teach OmegaConf `${repo:}`, the folder of the checkout. Safe to call twice."""
    OmegaConf.register_new_resolver("repo", lambda: str(REPO), replace=True)


def compose(root: str, overrides: Sequence[str] = (), *, conf: Path = CONF) -> DictConfig:
    """`conf/<root>.yaml` with `overrides`, as the command line would compose it.

    Works inside a job of `hydra.main` too: there Hydra already runs, refuses to be set up
    twice, and its own loader composes.
    """
    register_resolvers()
    if GlobalHydra.instance().is_initialized():
        return hydra.compose(root, overrides=list(overrides))
    with hydra.initialize_config_dir(str(conf), version_base="1.3"):
        return hydra.compose(root, overrides=list(overrides))


def instantiate(node: DictConfig) -> Any:
    """What `node._target_` names, made with the other keys; mappings and lists become plain.

    Left to itself Hydra hands over its own containers, which turn dataclasses into configs.
    """
    return hydra.utils.instantiate(node, _convert_="all")
