"""Run a chain of stages, each from the one before, and score the model after every step.

A step whose digest says it is done is skipped. With -m the chain is swept, and steps that
two points share are trained once; a point that fails leaves the others running. Prints a table
of stage x score. On a cluster every step is a job that waits for what it needs, and a report
follows the last.

    medllm recipe experiments=world/qilin_med plan=true
    medllm recipe experiments=world/qilin_med -m model=world_s,world_m
    medllm recipe experiments=world/qilin_med hardware=slurm2 submit=true -m model=world_s,world_m
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from medllm import config, submit, sweep
from medllm.errors import ConfigError, Stopped, UserError
from medllm.evaluate import evaluate, known
from medllm.prepare import benchmark, held_against
from medllm.stage.faults import check_folder
from medllm.submit.chain import Step, chain
from medllm.submit.plan import Planned, Total, tree
from medllm.train import check_exams, train

HARDWARE = (
    "a recipe changes keys of its hardware for every step by "
    "overrides=['hardware.slurm.time=\"1:00:00\"']"
)
# Where and how a point runs, not what it is.
PLACES = ("experiments", "hardware", "plan", "submit", "confirm", "sweep_limit", "paths.", "hydra.")


def benchmarks(cfg: DictConfig) -> dict[str, DictConfig]:
    """The config of each benchmark, checked."""
    return {
        name: benchmark(name, corpora=cfg.paths.corpora, world=cfg.world) for name in cfg.benchmarks
    }


def recipe(
    cfg: DictConfig, overrides: Mapping[str, str], point: sweep.Sweep, console: Console
) -> None:
    """Train and score every step of one point, here or as jobs, or only say what would be done.

    Args:
        cfg: composed from conf/roots/recipe.yaml.
        overrides: what this point of a sweep changes, for tables and figures.
        point: its place in the sweep.
        console: for progress and tables.
    """
    config.check(cfg, "recipe")
    steps, exams = chain(cfg), benchmarks(cfg)
    for step in steps.values():
        if not step.is_done:
            check_exams(step.cfg)
    is_here = submit.is_here(next(iter(steps.values())).cfg.hardware.launcher, cfg.submit)
    if cfg.plan or not (is_here or cfg.submit):
        _planned(cfg, overrides, steps, exams, point, console)
        return
    check_folder(Path(cfg.paths.runs).absolute())
    _record(cfg, overrides, steps)
    if is_here:
        console.print(_trained(cfg, overrides, steps, exams, point, console))
    else:
        _queued(cfg, overrides, steps, exams, point, console)


def _trained(
    cfg: DictConfig,
    overrides: Mapping[str, str],
    steps: Mapping[str, Step],
    exams: Mapping[str, DictConfig],
    point: sweep.Sweep,
    console: Console,
) -> Table:
    from medllm.report.summary import recipe_table  # numpy, which a plan does not need

    scores = {}
    for name, step in steps.items():
        word = "done before" if step.is_done else "training"
        console.rule(f"{name}: {word}, {step.run}", align="left", style="dim")
        with _told(name, step, point):
            train(step.cfg)
            scores[name] = evaluate(step.folder, exams)
    return recipe_table(cfg.name, overrides, scores)


@contextmanager
def _told(name: str, step: Step, point: sweep.Sweep) -> Iterator[None]:
    """Say which step failed, and where its log is; other points do not try its run again."""
    failed: dict[str, int] = point.kept.setdefault("failed runs", {})
    if step.run in failed:
        raise UserError(f"step {name}, {step.run}: failed in point {failed[step.run]} already")
    try:
        yield
    except Stopped:
        raise
    except Exception as error:
        failed[step.run] = point.number + 1
        where = f"see {_log(step.folder)}"
        if isinstance(error, UserError):
            raise UserError(f"step {name}, {step.run}: {error}; {where}") from error
        error.add_note(f"in step {name}, {step.run}; {where}")
        raise


def _log(run_dir: Path) -> Path:
    """What there is to read about a run that failed here."""
    there = (run_dir / name for name in ("launch.log", "error.json"))
    return next((file for file in there if file.exists()), run_dir)


def _queued(
    cfg: DictConfig,
    overrides: Mapping[str, str],
    steps: Mapping[str, Step],
    exams: Mapping[str, DictConfig],
    point: sweep.Sweep,
    console: Console,
) -> None:
    """Queue what is neither done nor queued of one point."""
    queue = point.kept.setdefault("queue", submit.Queue(runs=Path(cfg.paths.runs).absolute()))
    reports = point.kept.setdefault("reports", {})
    scored = reports.setdefault(cfg.name, Report(next(iter(steps.values())).cfg.hardware)).after
    jobs: dict[str, str | None] = {}
    console.print(_title(cfg, overrides), style="bold", highlight=False)
    for name, step in steps.items():
        waits = [job] if step.previous and (job := jobs[step.previous]) else []
        jobs[name] = _submitted(step, queue, waits)
        told = f"  {name:<10} {step.run}: {queue.told(jobs[name])}"
        if jobs[name] or len(known(step.folder, exams)) < len(exams):
            after = [job] if (job := jobs[name]) else []
            scored.append(submit.submit_evaluation(step.cfg, exams, queue=queue, after=after))
            told += f"; scored by {queue.told(scored[-1])}"
        console.print(told, highlight=False, soft_wrap=True)


def _submitted(step: Step, queue: submit.Queue, after: Sequence[str]) -> str | None:
    try:
        return submit.submit_run(step.cfg, exams=held_against(step.cfg), queue=queue, after=after)
    except ConfigError as error:
        raise ConfigError([*error.problems, HARDWARE]) from error


def _title(cfg: DictConfig, overrides: Mapping[str, str]) -> str:
    return " ".join([cfg.name, *(f"{key}={value}" for key, value in overrides.items())])


def finish(point: sweep.Sweep, console: Console) -> None:
    """After the last point: queue the report, or sum up what was planned."""
    queue: Any = point.kept.get("queue")
    for name, report in point.kept.get("reports", {}).items():
        hardware = config.instantiate(report.hardware)
        after = list(dict.fromkeys(report.after))  # points share some
        job = submit.submit_report(name, hardware, queue=queue, after=after)
        console.print(f"report       {queue.runs / name / 'report/index.html'}: {queue.told(job)}")
    if queue:
        console.print(f"{len(queue.put_here)} jobs queued; look at them with: medllm status")
    if total := point.kept.get("total"):
        console.print("the whole sweep" if point.points > 1 else "in all", style="bold")
        for line in total.told():
            console.print(f"  {line}", highlight=False)
        console.print(f"nothing was done; {point.kept['to do it']}")


@dataclass(slots=True)
class Report:
    """The report of a sweep, once `after`, the jobs that score its runs, have ended."""

    hardware: DictConfig
    after: list[str] = field(default_factory=list)


def _planned(
    cfg: DictConfig,
    overrides: Mapping[str, str],
    steps: Mapping[str, Step],
    exams: Mapping[str, DictConfig],
    point: sweep.Sweep,
    console: Console,
) -> None:
    """Draw what would be done, and keep it for the sum over all points."""
    planned = {
        name: Planned.of(step, steps, scored=len(known(step.folder, exams)), exams=len(exams))
        for name, step in steps.items()
    }
    console.print(tree(_title(cfg, overrides), planned))
    point.kept.setdefault("total", Total()).add(planned)
    without = "leave out plan=true" if cfg.plan else "add submit=true to queue it"
    point.kept["to do it"] = f"{without} to do it" if cfg.plan else without


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
    submit.write(folder / f"{config.digest(point['steps'])}.json", point)


def main(cfg: DictConfig) -> None:
    from hydra.core.hydra_config import HydraConfig

    given = (word.lstrip("+").partition("=") for word in HydraConfig.get().overrides.task)
    overrides = {key: value for key, _, value in given if not key.startswith(PLACES)}
    console, point = Console(stderr=True), sweep.here()
    if cfg.submit and not cfg.plan:
        runs = point.points * len(cfg.steps)
        point.allow(runs, limit=cfg.sweep_limit, name=cfg.name, confirm=cfg.confirm)
    with point.going_on():
        recipe(cfg, overrides, point, console)
    if point.is_last:
        finish(point, console)
    point.close()
