"""What `medllm inspect` found, in the terminal and as one HTML file that fetches nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from rich.console import Console
from rich.table import Table

from medllm.report import html, plots
from medllm.report.page import CSS, colours
from medllm.report.panel import Panel
from medllm.report.rows import View
from medllm.report.rows_html import rows_section
from medllm.report.rows_terminal import legend, rendered

ROWS_CSS = Path(__file__).with_name("rows.css")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """A run before it starts.

    title: name of the run.
    lead: the run in a sentence.
    sources: all of them, in the order of their numbers.
    patients: those with text about real patients.
    views: the rows that are shown.
    tables, panels: what the data is made of; empty if nobody asked.
    problems: what the checks found.
    """

    title: str
    lead: str
    sources: Sequence[str]
    patients: Sequence[str]
    views: Sequence[View]
    tables: Sequence[Table]
    panels: Sequence[Panel]
    problems: Sequence[str]

    def print(self, console: Console) -> None:
        """Tables if there are any, else rows."""
        if self.tables:
            for table in self.tables:
                if table.row_count:
                    console.print(table)
        elif self.views:
            console.print(legend())
            for view in self.views:
                console.print(rendered(view))
        if self.patients and not self.tables:
            console.print(warning(self.patients), style="bold", highlight=False)
        if not self.problems:
            console.print("nothing wrong was found", highlight=False)

    def write(self, file: Path) -> None:
        """The page; readable by its owner only where it holds text about patients."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        if self.patients:
            file.chmod(0o600)
        file.write_text(document(self), encoding="utf-8")


def warning(patients: Sequence[str]) -> str:
    return (
        f"Holds text about real patients ({', '.join(patients)}), shown on this machine only: "
        "do not publish, send or upload it."
    )


def document(found: Inspection) -> str:
    """The whole page. Its security policy forbids every request, so it cannot call home."""
    title = escape(found.title)
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    notice = html.paragraph(warning(found.patients), "notice") if found.patients else ""
    body = "\n".join(
        [
            problems_section(found.problems),
            rows_section(found.views, found.sources),
            statistics_section(found.tables, found.panels),
        ]
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<link rel="icon" href="data:,">
<title>{title} · medllm inspect</title>
<style>
{colours()}
{CSS.read_text(encoding="utf-8")}
{ROWS_CSS.read_text(encoding="utf-8")}
</style>
</head>
<body>
<header>
<p class="kicker">medllm inspect</p>
<h1>{title}</h1>
<p class="lead">{escape(found.lead)}</p>
{notice}
</header>
<main>
{body}
</main>
<footer><p>Research use only. Nothing here is medical advice.</p></footer>
</body>
</html>
"""


def problems_section(problems: Sequence[str]) -> str:
    if not problems:
        return html.section("problems", "Problems", html.paragraph("Nothing wrong was found."))
    items = "\n".join(f"<li>{escape(problem)}</li>" for problem in problems)
    return html.section("problems", "Problems", f'<ul class="failures">\n{items}\n</ul>')


def statistics_section(tables: Sequence[Table], panels: Sequence[Panel]) -> str:
    pictures = (
        html.picture(panel, plots.draw(panel, "light"), plots.draw(panel, "dark"))
        for panel in panels
    )
    shown = [of_terminal(table) for table in tables if table.row_count]
    return html.section("statistics", "What it is made of", *shown, html.grid(pictures))


def of_terminal(table: Table) -> str:
    """The same table as HTML, its caption below."""
    heads = [str(column.header) for column in table.columns]
    rows = zip(*([str(cell) for cell in column.cells] for column in table.columns), strict=True)
    caption = html.paragraph(str(table.caption), "note") if table.caption else ""
    return html.table(str(table.title), heads, rows) + caption
