"""The end of the page: what was run and on what, how it was scored, and what failed."""

from collections.abc import Iterator
from html import escape

from medllm.report import html, tables
from medllm.report.collect import Recipe, Run


def runs_section(recipe: Recipe) -> str:
    head = ["run", "stage", "points", "status", "steps", "time", "tokens", "tokens/s", "attempts"]
    body = []
    for step in recipe.step_names:
        for run_id, sharing in recipe.sharing(step).items():
            run = recipe.runs[run_id]
            points = tables.common_label(recipe.points, sharing)
            attempts = str(len(run.attempts) or "–")
            body.append([run_id, step, points, run.status, *effort(run), attempts])
    return html.section(
        "runs",
        "What was run",
        html.table("Every run, once", head, body),
        html.paragraph(
            "A star behind a commit: with changes not committed, kept in the run.", "note"
        ),
        html.details("Machines and versions", environment(recipe)),
    )


def environment(recipe: Recipe) -> str:
    """Every value that the attempts recorded, side by side where they differ."""
    found: dict[str, dict[str, None]] = {}
    for attempt in (attempt for run in recipe.runs.values() for attempt in run.attempts):
        told = {key: attempt.get(key) for key in ("commit", "host", "system", "python")}
        for name, value in {**told, **attempt.get("versions", {})}.items():
            found.setdefault(name, {})[str(value or "none")] = None
    body = [[name, ", ".join(values)] for name, values in found.items()]
    return html.table("As recorded by every attempt", ["what", "which"], body) if body else ""


def effort(run: Run) -> list[str]:
    """steps, time, tokens and speed as texts."""
    done = run.done or {}
    steps, seconds, tokens = (done.get(key) for key in ("steps", "seconds", "tokens"))
    return [
        "–" if steps is None else f"{steps:,}",
        "–" if seconds is None else html.duration(seconds),
        "–" if tokens is None else html.amount(tokens),
        html.amount(tokens / seconds) if tokens and seconds else "–",
    ]


def signatures_section(recipe: Recipe) -> str:
    note = "How each score was made. Scores may be compared only where the signature is the same."
    found: dict[tuple[str, str, int], int] = {}
    for run in recipe.runs.values():
        for name, evaluation in run.evaluations.items():
            key = (name, evaluation.signature, evaluation.questions)
            found[key] = found.get(key, 0) + 1
    names = [name for name, _, _ in found]
    mixed = [
        html.paragraph(
            f"{name} was scored in more than one way; do not compare across them.", "warning"
        )
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]
    body = [[name, sign, str(asked), str(runs)] for (name, sign, asked), runs in found.items()]
    head = ["benchmark", "signature", "questions", "runs"]
    listed = html.table("Signatures of the scores", head, body) if body else ""
    return html.section("signatures", "Signatures", html.paragraph(note), *mixed, listed)


def failures_section(recipe: Recipe) -> str:
    found = [
        *recipe.problems,
        *(text for run in recipe.runs.values() for text in failures(recipe, run)),
    ]
    if not found:
        return html.section(
            "failures",
            "Failures",
            html.paragraph("None: every run finished and was scored on every benchmark."),
        )
    items = "\n".join(f"<li>{escape(text)}</li>" for text in found)
    return html.section("failures", "Failures", f'<ul class="failures">\n{items}\n</ul>')


def failures(recipe: Recipe, run: Run) -> Iterator[str]:
    if run.status != "done":
        yield f"{run.id}: {run.status}"
    elif missing := [name for name in recipe.benchmarks if name not in run.evaluations]:
        yield f"{run.id}: not scored on {', '.join(missing)}"
