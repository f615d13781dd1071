"""Where the YAML lives, and how a root and its overrides become one config."""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hydra
import hydra.utils
import yaml
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Quote, QuotedString
from omegaconf import DictConfig

# OmegaConf 2.3 asks for PyYAML's scanner in Python; that of libyaml reads the same, six times as
# fast (15 ms of a command). `test_omegaconf_still_reads_yaml_slowly` tells when this can go.
yaml.SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

REPO = Path(__file__).resolve().parent.parent.parent
CONF = REPO / "conf"


def quoted(text: object) -> str:
    """`text` as the value of an override, whatever stands in it."""
    return QuotedString(str(text), Quote.single).with_quotes()


# What every root tells Hydra: experiments/ is a group, a run's folder is ours to name, and
# no file is left anywhere but in runs/. As words, since a root made of another may not say so.
HYDRA = (
    f"hydra.searchpath=[{quoted(f'file://{REPO}')}]",
    "hydra/job_logging=stdout",
    "hydra.run.dir=${paths.runs}",
    "hydra.sweep.dir=${paths.runs}",
    "hydra.sweep.subdir=.",
    "hydra.output_subdir=null",
    "hydra.job.chdir=false",
)


def folder_of(root: str, conf: Path = CONF) -> Path:
    """Where `<root>.yaml` lies: in `conf`, or in `conf/roots` apart from the groups.

    A recipe *names* choices (`model=world_s`) and hands them to its steps. Were the groups in
    its search path, Hydra would take the word for a choice of its own.
    """
    apart = conf / "roots"
    return apart if (apart / f"{root}.yaml").is_file() else conf


def compose(root: str, overrides: Sequence[str] = (), *, conf: Path = CONF) -> DictConfig:
    """`<root>.yaml` with `overrides`, as the command line would compose it.

    Works inside a job of `hydra.main` too, whose own loader is put aside meanwhile.
    """
    instance = GlobalHydra.instance()
    running = instance.hydra
    instance.clear()
    try:
        with hydra.initialize_config_dir(str(folder_of(root, conf)), version_base="1.3"):
            return hydra.compose(root, overrides=[HYDRA[0], *overrides])
    finally:
        instance.hydra = running


def instantiate(node: DictConfig) -> Any:
    """What `node._target_` names, made with the other keys; mappings and lists become plain.

    Left to itself Hydra hands over its own containers, which turn dataclasses into configs, and
    partials of its own, which ask at every call whether they may (1.3.8: 0.1 ms, and a corpus
    calls one for every record).
    """
    return undeferred(hydra.utils.instantiate(node, _convert_="all"))


def undeferred(value: Any) -> Any:
    """`value` with Python's own partials, down to the last field."""
    match value:
        case functools.partial():
            arguments = {key: undeferred(inner) for key, inner in value.keywords.items()}
            return functools.partial(value.func, *map(undeferred, value.args), **arguments)
        case dict():
            return {key: undeferred(inner) for key, inner in value.items()}
        case list():
            return [undeferred(inner) for inner in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            # Also of a frozen one: it says the same as before.
            object.__setattr__(value, field.name, undeferred(getattr(value, field.name)))
    return value
