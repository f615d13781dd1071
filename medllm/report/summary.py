"""Tables for the terminal: stage x score of a recipe, and what a store was made of."""

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
    table = Table(
        title="row stores",
        caption="what was left out, with file, line and reason: "
        "*left_out.jsonl in stores/corpora, tokens and rows; *.json in stores/removals",
    )
    heads = {
        "records": lambda m: m["records"],
        "quarantined": lambda m: m["quarantined"],
        "cleaned out": lambda m: m["cleaned_out"],
        "removed": lambda m: m["removed"]["examples"],
        "examples": lambda m: m["examples"],
        "truncated": lambda m: m["truncated"],
        "entries": lambda m: m["entries"],
        "tokens": lambda m: m["tokens"],
        "learnt": lambda m: m["learnt"],
    }
    table.add_column("source")
    for head in heads:
        table.add_column(head, justify="right")
    for name, manifest in manifests.items():
        table.add_row(name, *(f"{count(manifest):,}" for count in heads.values()))
    return table


def left_out_table(manifests: Mapping[str, Mapping[str, Any]]) -> Table:
    """Source, step and reason of everything that did not reach a row, and how many.

    Args:
        manifests: source name to its store's manifest.
    """
    table = Table(title="left out")
    for head in ("source", "step", "reason"):
        table.add_column(head)
    table.add_column("examples", justify="right")
    for name, manifest in manifests.items():
        for step, reasons in manifest["left_out"].items():
            for reason, number in sorted(reasons.items(), key=lambda each: -each[1]):
                table.add_row(name, step, reason, f"{number:,}")
    return table
