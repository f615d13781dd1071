"""Stage x score in the terminal, when a recipe has run. The page has more."""

from collections.abc import Mapping
from typing import Any

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
        title=f"{name} {settings}".strip(), caption="in brackets: 95 % intervals over the questions"
    )
    table.add_column("stage")
    for column in heads:
        table.add_column(f"{column.group}\n{column.name}", justify="right")
    for step, by_benchmark in scores.items():
        table.add_row(step, *(terminal_cell(by_benchmark, column) for column in heads))
    return table


def terminal_cell(scores: Mapping[str, Mapping[str, Any]], column: tables.Column) -> str:
    found = scores.get(column.group, {}).get("scores", {}).get(column.name)
    return "not run" if found is None else tables.bracketed(Score(**found), column)
