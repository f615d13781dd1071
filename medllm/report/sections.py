"""The sections of the page in reading order, each from the recipe to HTML.

opening -> results -> forgetting -> training -> replies -> runs -> signatures -> failures
"""

from collections.abc import Callable, Iterator
from html import escape

from medllm.report import chains, html, tables, training
from medllm.report.collect import Recipe, Run
from medllm.report.panel import Panel

Figures = Callable[[Callable[[Recipe], Iterator[Panel]]], str]  # panels to a grid of images

NOTICE = (
    "For research use only. The models, texts and replies on this page may be wrong or invented; "
    "nothing here is medical advice, and no output may be used for the care of a person."
)


def opening(recipe: Recipe) -> str:
    """How much was run, from which code, in figures one can take in at a glance."""
    runs = list(recipe.runs.values())
    done = [run.done for run in runs if run.done is not None]
    passes = sum(len(point.steps) for point in recipe.points)
    facts = {
        "points of the sweep": str(len(recipe.points)),
        "runs finished": f"{len(done)} of {len(runs)}",
        "runs spared by sharing": str(passes - len(runs)),
        "time training": html.duration(sum(end.get("seconds", 0) for end in done)),
        "tokens learnt": html.amount(sum(end.get("tokens", 0) for end in done)),
        "commit": ", ".join(commits(runs)) or "not recorded",
    }
    cards = "\n".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
        for name, value in facts.items()
    )
    return f'<dl class="facts">\n{cards}\n</dl>'


def lead(recipe: Recipe) -> str:
    """The chain of stages and what was swept, in one sentence."""
    chain = " → ".join(recipe.step_names)
    overrides = [point.overrides for point in recipe.points]
    swept = {
        key: list(dict.fromkeys(chosen.get(key, "as written") for chosen in overrides))
        for key in dict.fromkeys(key for chosen in overrides for key in chosen)
    }
    over = " and ".join(f"{key} ({', '.join(values)})" for key, values in swept.items())
    return f"{chain}, swept over {over}." if over else f"{chain}, as written."


def commits(runs: list[Run]) -> list[str]:
    """Every commit that took part, short; a star where the tree had uncommitted changes."""
    found = {
        (attempt.get("commit") or "none yet")[:8] + ("*" if attempt.get("diff") else ""): None
        for run in runs
        for attempt in run.attempts
    }
    return list(found)


def outcomes(recipe: Recipe) -> str:
    """A card per point: the primary score after the first stage and after the last."""
    column = tables.primary(recipe)
    if column is None:
        return html.paragraph(f"No run has been scored on {recipe.primary} yet.")
    cards = [outcome(recipe, number, column) for number in range(len(recipe.points))]
    lead = f"{column.group} {column.name}, from the first stage to the last, with 95 % intervals."
    return html.paragraph(lead) + '\n<ul class="outcomes">\n' + "\n".join(cards) + "\n</ul>"


def outcome(recipe: Recipe, number: int, column: tables.Column) -> str:
    name = html.chip(tables.labels(recipe)[number], number)
    scored = [
        (step, score)
        for step, run in recipe.chain(recipe.points[number])
        if (score := tables.cell(run, column)) is not None
    ]
    if not scored:
        return f"<li>{name}<p>not run</p></li>"
    (first_step, first), (last_step, last) = scored[0], scored[-1]
    values = " → ".join(tables.number(score.value, column) for score in (first, last))
    spans = "".join(
        f"<span>{escape(step)} {tables.interval(score, column)}</span> "
        for step, score in ((first_step, first), (last_step, last))
    )
    return f'<li>{name}<p class="value">{escape(values)}</p><p class="spans">{spans}</p></li>'


