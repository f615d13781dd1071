"""Draws panels as PNG, once for light pages and once for dark ones.

Figures are made without pyplot, so nothing global changes. The font that comes with
matplotlib has no Chinese glyphs: labels are English.
"""

import io
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from medllm.report.panel import Line, Panel, running_mean

Theme = Literal["light", "dark"]

WIDTH, HEIGHT = 3.9, 2.9  # inches, without the legend: on a phone, text is still 11 px high
LEGEND_ROW = 0.19  # inches
DPI = 180
PNG_COLOURS = 96  # a palette makes the page a third of the size; lines need no more

# Colours of the points, told apart by the colour-blind too (after Okabe and Ito, 2008).
# The chips of the page take theirs from here.
COLOURS: dict[Theme, tuple[str, ...]] = {
    "light": (
        "#0066a8",
        "#c9500a",
        "#00805f",
        "#b3478a",
        "#9a6a00",
        "#5b50b5",
        "#7a4a3c",
        "#3c7d8f",
    ),
    "dark": (
        "#5bb5f0",
        "#ff9257",
        "#3fd3a4",
        "#f09bcb",
        "#f0c24d",
        "#aaa1f5",
        "#d0a595",
        "#8fcfe0",
    ),
}
SHARED: dict[Theme, str] = {"light": "#5c6470", "dark": "#aab2bd"}
# A second sign beside the colour: dashes where values are many, markers where they are few.
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (5, 1.5, 1.2, 1.5)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
FEW = 30

STYLE: dict[str, Any] = {
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.linewidth": 0.8,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "legend.labelspacing": 0.3,
    "legend.columnspacing": 1.2,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
}


def inks(theme: Theme) -> dict[str, str]:
    paper, ink, rule = {
        "light": ("#ffffff", "#1d2430", "#e3e6ea"),
        "dark": ("#1a1e25", "#e6e9ee", "#343b46"),
    }[theme]
    inked = ("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.titlecolor")
    return {
        "figure.facecolor": paper,
        "axes.facecolor": paper,
        "grid.color": rule,
        "axes.edgecolor": SHARED[theme],
    } | dict.fromkeys(inked, ink)


def draw(panel: Panel, theme: Theme) -> bytes:
    """One panel as a PNG file."""
    with matplotlib.rc_context({**STYLE, **inks(theme)}):  # pyright: ignore[reportArgumentType]
        figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, layout="constrained")
        axes = figure.subplots()
        axes.set(title=panel.title, xlabel=panel.x_label, ylabel=panel.y_label)
        KINDS[panel.kind](axes, panel, theme)
        if panel.stages:
            name_stages(axes, panel)
        legend(figure, axes)
        return png(figure)


def png(figure: Figure) -> bytes:
    canvas, file = FigureCanvasAgg(figure), io.BytesIO()
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    image.quantize(PNG_COLOURS).save(file, format="png")
    return file.getvalue()


def curves(axes: Axes, panel: Panel, theme: Theme) -> None:
    """As logged where values are few; else thin, with the running mean on top."""
    for number, line in enumerate(panel.lines):
        colour = ink(line, theme)
        if len(line.x) < FEW or panel.stages:
            marker = MARKERS[number % len(MARKERS)] if len(line.x) < 3 * FEW else ""
            axes.plot(line.x, line.y, color=colour, label=line.label, marker=marker, markersize=3.5)
            continue
        smooth = running_mean(line.y)
        dash = DASHES[number % len(DASHES)]
        if smooth is not None:
            axes.plot(line.x, line.y, color=colour, linewidth=0.6, alpha=0.25)
        shown = line.y if smooth is None else smooth
        axes.plot(line.x, shown, color=colour, label=line.label, linestyle=dash)
    axes.margins(x=0.02)


