"""Make the row stores of a run on CPUs: raw files, cleaned, compared, tokenised and packed.

Takes the same keys as train and trains nothing. What is there and fresh is kept; what was
killed goes on where it stood.

    medllm prepare experiments=world/cpt previous=world/base/1a2b3c4d
    medllm prepare experiments=world/cpt previous=world/base/1a2b3c4d preparation.workers=8
    medllm prepare experiments=world/cpt previous=world/base/1a2b3c4d cluster=slurm submit=true
"""

import json
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from medllm import config
from medllm.errors import ConfigError

if TYPE_CHECKING:
    from medllm.data.store import Store
    from medllm.types import Question


def prepare(cfg: DictConfig, exams: Mapping[str, DictConfig] | None = None) -> "dict[str, Store]":
    """The stores of a checked config, built where they are missing or stale.

    Args:
        exams: the benchmarks that the data are held against, where they were composed before.
    """
    make_world(cfg)
    model, data = config.instantiate(cfg.model), config.instantiate(cfg.data)
    if problems := data.check(cfg.stage.global_batch):
        raise ConfigError(problems)
    return data.stores(
        model.tokenizer(),
        Path(cfg.paths.stores).absolute(),
        questions=questions(held_against(cfg) if exams is None else exams),
        preparation=config.instantiate(cfg.preparation),
    )


def make_world(cfg: DictConfig) -> None:
    """Write the invented world's files, where the config is made of it."""
    if cfg.get("world"):
        config.instantiate(cfg.world)


def held_against(cfg: DictConfig) -> dict[str, DictConfig]:
    """The config of each benchmark that the data are held against.

    Raises:
        ConfigError: no such benchmark, or one that does not compose.
    """
    names = cfg.data.contamination.benchmarks if cfg.data.get("contamination") else ()
    return {name: benchmark(name, corpora=cfg.paths.corpora) for name in names}


def questions(exams: Mapping[str, DictConfig]) -> "dict[str, list[Question]]":
    """The questions of each benchmark."""
    from medllm.data.source.read import Quarantine

    return {
        name: list(islice(config.instantiate(each.questions).examples(Quarantine()), each.limit))
        for name, each in exams.items()
    }


def benchmark(name: str, *, corpora: str, world: str | None = None) -> DictConfig:
    """The config of one benchmark, checked.

    Args:
        name: of an entry of conf/benchmark.
        corpora: folder of raw files.
        world: entry of conf/world, which some benchmarks ask about.
    """
    given = [f"benchmark={name}", "run=none", f"paths.corpora='{corpora}'"]
    given += [f"world={world}"] if world else []
    composed = config.compose("evaluate", given)
    config.check(composed, "evaluate")
    return composed.benchmark


def queue(cfg: DictConfig) -> None:
    """Prepare on a cluster; say only how, without the word submit=true."""
    from medllm import cluster

    make_world(cfg)
    whole: Any = OmegaConf.to_container(cfg, resolve=True)
    asked = {key: whole.get(key) for key in ("data", "model", "paths", "world")}
    folder = Path(cfg.paths.stores).absolute() / "jobs" / config.digest(asked)
    engine = config.instantiate(cfg.cluster)
    if not cfg.submit:
        print(f"would queue {engine.plan()}; logs and scripts in {folder}; add submit=true")
        return
    frozen = cluster.freeze(cfg, folder)
    last = engine.submit(cluster.Steps(frozen=frozen, finish=prepare), folder)
    print(f"queued; the last job is {last.job_id}, logs and scripts are in {folder}")


def matches(stores: "Mapping[str, Store]") -> dict[str, Any]:
    """Of each source that was held against benchmarks, what was found of them."""
    found = {}
    for name, store in stores.items():
        removals = store.folder.parent.parent / "removals"
        for step in store.manifest["removals"]:
            if step.startswith("contamination-"):
                report = removals / step / "contamination.json"
                found[name] = json.loads(report.read_text(encoding="utf-8"))
    return found


def main(cfg: DictConfig) -> None:
    from rich.console import Console

    from medllm.data.contamination.report import table as contamination
    from medllm.report.summary import left_out_table, stores_table

    config.check(cfg, "prepare")
    if cfg.get("cluster"):
        queue(cfg)
        return
    stores = prepare(cfg)
    manifests = {name: store.manifest for name, store in stores.items()}
    console = Console()
    console.print(stores_table(manifests))
    if dropped := left_out_table(manifests):
        console.print(dropped)
    if found := matches(stores):
        console.print(contamination(found))
    for name, store in stores.items():
        print(f"{name}: {store.folder}")
