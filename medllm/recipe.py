"""Run a chain of stages, each from the one before, and score the model after every step.

A step whose digest says it is done is skipped. With -m the chain is swept, and steps that
two points share are trained once. Prints a table of stage x score.

    medllm recipe experiments=world/qilin_med plan=true
    medllm recipe experiments=world/qilin_med -m model=world_s,world_m
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from medllm import config
from medllm.config.check import perhaps
from medllm.errors import ConfigError
from medllm.prepare import benchmark

# Where and how a point runs, not what it is.
PLACES = ("experiments", "hardware", "plan", "paths.", "hydra.")


@dataclass(frozen=True, slots=True)
class Step:
    """One training run of a chain.

    cfg: what `medllm train` would compose; `previous` is filled in.
    run: its id.
    """

    cfg: DictConfig
    run: str

    @property
    def folder(self) -> Path:
        return Path(self.cfg.paths.runs) / self.run

    @property
    def is_done(self) -> bool:
        return (self.folder / "done.json").exists()


def chain(cfg: DictConfig) -> dict[str, Step]:
    """The steps of a recipe in order, composed and checked.

    Raises:
        ConfigError: with the problems of all steps.
    """
    steps: dict[str, Step] = {}
    problems = _strangers(cfg)
    for number, (name, plan) in enumerate(cfg.steps.items()):
        before = list(cfg.steps)[:number]
        if plan.previous is not None and plan.previous not in before:
            problems.append(
                f"steps.{name}.previous={plan.previous} is no step before it; "
                f"there is {', '.join(before) or 'none'}"
            )
            continue
        if plan.previous is not None and plan.previous not in steps:
            continue  # told at the step before
        step = config.compose("train", _overrides(cfg, str(name), steps))
        try:
            config.check(step, "train")
        except ConfigError as error:
            problems += [f"steps.{name}: {problem}" for problem in error.problems]
        else:
            steps[str(name)] = Step(step, config.run_id(step))
    if problems:
        raise ConfigError(problems)
    return steps


def _strangers(cfg: DictConfig) -> list[str]:
    """Entries of `data` for steps that there are not: a slip that would change nothing."""
    return [
        f"data.{name} names no step{perhaps(str(name), map(str, cfg.steps))}"
        for name in cfg.data
        if name not in cfg.steps
    ]


def _overrides(cfg: DictConfig, name: str, before: Mapping[str, Step]) -> list[str]:
    plan = cfg.steps[name]
    chosen = {"model": cfg.model, "world": cfg.world, "data": cfg.data.get(name)}
    return [
        f"experiments={plan.experiment}",
        *(f"{key}={choice}" for key, choice in chosen.items() if choice is not None),
        *(f"{key}={cfg[key]}" for key in ("hardware", "seed")),
        f"group={cfg.name}",
        *(f"paths.{key}='{path}'" for key, path in cfg.paths.items()),
        f"benchmarks=[{','.join(cfg.benchmarks)}]",
        f"unchecked=[{','.join(cfg.unchecked)}]",
        *([f"previous={before[plan.previous].run}"] if plan.previous else []),
        *cfg.overrides,
    ]


def benchmarks(cfg: DictConfig) -> dict[str, DictConfig]:
    """The config of each benchmark, checked."""
    return {
        name: benchmark(name, corpora=cfg.paths.corpora, world=cfg.world) for name in cfg.benchmarks
    }


def recipe(cfg: DictConfig, overrides: Mapping[str, str], console: Console) -> None:
    """Train and score every step, or only say what would be done.

    Args:
        cfg: composed from conf/recipe.yaml.
        overrides: what this point of a sweep changes, for tables and figures.
        console: for progress and the table.
    """
    config.check(cfg, "recipe")
    steps, exams = chain(cfg), benchmarks(cfg)
    if cfg.plan:
        console.print(plan_table(cfg, steps))
        return
    _record(cfg, overrides, steps)
    console.print(_trained(cfg, overrides, steps, exams, console))


def _trained(cfg, overrides, steps: Mapping[str, Step], exams, console: Console) -> Table:
    # These import torch, which a plan does not need.
    from medllm.evaluate import evaluate
    from medllm.report.summary import recipe_table
    from medllm.train import train

    scores = {}
    for name, step in steps.items():
        word = "done before" if step.is_done else "training"
        console.rule(f"{name}: {word}, {step.run}", align="left", style="dim")
        train(step.cfg)
        scores[name] = evaluate(step.folder, exams)
    return recipe_table(cfg.name, overrides, scores)


def plan_table(cfg: DictConfig, steps: Mapping[str, Step]) -> Table:
    """What would be trained and what is done already."""
    table = Table(title=f"{cfg.name}: what would be done", caption="plan=true: nothing was done")
    for head in ("step", "model", "data", "epochs", "batch"):
        table.add_column(head)
    table.add_column("run", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for name, step in steps.items():
        table.add_row(
            name, step.cfg.model.name, ", ".join(step.cfg.data.sources),
            str(step.cfg.stage.epochs), str(step.cfg.stage.global_batch), step.run,
            "done" if step.is_done else "to train",
        )  # fmt: skip
    return table


def _record(cfg: DictConfig, overrides: Mapping[str, str], steps: Mapping[str, Step]) -> None:
    """Write down which runs this point is made of, before the first is trained."""
    point = {
        "recipe": cfg.name,
        "overrides": dict(overrides),
        "steps": [{"step": name, "run": step.run} for name, step in steps.items()],
        "benchmarks": list(cfg.benchmarks),
        "primary": cfg.primary,
        "heldout": sorted({domain for step in steps.values() for domain in step.cfg.data.heldout}),
    }
    folder = Path(cfg.paths.runs) / cfg.name / "points"
    folder.mkdir(parents=True, exist_ok=True)
    name = config.digest(point["steps"])
    (folder / f"{name}.json").write_text(json.dumps(point, indent=2), encoding="utf-8")


def main(cfg: DictConfig) -> None:
    from hydra.core.hydra_config import HydraConfig

    given = (word.lstrip("+").partition("=") for word in HydraConfig.get().overrides.task)
    overrides = {key: value for key, _, value in given if not key.startswith(PLACES)}
    recipe(cfg, overrides, Console(stderr=True))