def scores(axes: Axes, panel: Panel, theme: Theme) -> None:
    """Points side by side at each stage, so that their intervals can be read."""
    count = len(panel.lines)
    for number, line in enumerate(panel.lines):
        x = line.x + 0.6 / max(count, 5) * (number - (count - 1) / 2)
        colour, marker = ink(line, theme), MARKERS[number % len(MARKERS)]
        axes.plot(x, line.y, color=colour, linewidth=1, alpha=0.35)
        axes.errorbar(
            x, line.y, line.spread, label=line.label, color=colour, fmt=marker, markersize=4.5
        )
    if panel.guess is not None:
        label = "an option picked at random"
        axes.axhline(panel.guess, color=SHARED[theme], linewidth=1.2, linestyle=":", label=label)
    axes.set_ylim(bottom=0)
    axes.set_xlim(-0.5, len(panel.stages) - 0.5)


def mix(axes: Axes, panel: Panel, theme: Theme) -> None:
    """Shares piled up to one, on the steps that every source has, the largest at the bottom."""
    steps = sorted(set.intersection(*(set(line.x.tolist()) for line in panel.lines)))
    lines = sorted(panel.lines, key=lambda line: -line.y[-1])
    axes.stackplot(
        steps,
        [line.y[np.isin(line.x, steps)] for line in lines],
        labels=[f"{line.label} {line.y[-1]:.2f}" for line in lines],
        colors=matplotlib.colormaps["YlGnBu_r"](np.linspace(0.25, 0.85, len(lines))),
        edgecolor=matplotlib.rcParams["figure.facecolor"],
        linewidth=0.8,
    )
    axes.set_ylim(0, 1)
    axes.margins(x=0)


def trade(axes: Axes, panel: Panel, theme: Theme) -> None:
    """A path per point from the first stage, at the origin, with each later stage named."""
    for axis in (axes.axhline, axes.axvline):
        axis(0, color=SHARED[theme], linewidth=0.8)
    for number, line in enumerate(panel.lines):
        colour, marker = ink(line, theme), MARKERS[number % len(MARKERS)]
        axes.plot(line.x, line.y, color=colour, label=line.label, marker=marker, markersize=5)
        # names of different points go to different sides, since points often move together
        right, above = number % 2 == 0, number % 4 < 2
        for x, y, mark in zip(line.x[1:], line.y[1:], line.marks[1:], strict=True):
            axes.annotate(
                mark,
                (x, y),
                (5 if right else -5, 5 if above else -5),
                textcoords="offset points",
                ha="left" if right else "right",
                va="bottom" if above else "top",
                fontsize=8.5,
                color=colour,
            )
    axes.margins(0.16)


KINDS = {"curve": curves, "score": scores, "mix": mix, "trade": trade}


def ink(line: Line, theme: Theme) -> str:
    palette = COLOURS[theme]
    return SHARED[theme] if line.colour is None else palette[line.colour % len(palette)]


def name_stages(axes: Axes, panel: Panel) -> None:
    """Stage names under the axis: at each score, or in the middle of each stretch of a curve."""
    middle = 0.5 if panel.kind == "curve" else 0.0
    axes.set_xticks(np.arange(len(panel.stages)) + middle, list(panel.stages))
    axes.grid(visible=False, axis="x")
    if panel.kind == "curve":
        for border in range(1, len(panel.stages)):
            axes.axvline(border, color=axes.spines["left"].get_edgecolor(), linewidth=0.8)
        axes.set_xlim(0, len(panel.stages))


def legend(figure: Figure, axes: Axes) -> None:
    """Below the axes, in room of its own; left out where one line needs no name."""
    handles, labels = axes.get_legend_handles_labels()
    if len(handles) < 2:
        return
    longest = max(map(len, labels))
    columns = 1 if longest > 20 else 2 if longest > 12 else 3
    rows = -(-len(labels) // columns)
    figure.set_size_inches(WIDTH, HEIGHT + LEGEND_ROW * rows)
    figure.legend(handles, labels, loc="outside lower left", ncols=columns)
