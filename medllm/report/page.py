"""medllm report recipe=NAME: one HTML page about a recipe, what was run and what came out.

The page is one file: no request leaves it, figures are inlined, light and dark. Beside it
stand the table (table.csv, table.md) and every figure as PNG. Reads finished and
unfinished runs alike; trains and scores nothing.
"""

from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path

from omegaconf import DictConfig

from medllm import config
from medllm.errors import ConfigError
from medllm.report import account, html, plots, sections, tables
from medllm.report.collect import Recipe, collect
from medllm.report.panel import Panel
from medllm.report.replies import replies_section

CSS = Path(__file__).with_name("page.css")


def main(cfg: DictConfig) -> None:
    config.check(cfg, "report")
    refuse_count(cfg.replies)
    page = write(collect(Path(cfg.paths.runs), cfg.recipe), Path(cfg.out), replies=cfg.replies)
    print(page.absolute())


def refuse_count(replies: object) -> None:
    """Stands in the root, where no signature tells its type."""
    if not isinstance(replies, int) or replies < 1:
        raise ConfigError([f"replies={replies!r} is not a count; give 1 or more"])


def write(recipe: Recipe, folder: Path, *, replies: int) -> Path:
    """Writes page, tables and figures.

    Args:
        replies: questions shown per open benchmark.

    Returns:
        the path of the page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.csv").write_text(tables.as_csv(recipe), encoding="utf-8")
    (folder / "table.md").write_text(tables.as_markdown(recipe), encoding="utf-8")

    def figures(make: Callable[[Recipe], Iterator[Panel]]) -> str:
        return html.grid(figure(panel, folder) for panel in make(recipe))

    parts = [
        sections.results_section(recipe, figures),
        sections.forgetting_section(recipe, figures),
        sections.training_section(recipe, figures),
        replies_section(recipe, replies),
        account.runs_section(recipe),
        account.signatures_section(recipe),
        account.failures_section(recipe),
    ]
    page = folder / "index.html"
    page.write_text(document(recipe, [part for part in parts if part]), encoding="utf-8")
    return page


def figure(panel: Panel, folder: Path) -> str:
    """Draws a panel, leaves the light PNG in the folder, and returns both inlined."""
    light, dark = plots.draw(panel, "light"), plots.draw(panel, "dark")
    (folder / f"{panel.name}.png").write_bytes(light)
    return html.picture(panel, light, dark)


def document(recipe: Recipe, parts: list[str]) -> str:
    """The whole page. Its security policy forbids every request, so it cannot call home."""
    title = escape(f"{recipe.name} · medllm report")
    anchors = [part.split('id="', 1)[1].split('"', 1)[0] for part in parts]
    links = "".join(f'<li><a href="#{anchor}">{anchor}</a></li>' for anchor in anchors)
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    body = "\n".join(parts)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
{colours()}
{CSS.read_text(encoding="utf-8")}
</style>
</head>
<body>
<a class="skip" href="#results">Skip to the results</a>
<header>
<p class="kicker">medllm recipe</p>
<h1>{escape(recipe.name)}</h1>
<p class="lead">{escape(sections.lead(recipe))}</p>
<p class="notice">{escape(sections.NOTICE)}</p>
{sections.opening(recipe)}
<nav aria-label="Sections"><ul>{links}</ul></nav>
</header>
<main>
{body}
</main>
<footer><p>Written by <code>medllm report recipe={escape(recipe.name)}</code>. The numbers are in
<code>table.csv</code> and <code>table.md</code> beside this page, the figures as PNG.</p></footer>
</body>
</html>
"""


def colours() -> str:
    """The palette of the plots as CSS variables, so that chips and lines agree."""
    light, dark = (
        " ".join(f"--c{number}: {colour};" for number, colour in enumerate(plots.COLOURS[theme]))
        for theme in ("light", "dark")
    )
    return f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"
