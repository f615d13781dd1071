"""Reads what a recipe left in runs/. Nothing is computed here, nothing is drawn.

    <runs>/<recipe>/points/*.json   ->  Point        one setting of the sweep and its steps
    <runs>/<run id>/                ->  Run          how it was made, its curves, its scores
        eval/<benchmark>/           ->  Evaluation   scores, replies, items

What is not there yet is None or empty and the page calls it "not run". A file that is
there but cannot be read is kept in `problems`, which the page lists among the failures.
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medllm.errors import UserError


@dataclass(frozen=True, slots=True)
class Score:
    """A number and, where it was resampled, its 95 % interval, all in the same unit."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """One logged quantity. steps: (N,) optimiser steps, ascending; values: (N,)."""

    steps: np.ndarray
    values: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One benchmark on one model. `items` holds what was judged, by question id.

    is_checked: every run behind the model was held against the benchmark's questions.
    matched: questions that the model saw in training all the same.
    """

    questions: int
    is_checked: bool
    matched: int
    signature: str
    scores: Mapping[str, Score]
    replies: Sequence[Mapping[str, Any]]
    items: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run folder. done: steps, seconds and tokens, or None if it did not finish."""

    id: str
    exists: bool
    done: Mapping[str, float] | None
    attempts: Sequence[Mapping[str, Any]]
    curves: Mapping[str, Curve]
    evaluations: Mapping[str, Evaluation]

    @property
    def status(self) -> str:
        if self.done is not None:
            return "done"
        return "unfinished" if self.exists else "not run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One setting of the sweep. steps: step name to run id, in the order of training."""

    overrides: Mapping[str, str]
    steps: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything the page tells. Points may share runs; a run is held once."""

    name: str
    points: Sequence[Point]
    runs: Mapping[str, Run]
    benchmarks: Sequence[str]
    heldout: Sequence[str]
    primary: str
    problems: Sequence[str]

    @property
    def step_names(self) -> list[str]:
        return list(dict.fromkeys(step for point in self.points for step in point.steps))

    def chain(self, point: Point) -> Iterator[tuple[str, Run]]:
        return ((step, self.runs[run_id]) for step, run_id in point.steps.items())

    def sharing(self, step: str) -> dict[str, list[int]]:
        """Run id at `step` to the numbers of the points that pass through it."""
        shared: dict[str, list[int]] = {}
        for number, point in enumerate(self.points):
            if step in point.steps:
                shared.setdefault(point.steps[step], []).append(number)
        return shared


def collect(runs: Path, recipe: str) -> Recipe:
    """Reads one recipe.

    Raises:
        UserError: if no point of the recipe has been run.
    """
    problems: list[str] = []
    found = read_points(runs / recipe / "points", problems)
    if not found:
        raise UserError(
            f"nothing to report: no readable point in {runs / recipe / 'points'}; "
            f"run `medllm recipe experiments={recipe}` first, or set paths.runs"
        )
    points = [
        Point(
            overrides={key: str(value) for key, value in record.get("overrides", {}).items()},
            steps={step["step"]: step["run"] for step in record["steps"]},
        )
        for record in found
    ]
    benchmarks = merged(found, "benchmarks")
    run_ids = dict.fromkeys(run_id for point in points for run_id in point.steps.values())
    return Recipe(
        name=recipe,
        points=points,
        runs={run_id: read_run(runs, run_id, benchmarks, problems) for run_id in run_ids},
        benchmarks=benchmarks,
        heldout=merged(found, "heldout"),
        primary=next(iter(merged(found, "primary")), ""),
        problems=problems,
    )


def merged(points: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    """Every value of `key` over the points, once, in order of appearance."""
    values: dict[str, None] = {}
    for point in points:
        value = point.get(key) or []
        values.update(dict.fromkeys([value] if isinstance(value, str) else value))
    return list(values)


def read_points(folder: Path, problems: list[str]) -> list[dict[str, Any]]:
    """The newest point of each setting: an older one was run before the recipe changed."""
    newest: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns):
        if (record := read_json(path, problems)) is not None:
            newest[json.dumps(record.get("overrides", {}), sort_keys=True)] = record
    return sorted(newest.values(), key=lambda record: [*record.get("overrides", {}).values()])


def read_run(runs: Path, run_id: str, benchmarks: Sequence[str], problems: list[str]) -> Run:
    folder = runs / run_id
    evaluations = {
        name: evaluation
        for name in benchmarks
        if (evaluation := read_evaluation(folder / "eval" / name, problems)) is not None
    }
    return Run(
        id=run_id,
        exists=folder.is_dir(),
        done=read_json(folder / "done.json", problems),
        attempts=read_json(folder / "provenance.json", problems) or [],
        curves=read_curves(folder / "metrics.csv"),
        evaluations=evaluations,
    )


def read_evaluation(folder: Path, problems: list[str]) -> Evaluation | None:
    record = read_json(folder / "score.json", problems)
    if record is None:
        return None
    contamination = record.get("contamination", {})  # absent in scores of before
    return Evaluation(
        questions=record["questions"],
        is_checked=contamination.get("checked", False),
        matched=contamination.get("matched", 0),
        signature=record["signature"],
        scores={name: Score(**score) for name, score in record["scores"].items()},
        replies=read_lines(folder / "replies.jsonl", problems),
        items={item["id"]: item for item in read_lines(folder / "items.jsonl", problems)},
    )


def read_json(path: Path, problems: list[str]) -> Any:
    """The content of a JSON file, or None if it is absent or was cut off while written."""
    if not path.exists():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        problems.append(f"{path} is not whole JSON ({error}); it counts as not run")
        return None


def read_lines(path: Path, problems: list[str]) -> list[dict[str, Any]]:
    records = []
    # Not splitlines(): a reply may hold other line separators than "\n", which JSON keeps raw.
    lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
    for number, line in enumerate(lines, start=1):
        try:
            records += [json.loads(line)] if line else []
        except json.JSONDecodeError as error:
            problems.append(f"{path}:{number} is not whole JSON ({error}); the line is left out")
    return records


def read_curves(path: Path) -> dict[str, Curve]:
    """Lightning's sparse table by column; a step logged again after a resume counts once."""
    if not path.exists():
        return {}
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]  # a run that is still writing may be inside a number
    points: dict[str, dict[int, float]] = {}
    for row in csv.DictReader(whole.splitlines()):
        for name, value in row.items():
            if name not in ("step", "epoch") and value:
                points.setdefault(name, {})[int(row["step"])] = float(value)
    return {
        name: Curve(np.array(sorted(at)), np.array([at[step] for step in sorted(at)]))
        for name, at in points.items()
    }
