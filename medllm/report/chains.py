"""Figures through the chain of stages: what every stage gained, and what it forgot."""

from collections.abc import Iterator

import numpy as np

from medllm.report import tables
from medllm.report.collect import Curve, Recipe, Run
from medllm.report.panel import Line, Panel


def scores(recipe: Recipe) -> Iterator[Panel]:
    """Each headline score, stage by stage, with its interval."""
    for column in tables.headlines(recipe):
        lines = [line for line in score_lines(recipe, column) if len(line.x)]
        if column.group != tables.HELDOUT and lines:
            yield Panel(
                name=f"score_{column.group}_{column.name}",
                title=f"{column.group}: {column.name}",
                x_label="stage",
                y_label=f"{column.name} ({tables.unit(column)})",
                lines=lines,
                kind="score",
                stages=recipe.step_names,
                guess=guess(recipe, column),
            )


def score_lines(recipe: Recipe, column: tables.Column) -> Iterator[Line]:
    for number, label in enumerate(tables.labels(recipe)):
        found = [
            (recipe.step_names.index(step), score)
            for step, run in recipe.chain(recipe.points[number])
            if (score := tables.cell(run, column)) is not None
        ]
        ends = [
            (s.value - (s.low if s.low is not None else s.value),
             (s.high if s.high is not None else s.value) - s.value)
            for _, s in found
        ]  # fmt: skip
        yield Line(
            label=label,
            colour=number,
            x=np.array([stage for stage, _ in found]),
            y=np.array([score.value for _, score in found]),
            spread=np.array(ends).T,
        )


def guess(recipe: Recipe, column: tables.Column) -> float | None:
    """The accuracy of a random option, where every reply stored a likelihood per option."""
    for run in recipe.runs.values():
        evaluation = run.evaluations.get(column.group)
        if column.name != "accuracy" or evaluation is None or not evaluation.replies:
            continue
        options = [len(reply.get("logps") or {}) for reply in evaluation.replies]
        # One option is never right where the key has several letters.
        keys = [evaluation.items.get(reply["id"], {}) for reply in evaluation.replies]
        can_hit = np.array([len(item.get("answer", "")) < 2 for item in keys])
        return float(np.mean(can_hit / np.array(options))) if all(options) else None
    return None


def heldout(recipe: Recipe) -> Iterator[Panel]:
    """Bits per byte through the whole chain. Every stage is one wide, however many steps."""
    for domain in recipe.heldout:
        key = f"heldout/{domain}/bits_per_byte"
        lines = list(chain_lines(recipe, key))
        if lines:
            yield Panel(
                name=f"heldout_{domain}",
                title=f"Held-out {domain} text",
                x_label="stage, each from its first to its last step",
                y_label="bits per byte",
                lines=lines,
                stages=recipe.step_names,
            )


def chain_lines(recipe: Recipe, key: str) -> Iterator[Line]:
    for number, label in enumerate(tables.labels(recipe)):
        parts = [
            (recipe.step_names.index(step) + progress(run, run.curves[key]), run.curves[key].values)
            for step, run in recipe.chain(recipe.points[number])
            if key in run.curves
        ]
        if parts:
            x, y = (np.concatenate(side) for side in zip(*parts, strict=True))
            yield Line(label=label, colour=number, x=x, y=y)


def progress(run: Run, curve: Curve) -> np.ndarray:
    """(N,) how far into its run each value was logged, in [0, 1]."""
    longest = max(int(other.steps[-1]) for other in run.curves.values())
    return curve.steps / max(longest, 1)


def forgetting(recipe: Recipe) -> Iterator[Panel]:
    """Bits per byte lost on general text against what was won on the primary benchmark."""
    gain, general = tables.primary(recipe), tables.Column(tables.HELDOUT, "general")
    if gain is None or "general" not in recipe.heldout:
        return
    lines = [line for line in trade_lines(recipe, gain, general) if len(line.x) > 1]
    if lines:
        yield Panel(
            name="forgetting",
            title="Forgetting against gain",
            x_label=f"gain in {gain.group} {gain.name} over {recipe.step_names[0]}",
            y_label="change in general bits per byte",
            lines=lines,
            kind="trade",
        )


def trade_lines(recipe: Recipe, gain: tables.Column, loss: tables.Column) -> Iterator[Line]:
    """Per point, both scores after every stage, less what they were after the first."""
    for number, label in enumerate(tables.labels(recipe)):
        found = [
            (step, x.value, y.value)
            for step, run in recipe.chain(recipe.points[number])
            if (x := tables.cell(run, gain)) and (y := tables.cell(run, loss))
        ]
        steps = tuple(step for step, _, _ in found)
        x, y = (np.array([row[side] for row in found]) for side in (1, 2))
        yield Line(label=label, colour=number, x=x - x[:1], y=y - y[:1], marks=steps)
