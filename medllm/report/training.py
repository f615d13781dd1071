"""Figures inside the runs: losses, the mix of sources, preference tuning.

A run that several points share is one grey line, named by what those points have in common; a
run of its own has the colour of its point. Runs that were mixed alike share a panel.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from medllm.report import tables
from medllm.report.collect import Recipe, Run
from medllm.report.panel import Line, Panel


def losses(recipe: Recipe) -> Iterator[Panel]:
    for step in recipe.step_names:
        yield from run_panel(recipe, step, "train/loss", f"{step}: training loss", "loss (nats)")


def preferences(recipe: Recipe) -> Iterator[Panel]:
    """What preference tuning is about, for the steps that log it."""
    for step in recipe.step_names:
        margin, share = f"{step}: chosen over rejected", f"{step}: pairs ranked right"
        yield from run_panel(recipe, step, "train/margin", margin, "margin (nats)")
        yield from run_panel(recipe, step, "train/accuracy", share, "share of pairs")


def run_panel(recipe: Recipe, step: str, key: str, title: str, y_label: str) -> Iterator[Panel]:
    """One panel with a line per run at `step`, or nothing if none of them logged `key`."""
    lines = []
    for run_id, sharing in recipe.sharing(step).items():
        if (curve := recipe.runs[run_id].curves.get(key)) is not None:
            label = tables.common_label(recipe.points, sharing)
            colour = sharing[0] if len(sharing) == 1 else None
            lines.append(Line(label=label, colour=colour, x=curve.steps, y=curve.values))
    if lines:
        name = f"{key.split('/')[-1]}_{step}"
        yield Panel(name=name, title=title, x_label="optimiser step", y_label=y_label, lines=lines)


def mixes(recipe: Recipe) -> Iterator[Panel]:
    """The share of each source while training; runs with the same mix share a panel."""
    y_label = "share of the tokens"
    for step in recipe.step_names:
        for number, (label, lines) in enumerate(distinct(recipe, step)):
            title = f"{step}: mix, {label}"
            name = f"mix_{step}_{number}"
            x_label = "optimiser step"
            panel = Panel(
                name=name, title=title, x_label=x_label, y_label=y_label, lines=lines, kind="mix"
            )
            yield panel


def distinct(recipe: Recipe, step: str) -> Iterator[tuple[str, list[Line]]]:
    """The different mixes of a step with the points that have them; one source is no mix."""
    groups: list[tuple[list[int], list[Line]]] = []
    for run_id, sharing in recipe.sharing(step).items():
        lines = source_lines(recipe.runs[run_id], "share")
        same = next((members for members, other in groups if equal(lines, other)), None)
        if same is not None:
            same += sharing
        elif len(lines) > 1:
            groups.append((list(sharing), lines))
    for members, lines in groups:
        yield tables.common_label(recipe.points, members), lines


def equal(one: Sequence[Line], other: Sequence[Line]) -> bool:
    return [line.label for line in one] == [line.label for line in other] and all(
        np.array_equal(a.x, b.x) and np.allclose(a.y, b.y, atol=1e-3)
        for a, b in zip(one, other, strict=True)
    )


def source_losses(recipe: Recipe) -> Iterator[Panel]:
    """The loss on each source, run by run, for runs that mix several."""
    for step in recipe.step_names:
        for number, (run_id, sharing) in enumerate(recipe.sharing(step).items()):
            lines = source_lines(recipe.runs[run_id], "loss")
            if len(lines) > 1:
                yield Panel(
                    name=f"source_loss_{step}_{number}",
                    title=f"{step}: loss by source, {tables.common_label(recipe.points, sharing)}",
                    x_label="optimiser step",
                    y_label="loss (nats)",
                    lines=lines,
                )


def source_lines(run: Run, quantity: Literal["share", "loss"]) -> list[Line]:
    """train/source/<source>/<quantity> of one run, a colour per source."""
    found = {
        key.removeprefix("train/source/").removesuffix(f"/{quantity}"): curve
        for key, curve in run.curves.items()
        if key.startswith("train/source/") and key.endswith(f"/{quantity}")
    }
    return [
        Line(label=source, colour=number, x=found[source].steps, y=found[source].values)
        for number, source in enumerate(sorted(found))
    ]