def results(recipe: Recipe, heads: list[tables.Column], name: str) -> str:
    """The main table: a block per point, a row per stage, a column per score."""
    groups = dict.fromkeys(column.group for column in heads)
    widths = {group: sum(column.group == group for column in heads) for group in groups}
    marks = {group: tables.contamination(recipe, group) for group in groups}
    top = "".join(
        f'<th scope="colgroup" colspan="{widths[g]}">{escape(g)}'
        + (f"<small>{escape(marks[g])}</small></th>" if marks[g] else "</th>")
        for g in groups
    )
    sub = "".join(
        f'<th scope="col">{escape(column.name)}<small>{escape(tables.unit(column))}</small></th>'
        for column in heads
    )
    head = f'<thead><tr><th scope="col" rowspan="2">stage</th>{top}</tr><tr>{sub}</tr></thead>'
    blocks = [block(recipe, number, heads) for number in range(len(recipe.points))]
    inside = f"<caption>{escape(name)}</caption>\n{head}\n" + "\n".join(blocks)
    return html.scroll_box(name, f'<table class="scores">\n{inside}\n</table>')


def block(recipe: Recipe, number: int, heads: list[tables.Column]) -> str:
    point = recipe.points[number]
    name = html.chip(tables.labels(recipe)[number], number)
    title = f'<tr class="point"><th scope="rowgroup" colspan="{len(heads) + 1}">{name}</th></tr>'
    base = recipe.runs[next(iter(point.steps.values()))]
    lines = []
    for step, run in recipe.chain(point):
        sharing = len(recipe.sharing(step)[run.id])
        shared = f'<small class="tag">shared by {sharing}</small>' if sharing > 1 else ""
        cells = "".join(score_cell(run, base, column) for column in heads)
        lines.append(f'<tr><th scope="row">{escape(step)} {shared}</th>{cells}</tr>')
    return "<tbody>\n" + "\n".join([title, *lines]) + "\n</tbody>"


def score_cell(run: Run, base: Run, column: tables.Column) -> str:
    score, start = tables.cell(run, column), tables.cell(base, column)
    if score is None:
        return '<td class="absent">not run</td>'
    sign = {1: "▲", -1: "▼", 0: ""}[tables.moved(score, start) if start else 0]
    spread = f"<small>{tables.interval(score, column)}</small>"
    return f'<td>{tables.number(score.value, column)}<span class="sign">{sign}</span>{spread}</td>'


def results_section(recipe: Recipe, figures: Figures) -> str:
    heads, every = tables.headlines(recipe), tables.columns(recipe)
    note = (
        "Small print under a value: its 95 % bootstrap interval over the questions. ▲ or ▼: the "
        "interval lies wholly above or below that of the first stage. “Shared by n”: one run that "
        "n points pass through, trained once. Bits per byte: lower is better. Seen: found in "
        "training data. Unchecked: nobody looked, and scores may be remembered, not known."
    )
    full = "" if heads == every else results(recipe, every, "Every score by stage")
    return html.section(
        "results",
        "Results",
        outcomes(recipe),
        results(recipe, heads, "Scores by stage") if heads else "",
        html.paragraph(note, "note"),
        figures(chains.scores),
        html.details("Every score", full),
    )


def forgetting_section(recipe: Recipe, figures: Figures) -> str:
    note = (
        "Does the model pay for medicine with what it knew before? Bits per byte are taken on text "
        "that no run learns; every stage is drawn equally wide. In the last figure each stage is a "
        "dot: to the right it has gained, upwards it has forgotten."
    )
    shown = figures(
        lambda recipe: (p for m in (chains.heldout, chains.forgetting) for p in m(recipe))
    )
    return html.section("forgetting", "Forgetting and gain", shown and html.paragraph(note), shown)


def training_section(recipe: Recipe, figures: Figures) -> str:
    note = (
        "Every run once. Grey lines are shared by several points. Where a curve is long, the thin "
        "line is what was logged and the bold one its running mean over a twentieth of the run."
    )
    mixes = figures(training.mixes)
    preferences = figures(training.preferences)
    return html.section(
        "training",
        "Training",
        html.paragraph(note),
        figures(training.losses),
        mixes and "<h3>The mix over training</h3>",
        mixes,
        preferences and "<h3>Preference tuning</h3>",
        preferences,
        html.details("Loss by source, run by run", figures(training.source_losses)),
    )
