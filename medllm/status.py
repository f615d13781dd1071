"""Show how runs are doing: state, step, loss, speed, time left, restarts, the last error.

Reads the run folders, their locks and, where runs were queued, Slurm. All runs, those of a
recipe in the order of its steps, or those that a pattern names; once, or again and again.

    medllm status
    medllm status recipe=world/qilin_med --watch
    medllm status name=world/* --json
"""

import json
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich.console import Console

from medllm import config
from medllm.errors import ConfigError
from medllm.launch import slurm
from medllm.report.status import as_plain, counted
from medllm.report.status_clock import Job
from medllm.report.status_survey import Ask, Survey, look
from medllm.report.status_table import rendered
from medllm.report.status_watch import watch

PATIENCE = 20  # seconds between two questions to Slurm, whose controller serves everybody


def main(cfg: DictConfig) -> None:
    config.check(cfg, "status")
    _refuse(cfg)
    console = Console(highlight=False)
    ask = seldom(slurm.states, seconds=PATIENCE)
    if cfg.watch:
        watch(lambda: _look(cfg, ask), console, every=cfg.every)
    elif cfg.json:
        print(json.dumps(as_json(_look(cfg, ask)), indent=1, ensure_ascii=False))
    else:
        console.print(rendered(_look(cfg, ask), width=console.width))


def _refuse(cfg: DictConfig) -> None:
    """These stand in the root, where no signature tells their type."""
    problems = [
        f"{key}={cfg[key]!r} must be true or false"
        for key in ("watch", "json")
        if not isinstance(cfg[key], bool)
    ]
    problems += [
        f"{key}={cfg[key]!r} must be a number of {unit} above 0"
        for key, unit in (("every", "seconds"), ("silent", "minutes"))
        if isinstance(cfg[key], bool) or not isinstance(cfg[key], int | float) or cfg[key] <= 0
    ]
    if cfg.watch is True and cfg.json is True:
        problems.append("watch=true shows a table and json=true does not; leave one of them out")
    if problems:
        raise ConfigError(problems)


def _look(cfg: DictConfig, ask: Ask) -> Survey:
    return look(
        Path(cfg.paths.runs),
        recipe=cfg.recipe,
        name=cfg.name,
        run=cfg.run,
        silent=timedelta(minutes=cfg.silent),
        ask=ask,
    )


def as_json(seen: Survey) -> dict[str, Any]:
    """Everything that is known, for other programs."""
    places = seen.found.runs
    return {
        "counts": counted(seen.rows),
        "runs": [
            {"step_name": place.step, "point": place.point, **as_plain(row)}
            for place, row in zip(places, seen.rows, strict=True)
        ],
        "passed_over": list(seen.found.skipped),
        "remarks": list(seen.remarks),
    }


def seldom(ask: Ask, *, seconds: float) -> Ask:
    """`ask`, but the same question within `seconds` gets the same answer."""
    asked: dict[tuple[str, ...], tuple[float, Mapping[str, Job]]] = {}

    def answered(ids: Sequence[str]) -> Mapping[str, Job]:
        question, now = tuple(ids), time.monotonic()
        if question not in asked or now - asked[question][0] > seconds:
            asked.clear()
            asked[question] = now, ask(ids)
        return asked[question][1]

    return answered
