"""What the models said: the replies of every stage to the same few questions, side by side."""

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np

from medllm.report import html, tables
from medllm.report.collect import Recipe, Run


def replies_section(recipe: Recipe, count: int) -> str:
    """`count` questions per open benchmark, evenly spread over it, so that none is picked."""
    note = (
        f"{count} questions per benchmark, spread evenly over its items and the same everywhere: "
        "nothing is picked by hand. Replies are invented and may be wrong."
    )
    parts = [
        part
        for benchmark in recipe.benchmarks
        if (part := benchmark_replies(recipe, benchmark, count))
    ]
    return html.section("replies", "Replies", html.paragraph(note), *parts) if parts else ""


def benchmark_replies(recipe: Recipe, benchmark: str, count: int) -> str:
    chosen = questions(recipe, benchmark, count)
    if not chosen:
        return ""
    points = [
        html.details(
            f"{benchmark}: {label}",
            "\n".join(question(recipe, number, benchmark, asked) for asked in chosen),
            is_open=number == 0,
        )
        for number, label in enumerate(tables.labels(recipe))
    ]
    return "\n".join(points)


def questions(recipe: Recipe, benchmark: str, count: int) -> list[str]:
    """Ids of `count` evenly spread questions, if replies to them were written."""
    for run in recipe.runs.values():
        evaluation = run.evaluations.get(benchmark)
        if evaluation is not None and any(reply.get("text") for reply in evaluation.replies):
            last = len(evaluation.replies) - 1
            at = np.unique(np.linspace(0, last, count).round().astype(int))
            return [evaluation.replies[number]["id"] for number in at]
    return []


def question(recipe: Recipe, number: int, benchmark: str, asked: str) -> str:
    """One question with its reference and a card per stage."""
    chain = list(recipe.chain(recipe.points[number]))
    items = [item for _, run in chain if (item := judged(run, benchmark, asked))]
    about = items[0] if items else {}
    reference = about.get("reference")
    cards = "\n".join(
        f"<div><dt>{escape(step)}</dt><dd>{said(run, benchmark, asked)}</dd></div>"
        for step, run in chain
    )
    wanted = f'<p class="reference">Reference: {escape(reference)}</p>\n' if reference else ""
    title = escape(about.get("question") or asked)
    return f'<article class="reply"><h3>{title}</h3>\n{wanted}<dl>\n{cards}\n</dl></article>'


def said(run: Run, benchmark: str, asked: str) -> str:
    """The reply as it was stored and, for an exam, what was read from it."""
    evaluation = run.evaluations.get(benchmark)
    replies = [] if evaluation is None else evaluation.replies
    texts = [reply.get("text", "") for reply in replies if reply["id"] == asked]
    if not texts:
        return "<em>not run</em>"
    item = judged(run, benchmark, asked)
    return (escape(texts[0]) or "<em>an empty reply</em>") + verdict(item)


def verdict(item: Mapping[str, Any]) -> str:
    if "chosen" not in item:
        return ""
    read = f"read as {item['chosen']}" if item["chosen"] else "no answer to be read"
    return f"<small>{escape(read)}, {'right' if item.get('right') else 'wrong'}</small>"


def judged(run: Run, benchmark: str, asked: str) -> Mapping[str, Any]:
    evaluation = run.evaluations.get(benchmark)
    return {} if evaluation is None else evaluation.items.get(asked, {})
