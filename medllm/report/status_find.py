"""Which runs to tell of: those of a recipe in the order of its steps, or all that lie in runs/.

What is no run is passed over with a reason. A recipe's points are read as the report reads them:
of two with the same overrides, the older was run before the recipe changed.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from medllm.config.check import perhaps
from medllm.errors import ConfigError, UserError
from medllm.report.status_files import mapping

DIGEST = re.compile(r"[0-9a-f]{8}")
OURS = ("points", "report", "jobs")  # what a recipe leaves beside its runs
DEEPEST = 6  # folders below runs/: a foreign tree may be endless
MOST_NAMED = 12  # in a refusal
NOTHING = ": holds no run"
EXAMPLES = {
    "recipe": "recipe=world/qilin_med",
    "name": "name=world/*",
    "run": "run=world/cpt/1a2b3c4d",
}


@dataclass(frozen=True, slots=True)
class Listed:
    """A run to tell of. point, step: its place in the recipe, "" where it is told of alone."""

    run: str
    point: str = ""
    step: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """Runs in the order to tell them in, and what was passed over, each with a reason."""

    runs: Sequence[Listed]
    skipped: Sequence[str]


def find(runs: Path, *, recipe: str | None, name: str | None, run: str | None) -> Found:
    """The runs that all given filters let through.

    Args:
        recipe: its name, e.g. "world/qilin_med".
        name: pattern of a run's name, e.g. "world/*".
        run: id, e.g. "world/cpt/1a2b3c4d", a pattern of ids, or the path of a run's folder.

    Raises:
        ConfigError: a filter is no text.
        UserError: a filter lets nothing through.
    """
    _refuse_other_than_text({"recipe": recipe, "name": name, "run": run})
    found = of_recipe(runs, recipe) if recipe else everywhere(runs)
    kept = found.runs
    if name:
        kept = [one for one in kept if fnmatchcase(one.run.rpartition("/")[0], name)]
        _refuse_none(kept, f"name={name}", {one.run.rpartition("/")[0] for one in found.runs}, runs)
    if run:
        wanted = _as_id(run, runs)
        kept, before = [one for one in kept if fnmatchcase(one.run, wanted)], kept
        _refuse_none(kept, f"run={run}", {one.run for one in before}, runs)
    return Found(kept, found.skipped)


def _refuse_other_than_text(given: Mapping[str, object]) -> None:
    """On a command line run=5 is a number, and run=[a] a list."""
    problems = [
        f"{key}={value} must be text, e.g. {EXAMPLES[key]}"
        for key, value in given.items()
        if not isinstance(value, str | None)
    ]
    if problems:
        raise ConfigError(problems)


def named(runs: Path, *, recipe: str | None, name: str | None, run: str | None) -> set[str]:
    """Ids of the runs that the filters let through; to change something, one must be given.

    Raises:
        UserError: none is given, or one lets nothing through.
    """
    if not (recipe or name or run):
        raise UserError(
            f"which runs? name a {EXAMPLES['recipe']}, a {EXAMPLES['name']} or a {EXAMPLES['run']}"
        )
    return {one.run for one in find(runs, recipe=recipe, name=name, run=run).runs}


def _as_id(run: str, runs: Path) -> str:
    return run.rstrip("/").removeprefix(f"{runs.absolute()}/").removeprefix(f"{runs}/")


def _refuse_none(kept: Sequence[Listed], said: str, known: set[str], runs: Path) -> None:
    if not kept:
        key, _, word = said.partition("=")
        raise UserError(f"{key}={word!r} is no run in {runs}{_meant(word, sorted(known))}")


def _meant(word: str, known: Sequence[str]) -> str:
    near = perhaps(word, known)
    is_short = len(known) <= MOST_NAMED or "did you mean" in near
    return near if is_short else f"; there are {len(known)}, which `medllm status` lists"


def everywhere(runs: Path) -> Found:
    """Every folder whose name is a digest, in alphabetical order."""
    skipped: list[str] = []
    found, _ = _below(runs, runs, skipped)
    return Found([Listed(run) for run in found], skipped)


def _below(runs: Path, folder: Path, skipped: list[str]) -> tuple[list[str], bool]:
    """Ids of the runs below `folder`, and whether anything there is ours."""
    found: list[str] = []
    is_ours = False
    for path in _folders(runs, folder, skipped):
        here = path.relative_to(runs)
        if DIGEST.fullmatch(path.name) and folder != runs:
            found.append(str(here))
        elif path.name in OURS:
            is_ours = True
        elif path.is_symlink() and path.resolve() in path.parents:
            skipped.append(f"{here}: a link to a folder above it")
        elif len(here.parts) <= DEEPEST:
            reasons: list[str] = []
            inner, is_inner_ours = _below(runs, path, reasons)
            found += inner
            if not (inner or is_inner_ours):  # told once, not for each folder in it
                reasons = [r for r in reasons if not r.endswith(NOTHING)] or [f"{here}{NOTHING}"]
            skipped += reasons
            is_ours |= is_inner_ours
    return found, is_ours or bool(found)


def _folders(runs: Path, folder: Path, skipped: list[str]) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            every = sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError:
        return []
    except OSError as error:
        skipped.append(f"{folder.relative_to(runs)}: {(error.strerror or '').lower()}")
        return []
    # isdir, for DirEntry.is_dir raises where a link goes round in circles
    return [Path(e.path) for e in every if not e.name.startswith(".") and os.path.isdir(e.path)]


def of_recipe(runs: Path, recipe: str) -> Found:
    """The runs of a recipe's points, in the order of its steps; one that points share, once.

    Raises:
        UserError: no point of it was started.
    """
    skipped: list[str] = []
    points = _points(runs / recipe / "points", skipped)
    if not points:
        known = sorted(str(path.parent.relative_to(runs)) for path in _recipes(runs))
        why = "".join(f"; {reason}" for reason in skipped)
        raise UserError(f"no recipe {recipe!r} in {runs}{perhaps(recipe, known)}{why}")
    names = labels([point.get("overrides") for point in points])
    listed: dict[str, Listed] = {}
    for point, label in zip(points, names, strict=True):
        for step in point["steps"]:
            run, shared = step["run"], step["run"] in listed
            same = shared and listed[run].point == label
            listed[run] = Listed(run, label if same or not shared else "shared", step["step"])
    return Found(list(listed.values()), skipped)


def _recipes(runs: Path) -> Iterator[Path]:
    """Folders of points, at most three words deep, e.g. world/qilin_med/points."""
    for depth in ("*", "*/*", "*/*/*"):
        yield from runs.glob(f"{depth}/points")


def _points(folder: Path, skipped: list[str]) -> list[dict[str, Any]]:
    newest: dict[str, dict[str, Any]] = {}
    for file in sorted(folder.glob("*.json"), key=_time):
        faults: list[str] = []
        point = mapping(file, faults)
        skipped += [f"points/{fault}" for fault in faults]
        if point is None:
            continue
        if not _is_point(point):
            skipped.append(f"points/{file.name} is no point of a recipe")
            continue
        newest[json.dumps(point.get("overrides"), sort_keys=True)] = point
    return [newest[key] for key in sorted(newest)]


def _time(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def _is_point(point: Mapping[str, Any]) -> bool:
    steps = point.get("steps")
    return isinstance(steps, list) and all(
        isinstance(step, dict)
        and isinstance(step.get("run"), str)
        and isinstance(step.get("step"), str)
        for step in steps
    )


def labels(overrides: Sequence[object]) -> list[str]:
    """For each point the values in which it differs from others, e.g. "world_s world_knowledge"."""
    settings = [one if isinstance(one, dict) else {} for one in overrides]
    keys = dict.fromkeys(key for one in settings for key in one)
    telling = [key for key in keys if len({str(one.get(key)) for one in settings}) > 1]
    told = [" ".join(str(one[key]) for key in telling if key in one) for one in settings]
    return [label or "as written" * (len(settings) > 1) for label in told]
