"""Tables for the terminal: stage x score of a recipe, and what a store was made of."""

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from medllm.report import tables
from medllm.report.collect import Score


def recipe_table(
    name: str, overrides: Mapping[str, str], scores: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> Table:
    """The headline scores of one point, with 95 % intervals.

    Args:
        overrides: what this point changes in the recipe `name`.
        scores: step to benchmark to the content of its score.json.
    """
    found = {
        tables.Column(benchmark, score): None
        for by_benchmark in scores.values()
        for benchmark, result in by_benchmark.items()
        for score in result["scores"]
    }
    heads = tables.headline(list(found))
    settings = " ".join(f"{key}={value}" for key, value in overrides.items())
    table = Table(
        title=f"{name} {settings}".strip(),
        caption="below each score its 95 % interval over the questions",
    )
    table.add_column("stage")
    for column in heads:
        # In words, which wrap: five columns and their intervals fit a terminal of 80.
        table.add_column(f"{column.group}\n{column.name}".replace("_", " "), justify="right")
    for step, by_benchmark in scores.items():
        table.add_row(step, *(terminal_cell(by_benchmark, column) for column in heads))
    return table


def terminal_cell(scores: Mapping[str, Mapping[str, Any]], column: tables.Column) -> str:
    found = scores.get(column.group, {}).get("scores", {}).get(column.name)
    if found is None:
        return "not run"
    score = Score(**found)
    return f"{tables.number(score.value, column)}\n{tables.interval(score, column)}"


def stores_table(manifests: Mapping[str, Mapping[str, Any]]) -> Table:
    """One row per source: what was read, what was left out, what there is to learn.

    Args:
        manifests: source name to its store's manifest.
    """
    table = Table(title="row stores", box=SIMPLE)
    table.add_column("source")
    for head in ("records", "left out", "examples", "cut", "rows", "tokens", "learnt"):
        table.add_column(head, justify="right")
    for name, manifest in manifests.items():
        counts = (
            manifest["records"],
            sum(number for *_, number in left_out(manifest)),
            *(manifest[key] for key in ("examples", "truncated", "entries", "tokens")),
        )
        share = f"{manifest['learnt'] / manifest['tokens']:.1%}"
        table.add_row(name, *(f"{count:,}" for count in counts), share)
    return table


def left_out_table(manifests: Mapping[str, Mapping[str, Any]]) -> Table | None:
    """What did not reach a row, and why; None where all did.

    Args:
        manifests: source name to its store's manifest.
    """
    rows = [(name, *each) for name, manifest in manifests.items() for each in left_out(manifest)]
    table = Table(
        title="left out",
        box=SIMPLE,
        caption="one by one, with file and line: *left_out.jsonl below stores/corpora, tokens and "
        "rows; what other texts or exams took: stores/removals",
    )
    for head in ("source", "step", "reason"):
        table.add_column(head)
    table.add_column("examples", justify="right")
    for name, step, reason, number in rows:
        table.add_row(name, step, escape(reason), f"{number:,}")
    return table if rows else None


def left_out(manifest: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    """(step, reason, number) of everything that did not reach a row of one source."""
    return [
        (step, reason, number)
        for step, reasons in manifest["left_out"].items()
        for reason, number in sorted(reasons.items(), key=lambda each: -each[1])
    ]
