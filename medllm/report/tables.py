"""Stage x score as rows and columns: for the page, for table.csv and for table.md.

A column is one score of one benchmark, or the bits per byte on one held-out text; a row is
one step of one point. Cells are looked up, so a run that is missing is an empty cell.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from medllm.report.collect import Point, Recipe, Run, Score

HELDOUT = "held-out text"

# One or two numbers per kind of metric that a reader looks for first; the rest is in table.csv.
HEADLINES = ("accuracy", "bleu_4", "rouge_l")


@dataclass(frozen=True, slots=True)
class Column:
    """One score. group: the benchmark, or HELDOUT."""

    group: str
    name: str


@dataclass(frozen=True, slots=True)
class Row:
    """One step of one point. shared: how many points pass through the same run."""

    point: int
    step: str
    run: Run
    shared: int


def columns(recipe: Recipe) -> list[Column]:
    """Every score that any run has, benchmark by benchmark, then held-out text."""
    found = [
        Column(benchmark, name)
        for benchmark in recipe.benchmarks
        for name in dict.fromkeys(
            name
            for run in recipe.runs.values()
            if benchmark in run.evaluations
            for name in run.evaluations[benchmark].scores
        )
    ]
    return found + [Column(HELDOUT, domain) for domain in recipe.heldout]


def headlines(recipe: Recipe) -> list[Column]:
    return headline(columns(recipe))


def headline(every: Sequence[Column]) -> list[Column]:
    """The columns to look at first; a benchmark with none of those names keeps them all."""
    known = {column.group for column in every if column.name in HEADLINES} | {HELDOUT}
    return [
        column
        for column in every
        if column.group == HELDOUT or column.group not in known or column.name in HEADLINES
    ]


def rows(recipe: Recipe) -> Iterator[Row]:
    for number, point in enumerate(recipe.points):
        for step, run in recipe.chain(point):
            yield Row(number, step, run, len(recipe.sharing(step)[run.id]))


def cell(run: Run, column: Column) -> Score | None:
    """The score, or None if the run has none yet."""
    if column.group == HELDOUT:
        curve = run.curves.get(f"heldout/{column.name}/bits_per_byte")
        return None if curve is None else Score(float(curve.values[-1]))
    evaluation = run.evaluations.get(column.group)
    return None if evaluation is None else evaluation.scores.get(column.name)


def primary(recipe: Recipe) -> Column | None:
    """The first headline of the primary benchmark, or None if nobody has been scored on it."""
    return next((column for column in headlines(recipe) if column.group == recipe.primary), None)


def moved(score: Score, base: Score) -> int:
    """1 or -1 if the 95 % interval lies wholly above or below the base's, else 0."""
    if score.low is None or score.high is None or base.low is None or base.high is None:
        return 0
    return int(score.low > base.high) - int(score.high < base.low)


def contamination(recipe: Recipe, benchmark: str) -> str:
    """What the models may have seen of a benchmark; "" if nothing, or nobody was scored."""
    found = [
        run.evaluations[benchmark] for run in recipe.runs.values() if benchmark in run.evaluations
    ]
    matched = max((evaluation.matched for evaluation in found), default=0)
    unchecked = sum(not evaluation.is_checked for evaluation in found)
    marks = [f"{matched} of {found[0].questions} seen"] if matched else []
    marks += [f"{unchecked} of {len(found)} runs unchecked"] if unchecked else []
    return ", ".join(marks)


def unit(column: Column) -> str:
    if column.group == HELDOUT:
        return "bits per byte"
    return "0 to 100" if column.name.startswith(("bleu", "rouge")) else "share"


def number(value: float, column: Column) -> str:
    """Three decimals for shares and bits, one for scores out of a hundred."""
    return f"{value:.1f}" if unit(column) == "0 to 100" else f"{value:.3f}"


def interval(score: Score, column: Column) -> str:
    if score.low is None or score.high is None:
        return ""
    return f"{number(score.low, column)}–{number(score.high, column)}"


def bracketed(score: Score, column: Column) -> str:
    """E.g. "0.740 (0.685–0.795)"; square brackets would be markup in a terminal."""
    return f"{number(score.value, column)} ({interval(score, column)})".removesuffix(" ()")


def labels(recipe: Recipe) -> list[str]:
    """A short name per point: the values of the overrides in which the points differ."""
    return [common_label(recipe.points, [number]) for number in range(len(recipe.points))]


def common_label(points: Sequence[Point], sharing: Sequence[int]) -> str:
    """What the points of `sharing` have in common and not all points have, e.g. "world_s"."""
    members = [points[number].overrides for number in sharing]
    keys = dict.fromkeys(key for point in points for key in point.overrides)
    differing = [key for key in keys if len({point.overrides.get(key) for point in points}) > 1]
    agreed = [
        members[0].get(key, f"{key} as written")
        for key in differing
        if len({member.get(key) for member in members}) == 1
    ]
    return " · ".join(agreed) or ("all points" if len(points) > 1 else "the recipe as written")


def as_csv(recipe: Recipe) -> str:
    """One line per point and step, one column per override, score, low and high."""
    keys = list(dict.fromkeys(key for point in recipe.points for key in point.overrides))
    every = columns(recipe)
    names = [f"{column.group}/{column.name}" for column in every]
    head = [cell for name in names for cell in (name, f"{name}/low", f"{name}/high")]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["recipe", *keys, "step", "run", "points_sharing", "status", *head])
    for row in rows(recipe):
        overrides = recipe.points[row.point].overrides
        scores = [cell(row.run, column) or Score(float("nan")) for column in every]
        numbers = [n for score in scores for n in (score.value, score.low, score.high)]
        cells = ["" if n is None or n != n else n for n in numbers]  # NaN is not equal to itself
        run = [row.step, row.run.id, row.shared, row.run.status]
        writer.writerow([recipe.name, *(overrides.get(key, "") for key in keys), *run, *cells])
    return out.getvalue()


def as_markdown(recipe: Recipe) -> str:
    """The headline table, with intervals in brackets."""
    heads = headlines(recipe)
    titles = ["point", "stage", *(f"{c.group}: {c.name} ({unit(c)})" for c in heads)]
    lines = [" | ".join(titles), " | ".join(["---"] * 2 + ["---:"] * len(heads))]
    names = labels(recipe)
    for row in rows(recipe):
        stage = f"{row.step} (shared)" if row.shared > 1 else row.step
        cells = [markdown_cell(row.run, column) for column in heads]
        lines.append(" | ".join([names[row.point], stage, *cells]))
    return "".join(f"| {line} |\n" for line in lines)


def markdown_cell(run: Run, column: Column) -> str:
    score = cell(run, column)
    if score is None:
        return "not run"
    return bracketed(score, column)
