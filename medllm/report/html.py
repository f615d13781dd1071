"""The few pieces of HTML that the page is put together from. Every text is escaped here."""

import base64
from collections.abc import Iterable, Sequence
from html import escape

from medllm.report.panel import Panel


def section(anchor: str, title: str, *parts: str) -> str:
    """A section with its heading, or nothing if all parts are empty."""
    if not any(parts):
        return ""
    inside = "\n".join(part for part in parts if part)
    heading = f'<h2 id="{anchor}-title">{escape(title)}</h2>'
    return (
        f'<section id="{anchor}" aria-labelledby="{anchor}-title">\n{heading}\n{inside}\n</section>'
    )


def paragraph(text: str, kind: str = "") -> str:
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def details(summary: str, content: str, *, is_open: bool = False) -> str:
    """`summary` is text, `content` is HTML."""
    if not content:
        return ""
    state = " open" if is_open else ""
    return f"<details{state}><summary>{escape(summary)}</summary>\n{content}\n</details>"


def chip(label: str, point: int) -> str:
    """The name of a point behind a dot of its colour (classes of page.css)."""
    return f'<span class="chip c{point % 8}">{escape(label)}</span>'


def scroll_box(name: str, table: str) -> str:
    """A wide table scrolls by itself, by touch and, being focusable, by the arrow keys."""
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(name)}">{table}</div>'
    )


def table(name: str, head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """Cells are texts; the first of each row is its heading."""
    titles = "".join(f'<th scope="col">{escape(title)}</th>' for title in head)
    lines = "\n".join(
        f'<tr><th scope="row">{escape(first)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in body
    )
    inside = f"<thead><tr>{titles}</tr></thead>\n<tbody>\n{lines}\n</tbody>"
    return scroll_box(name, f"<table>\n<caption>{escape(name)}</caption>\n{inside}\n</table>")


def picture(panel: Panel, light: bytes, dark: bytes) -> str:
    """A figure inlined twice; the browser takes the one that fits its colours."""
    # width and height stand at bytes 16 and 20 of every PNG (its IHDR chunk)
    width, height = (int.from_bytes(light[at : at + 4], "big") for at in (16, 20))
    return (
        f'<figure id="figure-{escape(panel.name)}"><picture>'
        f'<source media="(prefers-color-scheme: dark)" srcset="{data_uri(dark)}">'
        f'<img src="{data_uri(light)}" width="{width}" height="{height}" alt="{escape(panel.alt)}">'
        f"</picture></figure>"
    )


def data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def grid(pictures: Iterable[str]) -> str:
    inside = "\n".join(pictures)
    return f'<div class="figures">\n{inside}\n</div>' if inside else ""


def duration(seconds: float) -> str:
    """E.g. "3 min 20 s"."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def amount(count: float) -> str:
    """E.g. "3.1 M"; three digits."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g} {letter}"
    return f"{count:.0f}"
