"""Run a chain of stages, each from the one before, and score the model after every step.

A step whose digest says it is done is skipped. With -m the chain is swept, and steps that
two points share are trained once. Prints a table of stage x score.

    medllm recipe experiments=world/qilin_med
    medllm recipe experiments=world/qilin_med -m model=world_s,world_m data.cpt=world_knowledge,world_elsewhere
"""

import json
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from rich.console import Console

from medllm import config
from medllm.errors import ConfigError


def composed_steps(cfg: DictConfig) -> dict[str, DictConfig]:
    """The train config of every step, checked, with `previous` filled in, in order.

    Raises:
        ConfigError: with the problems of all steps.
    """
    steps, ids, problems = {}, {}, []
    for step, plan in cfg.steps.items():
        if plan.previous is not None and plan.previous not in ids:
            problems.append(
                f"steps.{step}.previous={plan.previous} is no step before it; there are {list(ids)}"
            )
            continue
        composed = config.compose("train", _overrides(cfg, step, ids))
        try:
            config.check(composed, "train")
        except ConfigError as error:
            problems += [f"steps.{step}: {problem}" for problem in error.problems]
            continue
        steps[step], ids[step] = composed, config.run_id(composed)
    if problems:
        raise ConfigError(problems)
    return steps


def _overrides(cfg: DictConfig, step: str, ids: dict[str, str]) -> list[str]:
    plan = cfg.steps[step]
    chosen = {"model": cfg.model, "world": cfg.world, "data": cfg.data.get(step)}
    return [
        f"experiments={plan.experiment}",
        *(f"{key}={choice}" for key, choice in chosen.items() if choice is not None),
        f"hardware={cfg.hardware}",
        f"seed={cfg.seed}",
        f"group={cfg.name}",
        *(f"paths.{key}={path}" for key, path in cfg.paths.items()),
        *([f"previous={ids[plan.previous]}"] if plan.previous else []),
        *cfg.overrides,
    ]


def composed_benchmarks(cfg: DictConfig) -> dict[str, DictConfig]:
    """The benchmark configs of a recipe, checked."""
    world = [f"world={cfg.world}"] if cfg.world else []
    paths = [f"paths.{key}={cfg.paths[key]}" for key in ("corpora", "runs")]
    benchmarks = {}
    for name in cfg.benchmarks:
        composed = config.compose("evaluate", [f"benchmark={name}", "run=none", *world, *paths])
        config.check(composed, "evaluate")
        benchmarks[name] = composed.benchmark
    return benchmarks


def recipe(cfg: DictConfig, overrides: dict[str, str], console: Console) -> Path:
    """Train and score every step; returns the file that records this point of the sweep."""
    from medllm.evaluate import evaluate
    from medllm.report.summary import recipe_table
    from medllm.train import train

    config.check(cfg, "recipe")
    steps, benchmarks = composed_steps(cfg), composed_benchmarks(cfg)
    point = _record(cfg, overrides, steps)
    scores = {}
    for step, composed in steps.items():
        run_dir = Path(composed.paths.runs) / train(composed)
        scores[step] = evaluate(run_dir, benchmarks)
        console.print(f"[bold]{step}[/bold] {run_dir}", highlight=False)
    console.print(recipe_table(cfg.name, overrides, scores))
    return point


def _record(cfg: DictConfig, overrides: dict[str, str], steps: dict[str, DictConfig]) -> Path:
    """Write down which runs this point is made of, before the first is trained."""
    point = {
        "recipe": cfg.name,
        "overrides": overrides,
        "steps": [{"step": step, "run": config.run_id(composed)} for step, composed in steps.items()],
        "benchmarks": list(cfg.benchmarks),
        "primary": cfg.primary,
        "heldout": sorted({domain for composed in steps.values() for domain in composed.data.heldout}),
    }
    folder = Path(cfg.paths.runs) / cfg.name / "points"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{config.digest(point['steps'])}.json"
    path.write_text(json.dumps(point, indent=2))
    return path


def main(cfg: DictConfig) -> None:
    task = HydraConfig.get().overrides.task
    overrides = dict(o.lstrip("+").split("=", 1) for o in task)
    overrides.pop("experiments", None)
    recipe(cfg, overrides, Console(stderr=True))
