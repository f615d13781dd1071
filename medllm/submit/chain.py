"""The steps of a recipe, each composed as `medllm train` would compose it, `previous` filled in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig

from medllm import config
from medllm.config.check import perhaps
from medllm.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Step:
    """One training run of a chain.

    cfg: what `medllm train` would compose; `previous` is filled in.
    run: its id.
    previous: name of the step before it.
    """

    cfg: DictConfig
    run: str
    previous: str | None

    @property
    def folder(self) -> Path:
        return Path(self.cfg.paths.runs).absolute() / self.run

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
            steps[str(name)] = Step(step, config.run_id(step), plan.previous)
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
        f"hardware={hardware(cfg)}",
        f"seed={cfg.seed}",
        f"group={cfg.name}",
        *(f"paths.{key}={config.quoted(path)}" for key, path in cfg.paths.items()),
        f"benchmarks=[{','.join(cfg.benchmarks)}]",
        f"unchecked=[{','.join(cfg.unchecked)}]",
        *([f"previous={before[plan.previous].run}"] if plan.previous else []),
        *cfg.overrides,
    ]


def hardware(cfg: DictConfig) -> str:
    """The entry of conf/hardware that this point runs on: its model's own, else the recipe's."""
    return cfg.hardware_for.get(cfg.model, cfg.hardware) if cfg.model else cfg.hardware
